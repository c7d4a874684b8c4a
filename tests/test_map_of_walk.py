"""docs/walk.md is what the code's own tables say, and real walks keep to it."""

import pytest
from netfilter_parts import router

from kubenet_course.linux.netfilter.hooks import BEHIND, BEHIND_BRIDGED
from kubenet_course.linux.packet.packet import ping, tcp, udp
from kubenet_course.linux.walk import STAGES, send
from tools import map_of_walk

RULES = "*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n*filter\n-A INPUT -p tcp -j REJECT\nCOMMIT\n"


def test_the_map_is_current():
    """Otherwise: python -m tools.map_of_walk"""
    assert map_of_walk.FILE.read_text() == map_of_walk.text()


def test_every_stage_of_the_stack_is_on_the_map():
    hooked = {stage for asked in map_of_walk.hooks().values() for _, stage in asked}
    assert hooked | set(map_of_walk.STAGES) <= set(STAGES)
    assert {stage for stage in STAGES if " " not in stage} == set(map_of_walk.STAGES)


@pytest.mark.parametrize(
    "packet, dev",
    [
        (udp("10.244.1.10", 1, "203.0.113.5", 53), "pods"),
        (udp("10.244.1.10", 1, "192.168.1.11", 53), "pods"),
        (tcp("10.244.1.10", 1, "192.168.1.11", 53), "pods"),
        (ping("192.168.1.11", "127.0.0.1", 1), ""),
        (udp("10.244.1.10", 1, "10.244.1.9", 53), "eth0"),
    ],
)
def test_a_walk_goes_only_where_the_map_leads(packet, dev):
    ns = router(RULES)
    trace, path = send(ns, packet, dev=dev), ns.paths[4]
    for step, cause in zip(trace.steps, trace.causes, strict=True):
        if cause < 0:
            continue
        before = trace.steps[cause].stage
        if before in path.entries:
            assert step.stage in (path.after[before], "route_output")  # the answer of a REJECT
            continue
        hooks = [name.removeprefix("hook ") for name in map_of_walk.followers(before) if name.startswith("hook ")]
        behind = {path.first[hook] for hook in hooks} | {BEHIND_BRIDGED.get(BEHIND[hook], "") for hook in hooks}
        assert step.stage in {*map_of_walk.followers(before), *behind}, (before, step.stage)
