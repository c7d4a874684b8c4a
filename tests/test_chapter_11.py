"""Chapter 11: its exercises by hand, its tables and controls, and the shop's manifests on the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from kubenet_course.cli import kubenet
from kubenet_course.data import data
from kubenet_course.errors import BadInput
from kubenet_course.kube.gateway.doors import doors_of
from kubenet_course.learn.bank import find, of_chapter
from kubenet_course.learn.bank.ch11.made import GRANT
from kubenet_course.learn.questions.feedback import RIGHT, UNREADABLE, WRONG, judged
from kubenet_course.views.outside.answers import asking, attachments, routed
from kubenet_course.views.outside.ways import POD_IS, SourceControls, ways

SHOP = data("gateways/shop.yaml")
# What each of the first variants asks, answered by hand from the rules that the chapter teaches.
BY_HAND = {
    "11-source": ["192.168.1.11", "203.0.113.5", "192.168.1.2", "10.244.1.1", "203.0.113.5", "10.244.1.2", "192.168.1.11",
                  "10.244.1.2"],
    "11-told": ["timeout", "refused", "answered", "unreachable", "timeout", "answered", "timeout", "timeout"],
    "11-rule": ["cart", "nobody: 404", "cart", "nobody: 404", "cart", "cart"],
}  # fmt: skip


@pytest.mark.parametrize("id, variant, right", [
    pytest.param(id, variant, right, id=f"{id}-{variant}") for id, rows in BY_HAND.items() for variant, right in enumerate(rows)
])  # fmt: skip
def test_the_model_comes_to_what_a_person_computes_by_hand(id, variant, right):
    assert find(id).instance(variant).solution == right


@pytest.mark.parametrize("exercise", of_chapter("11"), ids=lambda one: one.id)
def test_the_first_four_variants_ask_different_things(exercise):
    """Not only other numbers: the reasons differ."""
    assert len({exercise.instance(variant).because for variant in range(4)}) == 4 or exercise.id == "11-order"
    assert len({exercise.instance(variant).asks for variant in range(4)}) == 4 or exercise.id in (
        "11-rule",
        "11-translate",
        "11-whom",
    )
    assert len({str(exercise.instance(variant).look) + exercise.instance(variant).asks for variant in range(4)}) == 4


@pytest.mark.parametrize("variant, first, last", [
    (0, "the balancer passes", "the stranger has"), (1, "the balancer turns", "the stranger has"),
    (2, "the router leads", "the stranger has"), (3, "the pod client asks", "client has"),
])  # fmt: skip
def test_the_events_of_the_order_begin_and_end_where_they_must(variant, first, last):
    events = find("11-order").instance(variant).solution
    assert len(events) == 6 and events[0].startswith(first) and events[-1].startswith(last)


@pytest.mark.parametrize("variant, says", [
    (0, "no rule that is attached"), (1, "another namespace"), (2, "is not there"), (3, "not attached"), (4, "nobody listens"),
])  # fmt: skip
def test_who_said_it(variant, says):
    assert says in find("11-whom").instance(variant).solution


# -- what is written -----------------------------------------------------------------------------------------------------------


def test_a_repair_may_be_spelled_otherwise():
    attach = find("11-attach")
    broken = attach.instance(1).starts
    for grant in (
        GRANT.replace("/v1\n", "/v1beta1\n"),
        GRANT.replace(", name: pay}", "}"),
        GRANT.replace("shop-may-pay", "x"),
    ):
        assert judged(attach, broken + grant, 1).state == RIGHT
    assert judged(attach, broken + GRANT.replace("HTTPRoute", "GRPCRoute"), 1).state == WRONG


def test_a_repair_that_breaks_the_shop_is_none():
    attach = find("11-attach")
    one = attach.instance(0)
    thief = one.solution.replace("name: new", "name: aaa").replace('hostnames: ["', 'hostnames: ["shop.example.com", "')
    told = judged(attach, thief.replace("value: /}", "value: /cart}"), 0)
    assert told.state == WRONG


def test_what_the_api_server_refuses_is_unreadable_in_its_words():
    attach = find("11-attach")
    told = judged(attach, attach.instance(0).solution.replace("value: /}", "value: cart}"), 0)
    assert told.state == UNREADABLE
    assert "must be an absolute path and start with '/'" in str(told)


def test_an_ingress_may_be_written_as_several_routes():
    translate = find("11-translate")
    one = translate.instance(1)
    parts = one.solution.split("  - matches")
    two = f"{parts[0]}  - matches{parts[1]}---\n{parts[0].replace('name: new', 'name: other')}  - matches{parts[2]}"
    assert judged(translate, two, 1).state == RIGHT


# -- views ---------------------------------------------------------------------------------------------------------------------


def test_the_table_of_ways_says_what_the_asker_notices_and_whom_the_pod_sees():
    rows = {row[0]: row[1:] for row in ways("elsewhere").rows}
    assert rows["NodePort"] == ("answered; the pod sees node-1", "timeout")
    assert rows["balancer that proxies"][1] == "answered; the pod sees the balancer"
    assert ways("here", of=6, names=("NodePort",)).rows == ways("here", names=("NodePort",)).rows
    assert "IPv6" in ways("here", of=6).caption


def test_controls_begin_as_they_are_told_and_follow_each_choice():
    controls = SourceControls(policy="Local", pod="on another node")
    assert "dropped" in controls.way
    controls.choose(policy="Cluster")
    assert "web-2" in controls.way
    controls.choose(pod=POD_IS["nowhere"])
    assert "rejected" in controls.way
    with pytest.raises(BadInput, match="cannot be chosen"):
        controls.choose(mode="userspace")


def test_a_request_is_written_in_one_line():
    request = asking("POST shop.example.com:8080/cart?item=1 x-a=b=c :8080 sni=other.example.com")
    assert (request.method, request.host, request.path, request.headers) == (
        "POST", "shop.example.com:8080", "/cart?item=1", (("x-a", "b=c"),))  # fmt: skip
    assert (request.port, request.tls, request.sni) == (8080, True, "other.example.com")
    assert asking("a.com").path == "/"
    for wrong in ("", "GET", "a.com nonsense"):
        with pytest.raises(BadInput):
            asking(wrong) if wrong != "GET" else routed(doors_of([SHOP]), "a.com what")


def test_tables_name_the_winner_the_losers_and_routes_that_hang_nowhere():
    lost = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: lost, namespace: shop}\nspec: {}\n"
    )
    doors = doors_of([SHOP], lost)
    assert [row[0] for row in routed(doors, "shop.example.com/cart").rows] == [
        "asked",
        "rule",
        "not",
        "backend",
        "sent on",
    ]
    assert ("HTTPRoute shop/lost", "none", "NoMatchingParent", "it has no parentRefs, so it is attached to nothing") in (
        attachments(doors).rows)  # fmt: skip


def test_the_shops_request_goes_from_the_stranger_to_the_proxy_and_on_to_the_pod():
    arguments = ["route", "why", str(SHOP), "--host", "shop.example.com", "--path", "/cart/7", "--json"]
    told = CliRunner().invoke(kubenet, arguments, catch_exceptions=False, standalone_mode=False)
    answer = json.loads(told.stdout)
    assert told.stderr == ""
    client, inner = answer["packets"]
    assert client["delivered_in"] == "pod/infra/edge"
    assert client["seen_from"] in ("192.168.1.11", "10.244.2.1")  # masqueraded by the node that the balancer chose
    assert (inner["delivered_in"], inner["seen_from"]) == ("pod/shop/cart-1", "10.244.2.2")
