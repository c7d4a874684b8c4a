"""The matrix in words, in HTML and as a widget; and the rows of iptables that the repair understands."""

from __future__ import annotations

import re

import pytest

from kubenet_course.errors import BadInput
from kubenet_course.kube.questions.connectivity import connectivity
from kubenet_course.learn.bank import find
from kubenet_course.learn.bank.ch03.worlds import made
from kubenet_course.learn.questions.feedback import judged
from kubenet_course.learn.worlds.broken import broken
from kubenet_course.linux.netfilter.iptables.save import write
from kubenet_course.shell.lines import after as carried_out
from kubenet_course.views.drawing.theme import READABLE, contrast
from kubenet_course.views.matrices.matrices import Matrices, why
from kubenet_course.views.matrices.matrix import STYLES, labels, matrix

OURS = made({1: ["client", "db"], 2: ["web"]})
HIDDEN = connectivity(OURS, broken(OURS, "masqueraded", 0).world)


@pytest.fixture(scope="module")
def shown() -> Matrices:
    return Matrices({"healthy": connectivity(OURS), "hidden": HIDDEN})


def test_a_bad_cell_says_so_in_words_and_signs_and_not_by_colour_alone():
    bad = [cell for cell in matrix(HIDDEN).cells.values() if cell.rules]
    assert {str(cell) for cell in bad} <= {"✗ 192.168.1.11 (rule 2)", "✗ 192.168.1.12 (rule 2)"}
    html = matrix(HIDDEN)._repr_html_()
    assert html.count("✗ rule 2") == len(bad)
    assert html.count("dashed") == len(bad)


@pytest.mark.parametrize("state", ["good", "bad"])
def test_white_on_a_cells_colour_can_be_read(state):
    ground = re.search(r"background:(#\w{6})", STYLES[state])
    assert ground and contrast("#ffffff", ground[1]) >= READABLE


def test_a_matrix_that_does_not_judge_gives_nothing_away():
    plain = matrix(HIDDEN, judged=False)
    for text in (str(plain), plain._repr_html_()):
        assert not re.search(r"rule \d|✓|✗|#1b6e3c|#a32020", text)
    assert "192.168.1.11" in str(plain)


def test_the_heads_say_every_address_of_a_node():
    known = matrix(HIDDEN).known_as
    assert known["node/node-1"] == ("192.168.1.11", "10.244.1.1")
    assert "node-1 192.168.1.11 or 10.244.1.1" in str(matrix(HIDDEN))


def test_the_text_holds_every_cell():
    lines = str(matrix(HIDDEN)).splitlines()
    assert len(lines) == 2 + 5
    assert [line.count("✓") + line.count("✗") + line.count("itself") for line in lines[2:]] == [3] * 5


def test_names_that_read_the_same_stay_whole():
    assert labels(["pod/a/web", "pod/b/web", "node/n"]) == {
        "pod/a/web": "pod/a/web",
        "pod/b/web": "pod/b/web",
        "node/n": "n",
    }


def test_the_widget_is_driven_from_a_cell_and_says_the_same_in_text(shown):
    pair = next(pair for pair, ping in HIDDEN.items() if ping.broken)
    shown.choose("hidden", tuple(labels(pair).values()))
    assert re.search(r"\* node-\d .* nat POSTROUTING 1", repr(shown))
    bundle = shown._repr_mimebundle_()
    assert bundle["text/plain"] == repr(shown)
    assert "rule 2" in bundle["text/html"]
    told = shown.story["clusters"]["hidden"]
    assert told["said"] == {1: "kept", 2: "broken", 3: "kept"}


def test_it_opens_on_a_cell_that_breaks_a_rule_and_so_does_every_cluster_that_is_chosen(shown):
    fresh = Matrices({"hidden": HIDDEN, "healthy": connectivity(OURS)})
    assert "rule 2" in str(matrix(HIDDEN).cells[f"pod/default/{fresh.cell[0]}", f"pod/default/{fresh.cell[1]}"])
    fresh.choose("healthy")
    fresh.choose("hidden")
    assert "it breaks rule 2" in fresh.why.caption


def test_beside_the_matrix_the_map_has_the_way_of_every_ping(shown):
    told = Matrices({"healthy": connectivity(OURS)}, world=OURS.world()).story
    assert [one["name"] for one in told["map"]["machines"]][:2] == ["node-1", "node-2"]
    paths = {tuple(cell["path"]) for row in told["clusters"]["healthy"]["cells"] for cell in row if cell}
    assert ("client", "node-1", "node-2", "web") in paths and ("node-2", "web") in paths
    assert shown.story["map"] == {}


@pytest.mark.parametrize(
    "cluster, cell, said",
    [
        ("sick", None, "choose one of healthy, hidden"),
        ("", ("web", "web"), "nobody sent web to web"),
        ("", ("x", "web"), "nobody"),
    ],
)
def test_what_there_is_not_cannot_be_chosen(shown, cluster, cell, said):
    with pytest.raises(BadInput, match=said):
        shown.choose(cluster, cell)


def test_a_widget_without_clusters_is_refused():
    with pytest.raises(BadInput, match="give pings"):
        Matrices({})


def test_the_reason_of_a_cell_marks_the_row_that_decided():
    pair = next(pair for pair, ping in HIDDEN.items() if ping.broken)
    told = why(pair, HIDDEN[pair])
    (marked,) = told.marked
    assert "MASQUERADE" in told.rows[marked][2]
    assert "it breaks rule 2" in told.caption


@pytest.mark.parametrize(
    "line, said",
    [
        ("ip netns exec node-1 iptables -F FORWRD", "no chain FORWRD"),
        ("ip netns exec node-9 iptables -F FORWARD", "There is no namespace node-9"),
        ("ip netns exec node-1 nft flush ruleset", "does not know 'nft'"),
        ("ip netns exec node-1 iptables -t mangel -F", "mangel is not a table"),
        ("ip netns exec node-1 iptables -D FORWARD 99", "FORWARD has"),
        ("ip netns exec node-1 iptables -D FORWARD -s 10.9.0.0/16 -j DROP", "FORWARD has no such rule"),
        ("ip netns exec node-1 iptables -D FORWRD 1", "no chain FORWRD"),
        ("ip netns exec node-1 iptables -P FORWARD REJECT", "A policy is ACCEPT or DROP, not REJECT"),
        ("ip netns exec node-1 iptables -A FORWARD -j NOSUCH", "NOSUCH"),
        ("ip netns exec node-1 iptables -A FORWARD -m comment --comment 'half", "line 1"),
    ],
)
def test_a_line_that_cannot_be_carried_out_is_answered_with_what_would_be_right(line, said):
    with pytest.raises(BadInput, match=re.escape(said)):
        carried_out(OURS.world(), line)


def test_a_row_is_deleted_by_number_and_by_what_it_says_however_it_is_written():
    sick = broken(OURS, "dropped", 0)
    by_number = f"sudo ip netns exec {sick.node} iptables -D FORWARD 1"
    turned = re.sub(r"-s (\S+) -d (\S+)", r"-d \2 -s \1", sick.mends).replace(" -t filter", "")
    healthy = write(OURS.world()[sick.node].ruleset(4))
    assert write(carried_out(sick.world, by_number)[sick.node].ruleset(4)) == healthy
    assert write(carried_out(sick.world, turned)[sick.node].ruleset(4)) == healthy


def test_a_policy_can_be_set_and_a_whole_table_flushed():
    after = carried_out(
        OURS.world(), "ip netns exec node-1 iptables -P FORWARD DROP\nip netns exec node-1 iptables -t nat -F"
    )
    tables = after["node-1"].ruleset(4).tables
    assert tables["filter"].chains["FORWARD"].policy == "DROP"
    assert not any(chain.rules for chain in tables["nat"].chains.values())


def test_an_exception_that_also_stops_kube_proxys_masquerading_does_not_mend():
    """Common advice: accept what goes from pods to pods first. It also skips the masquerading of a pod that asks itself."""
    exercise, told = find("03-repair"), {}
    for variant in range(8):
        node, program, name, chain = (str(exercise.instance(variant).solution).split()[at] for at in (3, 4, 6, 8))
        if name == "nat" and program == "iptables":
            line = f"ip netns exec {node} iptables -t nat -I {chain} -s 10.244.0.0/16 -d 10.244.0.0/16 -j ACCEPT"
            made_of = judged(exercise, line, variant)
            told[variant] = [one.said for one in made_of.findings if not one.right]
    assert any("kube-proxy" in said for findings in told.values() for said in findings)
