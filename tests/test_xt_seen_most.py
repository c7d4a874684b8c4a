"""The matches and targets that dumps of clusters hold beside kube-proxy's own: each is written as iptables 1.8.9 prints it."""

import pytest

from kubenet_course.linux.netfilter.iptables.save import read, write
from kubenet_course.linux.netfilter.iptables.words import PROTOCOLS, protocol
from kubenet_course.linux.netfilter.xt.tcpmss import with_size


@pytest.mark.parametrize(
    "table, written, printed",
    [
        ("mangle", "PREROUTING -m rpfilter --invert --loose", "PREROUTING -m rpfilter --loose --invert"),
        ("mangle", "FORWARD -m physdev --physdev-is-in --physdev-in veth+", None),
        ("mangle", "FORWARD -m physdev ! --physdev-is-in ! --physdev-is-out", None),
        ("mangle", "PREROUTING -p tcp -m connlimit --connlimit-above 2",
         "PREROUTING -p tcp -m connlimit --connlimit-above 2 --connlimit-saddr"),
        ("mangle", "PREROUTING -p tcp -m connlimit ! --connlimit-above 2 --connlimit-mask 0",
         "PREROUTING -p tcp -m connlimit --connlimit-upto 2 --connlimit-mask 0 --connlimit-saddr"),
        ("mangle", "PREROUTING -m hashlimit --hashlimit-upto 10/sec --hashlimit-name bar",
         "PREROUTING -m hashlimit --hashlimit-upto 10/sec --hashlimit-burst 5 --hashlimit-name bar"),
        ("mangle", "PREROUTING -m hashlimit ! --hashlimit-upto 1/s --hashlimit-name bau",
         "PREROUTING -m hashlimit --hashlimit-above 1/sec --hashlimit-burst 5 --hashlimit-name bau"),
        ("mangle", "PREROUTING -m hashlimit --hashlimit 5/s --hashlimit-name bav --hashlimit-mode dstip",
         "PREROUTING -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-mode dstip --hashlimit-name bav"),
        ("mangle", "FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu", None),
        ("mangle", "FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1400", None),
        ("mangle", "FORWARD -m policy --dir in --pol none", None),
        ("mangle", "PREROUTING -p tcp -m socket --transparent --nowildcard --restore-skmark", None),
        ("raw", "PREROUTING -p tcp -j CT --helper ftp", None),
        ("raw", "PREROUTING -j CT", None),
        ("raw", "PREROUTING -j CT --zone 5", None),
        ("filter", "INPUT -p udp -m udp --dport 60000:29", None),
        ("filter", "INPUT -m length --length 900:100", None),
    ],
)  # fmt: skip
def test_a_rule_is_printed_as_iptables_prints_it(table, written, printed):
    assert f"-A {printed or written}\n" in write(read(f"*{table}\n-A {written}\nCOMMIT\n").rules)


def test_limits_of_bytes_and_zones_are_named_as_not_understood():
    for table, rule in (
        ("raw", "-j CT --zone 5"),
        ("mangle", "-m hashlimit --hashlimit-upto 1kb/s --hashlimit-name b -j DROP"),
    ):
        assert len(read(f"*{table}\n-A PREROUTING {rule}\nCOMMIT\n").not_understood) == 1


MSS_1460 = bytes.fromhex("020405b4 0101 0402")


def test_a_segment_size_is_lowered_and_never_raised():
    assert with_size(MSS_1460, 1400, 536, False) == bytes.fromhex("02040578 0101 0402")
    assert with_size(MSS_1460, 1500, 536, False) == MSS_1460
    assert with_size(b"\x01" + MSS_1460, 1400, 536, False) == b"\x01" + bytes.fromhex("02040578 0101 0402")


def test_a_size_that_was_not_offered_is_put_before_the_other_options():
    assert with_size(b"", 1400, 536, False) == bytes.fromhex("02040218")
    assert with_size(b"\x01\x01\x04\x02", 400, 536, False) == bytes.fromhex("02040190 01010402")
    assert with_size(b"", 1400, 536, True) == b"", "a segment with data is left alone"


def test_every_protocol_has_one_name():
    for name, number in PROTOCOLS.items():
        assert protocol(name) == protocol(str(number)) == name
    assert (protocol("ipv6"), protocol("ospfigp"), protocol("cbt"), protocol("0")) == ("ipv6", "ospf", "7", "all")


def test_a_module_that_asks_without_options_is_asked():
    for module in ("rpfilter", "socket"):
        (rule,) = (
            read(f"*mangle\n-A PREROUTING -m {module} -j DROP\nCOMMIT\n")
            .rules.tables["mangle"]
            .chains["PREROUTING"]
            .rules
        )
        assert rule.tests[0].module == module and type(rule.tests[0]).__name__ != "Loaded"
