"""The tables that notebooks show: what they hold, that text and HTML agree, that outputs stay short and can be heard."""

import re

import pytest
from view_worlds import cluster, machine

from kubenet_course.linux.namespace.choices import every
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.netns import Netns
from kubenet_course.linux.packet.packet import tcp
from kubenet_course.linux.walk import send
from kubenet_course.views.story.stepper import VIEW
from kubenet_course.views.tables import show
from kubenet_course.views.tables.table import table

SYN = tcp("10.244.1.10", 40000, "10.96.0.80", 80)


@pytest.fixture(scope="module")
def seen():
    memory = Memory()
    world = cluster()
    return world, send(world, SYN, at="default/client", memory=memory), memory


def every_table(seen):
    world, trace, memory = seen
    return [
        show.trace(trace),
        show.trace(trace, "every"),
        show.rules(trace),
        show.connections(memory),
        show.routes(world["node-1"]),
        show.outcomes([(0.5, "web-1"), (0.5, "web-2")]),
    ]


def test_no_text_is_longer_than_forty_lines(seen):
    assert max(len(str(one).splitlines()) for one in every_table(seen)) <= 40


def test_text_and_html_say_the_same_in_every_row(seen):
    for one in every_table(seen):
        html = one._repr_html_()
        assert html.count("<tr") == len(one.rows) + 1
        assert one.caption in re.sub(r"&#x27;", "'", html)


def test_every_table_has_a_caption_and_heads_for_columns_and_rows(seen):
    for one in every_table(seen):
        html = one._repr_html_()
        assert "<caption" in html and '<th scope="col"' in html and '<th scope="row"' in html


def test_nothing_needs_a_style_sheet(seen):
    assert all("<style" not in one._repr_html_() and "class=" not in one._repr_html_() for one in every_table(seen))


def test_the_trace_marks_how_it_ended(seen):
    _, trace, _ = seen
    assert any(
        line.startswith("* ") and "delivered to web on tcp 8080" in line for line in str(show.trace(trace)).splitlines()
    )


def test_the_rules_are_those_that_matched_in_order(seen):
    _, trace, _ = seen
    places = [row[2] for row in show.rules(trace, "node-1", "nat PREROUTING").rows]
    assert places[:4] == ["PREROUTING 1", "KUBE-SERVICES 1", "KUBE-SVC-WEB 2", "KUBE-SEP-1 2"]


def test_a_connection_has_its_first_packet_and_its_answer(seen):
    _, _, memory = seen
    row = show.connections(memory, "node-1").rows[0]
    assert row[:3] == ("node-1", "tcp 10.244.1.10:40000 -> 10.96.0.80:80", "tcp 10.244.2.11:8080 -> 10.244.1.10:40000")
    assert row[3].endswith("destination translated")


def test_a_kernel_that_remembers_nothing_says_so():
    assert str(show.connections(Memory())) == "No connection is remembered."


def test_routes_are_those_of_ip_route(seen):
    world, _, _ = seen
    rows = show.routes(world["node-1"]).rows
    assert ("10.244.2.0/24", "192.168.1.12", "eth0", "", "", "main") in rows
    assert ("default", "192.168.1.1", "eth0", "", "", "main") in rows
    assert not any(row[0].startswith("fe80") for row in rows)


def test_outcomes_that_read_the_same_add_up():
    assert show.outcomes([(0.5, "web-1"), (0.25, "web-2"), (0.25, "web-1")]).rows == (
        ("web-1", "75.00 %"),
        ("web-2", "25.00 %"),
    )


def test_outcomes_may_be_traces():
    story = every(lambda choices: send(machine(), SYN, dev="veth0", memory=Memory(), choices=choices))
    assert show.outcomes(story).rows == (
        ("sent out of a device by eth0: tcp 10.244.1.10:40000 -> 10.244.2.11:8080", "100.00 %"),
    )


def test_the_library_s_own_code_is_shown_as_it_is():
    shown = show.source(Netns.sysctl)
    assert (
        str(shown).startswith("# kubenet_course.linux.namespace.netns.Netns.sysctl")
        and "def sysctl" in shown._repr_html_()
    )


def test_facts_say_since_when_and_who_says_so():
    row = {"statement": "nftables mode is stable", "since": "1.33", "source": "https://kubernetes.io"}
    assert show.facts([row]).rows == (("nftables mode is stable", "1.33", "today", "https://kubernetes.io"),)


def test_a_long_table_keeps_its_first_and_last_rows():
    text = str(table("Numbers", ("n",), [(n,) for n in range(100)]))
    assert len(text.splitlines()) <= 40
    assert "0" in text.splitlines()[2] and text.splitlines()[-1] == "99" and "... 64 more" in text


def test_markup_in_a_cell_stays_text():
    assert "<script>" not in table("x", ("a",), [("<script>",)])._repr_html_()


def test_a_topology_has_a_picture_for_every_page(seen):
    world, _, _ = seen
    bundle = show.topology(world)._repr_mimebundle_()
    assert bundle.keys() == {"text/plain", VIEW, "image/png"}
    assert bundle["text/plain"].startswith("browser")
