"""Service addresses: which exist, which are left to people, which one is drawn."""

import ipaddress
import random

import pytest

from kubenet_course.errors import BadInput
from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.model.cluster import Cluster
from kubenet_course.kube.nodeipam.cidr import parse_sloppy
from kubenet_course.kube.service.service_ipam import AddressRefused, allocate, allocate_next, band_of, service_range


def lowest(_size):
    return 0


def highest(size):
    return size - 1


@pytest.mark.parametrize(
    "story, cidr, size, band",
    [
        ("16 addresses: no band", "10.96.0.0/28", 14, None),
        ("32: the band is at least 16", "10.96.0.0/27", 30, ("10.96.0.1", "10.96.0.16")),
        ("256: a sixteenth is 16", "10.96.0.0/24", 254, ("10.96.0.1", "10.96.0.16")),
        ("1,024: a sixteenth is 64", "10.96.0.0/22", 1022, ("10.96.0.1", "10.96.0.64")),
        ("65,536: the band is at most 256", "10.96.0.0/16", 65534, ("10.96.0.1", "10.96.1.0")),
        ("IPv6 has no broadcast address", "fd00:10:96::/112", 65535, ("fd00:10:96::1", "fd00:10:96::100")),
        ("two addresses are none", "10.96.0.0/31", 0, None),
        ("a single address is none", "10.96.0.0/32", 0, None),
    ],
)
def test_the_band_that_draws_avoid(story, cidr, size, band):
    services = service_range(parse_sloppy(cidr))
    assert (services.size, services.static_band) == (size, band)


@pytest.mark.parametrize("size, band", [(8, 0), (16, 0), (32, 16), (256, 16), (512, 32), (4096, 256), (1 << 64, 256)])
def test_the_band_is_a_sixteenth_between_16_and_256(size, band):
    assert band_of(size) == band


def test_an_ipv6_range_larger_than_64_is_refused():
    with pytest.raises(ValueError, match="shortest allowed prefix length for service CIDR is 64, got 56"):
        service_range(parse_sloppy("fd00:10:96::/56"))
    assert allocate_next(service_range(parse_sloppy("fd00:10:96::/64")), (), lowest) == "fd00:10:96::101"


def test_a_draw_starts_above_the_band():
    services = service_range(parse_sloppy("10.96.0.0/16"))
    assert allocate_next(services, (), lowest) == "10.96.1.1"
    assert allocate_next(services, (), highest) == "10.96.255.254"


def test_a_draw_goes_upwards_past_what_is_given_and_round_once():
    services = service_range(parse_sloppy("10.96.0.0/27"))
    assert allocate_next(services, {"10.96.0.30"}, highest) == "10.96.0.17"


def test_the_band_is_used_when_all_else_is_gone_and_then_nothing_is_left():
    services = service_range(parse_sloppy("10.96.0.0/27"))
    given = [f"10.96.0.{number}" for number in range(17, 31)]
    assert allocate_next(services, given, lowest) == "10.96.0.1"
    assert allocate_next(services, given, highest) == "10.96.0.16"
    with pytest.raises(AddressRefused, match="range is full"):
        allocate_next(services, [f"10.96.0.{number}" for number in range(1, 31)], lowest)
    with pytest.raises(AddressRefused, match="range is full"):
        allocate_next(service_range(parse_sloppy("10.96.0.0/31")), (), lowest)


def test_all_addresses_of_a_range_are_drawn_before_one_is_missing():
    services, given = service_range(parse_sloppy("10.96.0.0/26")), set()
    for turn in range(services.size):
        given.add(allocate_next(services, given, lambda size, turn=turn: turn * 7 % size))
    assert given == {f"10.96.0.{number}" for number in range(1, 63)}


@pytest.mark.parametrize(
    "story, address, said",
    [
        ("the network's address", "10.96.0.0", "the provided network does not match the current range"),
        ("the broadcast address", "10.96.255.255", "the provided network does not match the current range"),
        ("an address elsewhere", "10.97.0.1", "the provided network does not match the current range"),
        ("an address of the other family", "fd00::1", "the provided network does not match the current range"),
        ("an address that somebody has", "10.96.0.1", "provided IP is already allocated"),
    ],
)
def test_addresses_that_cannot_be_asked_for(story, address, said):
    with pytest.raises(AddressRefused, match=said):
        allocate(service_range(parse_sloppy("10.96.0.0/16")), {"10.96.0.1"}, address)


def test_a_manifest_may_ask_for_any_other_in_the_band_or_not():
    services = service_range(parse_sloppy("10.96.0.0/16"))
    assert allocate(services, {"10.96.0.1"}, "10.96.0.10") == "10.96.0.10"
    assert allocate(services, {"10.96.0.1"}, "10.96.77.1") == "10.96.77.1"


def hosts(cidr):
    """Every address that a Service can have: a list, made by `ipaddress`."""
    network = ipaddress.ip_network(cidr)
    listed = [str(address) for address in network]
    return listed[1:-1] if network.version == 4 else listed[1:]


def drawn(cidr, given, places):
    """The same draw as a walk along two lists: above the band, then in it, each from a place on and round once."""
    listed, size = hosts(cidr), ipaddress.ip_network(cidr).num_addresses
    band = 0 if size <= 16 else sorted([16, size // 16, 256])[1]
    for part in (listed[band:], listed[:band]):
        begin = next(places) % len(part) if part else 0
        for address in part[begin:] + part[:begin]:
            if address not in given:
                return address
    return "range is full"


@pytest.mark.parametrize("seed", range(120))
def test_draws_are_those_of_two_lists(seed):
    chance = random.Random(seed)
    cidr = chance.choice(["10.96.0.0/24", "10.96.0.32/27", "10.96.0.0/28", "10.96.0.4/30", "10.96.0.0/31", "10.96.0.0/32",
                          "10.96.0.0/22", "fd00:10:96::/123", "fd00:10:96::/124", "fd00:10:96::/127", "fd00::/128"])  # fmt: skip
    services, listed = service_range(parse_sloppy(cidr)), hosts(cidr)
    assert services.size == len(listed)
    given = set(chance.sample(listed, chance.randint(len(listed) // 2, len(listed))))
    for _ in range(20):
        places = [chance.randrange(5000) for _ in range(2)]
        ours, theirs = iter(places), iter(places)
        try:
            answer = allocate_next(services, given, lambda size, ours=ours: next(ours) % size)
        except AddressRefused as refusal:
            answer = str(refusal)
        assert answer == drawn(cidr, given, theirs)
        given.add(answer)
        given.discard(chance.choice([*listed, ""]))


def test_a_draw_of_an_ipv6_64_is_above_the_band_wherever_it_falls():
    services = service_range(parse_sloppy("fd00:10:96::/64"))
    assert allocate_next(services, (), highest) == "fd00:10:96:0:ffff:ffff:ffff:ffff"
    assert services.size == 2**64 - 1


def cluster(pods, services, *specs):
    """A cluster with these ranges and a Service for each spec: web-0, web-1, ..."""
    configuration = f"{{podSubnet: '{pods}', serviceSubnet: '{services}'}}"
    objects = [
        f"{{apiVersion: kubeadm.k8s.io/v1beta4, kind: ClusterConfiguration, networking: {configuration}}}",
        "{apiVersion: v1, kind: Node, metadata: {name: node-1}}",
        *(
            f"{{apiVersion: v1, kind: Service, metadata: {{name: web-{number}}}, spec: {{selector: {{app: web}}, {spec}}}}}"
            for number, spec in enumerate(specs or ["ports: [{port: 80}]"])
        ),
    ]
    return Cluster(read_text("\n---\n".join(objects)))


@pytest.mark.parametrize(
    "story, services, address",
    [
        ("behind the band", "10.96.0.0/24", "10.96.0.17"),
        ("without a band the first is default/kubernetes', though no manifest says so", "10.96.0.0/28", "10.96.0.2"),
    ],
)
def test_a_service_without_an_address_is_given_the_first_that_is_free(story, services, address):
    (web,) = cluster("10.244.0.0/16", services).services
    assert web.cluster_ips == (address,)


@pytest.mark.parametrize(
    "story, spec, addresses",
    [
        ("one address, of the cluster's first family", "", ("10.96.0.17",)),
        ("of the family it asks for", "ipFamilies: [IPv6]", ("fd00:10:96::101",)),
        ("of both", "ipFamilyPolicy: PreferDualStack", ("10.96.0.17", "fd00:10:96::101")),
        ("the asked one first", "ipFamilyPolicy: RequireDualStack, ipFamilies: [IPv6]", ("fd00:10:96::101", "10.96.0.17")),
    ],
)  # fmt: skip
def test_families_are_given_as_asked(story, spec, addresses):
    pods, services = "10.244.0.0/16,fd00:10:244::/56", "10.96.0.0/24,fd00:10:96::/112"
    (web,) = cluster(pods, services, f"ports: [{{port: 80}}], {spec}").services
    assert web.cluster_ips == addresses


def test_a_number_that_tcp_and_udp_share_has_one_node_port():
    ports = "[{name: a, port: 53}, {name: b, port: 53, protocol: UDP}, {name: c, port: 80}, {name: d, port: 80, nodePort: 30080}]"
    (dns,) = cluster("10.244.0.0/16", "10.96.0.0/24", f"type: NodePort, ports: {ports}").services
    assert [port.node_port for port in dns.spec.ports] == [30086, 30086, 30080, 30080]


MANY_PORTS = ", ".join(f"{{name: p{number}, port: {number}}}" for number in range(1, 2770))
SERVICE = "text: document 3 (Service default/web-0)"


@pytest.mark.parametrize(
    "pods, services, specs, where, what",
    [
        ("fd00:10:244::/56", "fd00:10:96::/56", [], "text: document 1 (ClusterConfiguration): networking.serviceSubnet",
         "fd00:10:96::/56: shortest allowed prefix length for service CIDR is 64, got 56"),
        ("10.244.0.0/16", "10.96.0.0/31", [], f"{SERVICE}: spec.clusterIP",
         "the Services' range gives none: range is full"),
        ("10.244.0.0/16", "10.96.0.0/16", ["clusterIP: 10.96.255.255, ports: [{port: 80}]"], f"{SERVICE}: spec.clusterIP",
         "10.96.255.255 lies outside the Services' range, or is none that a Service can have"),
        ("10.244.0.0/16", "10.96.0.0/16", [f"type: NodePort, ports: [{MANY_PORTS}]"], f"{SERVICE}: spec.ports",
         "no NodePort is left of 30000 to 32767: range is full"),
    ],
)  # fmt: skip
def test_ranges_that_cannot_serve_are_bad_input(pods, services, specs, where, what):
    with pytest.raises(BadInput) as refusal:
        cluster(pods, services, *specs)
    assert (refusal.value.where, refusal.value.what) == (where, what)
    assert refusal.value.right
