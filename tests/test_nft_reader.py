"""`nft list ruleset`, text and JSON: read and written again equal, and what is not known or wrong is named."""

import json
import subprocess

import pytest
from click.testing import CliRunner
from realkernel import missing
from realkernel.oracle import _private

from kubenet_course.cli.rules import command
from kubenet_course.errors import BadInput
from kubenet_course.kube.proxy.nftables.rules import rules_of
from kubenet_course.linux.netfilter.nft.json_form import json_form
from kubenet_course.linux.netfilter.nft.read import read
from kubenet_course.linux.netfilter.nft.read_json import read_json
from kubenet_course.linux.netfilter.nft.ruleset import (
    Anonymous,
    Concat,
    Dnat,
    Lookup,
    Match,
    Meta,
    Named,
    Numgen,
    Pairs,
    Payload,
    Range,
    Unknown,
    Verdict,
)
from kubenet_course.linux.netfilter.nft.write import write
from kubenet_course.linux.packet.address import prefix
from tests.nft_cases import JSON, TEXT
from tests.proxy_cases import CASES, RECORDED
from tests.proxy_objects import NODE_1
from tests.proxy_random import drawn

RANGES = (prefix("10.96.0.0/12"), prefix("fd00:10:96::/112"))
LOCAL = ("--address", "eth0=192.168.60.11/24", "--in", "eth0", "--src", "10.1.2.3", "--dst", "192.168.60.11")


def without_handles(one):
    """JSON without the numbers that a kernel gives."""
    if isinstance(one, dict):
        return {key: without_handles(value) for key, value in one.items() if key != "handle"}
    return [without_handles(part) for part in one] if isinstance(one, list) else one


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_text_is_read_whole_and_written_again_equal(name):
    text = (RECORDED / name / TEXT).read_text()
    dump = read(text)
    assert (dump.not_understood, write(dump.rules)) == ((), text)


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_json_form_is_read_whole_and_written_again_equal(name):
    text = (RECORDED / name / JSON).read_text()
    dump = read_json(text)
    assert (dump.not_understood, json_form(dump.rules)) == ((), without_handles(json.loads(text)))
    assert json_form(read((RECORDED / name / TEXT).read_text()).rules) == json_form(dump.rules)


def test_two_hundred_random_rulesets_of_kube_proxy_are_read_again_as_they_were_written():
    for seed in range(200):
        given = drawn(seed)
        made = rules_of(given.services, given.slices, NODE_1, given.configuration, given.family, RANGES)
        text = write(made)
        assert write(read(text).rules) == text, seed
        form = json_form(made)
        assert json_form(read_json(json.dumps(form)).rules) == form, seed


WORDY = """table inet own {
	set blocked {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8, 192.0.2.1-192.0.2.9 }
	}

	set lately {
		type ipv4_addr . inet_service
		size 16
		flags dynamic,timeout
		timeout 1m30s
		elements = { 10.1.1.1 . 80 expires 59s996ms }
	}

	map to {
		type inet_service : ipv4_addr . inet_service
		elements = { 80 : 10.244.1.10 . 8080 }
	}

	chain first {
		type filter hook prerouting priority raw - 5; policy accept;
		notrack
		iifname { "eth0", "wlan*" } meta mark set 0x00000001 counter packets 3 bytes 120
		ct state established,related accept
		ct state { new, untracked } limit rate over 10/minute burst 7 packets drop
		ct mark set meta mark
		tcp dport != { 22, 8000-8010 } add @lately { ip saddr . tcp dport timeout 30s }
		meta mark & 0x0000000f == 0x00000003 jump second
		log prefix "seen " level info
		meta l4proto tcp reject with tcp reset
	}

	chain second {
		comment "led here"
		fib daddr type local icmpv6 type echo-request reject with icmpx admin-prohibited
		udp sport >= 1024 ip ttl 1 reject with icmp port-unreachable
		return
	}

	chain third {
		type nat hook prerouting priority dstnat; policy accept;
		dnat ip to tcp dport map @to
		ip protocol tcp dnat ip to 10.0.0.1-10.0.0.9:80-90 random
		meta l4proto tcp dnat ip6 to [fd00::1]:80
		meta l4proto udp redirect to :8080
	}

	chain fourth {
		type nat hook postrouting priority srcnat; policy drop;
		snat ip to 192.0.2.1 persistent
		meta l4proto udp masquerade to :1024-65535 random
	}
}
"""


def test_every_word_that_is_known_is_written_as_it_was_read():
    dump = read(WORDY)
    assert (write(dump.rules), dump.not_understood) == (WORDY, ())


def test_rules_are_read_into_the_parts_that_nft_names():
    chain = read(
        "table ip t {\n chain c {\n tcp dport { 22, 80-90 }"
        " dnat to numgen random mod 2 map { 0 : 10.0.0.1 . 80, 1 : 10.0.0.2 . 81 }\n"
        ' meta iifname "eth0" ip saddr @a goto c2 comment "why"\n }\n chain c2 {\n }\n set a {\n type ipv4_addr\n }\n}\n'
    ).rules.tables[0].chains["c"]  # fmt: skip
    first, second = chain.rules
    pairs = Pairs(((0, Concat(("10.0.0.1", 80))), (1, Concat(("10.0.0.2", 81)))))
    assert first.statements == (
        Match(Payload("tcp", "dport"), Anonymous((22, Range(80, 90)))),
        Dnat(Lookup(Numgen("random", 2), pairs)),
    )
    assert second.statements == (
        Match(Meta("iifname"), "eth0"),
        Match(Payload("ip", "saddr"), Named("a")),
        Verdict("goto", "c2"),
    )
    assert second.comment == "why"


def test_what_is_not_known_is_kept_up_to_where_known_words_begin():
    dump = read('table ip t {\n chain c {\n ip saddr 10.0.0.1 osf name "Linux" counter packets 0 bytes 0 drop\n }\n}\n')
    _match, unknown, _, drop = dump.rules.tables[0].chains["c"].rules[0].statements
    assert (unknown, drop) == (Unknown('osf name "Linux"'), Verdict("drop"))
    assert dump.not_understood == ((3, 'ip saddr 10.0.0.1 osf name "Linux" counter packets 0 bytes 0 drop'),)


BASE = "table ip t {\n chain c {\n type filter hook input priority 0; policy accept;\n %s\n }\n}\n"


@pytest.mark.parametrize(
    "story, text, where, what",
    [
        ("cut off in a chain", BASE % "accept"[:-1], "ruleset:4", ""),
        ("cut off in a table", "table ip t {\n chain c {\n accept\n", "ruleset:4", "ends in the middle"),
        ("cut off in a set", "table ip t {\n set a {\n type ipv4_addr\n elements = { 10.0.0.1,", "ruleset:4", "ends in the"),
        ("no ruleset at all", "Chain INPUT (policy ACCEPT)\n", "ruleset:1", "stands outside of any table"),
        ("a set that is not there", BASE % "ip saddr @a drop", "ruleset:4", "there is no set or map 'a'"),
        ("a chain that is not there", BASE % "jump d", "ruleset:4", "there is no chain 'd'"),
        ("a circle", BASE % "jump c", "ruleset", "jump in a circle: c -> c"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_line(story, text, where, what):
    if not what:
        assert read(text).not_understood == ((4, "accep"),)
        return
    with pytest.raises(BadInput) as refused:
        read(text)
    assert refused.value.where.startswith(where) and what in refused.value.what


@pytest.mark.parametrize(
    "text", ['{"nftables": [', "{}", '{"nftables": [{"rule": {}}]}', '{"nftables": [{"chain": 3}]}']
)
def test_json_that_is_cut_off_or_of_another_form_is_refused(text):
    with pytest.raises(BadInput):
        read_json(text)


# -- kubenet rules trace ----------------------------------------------------------------------------------------------


FIREWALL = """table inet fw {
	chain in {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		tcp dport { 22, 8000-8010 } accept
		osf name "Linux" drop
		udp dport 53 accept
	}
}
"""


def traced(tmp_path, *arguments: str, **files: str):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    names = [str(tmp_path / name) for name in files]
    return CliRunner().invoke(command, ["trace", *names, *arguments, "--json"], standalone_mode=False)


def verdicts(told) -> list[str]:
    return [one["verdict"] for one in json.loads(told.stdout)["outcomes"]]


@pytest.mark.parametrize(
    "port, expected, certain",
    [
        (["--dport", "22"], ["local"], True),
        (["--dport", "8009"], ["local"], True),
        (["--dport", "23"], ["dropped", "dropped"], False),
        (["--dport", "53", "--proto", "udp"], ["local", "dropped"], False),
    ],
)
def test_a_packet_goes_through_the_text_of_a_firewall(tmp_path, port, expected, certain):
    told = traced(tmp_path, *LOCAL, *port, firewall=FIREWALL)
    assert (sorted(verdicts(told)), json.loads(told.stdout)["certain"]) == (sorted(expected), certain)
    assert told.return_value == (0 if certain else 3)


def test_text_and_json_and_a_dump_of_iptables_are_of_one_machine(tmp_path):
    drop = "*filter\n-A INPUT -p tcp --dport 22 -j DROP\nCOMMIT\n"
    text = FIREWALL.replace('\t\tosf name "Linux" drop\n', "")
    for firewall in (text, json.dumps(json_form(read(text).rules))):
        assert verdicts(traced(tmp_path, *LOCAL, "--dport", "22", firewall=firewall, save=drop)) == ["dropped"]
        assert verdicts(traced(tmp_path, *LOCAL, "--dport", "8001", firewall=firewall, save=drop)) == ["local"]


def test_what_iptables_save_tells_better_is_not_taken_from_nft(tmp_path):
    """`nft list ruleset` prints the tables of iptables-nft too, in words that only iptables understands."""
    listed = """# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy accept;
		xt match "string" counter packets 0 bytes 0 drop
	}
}
"""
    told = traced(tmp_path, *LOCAL, "--dport", "22", nft=listed, save="*filter\n-A INPUT -j ACCEPT\nCOMMIT\n")
    assert (verdicts(told), json.loads(told.stdout)["certain"]) == (["local"], True)
    alone = traced(tmp_path, *LOCAL, "--dport", "22", nft=listed)
    assert json.loads(alone.stdout)["hangs_on"][0]["line"] == 5


# -- the real program -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(missing() is not None, reason=missing() or "")
@pytest.mark.parametrize("text", [WORDY, FIREWALL, BASE % "drop"])
def test_the_real_program_takes_what_is_written(text):
    text = text.replace('\t\tosf name "Linux" drop\n', "")
    script = "nft -c -f /dev/stdin"
    done = subprocess.run(_private("sh", "-c", script), input=write(read(text).rules), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
