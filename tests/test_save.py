"""iptables text, read and written: nothing is lost, nothing dropped silently, what is wrong refused with its line."""

import json
import re
import subprocess
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from realkernel import missing
from realkernel.oracle import _private
from realkernel.plain import PLAIN
from realkernel.rulesets import a_ruleset
from realkernel.styles import RICH, SIX, TCP_AND_ICMP

from kubenet_course.errors import BadInput
from kubenet_course.linux.netfilter.iptables.rule_text import _any_pieces, _usual_pieces
from kubenet_course.linux.netfilter.iptables.save import read, write
from kubenet_course.linux.netfilter.iptables.words import quoted, split

KERNEL = Path(__file__).parent.parent / "data/reference/kernel-6.18"
CANONICAL = [
    pytest.param(case[key], id=f"{path.stem}-{case['id']}")
    for path in sorted(KERNEL.glob("*.json"))
    for case in json.loads(path.read_text())["cases"]
    for key in ("canonical_save", "ip6_canonical_save")
    if key in case
]
STYLES = [(RICH, 4), (TCP_AND_ICMP, 4), (PLAIN, 4), (SIX, 6), (PLAIN, 6)]


def one(rule: str, table: str = "filter", chain: str = "FORWARD") -> str:
    """A rule as it is written again."""
    dump = read(f"*{table}\n:U - [0:0]\n-A {chain} {rule}\nCOMMIT\n")
    assert dump.not_understood == ()
    return next(line for line in write(dump.rules).splitlines() if line.startswith("-A")).removeprefix(f"-A {chain} ")


def without_texts(rules):
    """What the rules mean, apart from the lines that they were read from."""
    return {
        name: {
            chain.name: (chain.policy, [(rule.tests, rule.target) for rule in chain.rules])
            for chain in table.chains.values()
        }
        for name, table in rules.tables.items()
    }


@pytest.mark.parametrize("text", CANONICAL)
def test_what_a_kernel_printed_is_written_again_word_for_word(text):
    dump = read(text)
    assert dump.not_understood == ()
    assert write(dump.rules) == text + "\n"


@settings(max_examples=150)
@given(st.integers(0, 2**40), st.sampled_from(STYLES))
def test_reading_what_was_written_gives_the_same_rules(seed, style):
    text = a_ruleset(Random(seed), *style)
    dump = read(text)
    assert dump.not_understood == ()
    again = read(write(dump.rules))
    assert without_texts(again.rules) == without_texts(dump.rules)
    assert write(again.rules) == write(dump.rules), "written text is a fixed point"
    assert dump.family in (0, style[1])


@pytest.mark.parametrize("style, of", STYLES, ids=["rich", "tcp and icmp", "plain", "IPv6", "plain IPv6"])
def test_the_real_program_accepts_what_is_written(style, of, seed):
    if reason := missing():
        pytest.skip(f"cannot ask iptables-restore here: {reason}")
    tool = "iptables-restore" if of == 4 else "ip6tables-restore"
    for number in range(3):
        text = a_ruleset(Random(seed * 100 + number), style, of)
        given_text, written = (
            subprocess.run(_private(tool, "--test"), input=said, capture_output=True, text=True)
            for said in (text, write(read(text).rules))
        )
        if given_text.returncode == 0:
            assert (written.returncode, written.stderr) == (0, ""), text


@pytest.mark.parametrize(
    "story, written, canonical",
    [
        ("long options have short names", "--source 10.0.0.0/8 --jump DROP", "-s 10.0.0.0/8 -j DROP"),
        ("an address is a block of one", "-d 10.96.0.1 -j DROP", "-d 10.96.0.1/32 -j DROP"),
        ("the protocol brings its module", "-p tcp --dport 80 -j DROP", "-p tcp -m tcp --dport 80 -j DROP"),
        ("a protocol's number is its name", "-p 17 -j DROP", "-p udp -j DROP"),
        ("and its number where it has none", "-p 200 -j DROP", "-p 200 -j DROP"),
        ("a service's name is its port", "-p udp -m udp --dport domain", "-p udp -m udp --dport 53"),
        ("an open range ends at the last port", "-p tcp -m tcp --dport 1024:", "-p tcp -m tcp --dport 1024:65535"),
        ("--syn in full", "-p tcp -m tcp --syn", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN"),
        ("a mark without a mask", "-m mark --mark 16384", "-m mark --mark 0x4000"),
        ("a mark is set with a mask", "-j MARK --set-mark 0x4000", "-j MARK --set-xmark 0x4000/0xffffffff"),
        ("or-mark in full", "-j MARK --or-mark 0x4000", "-j MARK --set-xmark 0x4000/0x4000"),
        ("and-mark in full", "-j MARK --and-mark 0xff", "-j MARK --set-xmark 0x0/0xffffff00"),
        (
            "states in the kernel's order",
            "-m state --state ESTABLISHED,RELATED",
            "-m state --state RELATED,ESTABLISHED",
        ),
        (
            "chances as the kernel keeps them",
            "-m statistic --mode random --probability 0.3333333333",
            "-m statistic --mode random --probability 0.33333333349",
        ),
        ("a type of ICMP by number", "-p icmp -m icmp --icmp-type echo-request", "-p icmp -m icmp --icmp-type 8"),
        ("with its code", "-p icmp -m icmp --icmp-type port-unreachable", "-p icmp -m icmp --icmp-type 3/3"),
        ("octal, as iptables reads it", "-m mark --mark 010", "-m mark --mark 0x8"),
        ("counters are read over", "-c 5 300 -j DROP", "-j DROP"),
        (
            "a comment with quotation marks",
            r'-m comment --comment "say \"no\"" -j DROP',
            r'-m comment --comment "say \"no\"" -j DROP',
        ),
        (
            "a comment that looks like a rule",
            '-m comment --comment "it -j DROPs" -j U',
            '-m comment --comment "it -j DROPs" -j U',
        ),
        ("one word needs no quotation marks", "-m comment --comment one", "-m comment --comment one"),
        ("a name of a device", "! -i eth+ -o lo -g U", "! -i eth+ -o lo -g U"),
        (
            "a log is kept as it stands",
            '-j LOG --log-prefix "seen: " --log-level 4',
            '-j LOG --log-prefix "seen: " --log-level 4',
        ),
    ],
)
def test_a_rule_is_written_as_iptables_save_prints_it(story, written, canonical):
    assert one(written) == canonical
    assert one(canonical) == canonical


@pytest.mark.parametrize(
    "target",
    [
        "DNAT --to-destination 10.0.0.1",
        "DNAT --to-destination 10.0.0.1:80",
        "DNAT --to-destination 10.0.0.1-10.0.0.9:80-90 --random",
        "DNAT --to-destination 10.0.0.1:80-90/8080",
        "DNAT --to-destination :80",
        "DNAT --to-destination [fd00::1]:80 --persistent",
        "DNAT --to-destination fd00::1-fd00::9",
        "REDIRECT",
        "REDIRECT --to-ports 80",
        "REDIRECT --to-ports 80-90 --random",
    ],
)
def test_translations_are_written_as_they_were(target):
    assert one(f"-p tcp -j {target}", "nat", "PREROUTING") == f"-p tcp -j {target}"


def test_several_addresses_are_several_rules():
    text = write(read("*filter\n-A INPUT -s 10.0.0.1,10.0.0.2 -d 10.1.0.1,10.1.0.2 -j DROP\nCOMMIT\n").rules)
    assert re.findall(r"-s (\S+)/32 -d (\S+)/32", text) == [
        ("10.0.0.1", "10.1.0.1"),
        ("10.0.0.1", "10.1.0.2"),
        ("10.0.0.2", "10.1.0.1"),
        ("10.0.0.2", "10.1.0.2"),
    ]


def test_an_inserted_rule_stands_first():
    text = write(read("*filter\n-A INPUT -p tcp\n-I INPUT -p udp\nCOMMIT\n").rules)
    assert re.findall(r"-A INPUT (.*)", text) == ["-p udp", "-p tcp"]


@pytest.mark.parametrize(
    "line",
    [
        "-A INPUT -m bpf --bytecode 1,6 -j DROP",
        "-A INPUT -m tcp --who-knows 1",
        "-A INPUT -j TEE --gateway 10.0.0.1",
        "-A INPUT -j CT --zone 1",
        "-A INPUT -j DROP --now",
        "-A INPUT -m conntrack --ctwho x",
    ],
)
def test_what_is_not_understood_is_listed_and_kept(line):
    table = "raw" if "CT" in line else "filter"
    text = f"*{table}\n{line.replace('INPUT', 'OUTPUT')}\n-A OUTPUT -p udp\nCOMMIT\n"
    dump = read(text)
    assert dump.not_understood == ((2, line.replace("INPUT", "OUTPUT")),)
    assert line.replace("INPUT", "OUTPUT") in write(dump.rules).splitlines()


def refused(text: str) -> str:
    with pytest.raises(BadInput) as told:
        read(text, "dump.txt")
    return str(told.value)


@pytest.mark.parametrize(
    "story, text, said",
    [
        ("cut off", "*filter\n-A INPUT -j DROP\n", "dump.txt:2: table filter does not end; the dump is cut off"),
        (
            "COMMIT is missing",
            "*nat\n*filter\nCOMMIT\n",
            "dump.txt:2: table nat does not end before *filter; write COMMIT",
        ),
        (
            "a rule outside of tables",
            "-A INPUT -j DROP\n",
            "dump.txt:1: '-A INPUT -j DROP' stands outside of any table",
        ),
        ("no table", "*nope\nCOMMIT\n", "dump.txt:1: 'nope' is not a table; write one of raw, mangle, nat"),
        ("no policy", "*filter\n:INPUT MAYBE [0:0]\n", "dump.txt:2: ':INPUT MAYBE [0:0]' does not declare a chain"),
        ("a policy of a user chain", "*filter\n:U ACCEPT [0:0]\n", "dump.txt:2: U is no base chain of filter"),
        ("not declared", "*filter\n-A U -j DROP\n", "dump.txt:2: chain U is not declared; declare it with :U -"),
        ("nobody's chain", "*filter\n-A INPUT -j U\n", "dump.txt:2: 'U' is neither a target nor a declared chain"),
        ("gone to nowhere", "*filter\n-A INPUT -g U\n", "dump.txt:2: chain U is not declared"),
        (
            "into a base chain",
            "*filter\n:FORWARD ACCEPT [0:0]\n-A INPUT -j FORWARD\n",
            "dump.txt:3: FORWARD is a base chain of filter",
        ),
        (
            "in a circle",
            "*filter\n:A -\n:B -\n-A A -j B\n-A B -g A\nCOMMIT\n",
            "dump.txt:5: chains jump in a circle: A -> B -> A",
        ),
        ("to itself", "*filter\n:A -\n-A A -j A\nCOMMIT\n", "dump.txt:3: chains jump in a circle: A -> A"),
        ("no rule", "*filter\nhello\n", "dump.txt:2: 'hello' is not a rule; a rule begins with -A CHAIN"),
        (
            "two families",
            "*filter\n-A INPUT -s fd00::/8\n-A INPUT -d 10.0.0.1\nCOMMIT\n",
            "dump.txt:3: 10.0.0.1 is an IPv4 address among",
        ),
    ],
)
def test_a_dump_that_no_kernel_takes_is_refused_with_its_line(story, text, said):
    assert refused(text).startswith(said)


@pytest.mark.parametrize(
    "rule, said",
    [
        ("-s 10.0.0.999", "'10.0.0.999' is not an address"),
        ("-s 10.0.0.0/33", "/33 is not a mask of IPv4; write a length from 0 to 32"),
        ("-d example.com", "'example.com' is not an address"),
        ("-p tpc", "'tpc' is not a protocol"),
        ("-p tcp -m tcp --dport 70000", "'70000' is not a port; write one from 0 to 65535"),
        ("-p tcp -m tcp --dport 9-10", "'9-10' is not a port"),
        ("-p tcp -m tcp --dport 90:80", "the port range '90:80' runs backwards; write 80:90"),
        ("-p tcp -m tcp --dport 8_0", "'8_0' is not a port"),
        ("-p tcp -m tcp --tcp-flags SIN SYN", "'SIN' is not a TCP flag"),
        ("-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14:15,16", "names more than 15 ports"),
        ("-m mark --mark zz", "'zz' is not a mark"),
        ("-m mark --mark 0x1ffffffff", "'0x1ffffffff' is not a mark"),
        ("-m statistic --mode random --probability 1.5", "'1.5' is not a probability; write one from 0 to 1"),
        ("-m statistic --mode random --probability nan", "'nan' is not a probability"),
        ("-m statistic --mode nth --every 0", "packet 0 is not one of every 0"),
        ("-m statistic --mode nth --every 2 --packet 2", "packet 2 is not one of every 2"),
        ("-m conntrack --ctstate NOW", "'NOW' is not a connection state"),
        ("-m addrtype --dst-type NEAR", "'NEAR' is not a type of address"),
        ("-m recent --name A", "recent needs one of"),
        ("-m limit --limit 0/sec", "'0/sec' lets nothing pass"),
        ("-m limit --limit 1/week", "'week' is not a time"),
        ("-m ttl --ttl-eq 256", "'256' is not a number; write one from 0 to 255"),
        ("-p sctp -m sctp --dport 90:80", "the port range '90:80' runs backwards"),
        ("-p tcp -m multiport --dports 90:80", "the port range '90:80' runs backwards"),
        ("-m recent --rcheck --hitcount 70000", "'70000' is not a number; write one from 0 to 65535"),
        ("-m mac --mac-source 02:42", "'02:42' is not a MAC address"),
        ("-p icmp -m icmp --icmp-type 256", "'256' is not a ICMP type"),
        ('-m comment --comment "open -j DROP', "a quotation mark has no partner"),
        ("-m", "-m stands at the end of the line"),
        ("-j", "-j stands at the end of the line"),
        ("-s", "-s stands at the end of the line"),
        ("! -j DROP", "! stands before nothing"),
        ("-j REJECT --reject-with icmp-go-away", "'icmp-go-away' is not a way to reject"),
        ("-j MARK", "MARK does not say which mark"),
        ("-j REJECT --reject-with", "--reject-with stands at the end"),
        ("-j DNAT --to-destination 10.0.0.1", "DNAT cannot act in filter"),
        ("-j TTL --ttl-set 1", "TTL cannot act in filter"),
    ],
)
def test_a_rule_that_no_kernel_takes_is_refused_with_its_line(rule, said):
    sentence = refused(f"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {rule}\nCOMMIT\n")
    assert sentence.startswith("dump.txt:3: ")
    assert said in sentence


@pytest.mark.parametrize(
    "chain, rule, said",
    [
        ("PREROUTING", "-j DNAT", "--to-destination is missing"),
        ("PREROUTING", "-j DNAT --to-destination 10.0.0.1:99999", "'99999' is not a port"),
        ("PREROUTING", "-j DNAT --to-destination [fd00::1:80", "has no closing bracket"),
        ("PREROUTING", "-j DNAT --to-destination 10.0.0.9-10.0.0.1", "runs backwards"),
        (
            "PREROUTING",
            "-j SNAT --to-source 10.0.0.1",
            "SNAT cannot act in PREROUTING; it belongs into POSTROUTING or INPUT",
        ),
        ("POSTROUTING", "-j REDIRECT", "REDIRECT cannot act in POSTROUTING"),
        ("OUTPUT", "-j MASQUERADE", "MASQUERADE cannot act in OUTPUT"),
        ("OUTPUT", "-j REJECT", "REJECT cannot act in nat; it belongs into filter"),
    ],
)
def test_a_translation_that_no_kernel_takes_is_refused(chain, rule, said):
    assert said in refused(f"*nat\n-A {chain} {rule}\nCOMMIT\n")


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=40)
)
def test_any_comment_is_written_and_read_again(text):
    assert split(f"a {quoted(text)} b") == ["a", text, "b"]


WORDS = ["-m", "-j", "-g", '"', '\\"', "comment", "DROP", "-s", "10.0.0.1", "!", " ", "\t", "--jump", '"a b"', '" -j "']


@settings(max_examples=300)
@given(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join))
def test_a_usual_line_is_cut_into_the_same_pieces_as_any_line(text):
    """The quick way for what iptables-save prints, against the patient one for what people write."""
    if quick := _usual_pieces(text):
        patient = [(begins, piece.split()) for begins, piece in _any_pieces(text) if begins or piece.strip()]
        assert [(begins, piece.split()) for begins, piece in quick if begins or piece.strip()] == patient


def test_a_table_may_be_given_in_two_parts():
    text = write(read("*filter\n-A INPUT -p tcp\nCOMMIT\n*filter\n-A INPUT -p udp\nCOMMIT\n").rules)
    assert re.findall(r"-A INPUT (.*)", text) == ["-p tcp", "-p udp"]


@pytest.mark.parametrize(
    "written, printed",
    [
        ("-m dscp --dscp 10", "-m dscp --dscp 0x0a"),
        ("-m dscp ! --dscp-class ef", "-m dscp ! --dscp 0x2e"),
        ("-j DSCP --set-dscp-class AF11", "-j DSCP --set-dscp 0x0a"),
        ("-m pkttype ! --pkt-type multicast", "-m pkttype ! --pkt-type multicast"),
        ("-m owner --uid-owner 5-9 ! --gid-owner 0 --socket-exists --suppl-groups",
         "-m owner --socket-exists --uid-owner 5-9 ! --gid-owner 0 --suppl-groups"),
    ],
)  # fmt: skip
def test_extensions_of_one_file_are_printed_as_iptables_prints_them(written, printed):
    """As iptables-save 1.8.9 printed them, on kernel 6.18."""
    dump = read(f"*mangle\n-A OUTPUT {written}\nCOMMIT\n")
    assert dump.not_understood == () and f"-A OUTPUT {printed}" in write(dump.rules).splitlines()


def test_a_class_of_no_name_is_refused():
    assert "'AF99' is not a class" in refused("*mangle\n-A OUTPUT -m dscp --dscp-class AF99\nCOMMIT\n")
    assert "DSCP cannot act in filter" in refused("*filter\n-A OUTPUT -j DSCP --set-dscp 1\nCOMMIT\n")
    assert "'self' is not a packet type" in refused("*mangle\n-A OUTPUT -m pkttype --pkt-type self\nCOMMIT\n")
