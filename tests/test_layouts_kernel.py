"""The tables of the layouts on the real kernel: office, router, border, internet and a second cluster in private namespaces.

Every ping of every cell is sent, and each frame on each device has to be the model's, byte for byte.
"""

import pytest
from layout_worlds import OFFICE, PARTS, around, cluster_in, parts, table

from kubenet_course.lab.comparison import compare
from kubenet_course.lab.real.run import missing, run

STORIES = [
    ("isolated, host routes", around("isolated"), "two-nodes"),
    ("flat, announced to the nodes too", around("flat"), "two-nodes"),
    ("flat, routes in the cloud's table alone", around("flat", "routes: cloud"), "two-nodes"),
    ("island, host routes", around("island"), "two-nodes"),
    ("island, VXLAN", around("island"), "vxlan"),
    ("island, ip-masq-agent", around("island", "nonMasqueradeCIDRs: [10.0.0.0/8]"), "two-nodes"),
    ("island beside an island with the same pods", around("island").replace("10.245", "10.244"), "two-nodes"),
]


@pytest.mark.parametrize("story, spec, name", STORIES, ids=[story for story, *_ in STORIES])
def test_every_cell_of_a_table_is_the_real_kernels_frame_by_frame(story, spec, name) -> None:
    if reason := missing():
        pytest.skip(reason)
    whole, frames = table(cluster_in(spec, name)), 0
    assert len(whole.packets) == 72
    for part in parts(whole):
        found = compare(part, run(part))
        assert found.equal, f"{story}: " + "\n".join(map(str, found.differences[:5]))
        frames += len(found.model)
    assert frames > 100 * PARTS


GATEWAY = "egressGateways: [{name: partner, pods: [default/client], node: node-2, to: [203.0.113.0/24], address: 192.168.1.50}]"
OWN = "internet: {hosts: [{address: 203.0.113.5}], translations: [{from: 192.168.1.50/32, to: 198.51.100.3}]}"
SECOND = "secondInterfaces: [{node: node-1, network: office, address: 10.20.0.50%s}]"
WAYS_OUT = [
    ("an egress gateway of an island", "two-nodes", f"{{layout: island, {OFFICE}, {OWN}, {GATEWAY}}}"),
    ("an egress gateway beyond a tunnel", "vxlan", f"{{layout: island, {OFFICE}, {OWN}, {GATEWAY}}}"),
    ("a second interface with a rule", "two-nodes", f"{{layout: island, {OFFICE}, {OWN}, {SECOND % ''}}}"),
    ("a second interface without", "two-nodes", f"{{layout: island, {OFFICE}, {OWN}, {SECOND % ', rules: false'}}}"),
]


@pytest.mark.parametrize("story, name, spec", WAYS_OUT, ids=[story for story, *_ in WAYS_OUT])
def test_ways_out_by_policy_routing_are_the_real_kernels(story, name, spec) -> None:
    if reason := missing():
        pytest.skip(reason)
    for part in parts(table(cluster_in(spec, name))):
        found = compare(part, run(part))
        assert found.equal, f"{story}: " + "\n".join(map(str, found.differences[:5]))


BOTH = (
    "networks: [{name: office, ranges: [10.20.0.0/24, 'fd00:20::/64'], hosts: [{address: 'fd00:20::9'}]}],"
    "internet: {hosts: [{address: '2001:db8::5'}]}"
)


@pytest.mark.parametrize("kind", ["isolated", "flat", "island"])
def test_the_layouts_in_ipv6_are_the_real_kernels(kind) -> None:
    if reason := missing():
        pytest.skip(reason)
    for part in parts(table(cluster_in(f"{{layout: {kind}, {BOTH}}}", "dual-stack"), 6)):
        found = compare(part, run(part))
        assert found.equal, "\n".join(map(str, found.differences[:5]))
