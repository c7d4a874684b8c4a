"""The evaluator and the real kernel, in private namespaces: random policies, every pair of pods asked at once."""

import ipaddress
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kubenet_course.kube.policy.enforce.program import Program, program
from kubenet_course.kube.policy.enforce.rules import ipset_text, iptables_text, nft_text
from kubenet_course.kube.policy.judge.decide import decide
from kubenet_course.kube.policy.judge.values import Port
from tests.policy_naive import Maker
from tests.test_policy_naive import read_items

INSIDE = Path(__file__).with_name("policy_kernel.py")
PRIVATE = ["unshare", "-n", "-m"]
DNS = Port(53, "UDP")
MODES = ("iptables", "nftables")
V4 = re.compile(r"(\d+\.\d+\.\d+\.\d+)(?:/(\d+))?")

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("unshare", "ip", "nft", "ipset", "iptables-restore"))),
    reason="the tools are not installed",
)


def sixth(found):
    """10.0.1.2 as fd00::a00:102, 10.0.1.0/24 as fd00::a00:100/120."""
    ip, length = ipaddress.ip_address(found[1]), found[2]
    return f"{ipaddress.ip_address((0xFD << 120) + int(ip))}" + (f"/{96 + int(length)}" if length else "")


def a_world(seed, family):
    """The same random world in either family."""
    text = json.dumps(Maker(seed).world())
    return read_items(json.loads(V4.sub(sixth, text) if family == 6 else text))


def loads(made, mode, folder, family):
    """A shell script that loads the rules of all nodes into one router."""
    parts = [program(made, node, family) for node in made.nodes]
    whole = Program(family, tuple(chain for part in parts for chain in part.chains))
    if mode == "nftables":
        (folder / "nft").write_text(nft_text([whole]))
        return f"nft flush ruleset\nnft -f {folder}/nft\n"
    (folder / "sets").write_text(ipset_text(whole))
    (folder / "rules").write_text(iptables_text(whole))
    restore = "ip6tables-restore" if family == 6 else "iptables-restore"
    return f"nft flush ruleset\nipset restore < {folder}/sets\n{restore} --noflush < {folder}/rules\n"


@pytest.mark.parametrize(
    "family, seed", [(4, seed) for seed in range(500, 530)] + [(6, seed) for seed in range(530, 540)]
)
def test_the_kernel_lets_through_what_the_evaluator_allows(family, seed, tmp_path):
    if subprocess.run([*PRIVATE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespaces here")
    made = a_world(seed, family)
    pods = {name: pod for name, pod in made.pods.items() if not pod.host_network}
    story = {"pods": {name: pod.addresses[0] for name, pod in pods.items()}, "port": DNS.number}
    story["loads"] = [loads(made, mode, tmp_path, family) for mode in MODES]
    asked = [*PRIVATE, sys.executable, str(INSIDE)]
    done = subprocess.run(asked, input=json.dumps(story), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    for mode, found in zip(MODES, json.loads(done.stdout), strict=True):
        heard = {tuple(pair) for pair in found}
        for source in pods.values():
            for to in pods.values():
                said = decide(made, source, to, DNS).allowed
                if said is not None:
                    assert ((source.name, to.name) in heard) is said, (mode, source.name, to.name)
