"""What kube-proxy's modes cost a packet: a new connection past 10,000 Services, and all flows of a change of the mode."""

import json
from itertools import count
from random import Random

from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.model.cluster import Cluster, checked
from kubenet_course.kube.proxy.iptables.rows import IptablesServices
from kubenet_course.kube.proxy.ipvs.loaded import dummy, sets_of, virtual_servers
from kubenet_course.kube.proxy.ipvs.tables import ipvs_tables
from kubenet_course.kube.proxy.modes import rules_in
from kubenet_course.kube.proxy.node import DEFAULTS
from kubenet_course.kube.questions.migration import Migration
from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.netns import Netns, netns
from kubenet_course.linux.namespace.route import Route
from kubenet_course.linux.packet.address import IPV4, prefix
from kubenet_course.linux.packet.packet import tcp
from kubenet_course.linux.walk import send
from tools.bench import Timed, measurement
from tools.bench_proxy import NODE, SERVICES, objects, service


def node(mode: str) -> Netns:
    """One node with the rules of all Services in a mode, its pods behind one device."""
    made, slices = objects()
    watched = IptablesServices(made, slices, IPV4)
    devices = [
        Device("eth0", addresses=(ifaddr("192.168.1.11/24"),)),
        Device("pods", addresses=(ifaddr("10.244.1.1/24"),)),
    ]
    found = (ipvs_tables(watched, NODE),) if mode == "ipvs" else ()
    return netns(
        "node-1",
        (*devices, *(dummy(one.addresses) for one in found)),
        routes=(Route(prefix("0.0.0.0/0"), "eth0", "192.168.1.1"),),
        rules={4: rules_in(mode, watched, NODE, DEFAULTS, (prefix("10.96.0.0/12"),), {})},
        sets=sets_of(found),
        virtual_servers=virtual_servers(found),
        sysctls={"net.ipv4.ip_forward": 1} | (found[0].sysctls if found else {}),
    )


def past(mode: str) -> Timed:
    ns, memory, ports, to = node(mode), Memory(), count(1), service(SERVICES - 1).spec.cluster_ip

    def new() -> object:
        return send(ns, tcp("10.244.1.5", next(ports), to, 80), dev="pods", memory=memory)

    new()
    return new


@measurement("a new connection past 10,000 Services: iptables", figure=1e-3)
def past_iptables() -> Timed:
    return past("iptables")


@measurement("a new connection past 10,000 Services: nftables", figure=1e-3)
def past_nftables() -> Timed:
    return past("nftables")


@measurement("a new connection past 10,000 Services: IPVS", figure=1e-3)
def past_ipvs() -> Timed:
    return past("ipvs")


def thousand() -> str:
    """A cluster of 20 nodes and 1,000 Services of every type, with nobody to ten pods behind each."""
    draw, items = Random(3), []
    for n in range(20):
        status = {"addresses": [{"type": "InternalIP", "address": f"192.168.1.{11 + n}"}]}
        items.append(
            {
                "kind": "Node",
                "metadata": {"name": f"node-{n}"},
                "spec": {"podCIDR": f"10.244.{n}.0/24"},
                "status": status,
            }
        )
    for n in range(1000):
        kind, name = draw.choice(["ClusterIP"] * 7 + ["NodePort"] * 2 + ["LoadBalancer"]), {"name": f"s{n}"}
        port = {"port": 80, "targetPort": 8080} | ({} if kind == "ClusterIP" else {"nodePort": 30000 + n})
        spec = {
            "type": kind,
            "clusterIP": f"10.96.{n // 250}.{n % 250 + 1}",
            "selector": {"app": f"a{n}"},
            "ports": [port],
        }
        if kind != "ClusterIP" and draw.random() < 0.4:
            spec["externalTrafficPolicy"] = "Local"
        vip = {"loadBalancer": {"ingress": [{"ip": f"198.51.{n // 250}.{n % 250 + 1}"}]}}
        items.append(
            {"kind": "Service", "metadata": name, "spec": spec, "status": vip if kind == "LoadBalancer" else {}}
        )
        for pod in range(draw.choice((0, 1, 2, 3, 3, 5, 10))):
            place = {
                "nodeName": f"node-{draw.randrange(20)}",
                "containers": [{"name": "c", "ports": [{"containerPort": 8080}]}],
            }
            items.append(
                {"kind": "Pod", "metadata": {"name": f"p{n}-{pod}", "labels": {"app": f"a{n}"}}, "spec": place}
            )
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", **one} for one in items]})


@measurement("proxy diff of 1,000 Services, iptables to nftables", figure=20.0)
def migration() -> Timed:
    text = thousand()

    def asked() -> object:
        read = read_text(text)
        before, after = (checked(Cluster(read, mode)) for mode in ("iptables", "nftables"))
        return sum(1 for _ in Migration(before, after).flows())

    return asked
