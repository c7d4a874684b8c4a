"""Policies compiled for a node: walked by hand they say what the evaluator says; the kernel's tools load the text."""

import ipaddress
import shutil
import subprocess

import pytest

from kubenet_course.kube.policy.enforce.program import program
from kubenet_course.kube.policy.enforce.rules import ipset_text, iptables_text, nft_text
from kubenet_course.kube.policy.judge.decide import decide
from kubenet_course.kube.policy.judge.values import Port
from tests.policy_naive import Maker
from tests.policy_world import cluster_policy, pod, policy, world
from tests.test_policy_naive import read_items

TOOLS = ("unshare", "nft", "ipset", "iptables-restore")
PRIVATE = ["unshare", "-n", "-m", "sh", "-c"]


def fits(line, other, port):
    """Whether a line of a chain fits, by `ipaddress` and the line's own words."""
    if line.peers is not None:
        ip = ipaddress.ip_address(other.addresses[0])
        inside = any(ip in ipaddress.ip_network(str(block)) for block in line.peers.blocks)
        if not inside or any(ip in ipaddress.ip_network(str(block)) for block in line.peers.excluded):
            return False
    if line.ports is None:
        return True
    return line.ports.protocol == port.protocol and line.ports.first <= port.number <= line.ports.last


def walked(chain, other, port):
    """True: the packet comes out of a pod's chain; False: it is dropped there."""
    for line in chain.admin:
        if fits(line, other, port):
            if line.verdict != "next":
                return line.verdict == "return"
            break
    for line in chain.rest:
        if fits(line, other, port):
            return line.verdict != "drop"
    return True


def passes(programs, source, to, port):
    """Egress on the sender's node, ingress on the receiver's."""
    ends = (("egress", source, to), ("ingress", to, source))
    for direction, own, other in ends:
        for chain in programs[own.node].chains:
            if (chain.pod, chain.direction) == (own, direction) and not walked(chain, other, port):
                return False
    return True


@pytest.mark.parametrize("first", range(0, 120, 30))
def test_the_compiled_chains_say_what_the_evaluator_says(first):
    for seed in range(first, first + 30):
        made = read_items(Maker(seed).world())
        programs = {node: program(made, node, 4) for node in made.nodes}
        for source in made.pods.values():
            for to in made.pods.values():
                near = source.node == to.node and (source.host_network or to.host_network)
                if source is to or near:  # such packets do not pass FORWARD
                    continue
                for port in (Port(80), Port(53, "UDP")):
                    said = decide(made, source, to, port).allowed
                    if said is not None:
                        assert passes(programs, source, to, port) is said, (seed, source.name, to.name, port)


def test_established_connections_are_accepted_first():
    made = program(world(policy()), "n1", 4)
    rules = [line for line in iptables_text(made).splitlines() if line.startswith("-A KUBE-POLICY ")]
    assert "--ctstate RELATED,ESTABLISHED" in rules[0]
    forward = nft_text([made]).partition("chain forward")[2].splitlines()
    assert "ct state established,related accept" in forward[2]


def test_every_rule_names_its_policy_and_the_last_one_drops():
    made = program(
        world(policy(ingress=[{"ports": [{"port": 80}]}], podSelector={"matchLabels": {"app": "db"}})), "n1", 4
    )
    (chain,) = made.chains
    assert [line.comment for line in chain.rest] == ["x/p spec.ingress[0]", "no rule of x/p fits"]
    assert chain.rest[-1].verdict == "drop"


def test_pods_of_other_nodes_are_not_guarded_here():
    made = program(world(policy()), "n2", 4)
    assert {chain.pod.name for chain in made.chains} == {"x/c"}


def test_each_family_has_its_own_sets():
    dual = [pod("x/a", "10.0.1.1,fd00::1"), pod("x/b", "10.0.1.2,fd00::2")]
    made = world(policy(ingress=[{"from": [{"podSelector": {}}]}]), pods=dual)
    assert "add" in ipset_text(program(made, "n1", 6))
    assert "fd00::2" in ipset_text(program(made, "n1", 6))
    assert "10.0.1.2" not in ipset_text(program(made, "n1", 6))


def test_names_of_domains_are_left_out_and_told():
    rule = {"action": "Accept", "to": [{"domainNames": ["example.com"]}]}
    made = program(world(cluster_policy(egress=[rule])), "n1", 4)
    assert made.left_out == (
        "ClusterNetworkPolicy c spec.egress[0]: the addresses of example.com are not known; the rule fits nothing here",
    )


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="the kernel's tools are not installed")
@pytest.mark.parametrize("seed", range(6))
def test_the_kernels_own_tools_take_the_text(seed, tmp_path):
    if subprocess.run([*PRIVATE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespaces here")
    made = read_items(Maker(seed).world())
    four = program(made, "n1", 4)
    texts = {"sets": ipset_text(four), "rules": iptables_text(four), "nft": nft_text([four, program(made, "n1", 6)])}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    script = (
        f"cd {tmp_path} && ipset restore < sets && iptables-restore --noflush --test < rules && nft -c -f nft"
        " && iptables-restore --noflush < rules && nft -f nft && nft -f nft"
    )
    done = subprocess.run([*PRIVATE, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
