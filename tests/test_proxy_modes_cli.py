"""`kubenet proxy rules` in nftables and IPVS mode, and what it refuses."""

import json
import subprocess

import pytest
from click.testing import CliRunner
from realkernel import missing
from realkernel.oracle import _private

from kubenet_course.cli.proxy import command
from kubenet_course.errors import BadInput
from tests.nft_cases import blocks, recorded_table
from tests.proxy_cases import CASES, RECORDED
from tests.test_proxy_iptables_cli import NODE_1, TWO_NODES

CONFIGURED = """
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ipvs
ipvs: {scheduler: %s}
"""


def said(*arguments: str, text: str = ""):
    return CliRunner().invoke(command, ["rules", *arguments], input=text, catch_exceptions=False)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", CASES)
def test_the_captures_manifests_give_the_recorded_nft_ruleset(name, family):
    text = (RECORDED / name / "input.yaml").read_text() + NODE_1
    told = said("-", "--node", "node1", "--mode", "nftables", "--family", str(family), text=text)
    assert blocks(told.stdout) == blocks(recorded_table(name, family))
    assert told.stderr == ""


def test_the_services_range_is_the_one_that_is_said():
    cidr = (
        "---\napiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: a}\nspec: {cidrs: [10.96.0.0/16]}\n"
    )
    text = (RECORDED / CASES[0] / "input.yaml").read_text() + cidr
    assert "ip daddr 10.96.0.0/16 drop" in said("-", "--node", "node1", "--mode", "nftables", text=text).stdout


def test_json_of_nftables_is_nfts_own():
    answer = json.loads(said(TWO_NODES, "--node", "node-1", "--mode", "nftables", "--json").stdout)
    assert answer["mode"] == "nftables"
    assert answer["nftables"][1] == {"table": {"family": "ip", "name": "kube-proxy"}}
    assert answer["rules"][0] == "table ip kube-proxy {"


def test_json_of_ipvs_holds_servers_sets_and_addresses():
    answer = json.loads(said(TWO_NODES, "--node", "node-1", "--mode", "ipvs", "--json").stdout)
    [server] = answer["virtualServers"]
    assert (server["address"], server["port"], server["scheduler"]) == ("10.96.1.1", 80, "rr")
    assert answer["ipsets"]["KUBE-CLUSTER-IP"] == ["10.96.1.1,tcp:80"]
    assert answer["dummyAddrs"] == ["10.96.1.1"]


def test_ipvs_parts_stand_under_the_program_that_reads_them():
    whole = said(TWO_NODES, "--node", "node-1", "--mode", "ipvs").stdout
    assert [line for line in whole.splitlines() if line.startswith("# ")] == [
        "# ipset restore",
        "# ipvsadm -R",
        "# ip -batch -",
        "# iptables-restore --noflush",
        "# sh",
    ]
    alone = said(TWO_NODES, "--node", "node-1", "--mode", "ipvs", "--part", "ipvsadm").stdout
    assert alone.splitlines() == [
        "-A -t 10.96.1.1:80 -s rr",
        "-a -t 10.96.1.1:80 -r 10.244.1.3:8080 -m -w 1",
        "-a -t 10.96.1.1:80 -r 10.244.2.2:8080 -m -w 1",
    ]


def test_a_part_belongs_to_ipvs():
    told = CliRunner().invoke(command, ["rules", TWO_NODES, "--node", "node-1", "--part", "ipset"])
    assert told.exit_code == 2
    assert "--part belongs to --mode ipvs" in told.stderr


@pytest.mark.skipif(missing() is not None, reason=missing() or "")
def test_ip_takes_the_addresses_of_kube_ipvs0():
    text = said(TWO_NODES, "--node", "node-1", "--mode", "ipvs", "--part", "ip").stdout
    text = text.replace("type dummy", "type bridge")  # a kernel without dummy devices shall do too
    script = "ip -batch - && ip -br address show kube-ipvs0"
    done = subprocess.run(_private("sh", "-c", script), input=text, capture_output=True, text=True)
    assert "10.96.1.1/32" in done.stdout, done.stderr


@pytest.mark.parametrize("scheduler", ["sed", "mh"])
def test_a_configurations_scheduler_is_obeyed(scheduler, tmp_path):
    (tmp_path / "proxy.yaml").write_text(CONFIGURED % scheduler)
    told = said(TWO_NODES, str(tmp_path / "proxy.yaml"), "--node", "node-1", "--mode", "ipvs", "--part", "ipvsadm")
    flags = " -b mh-port" if scheduler == "mh" else ""
    assert told.stdout.startswith(f"-A -t 10.96.1.1:80 -s {scheduler}{flags}\n")


# -- what is refused ----------------------------------------------------------------------------------------------------


def services(*specs: str) -> str:
    return "".join(
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{number}}}\nspec: {spec}\n"
        for number, spec in enumerate(specs)
    )


A = "{type: NodePort, clusterIP: 10.96.0.1%d, ports: [{port: 80, nodePort: 30080%s}]}"
TWO_UNNAMED = services("{clusterIP: 10.96.0.9, ports: [{port: 80}, {port: 81, name: b}]}")
NO_RANGE = services("{type: LoadBalancer, clusterIP: 10.96.0.9, ports: [{port: 80}], loadBalancerSourceRanges: [all]}")
PORTS = "[{name: a, port: 1, nodePort: 30080}, {name: b, port: 2, nodePort: 30080}]"
TWICE = services(f"{{type: NodePort, clusterIP: 10.96.0.9, ports: {PORTS}}}")
UNMEANT = CONFIGURED.replace("mode: ipvs\n", "") % "fastest"
WHERE = "standard input: document"


@pytest.mark.parametrize(
    "story, text, sentence",
    [
        ("an unnamed port among several", TWO_UNNAMED, f"{WHERE} 1 (Service \"s0\"): spec.ports[0].name: it is missing"),
        (
            "two Services with one nodePort",
            services(A % (1, ""), A % (2, "")),
            f"{WHERE} 2 (Service default/s1): spec.ports[0].nodePort: 30080 is Service default/s0's already",
        ),
        ("even with another protocol", services(A % (1, ""), A % (2, ", protocol: UDP")), "30080 is Service"),
        (
            "one Service with a nodePort twice",
            TWICE,
            "spec.ports[1].nodePort: 30080 stands twice",
        ),
        ("a source range that is none", NO_RANGE, "spec.loadBalancerSourceRanges[0]: it is \"all\", which is no range"),
        ("an unknown scheduler", CONFIGURED % "fastest", "ipvs.scheduler: it is \"fastest\", which kube-proxy has not"),
        ("an unknown scheduler, where the file means another mode", UNMEANT, "ipvs.scheduler: it is \"fastest\""),
    ],
)  # fmt: skip
def test_what_the_api_server_would_refuse(story, text, sentence):
    with pytest.raises(BadInput) as refusal:
        said("-", "--node", "n", "--mode", "ipvs", text=text)
    assert sentence in str(refusal.value)


def test_one_service_may_have_a_number_for_tcp_and_udp():
    ports = "[{name: a, port: 53, nodePort: 30053}, {name: b, port: 53, protocol: UDP, nodePort: 30053}]"
    told = said("-", "--node", "n", text=services(f"{{type: NodePort, clusterIP: 10.96.0.9, ports: {ports}}}"))
    assert told.exit_code == 0


def test_slices_of_a_deleted_service_are_named_and_unused():
    slices = """
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-abc, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.244.1.10]}]
ports: [{port: 8080}]
"""
    told = said(
        "-", "--node", "n", "--mode", "nftables", text=services("{clusterIP: 10.96.0.9, ports: [{port: 80}]}") + slices
    )
    assert told.stderr == (
        "kubenet: standard input: document 2 (EndpointSlice default/web-abc): metadata.labels[kubernetes.io/service-name]: "
        "there is no Service default/web; nobody uses this slice\n"
    )
    assert "10.244.1.10" not in told.stdout
