"""TCPMSS: what a router makes of the segment size that a SYN and its answer offer (net/netfilter/xt_TCPMSS.c)."""

import json
from random import Random

import pytest
from fragment_worlds import row_of_machines

from kubenet_course.lab.comparison import compare
from kubenet_course.lab.real.run import missing, run
from kubenet_course.lab.scenario.scenario import read
from kubenet_course.linux.netfilter.xt.tcpmss import with_size

CLAMP, FIVE = "TCPMSS --clamp-mss-to-pmtu", "TCPMSS --set-mss 500"
SYN = "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j {}"


@pytest.mark.parametrize("before, size, has_data, after", [
    ("020405b4", 1400, False, "02040578"), ("02040200", 1400, False, "02040200"),  # lowered, never raised
    ("01010402", 1400, False, "0204021801010402"),  # not offered: 536 is what it means (RFC 1122 section 4.2.2.6)
    ("", 500, False, "020401f4"), ("", 500, True, ""),  # data cannot be moved
    ("0101020405b40402", 1000, False, "0101020403e80402"),
])  # fmt: skip
def test_the_option_is_lowered_or_added(before, size, has_data, after):
    assert with_size(bytes.fromhex(before), size, 536, has_data).hex() == after


def clamped(target: str, options: str) -> dict:
    """A SYN through two routers, the first of which has the rule, to a server behind a narrower wire."""
    world, _ = row_of_machines(Random("none of the rules matter"))
    for name, wires in (("r1", "eth2"), ("r2", "eth1")):
        for dev in world[name]["devices"]:
            dev["mtu"] = 1350 if dev["name"] == wires else 1500
    for name in world:
        world[name].pop("iptables", None)
        world[name].pop("ip6tables", None)
        world[name]["devices"][-1]["mtu"] = 1500 if name in ("client", "server", "r2") else 1350
    world["server"]["sockets"] = ["tcp [::]:80 web"]
    world["r1"] |= {of: ["*mangle", SYN.format(target), "COMMIT"] for of in ("iptables", "ip6tables")}
    sent = [{"proto": "tcp", "src": "10.0.1.2", "dst": "10.0.3.2", "sport": 40000, "dport": 80, "options": options}]
    sent.append(sent[0] | {"src": "fd00:0:0:1::2", "dst": "fd00:0:0:3::2"})
    packets = [{"at": "client", "send": one} for one in sent]
    return {"kubenet_scenario": 1, "name": "clamp", "namespaces": world, "packets": packets}


@pytest.mark.parametrize("target", [CLAMP, FIVE])
@pytest.mark.parametrize("options", ["020405b4", "", "01010101", "01010101020405b4"])
def test_syn_and_answer_are_those_of_the_kernel(target, options):
    if missing():
        pytest.skip(missing() or "")
    scenario = read(json.dumps(clamped(target, options)))
    comparison = compare(scenario, run(scenario))
    assert comparison.equal, [str(one) for one in comparison.differences]
    sizes = {frame.hex[108:116] for frame in comparison.model if frame.place == ("r1", "eth2", "out")}
    assert options != "020405b4" or any(size.startswith("0204") for size in sizes)
