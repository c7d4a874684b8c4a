"""What kube-proxy's modes cost: the rules of 10,000 Services with 10 endpoints each, one endpoint's change, schedulers.

Objects are made beforehand, as a kube-proxy has them from its watches; what is timed begins with them and ends with text.
"""

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from itertools import count

import msgspec

from kubenet_course.kube.api.objects import EndpointSlice, Service
from kubenet_course.kube.proxy.iptables.rows import IptablesServices
from kubenet_course.kube.proxy.ipvs.tables import IpvsTables, ipvs_tables
from kubenet_course.kube.proxy.nftables.rules import Synced, synced, transaction
from kubenet_course.kube.proxy.node import NodeFacts
from kubenet_course.kube.proxy.services import Services
from kubenet_course.linux.netfilter.ipset.write import restore
from kubenet_course.linux.netfilter.nft.write import table_text
from kubenet_course.linux.packet.address import FAMILIES, IPV4
from kubenet_course.linux.stack.ipvs.loads import Asked, Load
from kubenet_course.linux.stack.ipvs.schedulers import SCHEDULERS
from kubenet_course.linux.stack.ipvs.servers import RealServer, ipvsadm
from tools.bench import SetUp, Timed, measurement

SERVICES, ENDPOINTS = 10_000, 10
NODE = NodeFacts("node-1", "zone-a", ("10.244.1.0/24",), ("192.168.1.11",), ("10.244.1.1",))
SERVICE = ("default", f"svc-{SERVICES // 2}")
CONNECTIONS = 100_000
MEMORY = """
import resource
from tools.bench_proxy import {mode}
assert {mode}()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def address(service: int, endpoint: int) -> str:
    """A pod's address; there are more than one /16 holds."""
    number = service * ENDPOINTS + endpoint
    return f"10.{128 + number // 60_000}.{number // 250 % 240}.{number % 250 + 1}"


def endpoint_slice(number: int, endpoints: range) -> EndpointSlice:
    labels = {"kubernetes.io/service-name": f"svc-{number}"}
    given = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": f"svc-{number}-abc", "namespace": "default", "labels": labels},
        "endpoints": [{"addresses": [address(number, at)], "nodeName": f"node-{at % 100}"} for at in endpoints],
        "ports": [{"name": "http", "port": 8080}],
    }  # fmt: skip
    return msgspec.convert(given, EndpointSlice)


def service(number: int) -> Service:
    """Every tenth has a NodePort."""
    ip = f"10.96.{number // 250}.{number % 250 + 1}"
    node_port = {} if number % 10 else {"nodePort": 30000 + number // 10}
    given = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": f"svc-{number}", "namespace": "default"},
        "spec": {
            "type": "ClusterIP" if number % 10 else "NodePort", "clusterIP": ip, "clusterIPs": [ip],
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, **node_port}],
        },
    }  # fmt: skip
    return msgspec.convert(given, Service)


@cache
def objects() -> tuple[list[Service], dict[tuple[str, str], tuple[EndpointSlice, ...]]]:
    """All Services and their slices."""
    slices = {("default", f"svc-{n}"): (endpoint_slice(n, range(ENDPOINTS)),) for n in range(SERVICES)}
    return [service(n) for n in range(SERVICES)], slices


def watched() -> Services:
    made, slices = objects()
    return Services(made, slices, IPV4)


def iptables() -> str:
    from kubenet_course.kube.proxy.iptables.rules import iptables_rules
    from kubenet_course.linux.netfilter.iptables.save import write

    made, slices = objects()
    return write(iptables_rules(IptablesServices(made, slices, FAMILIES[4]), NODE))


def nftables() -> str:
    return table_text(synced(watched(), NODE).table)


def ipvs() -> str:
    found = ipvs_tables(watched(), NODE)
    return ipvsadm(found.servers) + restore(found.ipsets) + found.iptables


def of_all(mode: Callable[[], str]) -> Timed:
    objects()
    return lambda: mode()


@measurement("iptables rules of 10,000 Services with 10 endpoints, as text", figure=3.0)
def iptables_text() -> Timed:
    return of_all(iptables)


@measurement("nftables rules of 10,000 Services with 10 endpoints, as text", figure=3.0)
def nftables_text() -> Timed:
    return of_all(nftables)


@measurement("IPVS tables of 10,000 Services with 10 endpoints, as text", figure=3.0)
def ipvs_text() -> Timed:
    return of_all(ipvs)


def megabytes(mode: str) -> Timed:
    argv = [sys.executable, "-c", MEMORY.format(mode=mode)]
    return lambda: float(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)


@measurement("iptables rules of 10,000 Services: memory", figure=1000, unit="MB")
def iptables_memory() -> Timed:
    return megabytes("iptables")


@measurement("nftables rules of 10,000 Services: memory", figure=1000, unit="MB")
def nftables_memory() -> Timed:
    return megabytes("nftables")


@measurement("IPVS tables of 10,000 Services: memory", figure=1000, unit="MB")
def ipvs_memory() -> Timed:
    return megabytes("ipvs")


def changes() -> Callable[[], tuple[EndpointSlice, ...]]:
    """The slices of one Service, with nine endpoints and with ten in turn."""
    turn, number = count(), SERVICES // 2
    states = [(endpoint_slice(number, range(ENDPOINTS - 1)),), (endpoint_slice(number, range(ENDPOINTS)),)]
    return lambda: states[next(turn) % 2]


@measurement("one endpoint of 100,000 changed: iptables' new rules", figure=0.010)
def iptables_change() -> Timed:
    """The chains of the Service, and the rules in place; the text of all others is not made again."""
    from kubenet_course.kube.proxy.iptables.rules import iptables_rules
    from kubenet_course.linux.netfilter.rules import rule_text

    made, found = objects()
    before = IptablesServices(made, found, FAMILIES[4])
    _, slices, [place] = before.resync(SERVICE, ()), changes(), before.places[SERVICE]

    def resynced() -> None:
        rules = iptables_rules(before.resync(SERVICE, slices()), NODE)
        own = rules.tables["nat"].chains.view.own(place)  # type: ignore[attr-defined]
        assert [rule_text(chain.name, rule) for chain in own.values() for rule in chain.rules]
        assert len(rules.tables["nat"].chains["KUBE-SERVICES"].rules) > SERVICES

    return resynced


@measurement("one endpoint of 100,000 changed: nftables' new rules", figure=0.010)
def nftables_change() -> Timed:
    before: Synced = synced(watched(), NODE)
    _, slices = before.resync(SERVICE, ()), changes()

    def resynced() -> None:
        assert transaction(before, before.resync(SERVICE, slices())) is not None

    return resynced


@measurement("one endpoint of 100,000 changed: IPVS' new tables", figure=0.010)
def ipvs_change() -> Timed:
    before: IpvsTables = ipvs_tables(watched(), NODE)
    _, slices = before.resync(SERVICE, ()), changes()
    return lambda: before.resync(SERVICE, slices()).difference(before)


def connections(name: str) -> SetUp:
    """So many connections to ten servers from a thousand clients, chosen one after the other."""
    servers = [Load(RealServer(f"10.244.1.{at + 10}", 8080, at % 3 + 1)) for at in range(10)]
    clients = [Asked(f"10.244.{n // 250}.{n % 250}", "10.96.0.10") for n in range(1000)] * (CONNECTIONS // 1000)
    scheduler = SCHEDULERS[name]

    def chosen() -> None:
        memory = scheduler.start(servers)
        for client in clients:
            _, memory = scheduler.choose(servers, client, memory)

    return lambda: chosen


for _name in SCHEDULERS:
    measurement(f"100,000 connections through IPVS' scheduler {_name}", figure=3.0)(connections(_name))
