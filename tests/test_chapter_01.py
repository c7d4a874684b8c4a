"""Chapter 01: containers from a manifest, real sockets beside the model's, and what its exercises say to wrong answers."""

import re
import sys

import pytest

from kubenet_course.data import data
from kubenet_course.errors import BadInput
from kubenet_course.kube.questions.containers import containers, started
from kubenet_course.lab.real.sockets import bind_errors
from kubenet_course.learn.bank import find, of_chapter
from kubenet_course.learn.questions.feedback import RIGHT, UNREADABLE, WRONG, judged
from kubenet_course.linux.namespace.bind import in_turn
from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.netns import Socket, netns
from kubenet_course.linux.packet.packet import tcp
from kubenet_course.linux.verdicts import verdict
from kubenet_course.linux.walk import ask
from kubenet_course.views.tables.binds import answer, binds, programs
from kubenet_course.views.tables.pod import pod

COLLIDING = data("pods/two-on-one-port.yaml").read_text(encoding="utf-8")
SIDECAR = data("pods/sidecar.yaml").read_text(encoding="utf-8")
POD = netns("pod", (Device("eth0", addresses=(ifaddr("10.244.1.11/24"),)),))


def test_containers_start_in_the_order_of_the_lists_and_a_sidecar_outlives_the_main_ones():
    """https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/"""
    assert containers(SIDECAR).events[1:] == (
        "fetch runs and ends",
        "forwarder starts",
        "migrate runs and ends",
        "web starts",
        "web is told to end",
        "forwarder is told to end",
    )


def test_several_sidecars_end_in_reverse_order():
    more = SIDECAR.replace("  - name: fetch\n", "  - name: early\n    restartPolicy: Always\n  - name: fetch\n")
    assert containers(more).events[-2:] == ("forwarder is told to end", "early is told to end")


def test_the_second_of_two_containers_is_refused_whatever_port_it_declares():
    """kubernetes/kubernetes#91279"""
    declared = COLLIDING.replace('"-text=taken"]', '"-text=taken"]\n    ports:\n    - containerPort: 4000')
    for text in (COLLIDING, declared):
        running, asked = started(containers(text), POD)
        assert [one.error for one in asked] == ["", "EADDRINUSE"]
        assert [one.program for one in running.sockets] == ["web"]


def test_an_init_container_leaves_its_port_when_it_ends():
    listens = SIDECAR.replace('["sh", "-c", "echo fetched"]', '["/http-echo", "-listen=0.0.0.0:8080"]')
    running, asked = started(containers(listens), POD)
    assert [(one.wanted.program, one.error) for one in asked] == [("fetch", ""), ("forwarder", ""), ("web", "")]
    assert [one.program for one in running.sockets] == ["forwarder", "web"]


@pytest.mark.parametrize(
    "flag, address",
    [("-listen=:8080", "::"), ("--listen=0.0.0.0:8080", "0.0.0.0"), ("-listen=[::1]:8080", "::1"), ("-text=x", None)],
)
def test_a_program_listens_where_its_flag_says(flag, address):
    listens = containers(COLLIDING.replace("-listen=0.0.0.0:8080", flag, 1)).containers[0].listens
    assert [(one.address, one.port, one.program) for one in listens] == ([(address, 8080, "web")] if address else [])


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("0.0.0.0:8080", "0.0.0.0", "container web: -listen=0.0.0.0 names no port"),
        ("0.0.0.0:8080", "shop:8080", "container web: 'shop' is not an address"),
        ('["-listen=0.0.0.0:8080", "-text=hello"]', "3", r"expected `array`, got `int` - at `\$.containers\[0\].args`"),
        ("name: forwarder", "name: web", "two containers are named 'web'"),
        ("  containers:", "  container:", "field spec.container is not understood"),
        ("kind: Pod", "kind: Service", "it holds no pods|ports"),
        (COLLIDING, "", "the file is empty"),
        ("hello", "\udc00", "the file is binary"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused_by_name(old, new, said):
    with pytest.raises(BadInput, match=said):
        containers(COLLIDING.replace(old, new))


def test_limits_are_the_containers_own():
    assert [one.resources.limits["memory"] for one in containers(COLLIDING).containers] == ["256Mi", "512Mi"]


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels have other rules")
@pytest.mark.parametrize("said", [{}, {"reuseport": True}, {"reuseaddr": True}], ids=str)
@pytest.mark.parametrize("place", [("tcp", "0.0.0.0"), ("tcp", "127.0.0.1"), ("udp", "0.0.0.0")], ids=str)
def test_the_kernel_of_the_notebook_says_what_the_chapter_says(place, said):
    pair = Socket("tcp", "0.0.0.0", 8080, **said), Socket(*place, 8080, **said)
    assert bind_errors(pair) == tuple(one.error for one in in_turn(POD, pair))


def test_a_socket_for_ipv6_only_and_one_that_does_not_listen_take_no_packet():
    for deaf in (Socket("tcp", "::", 8080, v6only=True), Socket("tcp", "0.0.0.0", 8080, listens=False)):
        held = in_turn(POD, [deaf])[-1].ns
        assert verdict(ask(held, tcp("127.0.0.1", 40000, "127.0.0.1", 8080))).name == "refused"


def test_a_table_says_who_has_what_another_one_wanted():
    asked = (
        Socket("tcp", "0.0.0.0", 80, "web", uid=7),
        Socket("tcp", "203.0.113.1", 80, "lost"),
        Socket("udp", "::", 80, v6only=True),
    )
    assert "web      tcp       0.0.0.0:80        user 7" in str(programs(asked))
    assert [answer(one) for one in in_turn(POD, asked)] == [
        "listens",
        "EADDRNOTAVAIL: nobody has that address",
        "listens",
    ]
    assert str(binds(in_turn(POD, asked))).startswith("2 of 3 listen")


# What people do to the manifest, and what they are told. `{solved}` stands for the reference solution.
ATTEMPTS = [
    ("the flag with two dashes is the same flag", lambda good: good.replace("-listen", "--listen"), RIGHT, 0),
    (
        "any other address of localhost is not where web asks",
        lambda good: good.replace("127.0.0.1", "127.0.0.2"),
        WRONG,
        66,
    ),
    ("every address is one too many", lambda good: good.replace("127.0.0.1", "0.0.0.0"), WRONG, 56),
    ("localhost is read as Go reads it", lambda good: good.replace("127.0.0.1", "localhost"), RIGHT, 0),
    ("a flag and its place may be two words", lambda good: good.replace('"-listen=', '"-listen", "'), RIGHT, 0),
    ("another name is no address", lambda good: good.replace("127.0.0.1", "forwarder"), UNREADABLE, 0),
    ("a container is not to be taken out", lambda good: good.replace("name: forwarder", "name: other"), UNREADABLE, 0),
    ("two pods are another answer to another question", lambda good: f"{good}---\n{good}", UNREADABLE, 0),
    ("comments and order of fields do not matter", lambda good: f"# mended\n{good}", RIGHT, 0),
    ("the forwarder may be a native sidecar", lambda good: _as_sidecar(good), RIGHT, 0),
]


def _as_sidecar(good: str) -> str:
    """The forwarder under initContainers, and always restarted."""
    head, web, forwarder = (
        good.partition("  containers:\n")[0],
        *good.partition("  containers:\n")[2].split("  - name: forwarder"),
    )
    return f"{head}  initContainers:\n  - name: forwarder\n    restartPolicy: Always{forwarder}  containers:\n{web}"


@pytest.mark.parametrize("variant", range(4))
@pytest.mark.parametrize("story, change, state, belief", ATTEMPTS, ids=[one[0] for one in ATTEMPTS])
def test_each_way_to_mend_two_programs_on_one_port_is_met_by_its_own_words(story, change, state, belief, variant):
    given = judged("01-repair", change(find("01-repair").instance(variant).solution), variant)
    assert given.state == state, given
    assert belief == 0 or belief in given.beliefs


@pytest.mark.parametrize("variant", range(60))
def test_one_program_is_refused_and_the_answer_says_what_its_row_says(variant):
    of = find("01-bind").instance(variant)
    refused = [row for row in of.evidence.rows if row[-1] != "listens"]
    assert len(refused) == 1
    checked = {1: f"EADDRINUSE: {of.answer} has it" == refused[0][-1], 3: of.answer == 3}
    assert checked.get(variant % 4, of.answer == refused[0][0])
    assert of.answer not in [slip.answer for slip in of.slips]


def test_teams_that_try_again_get_the_port_that_was_freed():
    """Whoever listens keeps its port; the first of those who waited gets the free one. Counted here, one by one."""
    for variant in (3, 7, 11, 15):
        of = find("01-bargain").instance(variant)
        asked = [(row[1], *row[2].rsplit(":", 1)) for row in of.look.rows]
        held, waits = [], []
        for one in asked:
            (waits if any(meets(one, other) for other in held) else held).append(one)
        held.remove(asked[0])
        for one in waits:
            held += [] if any(meets(one, other) for other in held) else [one]
        assert of.answer == len(held)


def meets(one: tuple[str, str, str], other: tuple[str, str, str]) -> bool:
    """Protocol and port the same, and one address, or every address on one of the sides."""
    return (one[0], one[2]) == (other[0], other[2]) and (one[1] == other[1] or "0.0.0.0" in (one[1], other[1]))


def test_a_pod_is_drawn_with_its_containers_inside_and_one_network():
    running, _ = started(containers(COLLIDING), POD)
    drawn = pod(containers(COLLIDING), running)
    assert [name for name, _ in drawn.boxes] == ["pause", "web", "forwarder"]
    assert ("eth0", "10.244.1.11") in drawn.shared and ("listening", "web on tcp 0.0.0.0:8080") in drawn.shared
    assert "forwarder: memory up to 512Mi" in str(drawn) and drawn._repr_html_().count("border:1.5px solid") == 4
    assert "nobody yet" in str(pod(containers(COLLIDING), POD, running=()))


def test_the_first_variants_of_an_exercise_ask_different_questions():
    for exercise in (*of_chapter("00"), *of_chapter("01")):
        asked = [exercise.instance(variant) for variant in range(4)]
        assert len({re.sub(r"[0-9.]+", "", f"{one.asks} {one.look}") for one in asked}) == 4, exercise.id


def test_every_belief_about_ports_is_met_in_some_variant():
    met = {slip.belief for variant in range(60) for slip in find("01-bind").instance(variant).slips}
    assert met >= {56, 62, 67, 69}
