"""The stepper before any browser: what it sends, what it stores for pages without widgets, what it refuses."""

import base64
import json
import re
from itertools import pairwise

import pytest
from view_worlds import cluster, machine

from kubenet_course.errors import BadInput
from kubenet_course.linux.namespace.trace import Trace
from kubenet_course.linux.packet.packet import tcp
from kubenet_course.linux.walk import send
from kubenet_course.views.controls import Controls
from kubenet_course.views.story.stepper import VIEW, Stepper, stepper

SYN = tcp("10.244.1.10", 40000, "10.96.0.80", 80)


def made(overlay: bool = False, **state) -> Stepper:
    world = cluster(is_overlay=overlay)
    return Stepper(world, send(world, SYN, at="default/client"), title="A pod asks a Service", **state)


@pytest.fixture(scope="module")
def one() -> Stepper:
    return made(overlay=True)


def test_what_is_stored_is_a_widget_a_picture_and_a_text(one):
    bundle = one._repr_mimebundle_()
    assert bundle.keys() == {"text/plain", "image/png", VIEW}
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")


def test_the_text_is_stable_short_and_without_an_address_of_memory(one):
    text = repr(one)
    assert text == repr(made(overlay=True))
    assert len(text.splitlines()) <= 40 and max(map(len, text.splitlines())) <= 110
    assert not re.search(r"0x[0-9a-f]{8}", text)
    assert "replace the destination 10.96.0.80, port 80 by 10.244.2.11, port 8080" in " ".join(text.split())


def test_all_is_sent_once_and_small(one):
    assert len(json.dumps(one.story)) < 400_000


def test_the_same_trace_sends_the_same(one):
    assert json.dumps(one.story) == json.dumps(made(overlay=True).story)


def test_every_step_names_a_place_in_the_picture(one):
    keys = set(re.findall(r'data-key="([^"]+)"', one.story["svg"]))
    assert all(step["here"] in keys for step in one.story["steps"])
    assert all(one.story["pool"][number] in keys for step in one.story["steps"] for number in step["been"])


def test_each_step_has_the_row_that_decided(one):
    step = next(step for step in one.story["steps"] if step["stage"] == "nat PREROUTING")
    rows = one.story["pool"][step["why"]]["rows"]
    assert any(
        "KUBE-SEP-1 2: -A KUBE-SEP-1 -p tcp -m tcp -j DNAT --to-destination 10.244.2.11:8080" in row[1] for row in rows
    )


def test_each_step_has_the_packet_before_and_after(one):
    step = next(step for step in one.story["steps"] if step["stage"] == "nat PREROUTING")
    held = one.story["pool"][step["held"]]
    assert ("destination", "10.244.2.11:8080", "10.96.0.80:80") in [held["rows"][at] for at in held["marked"]]


def test_a_step_at_a_device_has_its_frame_with_what_changed(one):
    first = next(
        step for step in one.story["steps"] if step["stage"] == "dev_queue_xmit" and "flannel.1" in step["said"]
    )
    frame = one.story["pool"][first["frame"]]
    assert {row[0] for row in (frame["rows"][at] for at in frame["marked"])} >= {"destination", "source", "TTL"}


def test_each_stage_asks_in_the_words_of_its_own_code(one):
    asks = {step["stage"]: step["asks"] for step in one.story["steps"]}
    assert asks["route_input"].startswith("For this machine, or to be sent on?")
    assert all(asks.values())


def test_a_cell_can_move_it():
    widget = made()
    widget.step = 5
    assert widget.step == 5
    with pytest.raises(BadInput, match="there is no step 999; count from 1 to"):
        widget.step = 999


def test_another_level_of_detail_begins_anew():
    widget = made()
    widget.step = 5
    widget.detail = "every"
    assert widget.step == 1
    assert f"{len(widget.moments)} of {len(widget.moments)} steps" in repr(widget)


def test_it_can_tell_another_story():
    widget = made()
    widget.step = 7
    world = machine()
    widget.show(world, send(world, SYN, dev="veth0"))
    assert widget.step == 1 and "node-1 receives a packet for" in repr(widget)


def test_nothing_to_show_is_said_kindly():
    with pytest.raises(BadInput, match="there is no step to show; give it a trace"):
        stepper(machine(), Trace((), ()))


def test_the_picture_shows_the_line_between_two_steps(one):
    steps = [one.story["steps"][at] for at in one.story["shown"]["main"]]
    moved = [(a, b) for a, b in pairwise(steps) if a["about"] == b["about"] and a["here"] != b["here"]]
    assert moved and all(b["been"] for _, b in moved)


def make(backend: str, nodes: int):
    if nodes > 3:
        raise BadInput("nodes", f"{nodes} do not fit on the desk", "choose at most 3")
    world = cluster(nodes, is_overlay=backend == "vxlan")
    return world, send(world, SYN, at="default/client")


@pytest.fixture
def controls() -> Controls:
    return Controls(
        make, title="Change one thing", backend=("routes", "vxlan"), nodes={"two": 2, "three": 3, "nine": 9}
    )


def test_a_changed_control_changes_the_path(controls):
    before = len(controls.stepper.moments)
    controls.controls["backend"].value = "vxlan"
    assert len(controls.stepper.moments) > before
    assert "node-2" in controls.message.value and controls.way.startswith("default/client → node-1")


def test_choices_can_be_made_from_a_cell(controls):
    controls.choose(backend="vxlan", nodes=3)
    assert controls.values == {"backend": "vxlan", "nodes": 3}
    assert repr(controls).startswith("backend vxlan, nodes three\ndefault/client → node-1")


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"backend": "carrier pigeon"}, "backend: 'carrier pigeon' cannot be chosen; choose one of 'routes', 'vxlan'"),
        ({"layout": "flat"}, "layout: there is no such control; name one of backend, nodes"),
    ],
)
def test_a_choice_that_there_is_not_is_refused_in_one_sentence(controls, wrong, said):
    with pytest.raises(BadInput) as refused:
        controls.choose(**wrong)
    assert str(refused.value) == said


def test_a_network_that_cannot_be_is_said_and_the_last_one_stays(controls):
    before = controls.way
    controls.controls["nodes"].value = 9
    assert "9 do not fit on the desk" in controls.message.value
    assert controls.way == before


def test_controls_are_stored_like_a_stepper(controls):
    bundle = controls._repr_mimebundle_()
    assert bundle.keys() == {"text/plain", "image/png", VIEW}
    assert bundle[VIEW]["model_id"] == controls.model_id
