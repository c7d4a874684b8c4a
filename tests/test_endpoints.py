"""The EndpointSlice controller: who is in a slice, with which conditions, ports and hints, and what stays where."""

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from kubenet_course.cli.endpoints import command
from kubenet_course.cli.proxy import command as rules_command
from kubenet_course.kube.api.objects import HEADLESS, SERVICE_NAME, Pod, Service
from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.model.cluster import Cluster
from kubenet_course.kube.service.endpoints import MANAGED_BY, Candidate, slices_for
from kubenet_course.kube.service.printed import as_kubernetes

GOING = {"deletionTimestamp": "2026-11-01T00:00:00Z"}
HTTP = [{"name": "http", "port": 80, "targetPort": "http"}]


def service(**spec) -> Service:
    spec = {"selector": {"app": "web"}, "clusterIP": "10.96.0.10", "ports": HTTP, **spec}
    return msgspec.convert(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": {"team": "a"}}, "spec": spec},
        Service,
    )


def candidate(
    number: int = 1,
    ips=None,
    zone="zone-a",
    node="node-1",
    going=False,
    ready=None,
    phase="Running",
    port=8080,
    named="http",
    **spec,
) -> Candidate:
    conditions = None if ready is None else [{"type": "Ready", "status": "True" if ready else "False"}]
    given = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": f"web-{number}", "labels": {"app": "web"}, **(GOING if going else {})},
        "spec": {"nodeName": node, "containers": [{"name": "c", "ports": [{"name": named, "containerPort": port}]}], **spec},
        "status": {"phase": phase, **({"conditions": conditions} if conditions else {})},
    }  # fmt: skip
    return Candidate(msgspec.convert(given, Pod), tuple(ips or [f"10.244.{number >> 8}.{number & 255}"]), zone)


def said(found) -> list[tuple]:
    return [
        (one.addresses[0], one.conditions.ready, one.conditions.serving, one.conditions.terminating)
        for part in found
        for one in part.endpoints
    ]


@pytest.mark.parametrize(
    "story, pod, spec, expected",
    [
        ("a manifest that says nothing of readiness", {}, {}, (True, True, False)),
        ("ready", {"ready": True}, {}, (True, True, False)),
        ("not ready", {"ready": False}, {}, (False, False, False)),
        ("going and still serving", {"ready": True, "going": True}, {}, (False, True, True)),
        ("going and no longer serving", {"ready": False, "going": True}, {}, (False, False, True)),
        ("published all the same", {"ready": False}, {"publishNotReadyAddresses": True}, (True, False, False)),
        (
            "published even while it goes",
            {"ready": True, "going": True},
            {"publishNotReadyAddresses": True},
            (True, True, True),
        ),
        ("not yet started", {"phase": "Pending"}, {}, (False, False, False)),
    ],
)
def test_conditions_of_an_endpoint(story, pod, spec, expected):
    assert said(slices_for(service(**spec), [candidate(**pod)])) == [("10.244.0.1", *expected)]


@pytest.mark.parametrize(
    "story, pod",
    [
        ("failed", {"phase": "Failed"}),
        ("succeeded", {"phase": "Succeeded"}),
        ("of the other family", {"ips": ["fd00::1"]}),
    ],
)
def test_these_pods_are_left_out(story, pod):
    found = slices_for(service(), [candidate(**pod)])
    assert said(found) == []


def test_a_service_without_pods_has_one_empty_slice_and_one_without_selector_has_none():
    (empty,) = slices_for(service(), [])
    assert (empty.endpoints, empty.ports) == ((), ())
    assert slices_for(service(selector=None), [candidate()]) == ()
    assert slices_for(service(type="ExternalName"), [candidate()]) == ()


def test_a_pod_that_lacks_the_named_port_gets_a_slice_without_ports():
    found = slices_for(service(), [candidate(1), candidate(2, named="admin")])
    assert [(part.endpoints[0].target_ref.name, [port.port for port in part.ports]) for part in found] == [
        ("web-1", [8080]),
        ("web-2", []),
    ]


@pytest.mark.parametrize("target, expected", [(9000, 9000), ("http", 8080), (None, 80)])
def test_the_port_is_a_number_or_a_name_or_the_services_own(target, expected):
    ports = [{"name": "x", "port": 80, **({"targetPort": target} if target else {})}]
    (found,) = slices_for(service(ports=ports), [candidate()])
    assert found.ports[0].port == expected


def test_two_pods_with_different_numbers_behind_one_name_are_in_two_slices():
    found = slices_for(service(), [candidate(1), candidate(2, port=9090)])
    assert [[port.port for port in part.ports] for part in found] == [[8080], [9090]]


def test_each_family_has_slices_of_its_own():
    pods = [candidate(ips=["10.244.1.10", "fd00:10:244:1::a"])]
    found = slices_for(service(ipFamilies=["IPv4", "IPv6"]), pods)
    assert [(part.address_type, part.endpoints[0].addresses) for part in found] == [
        ("IPv4", ("10.244.1.10",)),
        ("IPv6", ("fd00:10:244:1::a",)),
    ]
    assert len({part.metadata.name for part in found}) == 2


@pytest.mark.parametrize("count, sizes", [(100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
def test_a_slice_holds_a_hundred(count, sizes):
    found = slices_for(service(), [candidate(number) for number in range(1, count + 1)])
    assert [len(part.endpoints) for part in found] == sizes


def test_deleting_pods_closes_no_gap_and_a_new_pod_goes_to_the_fullest_slice_with_room():
    pods = [candidate(number) for number in range(1, 7)]
    full = slices_for(service(), pods, most=2)
    assert [len(part.endpoints) for part in full] == [2, 2, 2]
    fewer = slices_for(service(), [pods[0], *pods[2:4], pods[5]], full, most=2)
    assert sorted(len(part.endpoints) for part in fewer) == [1, 1, 2]
    wide = slices_for(service(), pods, most=4)
    more = slices_for(service(), [*pods, candidate(7)], wide, most=4)
    assert sorted(len(part.endpoints) for part in more) == [3, 4]
    assert {part.metadata.name for part in more} == {part.metadata.name for part in wide}


@pytest.mark.parametrize(
    "wish, zones, nodes",
    [
        ("PreferClose", ["zone-a"], []),
        ("PreferSameZone", ["zone-a"], []),
        ("PreferSameNode", ["zone-a"], ["node-1"]),
        ("", None, None),
    ],
)
def test_traffic_distribution_becomes_hints(wish, zones, nodes):
    (found,) = slices_for(service(trafficDistribution=wish), [candidate(1), candidate(2, ready=False)])
    hints = found.endpoints[0].hints
    assert (
        (zones, nodes) == (None, None)
        if hints is None
        else ([z.name for z in hints.for_zones], [n.name for n in hints.for_nodes]) == (zones, nodes)
    )
    assert found.endpoints[1].hints is None


def test_labels_lead_from_a_slice_to_its_service():
    (found,) = slices_for(service(clusterIP="None", ipFamilies=["IPv4"]), [candidate(hostname="a", subdomain="web")])
    assert found.metadata.labels == {
        "team": "a",
        SERVICE_NAME: "web",
        MANAGED_BY: "endpointslice-controller.k8s.io",
        HEADLESS: "",
    }
    assert found.endpoints[0].hostname == "a"
    assert found.metadata.name.startswith("web-")


def test_a_slice_as_kubernetes_prints_it():
    (found,) = slices_for(service(), [candidate()])
    assert as_kubernetes(found)["endpoints"] == [
        {
            "addresses": ["10.244.0.1"],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "nodeName": "node-1",
            "zone": "zone-a",
            "targetRef": {"kind": "Pod", "namespace": "default", "name": "web-1"},
        }
    ]
    assert as_kubernetes(found)["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]


def test_the_command_prints_a_row_a_slice():
    told = CliRunner().invoke(command, ["data/clusters/no-endpoints.yaml"]).output.splitlines()
    assert [line.split()[-2:] for line in told] == [
        ["PORTS", "ENDPOINTS"],
        ["8080", "10.244.1.3"],
        ["none", "none"],
        ["8080", "(10.244.2.2)"],
    ]


# -- what stays of slices that are there --------------------------------------------------------------------------------


def test_a_services_new_labels_are_copied_to_its_slices():
    pods = [candidate(1), candidate(2)]
    (before,) = slices_for(service(), pods)
    renamed = replace(service(), metadata=replace(service().metadata, labels={"team": "b", "tier": "front"}))
    (after,) = slices_for(renamed, pods, [before])
    assert after.metadata.name == before.metadata.name
    assert {name: after.metadata.labels.get(name) for name in ("team", "tier")} == {"team": "b", "tier": "front"}
    assert after.metadata.labels[SERVICE_NAME] == "web"


def test_a_slice_with_old_labels_is_filled_before_one_that_need_not_be_written():
    pods = [candidate(number) for number in range(1, 4)]
    full, one = slices_for(service(), pods, most=2)
    stale = replace(one, metadata=replace(one.metadata, labels={**one.metadata.labels, "team": "old"}))
    found = slices_for(service(), [*pods, candidate(9)], [full, stale], most=4)
    assert {part.metadata.name: len(part.endpoints) for part in found} == {
        full.metadata.name: 2,
        stale.metadata.name: 2,
    }


def test_a_new_slice_takes_the_name_of_one_that_would_go():
    (before,) = slices_for(service(), [candidate(1)])
    (empty,) = slices_for(service(), [], [before])
    assert (empty.metadata.name, empty.endpoints, empty.ports) == (before.metadata.name, (), ())
    (again,) = slices_for(service(), [candidate(2)], [empty])
    assert again.metadata.name == before.metadata.name
    (other,) = slices_for(service(), [candidate(3, port=9090)], [again])
    assert (other.metadata.name, other.ports[0].port) == (before.metadata.name, 9090)


def test_a_slice_made_by_hand_is_left_alone():
    by_hand = replace(slices_for(service(), [candidate(1)])[0])
    by_hand = replace(by_hand, metadata=replace(by_hand.metadata, name="by-hand", labels={SERVICE_NAME: "web"}))
    (own,) = slices_for(service(), [candidate(2)], [by_hand])
    assert own.metadata.name != "by-hand"
    assert [one.addresses for one in own.endpoints] == [("10.244.0.2",)]


# -- Endpoints, mirrored ------------------------------------------------------------------------------------------------

ENDPOINTS = """
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: 10.96.0.9, ports: [{name: sql, port: 5432}]%s}
---
apiVersion: v1
kind: Endpoints
metadata: {name: db, labels: {team: a%s}, annotations: {note: kept, kubectl.kubernetes.io/last-applied-configuration: "{}"%s}}
subsets:
- addresses: [{ip: 192.0.2.7, nodeName: node-1, hostname: one}, {ip: "2001:db8::7"}]
  notReadyAddresses: [{ip: 192.0.2.8}]
  ports: [{name: sql, port: 5432}]
- addresses: [{ip: 192.0.2.9}]
  ports: [{name: sql, port: 6432}]
"""


def test_endpoints_without_a_selector_are_mirrored_by_family_and_ports():
    slices = Cluster(read_text(ENDPOINTS % ("", "", ""))).slices["default", "db"]
    assert [
        (part.address_type, part.ports[0].port, [one.addresses[0] for one in part.endpoints]) for part in slices
    ] == [
        ("IPv4", 5432, ["192.0.2.7", "192.0.2.8"]),
        ("IPv6", 5432, ["2001:db8::7"]),
        ("IPv4", 6432, ["192.0.2.9"]),
    ]
    first = slices[0]
    assert [one.conditions.ready for one in first.endpoints] == [True, False]
    assert (first.endpoints[0].node_name, first.endpoints[0].hostname) == ("node-1", "one")
    assert first.metadata.labels == {
        "team": "a",
        SERVICE_NAME: "db",
        MANAGED_BY: "endpointslicemirroring-controller.k8s.io",
    }
    assert first.metadata.annotations == {"note": "kept"}
    assert len({part.metadata.name for part in slices}) == 3


@pytest.mark.parametrize(
    "story, said",
    [
        ("a label says no", ("", ', endpointslice.kubernetes.io/skip-mirror: "true"', "")),
        ("it elects a leader", ("", "", ', control-plane.alpha.kubernetes.io/leader: "{}"')),
    ],
)
def test_these_endpoints_are_not_mirrored(story, said):
    assert ("default", "db") not in Cluster(read_text(ENDPOINTS % said)).slices


def test_a_service_with_a_selector_has_no_mirrors():
    slices = Cluster(read_text(ENDPOINTS % (", selector: {app: db}", "", ""))).slices["default", "db"]
    assert [part.endpoints for part in slices] == [()]


def test_kube_proxy_uses_mirrored_endpoints():
    told = CliRunner().invoke(
        rules_command, ["rules", "-", "--node", "n", "--mode", "nftables"], input=ENDPOINTS % ("", "", "")
    )
    assert "192.0.2.7 . 5432" in told.stdout
    assert "192.0.2.8" not in told.stdout


def endpoints_of(found) -> list[list[str]]:
    return [[one.target_ref.name for one in part.endpoints] for part in found]


def test_a_pod_of_another_name_at_the_same_address_is_a_new_endpoint_and_goes_to_the_end():
    before = slices_for(service(), [candidate(1), candidate(2)])
    other = candidate(3, ips=candidate(1).addresses)
    assert endpoints_of(slices_for(service(), [other, candidate(2)], before)) == [["web-2", "web-3"]]


def test_hints_alone_make_no_room_a_new_endpoint_goes_to_the_fuller_slice_that_it_fits():
    """reconciler.go compares endpoints without their hints: a slice in which only these change takes no part in the
    filling of slices that have changed anyhow.
    """
    first = slices_for(service(), [candidate(number) for number in range(1, 4)], most=3)[0]
    second = replace(first, metadata=replace(first.metadata, name="web-other"), endpoints=())
    lone = slices_for(service(), [candidate(4)], most=3)[0].endpoints
    second = replace(second, endpoints=lone)
    short = replace(first, endpoints=first.endpoints[:2])
    pods = [candidate(number) for number in (1, 2, 4, 5)]
    hinted = service(trafficDistribution="PreferClose")
    found = slices_for(hinted, pods, [second, short], most=3)
    assert sorted(endpoints_of(found)) == [["web-1", "web-2", "web-5"], ["web-4"]]
    assert all(one.hints for part in found for one in part.endpoints)


def test_the_older_annotation_goes_before_trafficDistribution():
    annotated = service(trafficDistribution="PreferClose")
    said = {"service.kubernetes.io/topology-mode": "Auto"}
    annotated = replace(annotated, metadata=replace(annotated.metadata, annotations=said))
    assert [one.hints for one in slices_for(annotated, [candidate(1)])[0].endpoints] == [None]


@pytest.mark.parametrize("published", [False, True])
def test_a_pod_whose_node_does_not_exist_is_no_endpoint_unless_all_are_published(tmp_path, published):
    text = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, clusterIP: 10.96.0.10, ports: [{port: 80}], publishNotReadyAddresses: %s}
---
apiVersion: v1
kind: Node
metadata: {name: node-1}
spec: {podCIDR: 10.244.1.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.1.11}]}
---
apiVersion: v1
kind: Pod
metadata: {name: lost, labels: {app: web}}
spec: {nodeName: node-9, containers: [{name: c, image: x}]}
status: {phase: Running, podIP: 10.244.1.7, podIPs: [{ip: 10.244.1.7}]}
"""
    (tmp_path / "a.yaml").write_text(text % str(published).lower())
    done = CliRunner().invoke(command, [str(tmp_path / "a.yaml"), "-o", "wide"])
    assert ("10.244.1.7" in done.output) == published, done.output
