"""Chapter 04: its exercises, against rules written down by hand; its cluster, and the words of its tables."""

from __future__ import annotations

import ipaddress
import re

import pytest
import yaml

from kubenet_course.errors import BadInput
from kubenet_course.kube.layout.asked.limits import most_nodes, most_pods
from kubenet_course.kube.layout.asked.reach import reachability
from kubenet_course.learn.bank import find
from kubenet_course.learn.bank.ch04.seen import REACHED, SEEN
from kubenet_course.learn.questions.feedback import judged
from kubenet_course.learn.worlds.layouts import wider
from kubenet_course.views.tables.reach import ASTRAY, LOST, reached_from

VARIANTS = range(24)
BORDER = "198.51.100.1"


def addresses(table) -> dict[str, str]:
    return dict(table.rows)


def node_of(known: dict[str, str], pod: str) -> str:
    """The node that a pod's block belongs to: 10.244.n.x lives on node-n, which has 192.168.1.(10 + n)."""
    return f"192.168.1.{10 + int(known[pod].split('.')[2])}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_address_that_is_seen_follows_from_layout_and_direction(variant) -> None:
    instance = find("04-seen").instance(variant)
    way, known = SEEN[variant % len(SEEN)], addresses(instance.look)
    if way.to == "partner":
        expected = BORDER
    elif way.layout == "island" and way.to == "laptop":
        expected = node_of(known, way.who)
    else:
        expected = known[way.who]
    assert instance.answer == expected


@pytest.mark.parametrize("variant", VARIANTS)
def test_whether_an_answer_comes_follows_from_the_routes_of_both_ways(variant) -> None:
    """Said by hand, in the order of the questions: what becomes of question and answer, and why."""
    lost, never, back = "the answer is lost", "the question is lost", "the answer comes back"
    by_hand = (lost, never, back, "another pod answers", lost, never, never)
    way = REACHED[variant % len(REACHED)]
    assert by_hand[REACHED.index(way)] == find("04-reach").instance(variant).answer


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_line_of_conntrack_answers_what_is_asked_of_it(variant) -> None:
    instance = find("04-conntrack").instance(variant)
    ((_, first, second, _),) = instance.look.rows
    pod, sport, laptop, _ = re.findall(r"[\d.]+(?=:)|(?<=:)\d+", first)
    _, _, node, port = re.findall(r"[\d.]+(?=:)|(?<=:)\d+", second)
    assert laptop in second and sport != port
    assert str(instance.answer) == (pod, node, port, pod)[variant % 4]


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_keeps_its_address_is_what_goes_into_a_range(variant) -> None:
    instance = find("04-list").instance(variant)
    ranges = [ipaddress.ip_network(text) for text in re.search(r"\[(.*?)\]", instance.asks)[1].split(", ") if text]
    for statement in instance.statements:
        found = re.search(r"[\d.]+$", statement.text)
        if found:
            assert statement.right is any(ipaddress.ip_address(found[0]) in one for one in ranges)


@pytest.mark.parametrize("variant", range(10))
def test_a_layout_is_mended_by_one_line_and_by_no_line_that_was_there(variant) -> None:
    instance = find("04-mend").instance(variant)
    before, after = instance.starts.splitlines(), instance.solution.splitlines()
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
    whole = yaml.safe_dump(
        {"spec": yaml.safe_load(instance.solution)}
    )  # as it stands in a file, and in any order of fields
    for answer in (instance.solution, whole):
        assert judged("04-mend", answer, variant).right, answer
    for slip in instance.slips:
        assert not judged("04-mend", slip.answer, variant).right


def test_a_choice_of_layout_shows_a_table_that_holds_its_reason() -> None:
    for variant in range(4):
        instance = find("04-choose").instance(variant)
        right = next(one for one in instance.statements if one.right)
        rows = {row[0]: row[1:] for row in instance.evidence.rows}
        office = rows["office"][0]  # the laptop asks a pod
        assert (office != LOST) is right.text.startswith("flat")
        out = rows["pod"][3]
        assert (out == LOST) is right.text.startswith("isolated")


def test_the_cluster_of_the_chapter_is_refused_where_it_cannot_be() -> None:
    with pytest.raises(BadInput, match=r"write 10\.245\.0\.0/16 for the pods of west"):
        wider("flat", west={"podSubnet": "10.244.0.0/16"})


def test_the_table_says_when_another_answers() -> None:
    both = wider("flat", west={"podSubnet": "10.244.0.0/16"}, overlap="allowed", routes="cloud")
    rows = {row[0]: row[1:] for row in reached_from(reachability(both), "pod", "pod of west", "office").rows}
    assert rows["office"][1] == ASTRAY and rows["pod of west"][2] == LOST and rows["office"][0] == "10.20.0.9"


def test_limits_of_providers_are_counted_by_hand() -> None:
    assert (most_nodes("AWS"), most_nodes("AWS", families=2), most_nodes("Azure", other_rows=3)) == (500, 250, 397)
    assert (most_pods(3, 10), most_pods(2, 4), most_pods(3, 10, prefixes=True)) == (29, 8, 434)
    with pytest.raises(BadInput, match="write one of AWS, Azure"):
        most_nodes("Elsewhere")
