"""Sets: their text, what is a member, and rules that ask and change them. `tests/realkernel/sets.py` asks the kernel itself."""

import re
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace
from netfilter_parts import router, rules
from realkernel import missing
from realkernel.oracle import _private

from kubenet_course.errors import BadInput
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.netfilter.evaluate import Matched
from kubenet_course.linux.netfilter.ipset.read import read
from kubenet_course.linux.netfilter.ipset.sets import IpSet
from kubenet_course.linux.netfilter.ipset.write import restore
from kubenet_course.linux.netfilter.iptables.save import read as read_rules
from kubenet_course.linux.netfilter.iptables.save import write
from kubenet_course.linux.outcome import outcomes
from kubenet_course.linux.packet.packet import ping, tcp, udp
from kubenet_course.linux.walk import send

RECORDED = Path("data/reference/ipset")
SAVED, LISTED = ((RECORDED / f"{name}.txt").read_text() for name in ("save", "list"))
# What was typed to make the recorded sets (data/reference/ipset/README.md).
TYPED = {
    "n": ["10.0.0.0/24,udp:5-7 nomatch", "10.0.0.0/16,5"],
    "h": ["10.1.0.0/30", "10.1.0.9-10.1.0.11"],
    "r": ["10.0.0.5-10.0.0.9"],
    "bp": ["101-103"],
    "ipi": ["10.0.0.1,tcp:80,10.0.0.2"],
    "six": ["fd00::1,icmpv6:128/0,fd00::/64", "fd00::1,53,fd00::/64"],
    "a": ["10.0.0.1,icmp:8/0", "10.0.0.1,icmp:3/3", "10.0.0.1,sctp:9", "10.0.0.1,gre:0", "10.0.0.2,80"],
}


def test_what_ipset_saves_is_read_and_written_again_equal():
    assert restore(read(SAVED).values()) == SAVED


def test_a_list_holds_the_same_sets_as_what_is_saved():
    assert read(LISTED) == read(SAVED)


@pytest.mark.parametrize("name", TYPED)
def test_what_people_type_becomes_the_members_that_ipset_keeps(name):
    kept = read(SAVED)[name]
    typed = read(f"create {name} {kept.type} {kept.words}\n" + "".join(f"add {name} {one}\n" for one in TYPED[name]))
    bare = [sorted(re.sub(r" (timeout|packets|comment) .*", "", m) for m in one.members) for one in (kept, typed[name])]
    assert bare[0] == bare[1]


def test_a_type_that_the_model_does_not_know_is_kept_and_named():
    found = read("create m hash:mac hashsize 1024 maxelem 65536\nadd m 02:00:00:00:00:01\n")["m"]
    assert (found.type, found.understood, found.members) == ("hash:mac", False, ("02:00:00:00:00:01",))


@pytest.mark.parametrize(
    "line, what",
    [
        ("add b 10.0.0.1", "there is no set 'b'"),
        ("add a 10.0.0.1,80", "is not a member of a hash:ip"),
        ("add a fd00::1", "is not an IPv4 address"),
        ("add a 10.0.0.0/8", "stands for more than"),
        ("add a host.example", "is not an address"),
        ("create a hash:ip", "is there already"),
        ("create x", "has no type"),
        ("create p bitmap:port", "which ports"),
        ("create n hash:net\nadd n 0.0.0.0/0", "has no bits that count"),
        ("create p bitmap:port range 1-9\nadd p 10", "out of the set's range"),
        ("create q hash:ip,port\nadd q 10.0.0.1,gre:7", "gre has no ports"),
        ("create q hash:ip,port\nadd q 10.0.0.1,icmp:echo", "is not a port"),
        ("-A INPUT -j ACCEPT", "there is no set"),
        ("COMMIT x", "is not a line of ipset"),
    ],
)
def test_a_wrong_line_is_named(line, what):
    with pytest.raises(BadInput, match=re.escape(what)) as refused:
        read(f"create a hash:ip\n{line}\n")
    assert refused.value.where == f"ipset:{line.count(chr(10)) + 2}"


def test_the_real_program_takes_what_is_written():
    if reason := missing():
        pytest.skip(f"cannot ask ipset here: {reason}")
    text = restore(
        [
            IpSet("KUBE-CLUSTER-IP", "hash:ip,port", members=("10.96.0.1,tcp:443", "10.96.0.10,udp:53")),
            IpSet("KUBE-NODE-PORT-TCP", "bitmap:port", members=("30080",)),
            IpSet("both", "list:set", members=("KUBE-CLUSTER-IP",)),
        ]
    )
    shell = 'ipset restore && ipset save | sed "s/ bucketsize.*//" | sort'
    done = subprocess.run(_private("sh", "-c", shell), input=text, capture_output=True, text=True)
    assert (done.stderr, done.stdout.splitlines()) == ("", sorted(text.splitlines()))


# -- rules that ask sets ------------------------------------------------------------------------------------------------

ASKED = udp("10.244.1.10", 40000, "203.0.113.5", 53)


def ended(sets: str, line: str, packet=ASKED, memory: Memory | None = None, dev: str = "pods") -> str:
    """What becomes of a packet at a node with these sets and one rule at FORWARD."""
    ns = replace(router(), sets=read(sets), rules={4: rules(line)})
    return send(ns, packet, dev=dev, memory=memory).last.end


@pytest.mark.parametrize(
    "story, made, asks, drops",
    [
        ("an address", "create s hash:ip\nadd s 203.0.113.5", "s dst", True),
        ("the other side's", "create s hash:ip\nadd s 203.0.113.5", "s src", False),
        (
            "the longest network decides",
            "create s hash:net\nadd s 203.0.113.0/24\nadd s 203.0.113.4/31 nomatch",
            "s dst",
            False,
        ),
        (
            "an exception is asked for",
            "create s hash:net\nadd s 203.0.113.4/31 nomatch",
            "s dst --return-nomatch",
            True,
        ),
        ("an address and a port", "create s hash:ip,port\nadd s 203.0.113.5,udp:53", "s dst,dst", True),
        ("another protocol", "create s hash:ip,port\nadd s 203.0.113.5,53", "s dst,dst", False),
        ("too few sides", "create s hash:ip,port\nadd s 203.0.113.5,udp:53", "s dst", False),
        ("three parts", "create s hash:ip,port,ip\nadd s 203.0.113.5,udp:53,10.244.1.10", "s dst,dst,src", True),
        (
            "a source in a network",
            "create s hash:ip,port,net\nadd s 203.0.113.5,udp:53,10.244.0.0/16",
            "s dst,dst,src",
            True,
        ),
        ("a port of a bitmap", "create s bitmap:port range 1-99\nadd s 53", "s dst", True),
        ("a set of the other family", "create s hash:ip family inet6\nadd s fd00::1", "s dst", False),
        ("one of a list", "create a hash:ip\nadd a 203.0.113.5\ncreate s list:set\nadd s a", "s dst", True),
        ("a list without members", "create s list:set", "s dst", False),
    ],
)
def test_a_rule_asks_a_set(story, made, asks, drops):
    assert ended(made, f"-m set --match-set {asks} -j DROP") == ("dropped" if drops else "forwarded")
    if "nomatch" not in asks:
        assert ended(made, f"-m set ! --match-set {asks} -j DROP") == ("forwarded" if drops else "dropped")


def test_an_echo_has_its_type_where_others_have_ports():
    made = "create s hash:ip,port\nadd s 203.0.113.5,icmp:echo-request"
    assert ended(made, "-m set --match-set s dst,dst -j DROP", ping("10.244.1.10", "203.0.113.5")) == "dropped"
    bitmap = "create s bitmap:port range 0-65535\nadd s 2048"
    assert ended(bitmap, "-m set --match-set s dst -j DROP", ping("10.244.1.10", "203.0.113.5")) == "forwarded"


def test_a_member_is_forgotten_when_its_time_is_over():
    made, memory = "create s hash:ip timeout 30\nadd s 203.0.113.5 timeout 10", Memory()
    asks = "-m set --match-set s dst -j DROP"
    assert ended(made, asks, memory=memory) == "dropped"
    memory.wait(10)
    assert ended(made, asks, memory=memory) == "forwarded"


def test_a_rule_adds_and_takes_out_and_a_time_begins_anew_only_with_exist():
    added = "-m set --match-set s dst -j DROP\n-j SET --add-set s dst --timeout 10"
    for more, expected in (("", "forwarded"), (" --exist", "dropped")):
        memory, made = Memory(), "create s hash:ip timeout 0"
        lines = f"-p udp -j SET --add-set s dst --timeout 10{more}\n-p tcp -m set --match-set s dst -j DROP"
        for _ in range(2):
            assert ended(made, lines, memory=memory) == "forwarded"
            memory.wait(6)
        assert ended(made, lines, tcp("10.244.1.10", 1, "203.0.113.5", 80), memory) == expected
    assert ended("create s hash:ip timeout 0\nadd s 203.0.113.5", added) == "dropped"
    assert (
        ended("create s hash:ip\nadd s 203.0.113.5", "-j SET --del-set s dst\n-m set --match-set s dst -j DROP")
        == "forwarded"
    )


def test_a_set_that_is_not_there_makes_the_outcome_uncertain():
    ns = replace(router(), rules={4: rules("-m set --match-set lost src -j DROP")})
    found = outcomes(ns, ASKED, "pods")
    assert {one.end for one in found} == {"dropped", "forwarded"}
    assert not any(one.certain for one in found)
    assert isinstance(found[0].hangs_on[0], Matched)


RULES = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m set --match-set blocked src -m comment --comment "a list" -j DROP
-A FORWARD -m set ! --match-set allowed dst,dst,src --return-nomatch -j DROP
-A FORWARD -j SET --add-set seen src,dst --exist --timeout 60
-A FORWARD -j SET --del-set seen src
-A FORWARD -m physdev ! --physdev-is-in --physdev-out veth+ -j DROP
-A FORWARD -m ipvs --ipvs --vproto tcp --vaddr 10.96.0.1 --vport 80 -j DROP
COMMIT
"""


def test_rules_with_sets_are_read_and_written_again():
    assert write(read_rules(RULES).rules) == RULES


def test_a_rule_is_understood_only_if_its_set_is_known():
    assert [number for number, _ in read_rules(RULES, sets=("blocked", "seen")).not_understood] == [6]
    assert [number for number, _ in read_rules(RULES).not_understood] == [5, 6, 7, 8]


@pytest.mark.parametrize(
    "line",
    ["-m set --match-set s up -j DROP", "-j SET --exist", "-j SET --del-set s src --timeout 5"],
)
def test_a_wrong_rule_is_refused(line):
    with pytest.raises(BadInput):
        rules(line)
