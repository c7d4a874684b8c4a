"""`kubenet proxy rules`: what kube-proxy would write, from a terminal."""

import json

import pytest
from click.testing import CliRunner

from kubenet_course.cli.proxy import command
from kubenet_course.errors import BadInput
from tests.proxy_cases import CASES, FILES, RECORDED, canonical

TWO_NODES = "data/clusters/two-nodes.yaml"
NODE_1 = """
---
apiVersion: v1
kind: Node
metadata: {name: node1, labels: {topology.kubernetes.io/zone: zone-a}}
spec: {podCIDRs: [10.244.1.0/24, "fd00:10:244:1::/64"]}
status: {addresses: [{type: InternalIP, address: 192.168.60.11}, {type: InternalIP, address: "fd00:60::11"}]}
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clusterCIDR: 10.244.0.0/16,fd00:10:244::/56
"""


def said(*arguments: str, text: str = ""):
    return CliRunner().invoke(command, ["rules", *arguments], input=text, catch_exceptions=False)


def wants_counters(rules: str) -> str:
    """The sentence about nfacct counters: iptables-restore does not make those that rules name."""
    named = sorted(
        {line.split("--nfacct-name ")[1].split()[0] for line in rules.splitlines() if "--nfacct-name" in line}
    )
    return f"kubenet: iptables-restore wants these counters first: nfacct add {' '.join(named)}\n" if named else ""


def in_order(text: str) -> dict:
    return {place: sorted(rows) for place, rows in canonical(text).items()}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("added", ["", NODE_1], ids=["the bare capture", "with its node and configuration"])
@pytest.mark.parametrize("name", CASES)
def test_the_captures_manifests_are_enough(name, added, family):
    text = (RECORDED / name / "input.yaml").read_text() + added
    told = said("-", "--node", "node1", "--family", str(family), text=text)
    assert in_order(told.stdout) == in_order((RECORDED / name / FILES[family]).read_text())
    assert told.stderr == wants_counters(told.stdout)


def test_json_holds_the_lines():
    answer = json.loads(said(TWO_NODES, "--node", "node-1", "--json").stdout)
    assert (answer["node"], answer["mode"], answer["family"], answer["rules"][0]) == (
        "node-1",
        "iptables",
        4,
        "*mangle",
    )


def test_a_configuration_among_the_files_is_obeyed(tmp_path):
    path = tmp_path / "proxy.yaml"
    path.write_text(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\niptables: {masqueradeBit: 10}\n"
    )
    assert "0x400/0x400" in said(TWO_NODES, str(path), "--node", "node-1").stdout


def test_a_node_that_is_not_there_is_bad_input():
    with pytest.raises(BadInput, match="there is no node 'node-9'; name one of node-1, node-2"):
        said(TWO_NODES, "--node", "node-9")


def test_what_was_not_understood_is_told_beside_the_answer():
    told = said("-", "--node", "n", text="apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n")
    notice = "kubenet: standard input: document 1: kind Deployment (apps/v1) is not understood; left out\n"
    assert told.stderr == notice + wants_counters(told.stdout)
    assert told.stdout.endswith("COMMIT\n")


def test_a_service_that_nobody_answers_for_is_rejected_not_refused():
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: none}\nspec: {clusterIP: 10.96.0.9, ports: [{port: 80}]}\n"
    assert "default/none has no endpoints" in said("-", "--node", "n", text=text).stdout
