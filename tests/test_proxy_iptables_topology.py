"""Which endpoints a node uses: traffic policies, endpoints on their way out, hints."""

import pytest

from kubenet_course.kube.proxy.endpoint import endpoints
from kubenet_course.kube.proxy.service_port import service_ports
from kubenet_course.kube.proxy.topology import reach
from kubenet_course.linux.packet.address import IPV4
from tests.proxy_objects import endpoint_slice, service

HERE, THERE = "10.244.1.10@node-1", "10.244.2.10@node-2"


def going(at: str, serving: bool = True) -> dict:
    return {"at": at, "ready": False, "serving": serving, "terminating": True}


def unready(at: str) -> dict:
    return {"at": at, "ready": False, "serving": False, "terminating": False}


def hinted(at: str, **hints) -> dict:
    return {"at": at, **hints}


def seen(rows, node="node-1", zone="zone-a", **spec):
    port = service_ports(service(**spec), IPV4)[0]
    found = reach(endpoints([endpoint_slice(rows)], port.port, IPV4), port, node, zone)
    return [[one.node[-1] for one in part] for part in (found.cluster, found.local)], found.anybody


LOCAL = {
    "type": "NodePort",
    "externalTrafficPolicy": "Local",
    "ports": [{"name": "http", "port": 80, "nodePort": 30080}],
}


@pytest.mark.parametrize(
    "story, rows, spec, expected, anybody",
    [
        ("all that are ready", [HERE, THERE], {}, [["1", "2"], []], True),
        ("ready false and not going: never", [unready(HERE)], {}, [[], []], False),
        ("one that goes and serves, if nobody is ready", [going(HERE), unready(THERE)], {}, [["1"], []], True),
        ("one that goes, but somebody is ready", [going(HERE), THERE], {}, [["2"], []], True),
        ("one that goes and serves no more", [going(HERE, serving=False)], {}, [[], []], False),
        ("no condition said counts as ready", [{"at": HERE}], {}, [["1"], []], True),
        ("a local one for outside, all for inside", [HERE, THERE], LOCAL, [["1", "2"], ["1"]], True),
        (
            "outside takes the local one that goes, inside the ready one",
            [going(HERE), THERE],
            LOCAL,
            [["2"], ["1"]],
            True,
        ),
        ("outside has none here", [THERE], LOCAL, [["2"], []], True),
        ("inside and outside local: no others at all", [THERE], {"internalTrafficPolicy": "Local"}, [[], []], True),
        ("inside local, going", [going(HERE)], {"internalTrafficPolicy": "Local"}, [[], ["1"]], True),
    ],
)
def test_who_is_in_reach(story, rows, spec, expected, anybody):
    assert seen(rows, **spec) == (expected, anybody)


@pytest.mark.parametrize(
    "story, rows, expected",
    [
        ("hints for our zone", [hinted(HERE, zones=["zone-a"]), hinted(THERE, zones=["zone-b"])], ["1"]),
        ("one ready endpoint without a hint", [hinted(HERE, zones=["zone-a"]), THERE], ["1", "2"]),
        (
            "an unready one without a hint",
            [hinted(HERE, zones=["zone-a"]), hinted("10.244.3.10@node-3", zones=["zone-b"]), unready(THERE)],
            ["1"],
        ),
        ("no hint is for our zone", [hinted(HERE, zones=["zone-b"]), hinted(THERE, zones=["zone-b"])], ["1", "2"]),
        (
            "hints for our node",
            [hinted(HERE, zones=["zone-a"], nodes=["node-1"]), hinted(THERE, zones=["zone-a"], nodes=["node-2"])],
            ["1"],
        ),
        (
            "nobody for our node, so our zone",
            [
                hinted(THERE, zones=["zone-a"], nodes=["node-2"]),
                hinted("10.244.3.10@node-3", zones=["zone-b"], nodes=["node-3"]),
            ],
            ["2"],
        ),
    ],
)
def test_hints_hold_if_they_are_complete_and_somebody_is_meant_for_us(story, rows, expected):
    assert seen(rows)[0][0] == expected


def test_hints_do_not_bind_policy_local():
    (cluster, local), _ = seen([hinted(HERE, zones=["zone-b"]), hinted(THERE, zones=["zone-a"])], **LOCAL)
    assert (cluster, local) == (["2"], ["1"])
