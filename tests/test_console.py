"""A terminal on the model: it does what `ip`, `bridge` and `sysctl` do on a real kernel, and nothing that they would not."""

import random
import re
import shlex

import pytest
from console_real import of_console, of_real, on_this_machine, story
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kubenet_course.data import data
from kubenet_course.lab.real.run import missing
from kubenet_course.lab.real.script import FAR, NFACCT, commands, far_ends, shell
from kubenet_course.lab.scenario.scenario import Scenario, load
from kubenet_course.linux import ask, ping
from kubenet_course.linux.namespace.device import link_local
from kubenet_course.linux.namespace.netns import Netns
from kubenet_course.linux.namespace.overhead import clamped
from kubenet_course.linux.namespace.switches import SYSCTLS
from kubenet_course.linux.netfilter.iptables.save import read, write
from kubenet_course.linux.verdicts import verdict
from kubenet_course.views.console import Console
from tools.lab_clusters import Plan, cluster

SCENARIOS = sorted(data("scenarios").glob("*.json"))
CABLE = """
ip netns add red
ip netns add blue
ip link add v0 netns red address 02:00:00:00:00:01 type veth peer name v1 netns blue address 02:00:00:00:00:02
"""
UP = "ip -n red link set v0 up\nip -n blue link set v1 up\n"
ADDRESSES = "ip -n red addr add 10.1.0.1/24 dev v0\nip -n blue addr add 10.1.0.2/24 dev v1\n"
BRIDGE = "ip -n red link add br0 type bridge forward_delay 0 mcast_snooping 0\n"
TUNNEL = (
    "ip -n red link add vx address 02:00:00:00:0f:01 type vxlan id 1 local 10.1.0.1 dev v0 dstport 8472 "
    "srcport 40000 40001 nolearning noudpcsum\n"
)


@pytest.fixture
def real_kernel():
    if reason := missing():
        pytest.skip(reason)


def built(*texts: str) -> Console:
    console = Console()
    for text in texts:
        answer = console(text)
        assert not answer.refused, answer
    return console


# -- script, console and model are one parser --------------------------------------------------------------------------


def expected(world: dict[str, Netns]) -> dict[str, Netns]:
    """A scenario's world as a real kernel has it once it is built.

    The far ends, which a scenario does not describe, are there; a device that is down has made no link-local address.
    """
    far, found = far_ends(world), {}
    for name, ns in world.items():
        devices = {}
        for dev, device in ns.devices.items():
            if device.kind == "eth":
                device = replace(device, kind="veth", peer=(FAR, far[name, dev]))
            made = link_local(device.mac)
            own = [a for a in device.addresses if a != made]
            linked = device.up and len(own) < len(device.addresses)
            there = tuple(own) if not linked else (*own, made)
            devices[dev] = replace(device, addresses=there, mtu=clamped(device, ns.devices))
        rules = {of: read(NFACCT.sub("", write(one))).rules for of, one in ns.rules.items()}
        found[name] = replace(ns, devices=devices, rules=rules)
    return found


def differences(wanted: dict[str, Netns], found: dict[str, Netns]) -> list[str]:
    said = [f"{name} is missing" for name in wanted if name not in found]
    for name, ns in ((name, ns) for name, ns in wanted.items() if name in found):
        other = found[name]
        for dev in {*ns.devices, *other.devices}:
            one, two = ns.devices.get(dev), other.devices.get(dev)
            if one is None or two is None or tail(one) != tail(two):
                said.append(f"{name}: {one} is {two}")
        for table in ("routes", "neighbours", "fdb", "rules"):
            if getattr(ns, table) != getattr(other, table):
                said.append(f"{name} {table}: {getattr(ns, table)} is {getattr(other, table)}")
        switches = {*SYSCTLS, *(s for s in ns.sysctls if not s.endswith("send_redirects"))}
        said += [f"{name} {switch}" for switch in switches if ns.sysctl(switch) != other.sysctl(switch)]
    return said


def tail(device):
    """The device, its own link-local address last: where among others it stands depends on when its link came."""
    made = link_local(device.mac)
    return replace(device, addresses=tuple(sorted(device.addresses, key=lambda own: own == made)))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_script_of_a_scenario_builds_its_world_again(path):
    world = load(path).world
    console = Console()
    answer = console.run(commands(world))
    assert not answer.refused, answer
    assert differences(expected(world), console.world) == []
    assert set(console.world) - set(world) <= {FAR}


@pytest.mark.parametrize("backend, families", [("host-gw", (4,)), ("vxlan", (4, 6)), ("none", (6,))])
def test_the_printed_script_typed_into_the_console_builds_a_cluster(backend, families):
    world = cluster(Plan({1: ["client", "web-1"], 2: ["web-2"]}, backend=backend, families=families))
    console = Console()
    answer = console(shell(Scenario("a cluster", "", world, ())))
    assert not answer.refused, answer
    assert differences(expected(world), console.world) == []


def test_a_packet_goes_the_same_way_in_the_console_s_world_and_in_the_scenario_s():
    world = load(data("scenarios/host-gw-other-node-cold.json")).world
    console = Console()
    console.run(commands(world))
    packet = ping("10.244.1.10", "10.244.2.10")
    assert str(ask(console.world, packet, "client")) == str(ask(world, packet, "client"))


# -- what a kernel does by itself --------------------------------------------------------------------------------------


def test_a_namespace_begins_with_lo_alone_which_is_down_and_has_no_address():
    ns = built("ip netns add red").world["red"]
    assert list(ns.devices) == ["lo"] and not ns.devices["lo"].up and ns.devices["lo"].addresses == ()


def test_lo_gets_its_addresses_when_it_goes_up():
    console = built("ip netns add red\nip -n red link set lo up")
    assert [str(own) for own in console.world["red"].devices["lo"].addresses] == ["127.0.0.1/8", "::1/128"]


def test_a_cable_appears_in_both_namespaces_and_goes_with_either_end():
    console = built(CABLE)
    assert console.world["red"].devices["v0"].peer == ("blue", "v1")
    assert console.world["blue"].devices["v1"].peer == ("red", "v0")
    console("ip -n blue link del v1")
    assert "v0" not in console.world["red"].devices and "v1" not in console.world["blue"].devices


def test_a_moved_device_loses_its_address_and_is_down_and_its_cable_holds():
    console = built(CABLE, ADDRESSES, UP, "ip netns add green\nip -n red link set v0 netns green")
    moved = console.world["green"].devices["v0"]
    assert (moved.up, moved.addresses, moved.mac) == (False, (), "02:00:00:00:00:01")
    assert console.world["blue"].devices["v1"].peer == ("green", "v0")
    assert "v0" not in console.world["red"].devices


def test_routes_go_with_their_device_and_do_not_come_back_but_the_connected_one_does():
    console = built(CABLE, ADDRESSES, UP, "ip -n red route add default via 10.1.0.2")
    console("ip -n red link set v0 down")
    assert console.world["red"].routes == () and "no such route" in str(console("ip -n red route"))
    console("ip -n red link set v0 up")
    assert str(console("ip -n red route")) == "10.1.0.0/24 dev v0 proto kernel scope link src 10.1.0.1"


def test_routes_go_with_the_last_address_of_their_device():
    console = built(
        CABLE, UP, ADDRESSES, "ip -n red addr add 10.9.0.1/24 dev v0\nip -n red route add default via 10.1.0.2"
    )
    console("ip -n red addr del 10.9.0.1/24 dev v0")
    assert len(console.world["red"].routes) == 1
    console("ip -n red addr del 10.1.0.1/24 dev v0")
    assert console.world["red"].routes == ()


def test_a_link_local_address_comes_when_both_ends_of_the_cable_are_up():
    console = built(CABLE, "ip -n red link set v0 up")
    assert console.world["red"].devices["v0"].addresses == ()
    console("ip -n blue link set v1 up")
    assert [str(own) for own in console.world["red"].devices["v0"].addresses] == ["fe80::ff:fe00:1/64"]


def test_a_bridge_takes_the_smallest_mac_and_mtu_of_its_ports_until_it_is_told_its_own():
    console = built(CABLE, BRIDGE, "ip -n red link set v0 mtu 1400\nip -n red link set v0 master br0")
    bridge = console.world["red"].devices["br0"]
    assert (bridge.mac, bridge.mtu) == ("02:00:00:00:00:01", 1400)
    console(
        "ip -n red link set br0 mtu 1300\nip -n red link set br0 address 02:00:00:00:00:77\nip -n red link set v0 nomaster"
    )
    bridge = console.world["red"].devices["br0"]
    assert (bridge.mac, bridge.mtu) == ("02:00:00:00:00:77", 1300)


def test_what_was_learned_of_a_device_is_forgotten_when_it_goes_down():
    console = built(CABLE, ADDRESSES, UP)
    console("ip netns exec red ping -c 1 10.1.0.2")
    assert "10.1.0.2 dev v0 lladdr 02:00:00:00:00:02 REACHABLE" in str(console("ip -n red neigh"))
    console("ip -n red link set v0 down")
    assert "knows no neighbour" in str(console("ip -n red neigh"))


def test_flush_forgets_what_was_learned_and_leaves_what_was_entered():
    console = built(
        CABLE, ADDRESSES, UP, "ip -n red neigh replace 10.1.0.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent"
    )
    console("ip netns exec red ping -c 1 10.1.0.2\nip -n red neigh flush dev v0")
    assert str(console("ip -n red neigh")) == "10.1.0.9 dev v0 lladdr 02:00:00:00:00:09 PERMANENT"


def test_a_mac_that_was_not_given_is_always_the_same_and_said_to_be_made():
    text = "ip netns add red\nip -n red link add w0 type veth peer name w1"
    one, other = built(text), built(text)
    assert one.world == other.world and one.world["red"].devices["w0"].mac.startswith("02:")
    assert "made from the names" in str(built("ip netns add red")("ip -n red link add w0 type veth peer name w1"))


# -- the value ---------------------------------------------------------------------------------------------------------


def test_a_world_that_somebody_holds_does_not_change():
    console = built(CABLE)
    before = console.world
    ns, devices = before["red"], dict(before["red"].devices)
    console(UP)
    assert before["red"] is ns and ns.devices == devices and console.world["red"] is not ns


def test_the_first_refusal_ends_a_text_and_says_its_line():
    answer = Console()("ip netns add red\n\n# and again\nip netns add red\nip netns add blue")
    assert answer.refused and len(answer.done) == 2
    assert "Refused, line 4: There is a namespace red already." in str(answer)
    assert "File exists" in answer.quote and "File exists" in answer._repr_html_()


def test_an_answer_says_what_the_kernel_did_besides():
    console = built(CABLE, ADDRESSES, UP)
    said = str(console("ip -n red link set v0 down"))
    assert said.splitlines()[0] == "v0 in red is down."
    assert "red: with it the route 10.1.0.0/24 dev v0 src 10.1.0.1 is gone." in said


def test_a_long_script_is_told_in_few_lines():
    world = cluster(Plan({1: ["client", "web-1"], 2: ["web-2"]}))
    answer = Console().run(commands(world))
    assert len(answer.done) > 90 and len(str(answer).splitlines()) <= 40 and "commands more" in str(answer)


def test_the_terminal_s_own_namespace_is_shown_once_it_is_used():
    console = built("ip netns add red\nip link add v0 type veth peer name v1 netns red")
    assert set(console.world) == {"host", "red"} and console.world["red"].devices["v1"].peer == ("host", "v0")
    assert set(Console("node-1").world) == set()


def test_the_console_is_shown_as_the_picture_of_its_world():
    assert repr(Console()) == "There is no namespace yet."
    shown = built(CABLE, BRIDGE)._repr_mimebundle_()
    assert (
        set(shown) == {"text/plain", "application/vnd.jupyter.widget-view+json", "image/png"}
        and "v0" in shown["text/plain"]
    )


def test_a_program_that_listens_answers_and_is_listed():
    console = built(CABLE, ADDRESSES, UP)
    assert not console.listen("blue", "tcp 0.0.0.0:80 web").refused
    assert console.listen("blue", "tcp 10.1.0.2:80 other").quote == "EADDRINUSE"
    assert "0.0.0.0:80" in str(console("ip netns exec blue ss -ltn"))


# -- ping --------------------------------------------------------------------------------------------------------------


def test_ping_is_answered_and_conntrack_remembers_it():
    console = built(
        CABLE,
        ADDRESSES,
        UP,
        "ip netns exec red iptables-restore <<'END'\n*filter\n"
        "-A INPUT -m conntrack --ctstate INVALID -j DROP\nCOMMIT\nEND",
    )  # without such a rule nothing is remembered
    answer = console("ip netns exec red ping -c 1 10.1.0.2")
    assert "64 bytes from 10.1.0.2: icmp_seq=1 ttl=64" in str(answer)
    assert verdict(answer.trace).delivered_to == "blue"
    assert "src=10.1.0.1 dst=10.1.0.2 type=8 code=0 id=1" in str(console("ip netns exec red conntrack -L"))


@pytest.mark.parametrize(
    "story, extra, to, said",
    [
        ("nobody has the address", "", "10.1.0.9", "Destination Host Unreachable"),
        ("the other end is down", "ip -n blue link set v1 down", "10.1.0.2", "100% packet loss"),
        ("no route", "", "192.168.1.11", "ping: connect: Network is unreachable"),
        ("a rule drops it", "ip netns exec blue iptables-restore <<'END'\n*filter\n:INPUT DROP [0:0]\nCOMMIT\nEND", "10.1.0.2",
         "timeout"),
        ("an address that is none", "", "10.1.0.300", "is not an address"),
    ],
)  # fmt: skip
def test_ping_says_why_no_answer_came(story, extra, to, said):
    console = built(CABLE, ADDRESSES, UP, extra)
    assert said in str(console(f"ip netns exec red ping -c 1 {to}"))


def test_who_nobody_answered_can_be_asked_again_once_the_link_is_mended():
    console = built(CABLE, ADDRESSES, "ip -n red link set v0 up")
    assert "100% packet loss" in str(console("ip -n blue link set v1 down\nip netns exec red ping -c 1 10.1.0.2"))
    assert str(console("ip -n red neigh")) == "10.1.0.2 dev v0 FAILED"
    assert "64 bytes from" in str(console("ip -n blue link set v1 up\nip netns exec red ping -c 1 10.1.0.2"))


def test_a_neighbour_is_believed_for_half_a_minute_and_whoever_only_asked_is_to_be_asked():
    console = built(CABLE, ADDRESSES, UP, "ip netns exec red ping -c 1 10.1.0.2")
    states = lambda: [str(console(f"ip -n {name} neigh")).split()[-1] for name in ("red", "blue")]  # noqa: E731
    assert states() == ["REACHABLE", "DELAY"]
    console("sleep 7")
    assert states() == ["REACHABLE", "REACHABLE"]
    console("sleep 40")
    assert states() == ["STALE", "STALE"]


def test_the_picture_shows_what_is_down_and_the_way_of_the_last_ping():
    console = built(CABLE, ADDRESSES, "ip -n red link set v0 up")
    assert repr(console).splitlines()[0] == "red: v0 10.1.0.1/24, up, a cable to v1 in blue, whose other end is down."
    assert [line.kind for line in console.picture.scene.drawing.lines] == ["unplugged"]
    console("ip -n blue link set v1 up\nip netns exec red ping -c 1 10.1.0.2")
    assert console.picture.mark.been == ("blue/v1 -- red/v0",)
    console("ip -n red link")
    assert console.picture.mark.been == ()


def test_a_world_too_large_for_every_device_is_drawn_like_any_other():
    console = built("\n".join(f"ip netns add pod-{number}" for number in range(8)))
    assert "namespaces are not drawn" in repr(console)


def test_what_was_learned_names_the_device_that_has_the_mac():
    console = built(CABLE, ADDRESSES, UP)
    assert str(console.learned) == "Nobody has learned anything yet."
    console("ip netns exec red ping -c 1 10.1.0.2")
    assert console.learned.rows[0] == ("red", "10.1.0.2 is at", "02:00:00:00:00:02", "v1 of blue")


# -- refusals: in a sentence, and in the real program's words ----------------------------------------------------------

REFUSED = [
    ("", "ip netns add red\nip netns add red", 'Cannot create namespace file "/run/netns/red": File exists'),
    ("", "ip netns del red", 'Cannot remove namespace file "/run/netns/red": No such file or directory'),
    ("", "ip -n red link", 'Cannot open network namespace "red": No such file or directory'),
    (CABLE, "ip -n red link add v0 type bridge", "RTNETLINK answers: File exists"),
    (CABLE, "ip link add v5 netns red type veth peer name v1 netns blue", "RTNETLINK answers: File exists"),
    (CABLE, "ip -n red link add a-name-too-long-1 type bridge", "Error: Attribute failed policy validation."),
    (CABLE, "ip -n red link add w0 type veth peer name a-name-too-long-1", '"name" not a valid ifname'),
    (CABLE, "ip -n red link set v9 up", 'Cannot find device "v9"'),
    (CABLE, "ip -n red link show v9", 'Device "v9" does not exist.'),
    (CABLE, "ip -n red link set v0 master br0", 'Error: argument "br0" is wrong: Device does not exist'),
    (CABLE, "ip -n red link set v0 netns green", 'Error: argument "green" is wrong: Invalid "netns" value'),
    (CABLE, "ip -n red link set v0 type bridge_slave hairpin on", "RTNETLINK answers: Operation not supported"),
    (CABLE, "ip -n red link set v0 mtu 10", "Error: mtu less than device minimum."),
    (CABLE, "ip -n red link set v0 mtu 70000", "Error: mtu greater than device maximum."),
    (CABLE, "ip -n red link set v0 address 01:00:00:00:00:01", "RTNETLINK answers: Cannot assign requested address"),
    (CABLE, "ip -n red link set v0 address nonsense", '"nonsense" is invalid lladdr.'),
    (CABLE, "ip -n red link set lo netns blue", "Error: The interface netns is immutable."),
    (CABLE, "ip -n red link del lo", "RTNETLINK answers: Operation not supported"),
    (CABLE + TUNNEL, "ip -n red link set vx mtu 1500", "RTNETLINK answers: Invalid argument"),
    (CABLE + TUNNEL, TUNNEL.replace("add vx", "add vy"), "Error: A VXLAN device with the specified VNI already exists."),
    (CABLE + ADDRESSES, "ip -n red addr add 10.1.0.1/24 dev v0", "Error: ipv4: Address already assigned."),
    (CABLE, "ip -n red addr add 10.1.0.1/33 dev v0", 'Error: any valid prefix is expected rather than "10.1.0.1/33".'),
    (CABLE, "ip -n red addr add 10.1.0.1/24", 'Not enough information: "dev" argument is required.'),
    (CABLE, "ip -n red addr del 10.1.0.1/24 dev v0", "Error: ipv4: Address not found."),
    (CABLE, "ip -n red addr add ::1/128 dev v0", "Error: ipv6: Cannot assign loopback address on this device."),
    (CABLE + ADDRESSES, "ip -n red route add default via 10.1.0.2 dev v0", "Error: Nexthop has invalid gateway."),
    (CABLE + ADDRESSES, "ip -n red route add 10.2.0.0/16 dev v0", "Error: Device for nexthop is not up."),
    (CABLE + ADDRESSES + UP, "ip -n red route add default via 10.9.0.2", "Error: Nexthop has invalid gateway."),
    (CABLE + ADDRESSES + UP, "ip -n red route add 10.1.0.0/24 dev v0", "RTNETLINK answers: File exists"),
    (CABLE + ADDRESSES + UP, "ip -n red route del 10.7.0.0/16", "RTNETLINK answers: No such process"),
    (CABLE + ADDRESSES + UP, "ip -n red route add 10.7.0.1/16 dev v0", "Error: Invalid prefix for given prefix length."),
    (CABLE + ADDRESSES + UP, "ip -n red route add 10.7.0.0/16", "RTNETLINK answers: No such device"),
    (CABLE + ADDRESSES + UP, "ip -n red route add 10.7.0.0/16 dev v0 src 10.1.0.7", "Error: Invalid prefsrc address."),
    (CABLE + UP, "ip -n red route add fd0a::/64 via fd01::1 dev v0", "RTNETLINK answers: No route to host"),
    (CABLE + UP, "ip -n red route get 10.7.0.1", "RTNETLINK answers: Network is unreachable"),
    (CABLE, "ip -n red neigh del 10.1.0.2 dev v0", "RTNETLINK answers: No such file or directory"),
    (CABLE, "ip -n red neigh flush", "Flush requires arguments."),
    (CABLE, "bridge -n red fdb add 02:00:00:00:00:09 dev v0 master static", "RTNETLINK answers: Operation not supported"),
    (CABLE, "ip netns exec red sysctl -w net.ipv4.conf.v9.rp_filter=1", "cannot stat /proc/sys/net/ipv4/conf/v9/rp_filter"),
    (CABLE, "ip netns exec red sysctl -w net.ipv4.ip_forward=yes", 'setting key "net.ipv4.ip_forward": Invalid argument'),
    (CABLE + "ip netns exec red sysctl -w net/ipv6/conf/v0/disable_ipv6=1\n", "ip -n red addr add fd01::1/64 dev v0",
     "Error: ipv6: IPv6 is disabled on this device."),
]  # fmt: skip


@pytest.mark.parametrize(
    "before, command, quote", REFUSED, ids=lambda text: text.strip().splitlines()[-1][:60] if text else "-"
)
def test_a_refusal_has_a_sentence_and_the_real_program_s_words(before, command, quote):
    answer = built(before)(command)
    assert answer.refused and quote in answer.quote
    assert re.fullmatch(r"\S.*[.]", answer.done[-1].said[0]), answer  # it may begin with a name


def test_the_real_programs_refuse_the_same_with_the_same_words(real_kernel):
    for before, command, quote in REFUSED:
        argvs = [(shlex.split(line), "") for line in (before + command).splitlines() if line]
        told, _ = on_this_machine(argvs)
        assert all(code == 0 for code, _ in told[:-1]), (before, told)
        assert told[-1][0] != 0 and quote in told[-1][1], (command, told[-1])


@pytest.mark.parametrize(
    "text, accepted",
    [
        ("nmap 10.1.0.1", "It knows ip, bridge, sysctl"),
        ("ip tunnel add", "It knows netns, link, addr, route, neigh"),
        ("ip netns add red; ls", "One command a line"),
        ("ip link add d0 type dummy", "types veth, bridge and vxlan"),
        ("ip -json link", "takes the options -n NAMESPACE"),
        ("iptables-restore", "then the lines, then END"),
        ("ip 'netns", "never closed"),
        ("sysctl net.core.somaxconn", "net.ipv4.ip_forward"),
        ("conntrack -F", "conntrack -L"),
        ("ping -c 500 10.1.0.1", "-c is 1 to 20"),
        ("brctl addbr br0", "ip link add NAME type bridge"),
        ("pin -c 1 10.1.0.1", "Did you mean ping?"),
        ("ipnetns add red", "A space may be missing behind ip"),
        ("bridge link set dev v0 hairpin on", "type bridge_slave hairpin on"),
        ("ip link add a type bridge", "as a short address"),
    ],
)
def test_what_the_console_does_not_know_is_refused_by_name_with_what_it_knows(text, accepted):
    answer = Console()(text)
    assert answer.refused and answer.quote == "" and accepted in str(answer)


WORDS = "ip bridge sysctl -n red v0 link addr route neigh fdb add del set show type veth peer name up master via 10.1.0.1/24 - /"


def test_sleep_lets_time_pass_and_wants_to_know_how_much():
    console = Console()
    assert str(console("sleep 300")) == "300 seconds have passed." and console.memory.now == 300 * 10**9
    assert console("sleep").quote == "sleep: missing operand" and "not a number" in str(console("sleep long"))


@given(st.lists(st.sampled_from(WORDS.split()) | st.text(max_size=6), max_size=9).map(" ".join))
def test_no_text_raises_an_exception(text):
    console = built(CABLE)
    answer = console(text)
    assert str(answer) and answer._repr_html_()


@pytest.mark.parametrize("given", [None, 7, ["ip", "link"], b"ip link", ""])
def test_what_is_no_text_is_met_kindly(given):
    assert "Traceback" not in str(Console()(given))


# -- against the real kernel -------------------------------------------------------------------------------------------

SAME_REFUSAL = {"Error: FIB table does not exist.": "RTNETLINK answers: No such process"}


@pytest.mark.parametrize("number", range(8))
def test_random_commands_do_the_same_on_the_real_kernel(real_kernel, seed, rounds, number):
    for turn in range(rounds):
        told = list(story(random.Random(f"{seed} {number} {turn}"), 60))
        console = told[-1][0]
        real, found = on_this_machine([(shlex.split(text), "") for _, text, _ in told])
        for (_, text, answer), (code, error) in zip(told, real, strict=True):
            for spelled, plain in SAME_REFUSAL.items():
                error = error.replace(spelled, plain)
            assert answer.refused == (code != 0), (text, str(answer), error)
            assert answer.quote in error, (text, str(answer), error)
        assert of_console(console) == of_real(found, console)


SHOWN = [
    "ip -n red -br link", "ip -n red -br addr", "ip -n red route", "ip -n red -6 route", "ip -n blue -br addr", "ip -n blue route",
    "ip -n red route get 10.1.0.2", "ip -n red -br link show type bridge",
    "ip -n red -br link show type veth", "ip -n red neigh", "bridge -n red fdb show br br0",
    "ip netns exec red sysctl net.ipv4.ip_forward net/ipv4/conf/v0/rp_filter",
]  # fmt: skip
BUILT = (
    CABLE + ADDRESSES + BRIDGE + TUNNEL + "ip -n red link add p0 address 02:00:00:00:00:05 type veth peer name p1 "
    "netns blue address 02:00:00:00:00:06\nip -n red link set p0 master br0\n" + UP + "ip -n red link set br0 up\n"
    "ip -n red link set p0 up\nip -n red addr add fd01::1/64 dev v0 nodad\nip -n red route add default via 10.1.0.2\n"
    "ip -n red route add unreachable 10.8.0.0/16\nip -n red route add fd0a::/64 via fd01::2 dev v0\n"
    "ip -n red neigh replace 10.1.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent\n"
    "bridge -n red fdb add 02:00:00:00:00:06 dev p0 master static\nip netns exec red sysctl -w net.ipv4.ip_forward=1\n"
)


def plain(text: str) -> list[str]:
    """Lines without what the console leaves out: preferences, user numbers, caches, groups, and the order of MAC tables."""
    found = []
    for line in text.splitlines():
        line = re.sub(
            r"@if\d+|\b(linkdown|pref medium|uid 0|extern_learn)\b", lambda m: m[0] if m[0][0] == "@" else "", line
        )
        if line.strip() not in ("", "cache") and "33:33:" not in line and "01:00:5e" not in line:
            found.append(" ".join(line.split()))
    return sorted(found)


def test_what_is_shown_reads_as_the_real_programs_print_it(real_kernel):
    console = built(BUILT)
    steps = [shlex.split(line) for line in BUILT.splitlines() if line]
    show = [["sleep", "1.3"]] + [["sh", "-c", f"{text} >&2"] for text in SHOWN]  # a link is believed a second later
    told, _ = on_this_machine([(argv, "") for argv in steps + show])
    printed = [error for _, error in told[-len(SHOWN) :]]
    for text, real in zip(SHOWN, printed, strict=True):
        assert plain(console(text).done[0].shown) == plain(real), text
