"""IPVS' schedulers: sequences worked out by hand from the kernel's formulas, and what each promises."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kubenet_course.linux.stack.ipvs.hashing import MH_PRIME, fold, hash_32, hsiphash, mh_value
from kubenet_course.linux.stack.ipvs.loads import Asked, Load
from kubenet_course.linux.stack.ipvs.schedulers import BUCKETS, SCHEDULERS, mh_start, rr_changed, sh_start
from kubenet_course.linux.stack.ipvs.servers import RealServer

CLIENT = Asked("10.244.1.10", "10.96.0.10")
LETTERS = "ABCDEFGHIJ"


def loads(*rows: tuple[int, ...]) -> list[Load]:
    """Servers A, B, C, ... from rows of weight, active, inactive."""
    return [Load(RealServer(f"10.244.1.{at + 10}", 8080, weight), *more) for at, (weight, *more) in enumerate(rows)]


def sequence(name: str, servers: list[Load], count: int, closes: bool = True) -> str:
    """The letters of the servers of so many connections; those stay open unless they close at once."""
    scheduler, servers = SCHEDULERS[name], list(servers)
    memory, letters = scheduler.start(servers), ""
    for _ in range(count):
        at, memory = scheduler.choose(servers, CLIENT, memory)
        letters += "-" if at is None else LETTERS[at]
        if not closes and at is not None:
            servers[at] = replace(servers[at], active=servers[at].active + 1)
    return letters


@pytest.mark.parametrize(
    "story, name, servers, expected",
    [
        ("in turn, from the head of the list", "rr", loads((1,), (1,), (1,)), "ABCABC"),
        ("rr knows no weights, but leaves out who has none", "rr", loads((5,), (0,), (1,)), "ACACAC"),
        ("nobody has a weight", "rr", loads((0,), (0,)), "------"),
        ("the example of the LVS documentation: 4, 3, 2", "wrr", loads((4,), (3,), (2,)), "AABABCABC"),
        ("weights that share a divisor give the same turns", "wrr", loads((40,), (30,), (20,)), "AABABCABC"),
        ("equal weights are plain turns", "wrr", loads((1,), (1,), (1,)), "ABCABC"),
        ("a weight of nought never comes", "wrr", loads((2,), (0,), (1,)), "AACAAC"),
        ("nobody has a weight", "wrr", loads((0,), (0,)), "--"),
    ],
)
def test_turns(story, name, servers, expected):
    assert sequence(name, servers, len(expected)) == expected


@pytest.mark.parametrize(
    "story, name, servers, expected",
    [
        # active * 256 + inactive: A 256, B 255
        ("255 inactive ones weigh less than an active one", "lc", loads((1, 1, 0), (1, 0, 255)), "B"),
        ("257 weigh more", "lc", loads((1, 1, 0), (1, 0, 257)), "A"),
        ("among equals the first", "lc", loads((1, 2, 0), (9, 2, 0)), "A"),
        ("lc leaves out who has no weight", "lc", loads((0, 0, 0), (1, 9, 9)), "B"),
        # 512/1 against 768/2 = 384
        ("wlc divides by the weight", "wlc", loads((1, 2, 0), (2, 3, 0)), "B"),
        ("512/1 and 1024/2 are equal, so the first", "wlc", loads((1, 2, 0), (2, 4, 0)), "A"),
        ("with no connection at all wlc takes the first, though the second is stronger", "wlc", loads((1,), (9,)), "A"),
        # (0+1)/1 against (0+1)/9
        ("sed counts this connection too, and takes the stronger", "sed", loads((1,), (9,)), "B"),
        # 2/1, 4/2, 4/3
        ("sed: 2, 2 and 4/3", "sed", loads((1, 1), (2, 3), (3, 3)), "C"),
        ("sed does not count inactive ones", "sed", loads((1, 0, 900), (1, 1, 0)), "A"),
        ("nq takes an idle one, however weak", "nq", loads((9, 1), (1, 0)), "B"),
        ("nq without an idle one is sed", "nq", loads((1, 1), (2, 3), (3, 3)), "C"),
        ("nq leaves an idle one alone that has no weight", "nq", loads((9, 1), (0, 0)), "A"),
        ("nobody", "sed", [], "-"),
    ],
)
def test_by_connections(story, name, servers, expected):
    assert sequence(name, servers, 1) == expected


def test_sed_with_weights_1_and_3_by_hand():
    # costs before each choice: 1/1 1/3 B; 1/1 2/3 B; 1/1 3/3 A, for equals go to the first; 2/1 3/3 B; 2/1 4/3 B; 2/1 5/3 B
    assert sequence("sed", loads((1,), (3,)), 6, closes=False) == "BBABBB"


def test_nq_with_weights_1_and_3_by_hand():
    # A idle; B idle; 2/1 2/3 B; 2/1 3/3 B; 2/1 4/3 B
    assert sequence("nq", loads((1,), (3,)), 5, closes=False) == "ABBBB"


weights = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20), st.integers(0, 99)), min_size=1, max_size=8)


@given(weights)
def test_nq_leaves_no_idle_server_idle(rows):
    servers = loads(*rows)
    at, _ = SCHEDULERS["nq"].choose(servers, CLIENT, None)
    if any(load.weight and not load.active for load in servers):
        assert servers[at].active == 0


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 120))
def test_seds_bound(rows, count):
    """Nobody ever has more for its weight than anybody else would have with one more."""
    held = Counter(sequence("sed", loads(*((weight,) for weight in rows)), count, closes=False))
    for one, weight in zip(LETTERS, rows, strict=False):
        for other, its in zip(LETTERS, rows, strict=False):
            assert held[one] * its <= (held[other] + 1) * weight


@given(st.lists(st.integers(0, 6), min_size=1, max_size=6).filter(any))
def test_wrr_gives_each_its_weight_in_every_full_round(rows):
    held = Counter(sequence("wrr", loads(*((weight,) for weight in rows)), sum(rows)))
    assert [held[one] for one, _ in zip(LETTERS, rows, strict=False)] == rows


# -- hashes ---------------------------------------------------------------------------------------------------------


def test_hsiphash_is_the_kernels():
    """The bytes 00 01 02 03 under the key 00 01 ... 0f: lib/tests/siphash_kunit.c, test_vectors_hsiphash[4]."""
    assert hsiphash(0x03020100, (0x0706050403020100, 0x0F0E0D0C0B0A0908)) == 0x88D38328


def test_the_bucket_of_10_0_0_1_by_hand():
    # 0x0a000001 * 0x61c88647 = 0xc6000000 + 0x61c88647 (mod 2^32) = 0x27c88647, whose first byte is 0x27
    assert hash_32(fold("10.0.0.1"), 8) == 0x27


def test_an_ipv6_address_is_folded():
    assert fold("fd00:10:244:1::10") == 0xFD000010 ^ 0x02440001 ^ 0x10


def test_dh_looks_at_the_destination_and_sh_at_the_source():
    servers = loads((1,), (1,), (1,))
    # bucket 0x27 = 39 of three servers in turn: 39 mod 3 = 0
    dh, sh = SCHEDULERS["dh"], SCHEDULERS["sh"]
    assert dh.choose(servers, Asked("1.2.3.4", "10.0.0.1"), dh.start(servers))[0] == 0
    assert sh.choose(servers, Asked("10.0.0.1", "1.2.3.4"), sh.start(servers))[0] == 0


def test_sh_fills_buckets_by_weight():
    # A, B, B, B, and again: a quarter and three quarters of 256
    assert Counter(sh_start(loads((1,), (3,)))) == {0: BUCKETS // 4, 1: 3 * BUCKETS // 4}


def test_a_server_without_weight_keeps_its_bucket_and_turns_clients_away():
    servers = loads((0,), (1,), (1,))
    sh = SCHEDULERS["sh"]
    assert sh.choose(servers, Asked("10.0.0.1", "10.96.0.10"), sh.start(servers))[0] is None


@pytest.mark.parametrize("name", ["sh", "dh", "mh"])
def test_the_order_of_the_clients_does_not_matter(name):
    scheduler, servers = SCHEDULERS[name], loads((1,), (2,), (1,))
    clients = [Asked(f"10.244.{n // 200}.{n % 200}", f"10.96.0.{n % 200}") for n in range(600)]

    def chosen(order):
        memory, found = scheduler.start(servers), {}
        for client in order:
            found[client], memory = scheduler.choose(servers, client, memory)
        return found

    assert chosen(clients) == chosen(clients[::-1])


def moved(name: str) -> float:
    """The share of clients of the other nine servers that are moved when the last of ten goes."""
    scheduler, ten = SCHEDULERS[name], loads(*[(1,)] * 10)
    before, after = scheduler.start(ten), scheduler.start(ten[:9])
    stayed = [
        (scheduler.choose(ten, client, before)[0], scheduler.choose(ten[:9], client, after)[0])
        for client in (Asked(f"10.{n % 7}.{n // 250}.{n % 250}", "10.96.0.10") for n in range(5000))
    ]
    others = [(old, new) for old, new in stayed if old != 9]
    return sum(old != new for old, new in others) / len(others)


def test_mh_moves_few_clients_where_sh_moves_nearly_all():
    assert moved("mh") < 0.10
    assert moved("sh") > 0.80


def test_mh_shares_its_table_evenly_and_by_weight():
    even = Counter(mh_start(loads(*[(1,)] * 10)))
    assert max(even.values()) - min(even.values()) <= 1
    heavy = Counter(mh_start(loads((1,), (3,))))
    assert abs(heavy[1] / MH_PRIME - 0.75) < 0.01
    assert sum(heavy.values()) == MH_PRIME


def test_mh_reads_the_clients_place():
    servers = loads((1,), (1,), (1,))
    table = mh_start(servers)
    assert SCHEDULERS["mh"].choose(servers, CLIENT, table)[0] == table[mh_value(fold(CLIENT.src)) % MH_PRIME]


def test_mh_moves_nobody_when_a_server_only_loses_its_weight():
    before = mh_start(loads((1,), (1,), (1,)))
    drained = [replace(load, lasting=1) for load in loads((0,), (1,), (1,))]
    assert mh_start(drained) == before
    at = before.index(0)
    assert SCHEDULERS["mh"].choose(drained, CLIENT, (0,) * len(before))[0] is None
    assert before[at] == 0


# -- servers that come and go ------------------------------------------------------------------------------------------


def test_rr_goes_on_behind_the_one_that_left():
    a, b, c = loads((1,), (1,), (1,))
    assert rr_changed([a, b, c], [a, c], 1) == 0  # B was the last and is gone: A stands before it, C comes next
    assert rr_changed([a, b, c], [b, c], 2) == 1
    assert rr_changed([a, b], [b], 0) == -1


def test_a_new_server_stands_at_the_head_and_waits_for_the_turn_to_come_round():
    a, b = loads((1,), (1,))
    new = Load(RealServer("10.244.2.9", 8080))
    assert rr_changed([a, b], [new, a, b], 0) == 1


# -- by the address that is asked for ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "story, name, servers, expected",
    [
        # A (0/1) first; then A has 1 active, not more than its weight; then 2 > 1, and B has 0 * 2 < 1: overloaded
        (
            "all at one server until it has more than its weight and another has less than half",
            "lblc",
            loads((1,), (1,)),
            "AABB",
        ),
        ("while nobody has less than half of its weight, it stays", "lblc", loads((1, 1), (1, 1)), "AAA"),
        ("no weight, no more", "lblc", loads((0,), (1,)), "BB"),
        (
            "nobody",
            "lblcr",
            loads(
                (0,),
            ),
            "-",
        ),
        # B joins the address' set, at its head: B(1) A(2) gives B, B(2) A(2) are equal and B stands first, B(3) A(2) gives A
        ("a second server joins the first, and they share", "lblcr", loads((1,), (1,)), "AABBBA"),
    ],
)
def test_by_the_address_that_is_asked_for(story, name, servers, expected):
    assert sequence(name, servers, len(expected), closes=False) == expected
