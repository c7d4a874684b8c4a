"""Chapter 10: what modes cost, how they spread, what they leave on a node, and what a change of the mode breaks."""

from __future__ import annotations

import json
import re

import pytest

from kubenet_course.errors import BadInput
from kubenet_course.kube import request
from kubenet_course.kube.balance.spread import carried_out
from kubenet_course.kube.balance.workload import Connection
from kubenet_course.learn import Crashed, configured, fact, in_mode, many_services, measured, service_cluster, versions
from kubenet_course.learn.bank import find, of_chapter
from kubenet_course.learn.bank.ch10.cost import compared
from kubenet_course.learn.measurements import FILE
from kubenet_course.learn.questions.feedback import RIGHT, UNREADABLE, WRONG, judged
from kubenet_course.linux import Memory, every, verdict
from kubenet_course.views import Stepper, ebpf_text, flows, ipvs_text, nft_text, windows_text
from kubenet_course.views.versions.versions import Dated, Versions, state

MODES = ("iptables", "nftables", "ipvs")
ASKS = ("pod/default/client", "service/default/web:80")
CONFIG = """apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clusterCIDR: 10.244.0.0/16
"""


# -- what a connection costs ------------------------------------------------------------------------


@pytest.mark.parametrize("mode, grows", [("iptables", 60), ("nftables", 0)])
def test_sixty_services_more_are_sixty_rules_more_in_a_list_and_none_in_a_map(mode, grows):
    few, many = (compared(mode, count, count - 1) for count in (40, 100))
    assert many[0] - few[0] == grows
    assert few[1] == many[1] == 0, "the second packet is not led through the table nat"


@pytest.mark.parametrize("at", [0, 7, 29])
def test_in_a_list_it_matters_where_a_service_stands(at):
    assert compared("iptables", 30, at)[0] == compared("iptables", 30, 0)[0] + at


def test_the_last_of_many_services_is_reached_in_every_mode():
    for mode in MODES:
        assert verdict(request(many_services(300, mode), ASKS[0], "service/default/s00299:80")).name == "delivered"


def test_the_real_kernel_was_measured_with_every_size_and_only_new_connections_grow():
    told = json.loads(FILE.read_text())
    assert told["machine"]["kernel"] and told["unit"].startswith("microseconds")
    for mode in ("iptables", "iptables-legacy", "nftables"):
        small, large = measured(mode, 10), measured(mode, 10_000)
        assert abs(large.later - small.later) < 4
        assert (large.first > 5 * small.first) == (mode != "nftables")
    with pytest.raises(BadInput, match="nobody has measured ipvs"):
        measured("ipvs", 10)


# -- who gets the connection ------------------------------------------------------------------------


@pytest.mark.parametrize("scheduler", ["rr", "lc", "sed", "nq"])
@pytest.mark.parametrize("nodes", [1, 2])
def test_the_comparer_spreads_as_the_models_kernels_do(scheduler, nodes):
    """Nine connections that stay open, once counted by `spread` and once sent as packets through the nodes' IPVS."""
    made = configured(service_cluster(4), f"{CONFIG}mode: ipvs\nipvs: {{scheduler: {scheduler}}}\n")
    world, memory, got = made.world(), Memory(), []
    for number in range(9):
        asker = f"node/node-{number % nodes + 1}"
        got.append(verdict(request(made, asker, ASKS[1], 40_000 + number, memory, world=world)).delivered_to)
    order = sorted((f"pod/default/web-{n}" for n in range(1, 5)), key=lambda pod: address(made, pod), reverse=True)
    staying = [Connection(at, at, ((at, 12),), True) for at in range(9)]
    assert tuple(got.count(pod) for pod in order) == carried_out(scheduler, staying, (4,) * 4, nodes).got


def address(made, pod: str) -> str:
    return made.placed.addresses(made.pod("default", pod.rpartition("/")[2]))[0]


# -- what is written on a node ----------------------------------------------------------------------


def test_parts_of_the_nft_ruleset_are_lines_of_the_whole():
    lab = service_cluster(2)
    whole, part = (str(nft_text(lab, "node-1", *names)).splitlines()[1:] for names in ((), ("services", "service-ips")))
    assert set(part) < set(whole) and len(part) == 10
    assert "elements = { 10.96.1.1 . tcp . 80 : goto service-PFISGYVC-default/web/tcp/ }" in "\n".join(part)
    with pytest.raises(BadInput, match="nothing in the table begins with nonsense"):
        nft_text(lab, "node-1", "nonsense")


def test_ipvs_has_a_virtual_server_for_each_address_and_the_node_takes_the_clusterip():
    told = str(ipvs_text(service_cluster(2), "node-1"))
    assert re.findall(r"^-A -t (\S+) -s rr$", told, re.M) == ["10.244.1.1:30080", "10.96.1.1:80", "192.168.1.11:30080"]
    assert told.endswith("kube-ipvs0  DOWN  10.96.1.1/32")


def test_what_windows_and_ebpf_hold_names_both_pods():
    lab = service_cluster(2)
    assert "loadbalancer 10.96.1.1:80 -> :8080 of 10.244.1.3, 10.244.2.2" in str(windows_text(lab, "node-1"))
    assert "1 => 10.244.1.3:8080, 2 => 10.244.2.2:8080" in str(ebpf_text(lab, "node-1"))


def test_the_steppers_story_tells_what_ipvs_replaces_and_remembers():
    made = in_mode(service_cluster(2), "ipvs")
    story = " ".join(repr(Stepper(made.world(), request(made, *ASKS))).split())
    assert "Its IPVS replaces the destination 10.96.1.1, port 80 by 10.244.2.2, port 8080. Its route leads by" in story
    assert "node-1 remembers this connection, so that it can translate the answer back." in story
    assert "It recognises the connection, and replaces the source 10.244.2.2, port 8080 by 10.96.1.1, port 80." in story


@pytest.mark.parametrize("mode", MODES)
def test_while_a_dead_pod_is_listed_half_of_the_new_connections_are_refused(mode):
    made = in_mode(service_cluster(2), mode)
    kernels = Crashed(made, "default", "web-2")
    met: dict[str, float] = {}

    def story(chance):
        return verdict(request(made, *ASKS, memory=Memory(), choices=chance, world=kernels)).name

    for share, end in every(story):
        met[end] = met.get(end, 0) + share
    assert met == pytest.approx({"delivered": 0.5, "refused": 0.5})


# -- what another mode changes ----------------------------------------------------------------------


def told(before, after) -> dict[str, tuple[str, str]]:
    return {row[0]: (row[2].partition(",")[0], row[3].partition(",")[0]) for row in flows(before, after).rows}


def test_the_migrations_of_the_chapter_change_what_was_observed_on_real_nodes():
    """OBSERVED 6 and 7: wrong ports, further addresses of the node, 127.0.0.1."""
    lab = {mode: in_mode(service_cluster(2), mode) for mode in MODES}
    assert told(lab["iptables"], lab["nftables"]) == {
        "10.96.1.1:81": ("unreachable", "refused"),
        "10.244.1.1:30080": ("delivered", "refused"),
        "127.0.0.1:30080": ("delivered", "refused"),
    }
    assert told(lab["ipvs"], lab["nftables"]) == {"10.244.1.1:30080": ("delivered", "refused")}
    assert told(lab["nftables"], lab["nftables"]) == {}


def test_a_configuration_that_is_none_is_refused_with_a_reason():
    lab = service_cluster(1)
    for text, what in (
        ("mode: nftables", "kind"),
        (f"{CONFIG}mode: fast\n", "mode"),
        (f"{CONFIG}nodePortAddress: []\n", "no field nodePortAddress"),
        (f"{CONFIG}---\n{CONFIG}", "KubeProxyConfiguration"),
    ):
        with pytest.raises(BadInput, match=what):
            configured(lab, text)


# -- versions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "version, how", [("1.33", "holds"), ("1.34", "new"), ("1.35", "holds"), ("1.40", "ended"), ("1.41", "")]
)
def test_a_statement_is_new_holds_or_has_ended(version, how):
    one = Dated("It is so.", since="" if version == "1.33" else "1.34", until="1.40")
    assert state(one, version) == how


def test_the_slider_says_which_modes_there_are():
    slider = versions("ipvs-deprecated", "nftables-default", "iptables-default", first="1.33", last="1.40")
    assert slider.holding == (fact("iptables-default").statement,)
    slider.choose("1.40")
    assert slider.holding == (fact("ipvs-deprecated").statement, fact("nftables-default").statement)
    assert f"no longer: {fact('iptables-default').statement}" in repr(slider)
    with pytest.raises(BadInput, match=r"choose 1\.33 or"):
        slider.choose("2.0")
    with pytest.raises(BadInput, match="versions of CNI"):
        versions("cni-verbs", first="1.33", last="1.40")
    with pytest.raises(BadInput):
        Versions([], "1.33", "1.40", chosen="1.32")


# -- exercises --------------------------------------------------------------------------------------


def test_there_are_seven_exercises_of_three_kinds():
    found = [type(one.instance(0)).__name__ for one in of_chapter("10")]
    assert len(found) == 7 and set(found) == {"Value", "Choose", "Write"}


def test_the_first_four_of_each_exercise_ask_different_things():
    for exercise in of_chapter("10"):
        asked = [re.sub(r"[\d.,:`*]+|web-\d", "", exercise.instance(number).asks) for number in range(4)]
        assert len({text[:60] + text[-160:] for text in asked}) == 4, exercise.id


def variant_of(id: str, words: str) -> int:
    return next(number for number in range(12) if words in find(id).instance(number).asks)


@pytest.mark.parametrize(
    "text",
    [
        f"{CONFIG}mode: nftables\nnodePortAddresses:\n- 0.0.0.0/0\n",
        f'{CONFIG}nodePortAddresses: [\'10.0.0.0/8\', "192.168.0.0/16"]\nmode: "nftables"\n',
        f"# all of them\n{CONFIG}mode: nftables\nnodePortAddresses: [10.244.0.0/16, 192.168.1.0/24]\nnftables: {{}}\n",
    ],
)
def test_other_configurations_that_do_it_are_right_too(text):
    assert judged("10-config", text, variant_of("10-config", "on **every** address")).state == RIGHT


@pytest.mark.parametrize(
    "text",
    [
        "hello", "mode: nftables", f"{CONFIG}mode: [", f"{CONFIG}mode: nftables\n  nodePortAddresses: []",
        f"{CONFIG}mode: nftables\nnodePortAddresses: 0.0.0.0/0",
        f'{CONFIG}mode: nftables\nnodePortAddresses: ["0.0.0.0/33"]',
        f'{CONFIG}mode: nftables\nnodePortAdresses: ["0.0.0.0/0"]', CONFIG.replace("10.244", "10.0") + "mode: nftables",
        f"{CONFIG}mode: userspace", "kind: Service\napiVersion: v1\nmetadata: {name: a}\n", "\t",
        "kubectl edit cm kube-proxy",
    ],
)  # fmt: skip
def test_a_configuration_that_kube_proxy_would_not_take_is_no_attempt(text):
    told = judged("10-config", text, 0)
    assert told.state in (UNREADABLE, "unanswered"), told
    assert "Traceback" not in str(told)


def test_a_mode_that_the_task_does_not_ask_for_is_named():
    variant = variant_of("10-config", "still works in IPVS mode")
    told = judged("10-config", f"{CONFIG}mode: iptables\n", variant)
    assert told.state == WRONG and "The mode is iptables now" in str(told)
