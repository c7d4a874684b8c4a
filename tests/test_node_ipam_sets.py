"""The block set against a plain bitmap, bit by bit, for whatever operations hypothesis thinks of."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubenet_course.kube.nodeipam.cidr import parse_sloppy
from kubenet_course.kube.nodeipam.cidr_set import allocate_next, cidr_set, occupy, release, span

RANGES = st.sampled_from([("10.244.0.0/20", 24), ("10.244.16.0/22", 27), ("fd00:10:244::/60", 64), ("fd00::/120", 124)])
LENGTHS = st.integers(0, 12)


class Bitmap:
    """The set as the real one remembers it: a bit a block, and a place to search from."""

    def __init__(self, text, mask):
        self.network = ipaddress.ip_network(text)
        self.mask = mask
        self.blocks = list(self.network.subnets(new_prefix=mask))
        self.used = [False] * len(self.blocks)
        self.candidate = 0

    def allocate_next(self):
        for tries in range(len(self.blocks)):
            at = (self.candidate + tries) % len(self.blocks)
            if not self.used[at]:
                self.used[at] = True
                self.candidate = (at + 1) % len(self.blocks)
                return str(self.blocks[at]), tries
        return None

    def mark(self, text, used):
        touched = ipaddress.ip_network(text)
        for at, block in enumerate(self.blocks):
            if block.overlaps(touched):
                self.used[at] = used


@given(RANGES, st.lists(st.tuples(st.sampled_from(["next", "next", "occupy", "release"]), st.integers(0), LENGTHS)))
def test_a_set_of_edges_is_a_bitmap(cluster, story):
    plain = Bitmap(*cluster)
    pool = cidr_set(parse_sloppy(cluster[0]), cluster[1])
    for what, place, length in story:
        if what == "next":
            expected = plain.allocate_next()
            if expected is None:
                with pytest.raises(LookupError):
                    allocate_next(pool)
                continue
            found = allocate_next(pool)
            assert (str(found.block), found.tries) == expected
            pool = found.rest
            continue
        text = str(within(plain.network, place, length))
        plain.mark(text, what == "occupy")
        pool = (occupy if what == "occupy" else release)(pool, parse_sloppy(text))
        assert [pool.uses(at) for at in range(pool.blocks)] == plain.used
        assert (pool.taken, pool.next_candidate) == (sum(plain.used), plain.candidate)


def within(network, place, longer):
    """Some range inside the network, or around it when `longer` is small."""
    length = min(network.prefixlen - 2 + longer, network.max_prefixlen)
    if length <= network.prefixlen:
        return network.supernet(new_prefix=length)
    address = network.network_address + place % network.num_addresses
    return ipaddress.ip_network((address, length), strict=False)


def test_the_search_goes_round_past_used_blocks_at_both_ends():
    pool = occupy(cidr_set(parse_sloppy("10.244.0.0/21"), 24), parse_sloppy("10.244.0.0/23"))
    pool = occupy(pool, parse_sloppy("10.244.6.0/23"))
    given = []
    for _ in range(4):
        found = allocate_next(pool)
        given.append((str(found.block), found.tries))
        pool = found.rest
    assert given == [("10.244.2.0/24", 2), ("10.244.3.0/24", 0), ("10.244.4.0/24", 0), ("10.244.5.0/24", 0)]
    pool = release(pool, parse_sloppy("10.244.2.0/24"))
    assert (str(allocate_next(pool).block), allocate_next(pool).tries) == ("10.244.2.0/24", 4)  # 6, 7, 0, 1 are used


def test_a_range_elsewhere_touches_no_block():
    pool = cidr_set(parse_sloppy("10.244.0.0/16"), 24)
    for stranger in ("10.245.0.0/24", "fd00::/64"):
        with pytest.raises(ValueError, match="is out the range of cluster cidr"):
            span(pool, parse_sloppy(stranger))


def test_a_set_of_two_thousand_million_blocks_costs_nothing():
    pool = cidr_set(parse_sloppy("0.0.0.0/0"), 31)
    assert str(allocate_next(occupy(pool, parse_sloppy("0.0.0.0/1"))).block) == "128.0.0.0/31"


def test_of_two_to_the_32_blocks_none_can_be_marked_or_freed_by_itself():
    pool = allocate_next(cidr_set(parse_sloppy("0.0.0.0/0"), 32)).rest
    for change in (occupy, release):
        with pytest.raises(ValueError, match=r"CIDR: 10\.0\.0\.0/32 is out of the range of CIDR allocator"):
            change(pool, parse_sloppy("10.0.0.0/8"))
    assert release(pool, parse_sloppy("0.0.0.0/0")).taken == 0
