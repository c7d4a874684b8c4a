"""Chapter 02: what a person types joins pods, in the model and on a real kernel; the terminal on the page; other answers."""

import re
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from console_real import on_this_machine

from kubenet_course.data import data
from kubenet_course.errors import BadInput
from kubenet_course.lab.comparison import compare
from kubenet_course.lab.real.run import missing, run
from kubenet_course.lab.real.script import shell
from kubenet_course.lab.scenario.capture import load_capture
from kubenet_course.lab.scenario.scenario import load, read
from kubenet_course.lab.scenario.write import write
from kubenet_course.learn.bank import find
from kubenet_course.learn.page.terminal import MOST, Terminal
from kubenet_course.learn.questions.feedback import RIGHT, UNREADABLE, WRONG, judged
from kubenet_course.learn.worlds.by_hand import (
    ROUTED,
    TWO_PODS,
    by_hand,
    cable,
    on_a_kernel,
    plug,
    scenario,
    story,
    typed,
)
from kubenet_course.linux.verdicts import verdict
from kubenet_course.views.console import Console
from kubenet_course.views.story.heard import heard

STORIES = pytest.mark.parametrize("made", by_hand(), ids=lambda one: one.name)


# -- by hand, and on the real kernel -----------------------------------------------------------------------------------


@STORIES
def test_what_is_typed_does_the_same_on_this_kernel(made):
    if missing():
        pytest.skip(missing() or "")
    comparison = compare(made, run(made))
    assert comparison.equal, [str(difference) for difference in comparison.differences]


@STORIES
def test_the_recording_is_of_what_is_typed_and_the_model_agrees_with_it(made):
    assert load(data(f"scenarios/{made.name}.json")) == made == read(write(made))
    capture = load_capture(data(f"captures/{made.name}.json"), made)
    assert capture.kernel.startswith("6.18") and compare(made, capture).equal


@STORIES
def test_where_no_namespaces_may_be_made_the_recording_stands_in(made, monkeypatch):
    monkeypatch.setattr("kubenet_course.learn.worlds.by_hand.missing", lambda: "not here")
    assert on_a_kernel(made) == load_capture(data(f"captures/{made.name}.json"))


def test_a_recording_is_refused_for_another_address(monkeypatch):
    monkeypatch.setattr("kubenet_course.learn.worlds.by_hand.missing", lambda: "not here")
    other = typed(TWO_PODS.replace("10.244.1.11", "10.244.1.12")).world
    with pytest.raises(BadInput, match="record it again"):
        on_a_kernel(scenario("two-pods-by-hand", "", other))


@STORIES
def test_the_printed_script_of_it_is_taken_by_the_console(made):
    again = Console()
    assert not again(shell(made)).refused
    assert set(again.world) == set(made.world)


SCRIPT = TWO_PODS.splitlines()
# One echo request by a raw socket (the program ping is not installed everywhere); ends well if it is answered within half a second.
PING = """
import select, socket, struct, sys, time
asks = struct.pack("!BBHHH", 8, 0, 0, 1, 1)
asks = asks[:2] + struct.pack("!H", ~(0x0800 + 1 + 1) & 0xffff) + asks[4:]
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
    raw.sendto(asks, (sys.argv[1], 0))
    until = time.monotonic() + 0.5
    while (left := until - time.monotonic()) > 0:
        if select.select([raw], [], [], left)[0] and raw.recv(200)[20] == 0:
            sys.exit(0)
sys.exit(1)
"""


def without(number: int) -> list[str]:
    return SCRIPT[:number] + SCRIPT[number + 1 :]


def answers_in_the_model(script: list[str]) -> bool:
    console = Console("node-1")
    for line in script:
        console(line)  # one that is refused changes nothing, as on a real machine
    return " 0% packet loss" in str(console("ip netns exec client ping -c 1 10.244.1.11"))


def answers_here(script: list[str]) -> bool:
    steps = [*map(shlex.split, script), ["sleep", "1.3"]]  # a link is believed a second later
    ping = ["ip", "netns", "exec", "client", sys.executable, "-c", PING, "10.244.1.11"]
    told, _ = on_this_machine([(argv, "") for argv in (*steps, ping)])
    return told[-1][0] == 0


@pytest.mark.parametrize("number", range(len(SCRIPT)))
def test_without_any_one_line_nobody_answers(number):
    assert answers_in_the_model(SCRIPT) and not answers_in_the_model(without(number))


def test_without_any_one_line_nobody_answers_on_this_kernel_either():
    if missing():
        pytest.skip(missing() or "")
    with ThreadPoolExecutor(4) as pool:
        answered = list(pool.map(answers_here, [SCRIPT, *map(without, range(len(SCRIPT)))]))
    assert answered == [True] + [False] * len(SCRIPT)


def test_a_bridge_that_is_down_carries_nothing_and_forgets():
    console = typed(TWO_PODS)
    console("ip netns exec client ping -c 1 10.244.1.11")
    assert "state forwarding" in str(console("bridge link")) and len(console.learned.rows) == 4
    console("ip link set cni0 down")
    assert "state disabled" in str(console("bridge link")) and len(console.learned.rows) == 2
    answer = console("ip netns exec client ping -c 1 10.244.1.11")
    assert "cni0 is down, and so its ports are disabled" in str(answer) and "100% packet loss" in str(answer)


def with_macs(script: list[str]) -> list[str]:
    """The same with the MACs that the console makes, so that a real kernel draws none."""
    world = typed("\n".join(script)).world
    found = []
    for line in script:
        if "type veth" in line:
            name = line.split()[-1]
            end, own = (world[place].devices[dev].mac for place, dev in (("node-1", f"veth-{name}"), (name, "eth0")))
            line = line.replace(" type veth", f" address {end} type veth") + f" address {own}"
        found.append(line)
    return found


SHOWN = [
    "ip -4 -n client neigh",
    "ip -4 -n web-1 neigh",
    "bridge fdb show br cni0",
    "ip -4 -n client route",
    "bridge link",
]


def plain(text: str) -> list[str]:
    """Lines without multicast rows, and without what a port of a bridge has besides."""
    lines = [re.sub(r" (priority|cost) \d+", "", line).rstrip() for line in text.splitlines()]
    return sorted(line for line in lines if not re.match("33:33|01:00:5e", line))


def test_after_a_ping_the_real_programs_show_what_the_console_shows():
    if missing():
        pytest.skip(missing() or "")
    script = with_macs(SCRIPT)
    steps = [*map(shlex.split, script), ["sleep", "1.3"]]
    ping = ["ip", "netns", "exec", "client", sys.executable, "-c", PING, "10.244.1.11"]
    told, _ = on_this_machine([(argv, "") for argv in (*steps, ping, *(["sh", "-c", f"{text} >&2"] for text in SHOWN))])
    console = typed("\n".join(script))
    console("ip netns exec client ping -c 1 10.244.1.11")
    for text, (_, real) in zip(SHOWN, told[-len(SHOWN) :], strict=True):
        assert plain(console(text).done[0].shown) == plain(real), text


def test_the_order_of_what_can_be_done_in_any_order_does_not_matter():
    lines = SCRIPT
    made, rest = lines[:2] + lines[5:7] + lines[10:11], [*lines[2:5], *lines[7:10], *lines[11:]]
    answer = typed("\n".join(made + rest[::-1]))("ip netns exec client ping -c 1 10.244.1.11")
    assert " 0% packet loss" in str(answer)


def test_pods_with_routes_share_no_link_and_lose_a_hop():
    console = typed(ROUTED)
    trace = console("ip netns exec client ping -c 1 10.244.1.11").trace
    assert verdict(trace).delivered_to == "web-1"
    came = [row[2] for row in heard(trace, "web-1").rows if "icmp" in row[2]]
    assert len(came) == 1 and came[0].endswith("ttl 63")
    assert not [row for row in heard(trace, "web-1").rows if console.world["client"].devices["eth0"].mac in row[2]]
    assert "169.254.1.1 dev eth0" in str(console("ip -n client neigh"))


def test_without_proxy_arp_nobody_answers_for_the_gateway():
    console = typed(ROUTED)
    console("sysctl -w net.ipv4.conf.cali-client.proxy_arp=0")
    assert "Destination Host Unreachable" in str(console("ip netns exec client ping -c 1 10.244.1.11"))


def test_without_onlink_the_gateway_is_refused_as_the_kernel_refuses_it():
    console = Console("node-1")
    answer = console(ROUTED.replace(" onlink", ""))
    assert answer.quote == "Error: Nexthop has invalid gateway."


def test_a_named_story_is_a_scenario_and_its_first_packet():
    kept, trace = story("host-gw-hairpin-off")
    assert kept.name == "host-gw-hairpin-off" and any("hairpin is off" in step.said for step in trace.steps)


def test_heard_counts_and_says_when_there_was_nothing():
    trace = typed(TWO_PODS)("ip netns exec client ping -c 1 10.244.1.11").trace
    assert str(heard(trace, "web-1")).splitlines()[0] == "2 frames came in"
    assert str(heard(trace, "nobody")) == "No frame came in."
    assert heard(trace, "client", way="out").rows[0][2].startswith("02:9b:d1:f3:d1:55 > ff:ff:ff:ff:ff:ff ARP")


# -- the terminal on the page ------------------------------------------------------------------------------------------


def test_tab_completes_what_is_clear_and_shows_what_is_not():
    terminal = Terminal(begun=TWO_PODS)
    for line, whole, words in (
        ("ip net", "ip netns ", ["netns"]),
        ("ip netns exec cl", "ip netns exec client ", ["client"]),
        ("ip netns exec client pi", "ip netns exec client ping ", ["ping"]),
        ("ip -n client ro", "ip -n client route ", ["route"]),
        ("ip link set veth-", "ip link set veth-", ["veth-client", "veth-web-1"]),
        ("xyz", "xyz", []),
    ):
        terminal.told("complete", line)
        assert terminal.completed == {"line": line, "whole": whole, "words": words}


def test_help_history_and_clear_are_there_as_in_any_terminal():
    terminal = Terminal(begun=TWO_PODS)
    assert "tcpdump -i DEVICE" in str(terminal.type("help"))
    assert str(terminal.type("history")).splitlines()[-1].endswith("history")
    terminal.type("clear")
    assert terminal.reply["log"] == [] and "client" in terminal.reply["picture"]


def test_three_pings_are_asked_one_a_second_and_tcpdump_hears_them_all():
    console = Console("node-1")
    console(TWO_PODS)
    console("tcpdump -i cni0 -n icmp")
    shown = console("ip netns exec client ping -c 3 10.244.1.11").done[-1].shown
    assert "3 packets transmitted, 3 received, 0% packet loss" in shown and "icmp_seq=3" in shown


def test_what_is_typed_is_answered_and_changes_picture_and_table():
    terminal = Terminal(begun=TWO_PODS)
    before = terminal.reply["picture"]
    terminal.told("run", cable("other", "10.244.1.12") + plug("other"))
    terminal.told("run", "ip netns exec other ping -c 1 10.244.1.10")
    assert terminal.reply["picture"] != before and "other" in terminal.reply["picture"]
    assert "64 bytes from 10.244.1.10" in terminal.reply["log"][-1]["html"]
    assert "behind veth-other is" in terminal.reply["learned"]


@pytest.mark.parametrize(
    "line, sentence",
    [
        ("ip link set veth-clinet up", "node-1 has no device veth-clinet"),
        ("ip -n clint link", "There is no namespace clint"),
        ("ip lnik add x type bridge", "It knows netns, link"),
        ("ip link add x", "wants a type"),
        ("ip addr add 10.244.1.1 dev", "Nothing follows dev"),
        ("ip link add cni0 type bridge; ip link set cni0 up", "One command a line"),
        ("ls", "does not know"),
        ("<img src=x onerror=alert(1)>", "&lt;img"),
    ],
)
def test_a_slip_of_the_pen_is_met_by_a_sentence(line, sentence):
    terminal = Terminal(begun=TWO_PODS)
    terminal.told("run", line)
    said = terminal.reply["log"][-1]
    assert said["refused"] and sentence in said["html"] and "<img" not in said["html"]


def test_start_again_brings_the_beginning_back_and_keeps_what_was_typed_before_it():
    terminal = Terminal(begun=TWO_PODS)
    first = terminal.reply
    terminal.told("run", "ip netns del client")
    terminal.told("again", None)
    assert terminal.reply == first and terminal.form["begun"] == TWO_PODS


@pytest.mark.parametrize(
    "do, answer", [("run", ""), ("run", "  "), ("run", None), ("run", 7), ("hello", None), ("", None)]
)
def test_nothing_happens_where_nothing_was_said(do, answer):
    terminal = Terminal()
    terminal.told(do, answer)
    assert terminal.reply["log"] == []


def test_the_page_keeps_so_many_lines_and_no_more():
    terminal = Terminal()
    for _ in range(MOST + 5):
        terminal.type("sleep 1")
    assert len(terminal.reply["log"]) == MOST


def test_a_terminal_has_a_text_a_png_and_no_address_of_memory():
    terminal = Terminal(begun=TWO_PODS, title="A terminal on node-1")
    terminal.type("ip -n client route")
    shown = terminal._repr_mimebundle_()
    assert set(shown) == {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"}
    assert "node-1 # ip -n client route" in repr(terminal) and not re.search("0x[0-9a-f]{6}", repr(terminal))


def test_a_terminal_without_anything_says_how_to_begin():
    assert "ip netns add" in Terminal().reply["picture"]


# -- other answers to the exercises ------------------------------------------------------------------------------------


def lines(variant: int) -> list[str]:
    return find("02-join").instance(variant).solution.splitlines()


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made[:2] + made[:1:-1],
        lambda made: [f"sudo {line}" for line in made],
        lambda made: ["# mine", "", *(line.replace("link set", "link set dev") for line in made)],
        lambda made: [line.replace("ip -n", "ip -netns").replace("addr add", "address add") for line in made],
        lambda made: [re.sub(r"^ip -n (\S+) ", r"ip netns exec \1 ip ", line) for line in made],
        lambda made: [*made, "ip netns add later", "ip -n later link set lo up"],
    ],
    ids=["another order", "sudo", "comments", "long words", "exec", "lo too"],
)
def test_a_pod_may_be_joined_in_other_words(change):
    for variant in range(6):
        told = judged(find("02-join"), "\n".join(change(lines(variant))), variant)
        assert told.state == RIGHT, told


def test_whoever_breaks_the_others_has_not_joined_the_pod():
    made = find("02-join").instance(0).solution
    assert judged(find("02-join"), made + "ip link set cni0 down\n", 0).state == WRONG
    assert judged(find("02-join"), made.replace("/24", "/25"), 0).state == WRONG


def test_a_refused_line_is_named_with_the_real_program_s_words():
    made = find("02-join").instance(0).solution
    told = judged(find("02-join"), made.replace("master cni0", "master cni1"), 0)
    assert told.state == WRONG and "Device does not exist" in str(told) and 75 in told.beliefs


def test_a_line_that_no_program_takes_cannot_be_read_as_a_repair():
    assert judged(find("02-repair"), "make it work", 0).state == UNREADABLE


def test_a_repaired_node_is_shown_as_it_is_then_and_not_as_it_was():
    for variant in range(4):
        instance = find("02-repair").instance(variant)
        assert instance.evidence.rows != instance.look.rows
        assert "no port of a bridge" not in str(instance.evidence) and "= 0" not in str(instance.evidence)


def test_with_lo_down_a_pod_does_not_even_answer_itself():
    """As a real kernel of 6.18: lo that is down has the queue noop, and drops (2 dropped of 2, read from `ip -s link show lo`)."""
    console = typed(TWO_PODS)
    assert "100% packet loss" in str(console("ip netns exec client ping -c 1 10.244.1.10"))
    assert "connect: Network is unreachable" in str(console("ip netns exec client ping -c 1 localhost"))
    console("ip -n client link set lo up")
    assert " 0% packet loss" in str(console("ip netns exec client ping -c 1 10.244.1.10"))
    assert " 0% packet loss" in str(console("ip netns exec client ping -c 1 localhost"))
    assert "ping: web: Name or service not known" in str(console("ip netns exec client ping -c 1 web"))


def test_hairpin_on_every_port_is_a_repair_too_and_hairpin_on_another_port_is_none():
    exercise = find("02-repair")
    variant = next(number for number in range(20) if "hairpin" in exercise.instance(number).solution)
    right = exercise.instance(variant).solution
    ports = [word for word, is_now in exercise.instance(variant).look.rows if is_now.endswith("hairpin off")]
    all_on = [re.sub("veth[0-9a-f]+", port.split(",")[0], right) for port in ports]
    assert judged(exercise, "\n".join(all_on), variant).state == RIGHT
    assert judged(exercise, "\n".join(line for line in all_on if line != right), variant).state == WRONG


def test_the_ports_of_every_case_are_drawn():
    exercise, cases = find("02-ports"), set()
    for variant in range(30):
        instance = exercise.instance(variant)
        cases.add(len(instance.solution) == 1)
        assert instance.solution and all(text.startswith("by veth-") for text in instance.solution)
    assert cases == {True, False}
