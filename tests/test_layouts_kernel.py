"""The tables of the layouts on the real kernel: office, router, border, internet and a second cluster in private namespaces.

Every ping of every cell is sent, and each frame on each device has to be the model's, byte for byte.
"""

import pytest
from layout_worlds import PARTS, around, cluster_in, parts, table

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
