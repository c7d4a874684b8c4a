"""host-local: which address a pod gets, what is remembered, and what is refused, as the reference plugin did it."""

import json
from pathlib import Path
from typing import Any

import pytest
from cni_calls import Answer, environment, moved, ours, reservations, steps_of

from kubenet_course.cni.host_local.policy import Range, Remembered, give, in_turn

TAKEN = "requested IP address 10.1.2.2 is not available in range set 10.1.2.1-10.1.2.254"


def conf(data: Path, version: str = "1.0.0", **ipam: Any) -> dict[str, Any]:
    return {"cniVersion": version, "name": "net", "ipam": {"type": "host-local", "dataDir": str(data), **ipam}}


def add(data: Path, container: str = "c1", args: str = "", **ipam: Any) -> Answer:
    return ours("host-local", environment("ADD", container, CNI_ARGS=args), conf(data, **ipam))


def given(answer: Answer) -> list[str]:
    return [each["address"] for each in answer.said["ips"]]


@pytest.mark.parametrize("name", ["hostlocal_seq24", "hostlocal_dual"])
def test_every_recorded_call_gets_the_recorded_answer_and_leaves_the_recorded_files(name: str, tmp_path: Path):
    for step in steps_of(name):
        if "plugin" in step:
            stdin = moved(step["stdin"], "/tmp/cnidata", str(tmp_path))
            answer = ours(step["plugin"], step["env"] | {"CNI_PATH": "/opt/cni/bin"}, stdin)
            assert answer == (step["exit_code"], step["stdout"], step["stderr"])
        elif "files" in step:
            assert reservations(tmp_path) == moved(step["files"], "/tmp/cnidata/", "")


def test_a_reservation_is_one_file_that_names_its_owner_with_cr_and_lf(tmp_path: Path):
    add(tmp_path, subnet="10.244.1.0/24")
    assert (tmp_path / "net" / "10.244.1.2").read_bytes() == b"c1\r\neth0"
    assert (tmp_path / "net" / "last_reserved_ip.0").read_bytes() == b"10.244.1.2"


@pytest.mark.parametrize(
    "story, ipam, wanted",
    [
        ("the first address is the gateway's", {"subnet": "10.244.1.0/24"}, "10.244.1.2/24"),
        ("a start at the network address is given", {"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.0"}, "10.1.2.0/24"),
        ("the broadcast may be the end", {"subnet": "10.1.2.0/30", "rangeStart": "10.1.2.3"}, "10.1.2.3/30"),
        ("a gateway outside leaves .1 free", {"subnet": "10.1.2.0/24", "gateway": "192.168.1.1"}, "10.1.2.1/24"),
        ("a gateway at the end leaves .1 free", {"subnet": "10.1.2.0/24", "gateway": "10.1.2.254"}, "10.1.2.1/24"),
        ("IPv6 has no broadcast", {"subnet": "fd00:10:244::/126"}, "fd00:10:244::2/126"),
        ("text is made canonical", {"subnet": "FD00:10:0244::/120"}, "fd00:10:244::2/120"),
        ("IPv4 written as IPv6 is IPv4", {"subnet": "10.1.2.0/24", "rangeStart": "::ffff:10.1.2.9"}, "10.1.2.9/24"),
    ],
)
def test_the_first_address(story: str, ipam: dict[str, Any], wanted: str, tmp_path: Path):
    assert given(add(tmp_path, **ipam)) == [wanted], story


def test_a_small_ipv6_network_offers_two_and_three_and_then_no_more(tmp_path: Path):
    answers = [add(tmp_path, f"c{number}", subnet="fd00::/126") for number in range(3)]
    assert [given(answer) for answer in answers[:2]] == [["fd00::2/126"], ["fd00::3/126"]]
    why = "failed to allocate for range 0: no IP addresses available in range set: fd00::1-fd00::3"
    assert answers[2] == (1, {"code": 999, "msg": why}, "")


def test_ranges_of_one_set_are_used_one_after_the_other_and_then_from_the_start(tmp_path: Path):
    ranges = [[{"subnet": "10.1.1.0/30"}, {"subnet": "10.1.2.0/30"}]]
    assert given(add(tmp_path, "a", ranges=ranges)) == ["10.1.1.2/30"]
    assert given(add(tmp_path, "b", ranges=ranges)) == ["10.1.2.2/30"]
    ours("host-local", environment("DEL", "a"), conf(tmp_path, ranges=ranges))
    assert given(add(tmp_path, "c", ranges=ranges)) == ["10.1.1.2/30"]


def test_when_the_second_family_is_full_the_first_gives_its_address_back_but_has_moved_on(tmp_path: Path):
    ranges = [[{"subnet": "10.1.1.0/24"}], [{"subnet": "fd00::/126"}]]
    for container in "abc":
        answer = add(tmp_path, container, ranges=ranges)
    assert answer.said["msg"].startswith("failed to allocate for range 1: no IP addresses available")
    files = reservations(tmp_path / "net")
    assert "10.1.1.4" not in files
    assert files["last_reserved_ip.0"] == "10.1.1.4"


@pytest.mark.parametrize(
    "story, more, args",
    [
        ("in CNI_ARGS", {}, "IgnoreUnknown=1;K8S_POD_NAME=web;IP=10.1.2.77"),
        ("in args.cni.ips", {"args": {"cni": {"ips": ["10.1.2.77"]}}}, ""),
        ("in runtimeConfig.ips, with a mask that does not matter", {"runtimeConfig": {"ips": ["10.1.2.77/16"]}}, ""),
    ],
)
def test_an_address_may_be_asked_for(story: str, more: dict[str, Any], args: str, tmp_path: Path):
    document = conf(tmp_path, subnet="10.1.2.0/24") | more
    answer = ours("host-local", environment("ADD", CNI_ARGS=args), document)
    assert given(answer) == ["10.1.2.77/24"], story
    assert given(add(tmp_path, "next", subnet="10.1.2.0/24")) == ["10.1.2.78/24"], "asking moves the pointer too"


@pytest.mark.parametrize(
    "wanted, why",
    [
        ("10.1.2.1", "failed to allocate for range 0: requested ip 10.1.2.1 is subnet's gateway"),
        ("10.9.9.9", "failed to allocate all requested IPs: 10.9.9.9"),
        ("10.1.2.2", f"failed to allocate for range 0: {TAKEN}"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_given_is_refused_and_nothing_else_is_given(wanted: str, why: str, tmp_path: Path):
    add(tmp_path, "first", subnet="10.1.2.0/24")
    answer = add(tmp_path, "second", f"IP={wanted}", subnet="10.1.2.0/24")
    assert answer == (1, {"code": 999, "msg": why}, "")
    assert "second\neth0" not in reservations(tmp_path).values()


HOST_BITS = (
    "invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.244.1.0"
)
WRONG = [
    ("host bits", {"subnet": "10.244.1.7/24"}, HOST_BITS, "write 10.244.1.0/24"),
    ("a mask out of range", {"subnet": "10.244.1.0/33"}, "invalid CIDR address: 10.244.1.0/33", ""),
    ("too small", {"subnet": "10.244.1.0/31"}, "invalid range set 0: Network 10.244.1.0/31 too small to allocate from",
     "a network needs at least two host bits"),
    ("families mixed in one set", {"ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "fd00::/64"}]]},
     "invalid range set 0: mixed address families",
     "give IPv4 and IPv6 a range set each: [[{IPv4}], [{IPv6}]]"),
    ("overlap within a set", {"ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "10.1.0.0/25"}]]},
     "invalid range set 0: subnets 10.1.0.1-10.1.0.254 and 10.1.0.1-10.1.0.126 overlap",
     "part them with rangeStart and rangeEnd"),
    ("overlap of sets", {"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.1.0.0/16"}]]},
     "range set 0 overlaps with 1", "an address may stand in one range set only"),
    ("a start behind the end", {"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.50", "rangeEnd": "10.1.2.40"},
     "invalid range set 0: RangeStart 10.1.2.50 not in network 10.1.2.0/24",
     "choose it inside 10.1.2.0/24, the start before the end"),
    ("an end in the other family", {"subnet": "10.1.2.0/24", "rangeEnd": "fd00::1"},
     "invalid range set 0: RangeEnd fd00::1 not in network 10.1.2.0/24",
     "choose it inside 10.1.2.0/24, the start before the end"),
    ("no range", {}, "no IP ranges specified", "give ipam.subnet, or ipam.ranges with one list for each family"),
    ("a number for a network", {"ranges": [[{"subnet": 5}]]},
     "json: cannot unmarshal number into Go struct field Range.ipam.ranges.subnet of type string", ""),
]  # fmt: skip


@pytest.mark.parametrize("story, ipam, msg, details", WRONG, ids=[case[0] for case in WRONG])
@pytest.mark.parametrize("command", ["ADD", "CHECK", "DEL"])
def test_a_range_that_cannot_be_is_refused_with_what_to_do_and_nothing_reserved(
    story: str, ipam: dict[str, Any], msg: str, details: str, command: str, tmp_path: Path
):
    answer = ours("host-local", environment(command), conf(tmp_path, **ipam))
    assert answer == (1, {"code": 999, "msg": msg} | ({"details": details} if details else {}), ""), story
    assert reservations(tmp_path) == {}


def test_up_to_0_2_0_one_address_of_each_family_is_all(tmp_path: Path):
    ranges = [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.2.0.0/24"}]]
    document = conf(tmp_path, "0.2.0", ranges=ranges)
    answer = ours("host-local", environment("ADD"), document)
    assert answer.said["msg"] == "CNI version 0.2.0 does not support more than 1 address per family"


def test_check_asks_only_whether_the_interface_has_any_address(tmp_path: Path):
    add(tmp_path, "c1", subnet="10.1.2.0/24")
    other = conf(tmp_path, subnet="10.9.9.0/24")
    assert ours("host-local", environment("CHECK", "c1"), other).code == 0
    answer = ours("host-local", environment("CHECK", "c2"), other)
    assert answer.said == {"code": 999, "msg": "host-local: Failed to find address added by container c2"}


def test_a_file_of_an_older_plugin_names_only_its_container_and_is_found_and_freed(tmp_path: Path):
    add(tmp_path, "c9", subnet="10.1.2.0/24")
    (tmp_path / "net" / "10.1.2.50").write_text("old\n")
    document = conf(tmp_path, subnet="10.1.2.0/24")
    assert ours("host-local", environment("CHECK", "old"), document).code == 0
    assert "10.1.2.50 has been allocated to old" in add(tmp_path, "old", subnet="10.1.2.0/24").said["msg"]
    assert ours("host-local", environment("DEL", "old"), document).code == 0
    assert "net/10.1.2.50" not in reservations(tmp_path)


def test_gc_frees_what_no_living_attachment_has_and_keeps_the_pointer(tmp_path: Path):
    for container in ("a", "b", "c"):
        add(tmp_path, container, subnet="10.1.2.0/24")
    (tmp_path / "net" / "10.1.2.99").write_bytes(b"")  # the remains of a plugin that was killed while it wrote
    living = {"cni.dev/valid-attachments": [{"containerID": "b", "ifname": "eth0"}]}
    document = conf(tmp_path, "1.1.0", subnet="10.1.2.0/24") | living
    assert ours("host-local", environment("GC"), document) == (0, "", "")
    wanted = {"lock": "", "last_reserved_ip.0": "10.1.2.4", "10.1.2.3": "b\neth0"}
    assert reservations(tmp_path / "net") == wanted


def test_gc_without_the_list_of_the_living_frees_nothing(tmp_path: Path):
    add(tmp_path, "a", subnet="10.1.2.0/24")
    before = reservations(tmp_path)
    assert ours("host-local", environment("GC"), conf(tmp_path, "1.1.0", subnet="10.1.2.0/24")).code == 0
    assert reservations(tmp_path) == before


def test_the_resolver_is_taken_from_a_file(tmp_path: Path):
    file = tmp_path / "resolv.conf"
    file.write_text("# none\nnameserver 10.96.0.10\nsearch a.local b.local\noptions ndots:5\ndomain x\nnameserver\n")
    answer = add(tmp_path, subnet="10.1.2.0/24", resolvConf=str(file))
    assert answer.said["dns"] == {
        "domain": "x", "nameservers": ["10.96.0.10"], "options": ["ndots:5"], "search": ["a.local", "b.local"]
    }  # fmt: skip
    missing = add(tmp_path, "c2", subnet="10.1.2.0/24", resolvConf="/no/such/file")
    assert missing.said["msg"] == "open /no/such/file: no such file or directory"


def test_the_order_in_turn_begins_after_the_last_leaves_out_the_gateway_and_ends_where_it_began():
    ranges = (Range(4, 0x0A010201, 0x0A010204, "10.1.2.1", 24, 0x0A010201),)
    numbers = [number & 255 for _, number in in_turn(ranges, "10.1.2.3")]
    assert numbers == [4, 2, 3]
    assert [number & 255 for _, number in in_turn(ranges, None)] == [2, 3, 4]
    assert [number & 255 for _, number in in_turn(ranges, "10.9.9.9")] == [2, 3, 4]


def test_a_whole_range_is_given_once_and_in_order():
    ranges = (Range(4, 0x0AF40101, 0x0AF401FE, "10.244.1.1", 24, 0x0AF40101),)
    store = Remembered()
    addresses = [give(store, f"c{number}", "eth0", ranges, 0).address for number in range(253)]
    assert addresses == [f"10.244.1.{number}" for number in range(2, 255)]


def test_routes_and_versions_are_printed_as_the_reference_prints_them(tmp_path: Path):
    routes = [{"dst": "0.0.0.0/0"}, {"dst": "FD00::/8", "gw": "fd00::1", "mtu": 1400}]
    document = conf(tmp_path, "0.4.0", subnet="10.1.2.0/24", routes=routes)
    answer = ours("host-local", environment("ADD"), document)
    assert json.dumps(answer.said) == json.dumps({
        "cniVersion": "0.4.0",
        "ips": [{"version": "4", "address": "10.1.2.2/24", "gateway": "10.1.2.1"}],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "fd00::/8", "gw": "fd00::1", "mtu": 1400}],
        "dns": {},
    })  # fmt: skip
