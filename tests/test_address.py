"""Addresses, blocks and MACs: one spelling each, and what is none is refused by name."""

import ipaddress
import socket
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubenet_course.errors import BadInput
from kubenet_course.linux.packet.address import (
    IPV4,
    IPV6,
    Family,
    address,
    family,
    mac,
    mask_of,
    number,
    number4,
    number6,
    prefix,
    spelled,
    spelled4,
    spelled6,
)

ADDRESSES = st.ip_addresses()


@pytest.mark.parametrize(
    "story, written, canonical",
    [
        ("as it is", "10.244.1.10", "10.244.1.10"),
        (
            "zeros are shortened once, the longest run (RFC 5952 section 4.2)",
            "2001:db8:0:0:1:0:0:1",
            "2001:db8::1:0:0:1",
        ),
        ("a single zero group is not shortened", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("letters are small (section 4.3)", "FD00:10:244::A", "fd00:10:244::a"),
        ("leading zeros go (section 4.1)", "fd00:0010:0244::0001", "fd00:10:244::1"),
        ("an IPv4 address inside an IPv6 one stays readable (section 5)", "::ffff:c000:0201", "::ffff:192.0.2.1"),
        ("blanks around it do not matter", " 10.0.0.1 ", "10.0.0.1"),
    ],
)
def test_an_address_has_one_spelling(story, written, canonical):
    assert address(written) == canonical


@pytest.mark.parametrize(
    "wrong", ["", "10.244.1", "10.244.1.256", "10.244.01.1", "fd00::1::2", "fd00:g::1", "web", "1.2.3.4/8"]
)
def test_what_is_no_address_is_refused_with_a_sentence(wrong):
    with pytest.raises(BadInput, match="is not an address; write one like") as told:
        address(wrong, "here")
    assert str(told.value).startswith(f"here: {wrong!r}")


@given(ADDRESSES)
def test_numbers_and_spellings_lead_back_to_each_other(one):
    of = IPV4 if one.version == 4 else IPV6
    assert number(address(str(one))) == int(one)
    assert spelled(int(one), of) == address(str(one))
    assert family(address(str(one))) is of


@given(ADDRESSES, st.data())
def test_a_block_holds_what_ipaddress_says_that_it_holds(one, data):
    length = data.draw(st.integers(0, one.max_prefixlen))
    other = data.draw(st.ip_addresses(v=one.version) | st.just(one))
    network = ipaddress.ip_network(f"{one}/{length}", strict=False)
    block = prefix(f"{one}/{length}")
    assert (address(str(other)) in block) is (other in network)
    assert (block.length, block.first) == (length, address(str(network.network_address)))
    assert prefix(str(block)) == block


def test_the_families_do_not_hold_each_other():
    assert "::" not in prefix("0.0.0.0/0")
    assert "0.0.0.0" not in prefix("::/0")


@pytest.mark.parametrize(
    "story, text, shown",
    [
        ("a bare address is a block of one", "10.0.0.1", "10.0.0.1/32"),
        ("bits behind the mask are cleared", "10.0.0.77/24", "10.0.0.0/24"),
        ("a mask may be written as an address", "10.0.0.0/255.255.0.0", "10.0.0.0/16"),
        ("and may have holes, as iptables allows", "10.0.0.2/255.255.0.255", "10.0.0.2/255.255.0.255"),
        ("in IPv6 too", "fd00::2/ffff::ffff", "fd00::2/ffff::ffff"),
    ],
)
def test_a_block_is_written_in_one_way(story, text, shown):
    assert str(prefix(text)) == shown


def test_a_mask_with_holes_asks_only_for_its_own_bits():
    block = prefix("10.0.0.2/255.255.0.255")
    assert ("10.0.9.2" in block, "10.0.9.3" in block) == (True, False)


@pytest.mark.parametrize(
    "wrong", ["10.0.0.0/33", "fd00::/129", "10.0.0.0/x", "10.0.0.0/-1", "10.0.0.0/ffff::", "10.0.0.0/²"]
)
def test_what_is_no_mask_is_refused_with_a_sentence(wrong):
    with pytest.raises(BadInput, match=r"is not a mask of|is not an address"):
        prefix(wrong)


def test_a_strict_block_has_no_bits_behind_its_mask():
    with pytest.raises(BadInput, match=r"write 10\.244\.0\.0/24"):
        prefix("10.244.0.1/24", strict=True)


def test_masks_are_leading_ones():
    assert [f"{mask_of(n, IPV4):08x}" for n in (0, 1, 24, 32)] == ["00000000", "80000000", "ffffff00", "ffffffff"]


@pytest.mark.parametrize("text", ["02:42:0A:F4:01:0A", "02-42-0a-f4-01-0a", " 2:42:a:f4:1:a "])
def test_a_mac_has_one_spelling(text):
    assert mac(text) == "02:42:0a:f4:01:0a"


@pytest.mark.parametrize("wrong", ["", "02:42:0a:f4:01", "02:42:0a:f4:01:0g", "02:42:0a:f4:01:0aa", "02420af4010a"])
def test_what_is_no_mac_is_refused_with_a_sentence(wrong):
    with pytest.raises(BadInput, match="is not a MAC address; write six pairs"):
        mac(wrong)


# -- without the C library ---------------------------------------------------------------------------------------------

TEXTS = [
    "::", "::1", "1::", "1::8", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8", "::1.2.3.4", "::ffff:1.2.3.4", "1::1.2.3.4", "1:2:3:4:5:6:1.2.3.4",
    "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "::1.2.3.256", "1.2.3.4::", ":::", "1:::2", ":1", "1:", "::1:", ":1::",
    "12345::", "g::", "0:0:0:0:0:0:0:0", "00001::", "::0001", "FD00::A", "fe80::%eth0", "", "1.2.3.4",
    "01.2.3.4", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.-4", "1.2.3.4 ", "0.0.0.0", "00.0.0.0",
    "1.2.3.\u0664", "0x1.2.3.4", "1:2:3:4:5:6:7", "::1::", "1::2::3", "::ffff:01.2.3.4", "1:2:3:4:5:6:7:8:9",
    "\u0661::", ": :", "::1\n", "1.2.3.4\n", "1..2.3",
]  # fmt: skip


def as_the_c_library(text: str, af: int) -> str | None:
    try:
        return socket.inet_ntop(af, socket.inet_pton(af, text))
    except (OSError, ValueError):
        return None


def as_we(text: str, reads: Callable[[str], int], family: Family) -> str | None:
    try:
        return (spelled4 if family is IPV4 else spelled6)(reads(text))
    except ValueError:
        return None


FAMILIES_OF_C = [(socket.AF_INET, number4, IPV4), (socket.AF_INET6, number6, IPV6)]


@pytest.mark.parametrize("text", TEXTS)
def test_what_the_c_library_reads_is_read_and_nothing_else(text: str):
    for af, reads, of in FAMILIES_OF_C:
        assert as_we(text, reads, of) == as_the_c_library(text, af)


@pytest.mark.parametrize("af, reads, of", FAMILIES_OF_C)
def test_every_address_is_spelled_as_the_c_library_spells_it(
    af: int, reads: Callable[[str], int], of: Family, seed: int
):
    chance = Random(seed)
    for _ in range(20_000):
        groups = [chance.choice((0, 0, 1, 0xFFFF, chance.randrange(1 << 16))) for _ in range(of.bits // 16)]
        value = int("".join(f"{group:04x}" for group in groups), 16)
        text = socket.inet_ntop(af, value.to_bytes(of.bits // 8, "big"))
        assert ((spelled4 if of is IPV4 else spelled6)(value), reads(text)) == (text, value)


@pytest.mark.parametrize("of, reads", [(IPV4, number4), (IPV6, number6)])
def test_mutated_text_is_read_as_the_c_library_reads_it(of: Family, reads: Callable[[str], int], seed: int):
    chance, af = Random(seed), socket.AF_INET if of is IPV4 else socket.AF_INET6
    for _ in range(20_000):
        letters = list(chance.choice(TEXTS))
        for _ in range(chance.randrange(3)):
            letters.insert(chance.randrange(len(letters) + 1), chance.choice("0123456789abcf::..:%"))
        text = "".join(letters)
        assert as_we(text, reads, of) == as_the_c_library(text, af), text
