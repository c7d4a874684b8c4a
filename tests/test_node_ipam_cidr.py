"""Ranges as Go's control plane reads and prints them: the course's parser beside Go's own, transcribed."""

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kubenet_course.kube.nodeipam.cidr import Cidr, parse_sloppy, spelled


def digits(text, alphabet, limit):
    """dtoi and xtoi: the number at the start of a text and its length; None where there is none, or one too large."""
    length = next((at for at, letter in enumerate(text) if letter not in alphabet), len(text))
    value = int(text[:length].lstrip("0")[:20] or "0", len(alphabet) if len(alphabet) == 10 else 16) if length else None
    return None if value is None or value > limit else (value, length)


def go_four(text):
    """parseIPv4 of k8s.io/utils/internal/third_party/forked/golang/net."""
    octets = []
    for place in range(4):
        if place:
            if not text.startswith("."):
                return None
            text = text[1:]
        found = digits(text, "0123456789", 255)
        if found is None:
            return None
        octets.append(found[0])
        text = text[found[1] :]
    return None if text else bytes(octets)


def go_six(text):
    """parseIPv6: groups, one ellipsis at most, a dotted tail in the last four bytes."""
    address, ellipsis = b"", None
    if text.startswith("::"):
        ellipsis, text = 0, text[2:]
        if not text:
            return bytes(16)
    while len(address) < 16:
        found = digits(text, "0123456789abcdefABCDEF", 0xFFFF)
        if found is None:
            return None
        if text[found[1] :].startswith("."):
            tail = go_four(text)
            if tail is None or len(address) > 12 or (ellipsis is None and len(address) != 12):
                return None
            address, text = address + tail, ""
            break
        address += found[0].to_bytes(2, "big")
        text = text[found[1] :]
        if not text:
            break
        if not text.startswith(":") or text == ":":
            return None
        text = text[1:]
        if text.startswith(":"):
            if ellipsis is not None:
                return None
            ellipsis, text = len(address), text[1:]
            if not text:
                break
    if text or (len(address) < 16) is (ellipsis is None):
        return None
    return address if ellipsis is None else address[:ellipsis] + bytes(16 - len(address)) + address[ellipsis:]


def go_cidr(text):
    """ParseCIDRSloppy: the network's number, its length and the bits of its family, or None."""
    address, slash, length = text.partition("/")
    found = go_four(address) or go_six(address)
    bits = 8 * len(found or b"")
    mask = digits(length, "0123456789", bits)
    if not slash or found is None or mask is None or mask[1] != len(length):
        return None
    return int.from_bytes(found, "big") >> (bits - mask[0]) << (bits - mask[0]), mask[0], bits


GROUP = st.text("0123456789abcdefF", min_size=1, max_size=6)
WRITTEN = st.one_of(
    st.text("0129af:./ ", max_size=24),
    st.builds("{}.{}.{}.{}/{}".format, *[st.from_regex(r"0{0,2}[0-9]{1,3}", fullmatch=True)] * 5),
    st.builds(lambda groups, length: f"{':'.join(groups)}/{length}",
              st.lists(st.one_of(GROUP, st.just(""), st.just("10.0.0.1")), min_size=1, max_size=10), st.integers(-1, 130)),
)  # fmt: skip


@given(WRITTEN)
@example("fd00:00010::/048")
@example("::ffff:010.0.0.1/128")
@example("1:2:3:4:5:6:7::/64")
@example("::1:2:3:4:5:6:7/64")
@example("1:2:3:4:5:6:7:8::/64")
@example(f"10.0.0.0/{'0' * 5000}8")
@example(f"10.0.0.0/{'9' * 5000}")
@example(f"{'0' * 5000}10.0.0.0/8")
def test_a_range_is_read_as_go_reads_it(text):
    expected = go_cidr(text)
    if expected is None:
        with pytest.raises(ValueError, match="invalid CIDR address: ") as refusal:
            parse_sloppy(text)
        assert str(refusal.value) == f"invalid CIDR address: {text}"
    else:
        first, length, bits = expected
        assert parse_sloppy(text) == Cidr(first, length, bits)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**128 - 1))
def test_addresses_are_spelled_as_rfc_5952_says(four, six):
    assert spelled(four, 32) == str(ipaddress.IPv4Address(four))
    assert spelled(six, 128) == str(ipaddress.IPv6Address(six))


@pytest.mark.parametrize("number", [0, 1, 0xFFFF, 1 << 32, 0xFFFF_0A00_0001, 0x64FF9B << 104, 5 << 112])
def test_addresses_that_the_c_library_spells_its_own_way(number):
    assert spelled(number, 128) == str(ipaddress.IPv6Address(number))


@pytest.mark.parametrize(
    "text, cidr",
    [
        ("10.244.7.9/16", Cidr(0x0AF40000, 16, 32)),
        ("010.001.000.000/016", Cidr(0x0A010000, 16, 32)),
        ("::/0", Cidr(0, 0, 128)),
        ("FD00:0:0::1/64", Cidr(0xFD << 120, 64, 128)),
    ],
)
def test_flags_are_read_forgivingly(text, cidr):
    assert parse_sloppy(text) == cidr


@pytest.mark.parametrize(
    "text",
    ["", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "10.0.0.256/8", "fd00::/129", "fe80::1%eth0/64",
     " 10.0.0.0/8", "10.0.0.0/8 ", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "١.0.0.0/8"],
)  # fmt: skip
def test_what_is_no_range_is_named_in_full(text):
    with pytest.raises(ValueError, match="invalid CIDR address: ") as refusal:
        parse_sloppy(text)
    assert str(refusal.value) == f"invalid CIDR address: {text}"
