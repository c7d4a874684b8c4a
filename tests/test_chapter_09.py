"""Chapter 09: the rebuilt lab does what the real one did, shares are fair, exercises differ and take other right answers."""

from __future__ import annotations

import json
import re
import subprocess
from fractions import Fraction
from pkgutil import resolve_name as resolve

import pytest
from realkernel import missing
from realkernel.oracle import _private

from kubenet_course.errors import BadInput
from kubenet_course.kube import request
from kubenet_course.learn import dump, recorded, service_cluster
from kubenet_course.learn.bank import find, of_chapter
from kubenet_course.learn.bank.ch09.lines import carried_out
from kubenet_course.learn.questions.feedback import RIGHT, UNREADABLE, WRONG, judged
from kubenet_course.learn.worlds.recorded import PODS as LAB
from kubenet_course.linux import Memory, Seeded, ask, every, read, tcp, verdict, write
from kubenet_course.views import by_rule, chain, chances, excerpt, shares

PODS = {"podA": "10.244.1.10", "podB": "10.244.1.11"}


def real(name: str) -> list[dict]:
    """What was observed while the rules were recorded, in IPv4 and by TCP."""
    flows = json.loads(dump(name).with_name("iptables.observed.json").read_text())["flows"]
    return [flow for flow in flows if "." in flow["dst"] and flow["proto"] == "TCP"]


@pytest.mark.parametrize("name", ["12_dual_stack", "09_affinity", "11_no_endpoints"])
def test_whatever_a_pod_of_the_real_lab_met_may_happen_in_the_rebuilt_one(name):
    lab, met = recorded(name, nodes=3), 0
    owner = {f"10.244.{node}.{host}": pod for pod, (node, host) in LAB.items()}
    for flow in (one for one in real(name) if one["client"] in PODS):
        packet = tcp(PODS[flow["client"]], 40000, flow["dst"], flow["port"])
        ends = [
            end for _, end in every(lambda draws, p=packet, f=flow: verdict(ask(lab, p, f["client"], choices=draws)))
        ]
        may = {(end.delivered_to, end.seen_from) if end.delivered_to else end.name for end in ends}
        for told in flow["outcomes"]:
            said = re.match(r"ok server=(\S+):\d+ client_seen=(\S+)", told)
            was = (owner[said[1]], said[2]) if said else told
            if was != "timeout" or "refused" not in flow["outcomes"]:  # the kernel limits how many refusals it sends
                assert was in may, (flow, may)
                met += 1
    assert met > 2


def test_the_lab_says_who_it_is_and_that_each_line_of_its_rules_was_understood():
    for name in ("12_dual_stack", "09_affinity", "11_no_endpoints", "14_50x10"):
        assert read(dump(name).read_text(), name).not_understood == ()
    assert {"podA", "podB", "podC", "node1", "node2", "lan", "router"} == set(recorded("12_dual_stack"))


def test_a_dump_without_an_endpoint_is_what_kube_proxy_writes_for_the_one_that_is_left():
    left = chain(recorded("12_dual_stack", gone="podC")["node1"], "KUBE-SVC-ERCRVNABXPQETWEQ")
    assert [row[1] for row in left.rows] == [
        "! -s 10.244.0.0/16 -d 10.96.10.12/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ",
        "-j KUBE-SEP-RYK2TDUEP3BLJSFC",
    ]


@pytest.mark.parametrize("endpoints", range(1, 6))
def test_a_services_shares_are_equal_when_every_outcome_is_followed(endpoints):
    made = service_cluster(endpoints)
    world = made.world()

    def story(draws):
        who, where = "pod/default/client", "service/default/web:80"
        return verdict(request(made, who, where, memory=Memory(), choices=draws, world=world)).delivered_to

    found: dict[str, float] = {}
    for share, pod in every(story):
        found[pod] = found.get(pod, 0.0) + share
    assert set(found) == {f"pod/default/web-{number + 1}" for number in range(endpoints)}
    assert all(abs(share - 1 / endpoints) < 1e-8 for share in found.values())


def test_ten_recorded_probabilities_multiply_to_tenths():
    left = Fraction(1)
    for number in chances(recorded("14_50x10", nodes=1)["node1"], "KUBE-SVC-2G7ZQX33FYLVIRBE"):
        assert abs(left * Fraction(number) - Fraction(1, 10)) < Fraction(1, 10**9)
        left -= left * Fraction(number)
    assert left == 0


def test_bars_say_in_text_what_they_draw():
    told = str(by_rule([0.5, 1.0], ["first", "second"])).splitlines()
    assert told[2].startswith("first ") and told[2].count("#") == 15 and told[2].endswith("50.0%")
    assert told[3].count("=") == 15 and told[3].count("#") == 15
    assert "width:50.00%" in by_rule([0.5, 1.0], ["first", "second"])._repr_html_()
    with pytest.raises(BadInput):
        shares("nothing", ("a", "b"), [])


def test_an_excerpt_keeps_the_files_own_lines_and_numbers():
    lines = dump("12_dual_stack").read_text().splitlines()
    shown = excerpt(dump("12_dual_stack"), "nat", "default/ds").rows
    assert len(shown) == 11
    assert all(lines[int(number) - 1] == line for number, line in shown)


def test_the_first_four_of_each_exercise_ask_different_things():
    for exercise in of_chapter("09"):
        asked = [re.sub(r"[\d.,:`*]+|web-\d", "", exercise.instance(number).asks) for number in range(4)]
        begins = {text[:60] + text[-60:] for text in asked}
        assert len(begins) == 4, exercise.id


def test_there_are_seven_exercises_of_six_kinds():
    kinds = {type(one.instance(0)).__name__ for one in of_chapter("09")}
    assert kinds == {"Order", "FillFrame", "Value", "Choose", "Write", "Repair"}


def variant_of(id: str, word: str) -> int:
    return next(number for number in range(30) if word in find(id).instance(number).asks)


@pytest.mark.parametrize("id", ["09-write", "09-repair"])
def test_other_spellings_of_the_right_lines_are_right_too(id):
    for variant in range(4):
        lines = find(id).instance(variant).solution.splitlines()
        bare = [re.sub(r'-m comment --comment ("[^"]*"|\S+) ', "", line) for line in lines]
        sudo = [f"sudo {line}" if line.startswith("iptables") else f"sudo iptables -t nat {line}" for line in bare]
        assert judged(id, "\n".join(bare), variant).state == RIGHT, (variant, bare)
        if "filter" not in find(id).instance(variant).asks:
            assert judged(id, "\n".join(sudo), variant).state == RIGHT, (variant, sudo)


def test_shares_that_are_fair_in_another_order_are_right():
    variant = variant_of("09-write", "same share")
    lines = find("09-write").instance(variant).solution.splitlines()
    ends = [line.split()[-1] for line in lines]
    turned = [line.replace(end, other) for line, end, other in zip(lines, ends, reversed(ends), strict=True)]
    assert judged("09-write", "\n".join(turned), variant).state == RIGHT


@pytest.mark.parametrize("id", ["09-write", "09-repair"])
@pytest.mark.parametrize(
    "text", ["iptables -t nat -A NOWHERE -j ACCEPT", "print(1)", "-A KUBE-SERVICES -j", "iptables -L"]
)
def test_lines_that_iptables_would_not_take_are_no_attempt(id, text):
    for variant in range(4):
        assert judged(id, text, variant).state in (UNREADABLE, WRONG)
        assert judged(id, text, variant).state == UNREADABLE or "NOWHERE" in text


def test_numbers_of_rules_are_taken_as_iptables_takes_them():
    world = service_cluster(3).world()
    name = "KUBE-SVC-LOLE4ISW44XBNF3G"
    before = [row[1] for row in chain(world["node-1"], name).rows]
    deleted = carried_out(world, "node-1", f"iptables -t nat -D {name} 2")
    assert [row[1] for row in chain(deleted["node-1"], name).rows] == [before[0], *before[2:]]
    added = carried_out(world, "node-1", f"iptables -w -t nat -I {name} 2 -p tcp -j KUBE-MARK-MASQ")
    assert [row[1] for row in chain(added["node-1"], name).rows] == [before[0], "-p tcp -j KUBE-MARK-MASQ", *before[1:]]
    for wrong in (f"-D {name} 9", f"-R {name} -j ACCEPT", f"-Z {name} 1"):
        with pytest.raises(BadInput):
            carried_out(world, "node-1", f"iptables -t nat {wrong}")


@pytest.mark.parametrize("policy", ["Cluster", "Local"])
@pytest.mark.parametrize("endpoints", range(6))
def test_what_the_controls_offer_ends_as_the_text_says(endpoints, policy):
    far = service_cluster(endpoints, 60, policy, homes=(2,) * 5)
    stranger = verdict(request(far, "host/203.0.113.5", "192.168.1.11:30080"))
    wanted = "refused" if not endpoints else "delivered" if policy == "Cluster" else "timeout"
    assert stranger.name == wanted
    memory, world = Memory(), far.world()
    asks = ("pod/default/client", "service/default/web:80")
    met = {verdict(request(far, *asks, 40000 + n, memory, Seeded(n), world)).delivered_to for n in range(6)}
    assert len(met) == 1, "affinity keeps a client with its pod"


@pytest.mark.parametrize("id, where", [("09-write", "put.written"), ("09-repair", "repair.carried_out")])
@pytest.mark.parametrize("variant", range(4))
def test_the_real_iptables_takes_the_rules_of_every_solution(id, where, variant, monkeypatch):
    if reason := missing():
        pytest.skip(f"cannot ask iptables-restore here: {reason}")
    name, loaded = f"kubenet_course.learn.bank.ch09.{where}", []
    works = resolve(name)

    def noted(world, node, *more):
        after = works(world, node, *more)
        loaded.append(write(after[node].ruleset(4)))
        return after

    monkeypatch.setattr(name, noted)
    assert judged(id, find(id).instance(variant).solution, variant).state == RIGHT
    given = subprocess.run(_private("iptables-restore", "--test"), input=loaded[-1], capture_output=True, text=True)
    assert (given.returncode, given.stderr) == (0, "")
