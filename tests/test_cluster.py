"""A cluster from its manifests: what the controllers fill in, what the kernels then hold, what is refused."""

import pytest

from kubenet_course.errors import BadInput
from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.model import names
from kubenet_course.kube.model.cluster import Cluster, checked, cluster
from kubenet_course.linux.namespace.device import IfAddr, link_local

NODES = "".join(f"---\napiVersion: v1\nkind: Node\nmetadata: {{name: node-{n}}}\n" for n in (1, 2))


def node(name: str, spec: str = "{}", addresses: str = "[]") -> str:
    return f"---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\nspec: {spec}\nstatus: {{addresses: {addresses}}}\n"


def pod(name: str, spec: str = "{nodeName: node-1}", status: str = "{}", labels: str = "{app: web}") -> str:
    return f"---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {labels}}}\nspec: {spec}\nstatus: {status}\n"


def service(name: str, spec: str) -> str:
    return f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def subnets(pods: str, services: str = "10.96.0.0/16", more: str = "") -> str:
    kind = "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
    return f"{kind}networking: {{podSubnet: '{pods}', serviceSubnet: '{services}'}}\n{more}"


def of(text: str) -> Cluster:
    return Cluster(read_text(text))


def blocks(made: Cluster) -> list[list[str]]:
    return [[str(block) for block in machine.blocks.values()] for machine in made.machines.values()]


@pytest.mark.parametrize(
    "story, text, expected",
    [
        ("the controller cuts them from the plan's range", NODES, [["10.244.0.0/24"], ["10.244.1.0/24"]]),
        (
            "around what nodes have already",
            node("a", "{podCIDR: 10.244.0.0/24}") + node("b"),
            [["10.244.0.0/24"], ["10.244.1.0/24"]],
        ),
        ("from the configured range", NODES + subnets("10.1.0.0/16"), [["10.1.0.0/24"], ["10.1.1.0/24"]]),
        (
            "in the configured size",
            NODES
            + subnets(
                "10.1.0.0/16", more="controllerManager: {extraArgs: [{name: node-cidr-mask-size, value: '26'}]}\n"
            ),
            [["10.1.0.0/26"], ["10.1.0.64/26"]],
        ),
        ("never where Services are", NODES + subnets("10.1.0.0/16", "10.1.0.0/24"), None),
        (
            "of both families",
            NODES + subnets("10.1.0.0/16,fd00::/56", "10.96.0.0/16,fd01::/112"),
            [["10.1.0.0/24", "fd00::/64"], ["10.1.1.0/24", "fd00:0:0:1::/64"]],
        ),
    ],
)
def test_blocks_of_nodes(story, text, expected):
    if expected is None:
        with pytest.raises(BadInput, match="shares addresses with podSubnet"):
            of(text)
        return
    assert blocks(of(text)) == expected


def test_nodes_without_addresses_are_counted_up_from_the_plans_first():
    made = of(NODES + node("c", addresses="[{type: InternalIP, address: 192.168.1.12}]"))
    assert [machine.ips[4] for machine in made.machines.values()] == ["192.168.1.11", "192.168.1.13", "192.168.1.12"]


def test_pods_get_addresses_in_turn_behind_the_bridge_and_around_those_that_are_taken():
    made = of(NODES + pod("a") + pod("b", status="{podIP: 10.244.0.3}") + pod("c") + pod("d"))
    assert [made.placed.addresses(one) for one in made.placed.pods.values()] == [
        ("10.244.0.2",),
        ("10.244.0.3",),
        ("10.244.0.4",),
        ("10.244.0.5",),
    ]


def test_a_pod_without_a_node_goes_where_fewest_are_and_a_finished_one_nowhere():
    made = of(NODES + pod("a") + pod("b", "{}") + pod("c", "{}") + pod("d", status="{phase: Succeeded}"))
    assert [one.spec.node_name for one in made.placed.pods.values()] == ["node-1", "node-2", "node-1"]


def test_services_get_an_address_beyond_the_static_band_and_a_port_too():
    made = of(
        NODES
        + service("a", "{selector: {app: web}, ports: [{port: 80}]}")
        + service("b", "{type: NodePort, selector: {app: web}, ports: [{port: 80}]}")
    )
    first, second = made.services
    assert (first.spec.cluster_ip, second.spec.cluster_ip, second.spec.ports[0].node_port) == (
        "10.96.1.1",
        "10.96.1.2",
        30086,
    )


def test_slices_that_are_written_down_are_believed():
    written = """
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: x, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.9.9.9]}]
ports: [{name: '', port: 80}]
"""
    made = of(NODES + pod("a") + service("web", "{selector: {app: web}, ports: [{port: 80}]}") + written)
    assert [one.endpoints[0].addresses for one in made.slices["default", "web"]] == [("10.9.9.9",)]


@pytest.mark.parametrize(
    "story, text, where, what",
    [
        (
            "a pod on an unknown node",
            NODES + pod("a", "{nodeName: node-9}"),
            "text: document 3 (Pod default/a): spec.nodeName",
            "there is no node 'node-9'",
        ),
        (
            "two pods with one address",
            NODES + pod("a", status="{podIP: 10.244.0.7}") + pod("b", status="{podIP: 10.244.0.7}"),
            "text: document 4 (Pod default/b): status.podIP",
            "10.244.0.7 is Pod default/a's too",
        ),
        (
            "blocks that overlap",
            node("a", "{podCIDR: 10.244.0.0/23}") + node("b", "{podCIDR: 10.244.1.0/24}"),
            "text: document 2 (Node b): spec.podCIDRs",
            "10.244.1.0/24 overlaps 10.244.0.0/23 of Node a",
        ),
        (
            "a block outside the pods' range",
            subnets("10.1.0.0/16") + node("a", "{podCIDR: 10.244.0.0/24}"),
            "text: document 2 (Node a): spec.podCIDRs",
            "10.244.0.0/24 lies outside",
        ),
        (
            "two nodes with one address",
            2 * node("a", addresses="[{type: InternalIP, address: 10.0.0.1}]").replace("a}", "a}", 1),
            None,
            "stands twice",
        ),
        (
            "a ClusterIP outside the range",
            NODES
            + subnets("10.1.0.0/16")
            + service("web", "{clusterIP: 10.9.0.1, selector: {a: b}, ports: [{port: 80}]}"),
            "text: document 4 (Service default/web): spec.clusterIP",
            "10.9.0.1 lies outside the Services' range",
        ),
        (
            "two Services with one address",
            NODES + "".join(service(n, "{clusterIP: 10.96.0.5, selector: {a: b}, ports: [{port: 80}]}") for n in "ab"),
            "text: document 4 (Service default/b): spec.clusterIP",
            "10.96.0.5 is Service default/a's too",
        ),
        (
            "ranges that overlap",
            NODES + subnets("10.1.0.0/16", "10.1.128.0/17"),
            "text: document 3 (ClusterConfiguration): networking.serviceSubnet",
            "10.1.128.0/17 shares addresses with podSubnet 10.1.0.0/16",
        ),
        (
            "a node among the pods",
            subnets("10.1.0.0/16") + node("a", addresses="[{type: InternalIP, address: 10.1.7.7}]"),
            "text: document 2 (Node a): status.addresses",
            "10.1.7.7 lies within podSubnet 10.1.0.0/16",
        ),
        (
            "pods, but no node at all",
            pod("a"),
            "text: document 1 (Pod default/a): spec.nodeName",
            "there is no node 'node-1', and no Node at all",
        ),
        (
            "more nodes than blocks",
            NODES + subnets("10.1.0.0/24"),
            "text: document 2 (Node node-2)",
            "no block is left for it",
        ),
    ],
)
def test_what_no_cluster_can_be(story, text, where, what):
    with pytest.raises(BadInput) as said:
        checked(of(text))
    assert where is None or said.value.where == where
    assert what in said.value.what
    assert said.value.right


def test_a_devices_name_and_mac_are_functions():
    assert names.host_end("default", "client") == "veth6844d090"
    assert names.mac(names.POD, "10.244.1.10") == "0a:58:0a:f4:01:0a"
    assert str(link_local("0a:58:0a:f4:01:0a")) == "fe80::858:aff:fef4:10a/64"
    assert all(
        len(names.link_end(name)) <= 15 and ":" not in names.link_end(name)
        for name in ("node-1", "2001:db8::5", "a" * 60)
    )


def test_the_kernels_of_two_nodes():
    world = cluster(["data/clusters/two-nodes.yaml"]).world()
    first, client = world["node-1"], world["pod/default/client"]
    assert [str(route) for route in first.routes] == [
        "default via 192.168.1.1 dev eth0",
        "10.244.2.0/24 via 192.168.1.12 dev eth0",
    ]
    assert first.devices["cni0"].addresses == (IfAddr("10.244.1.1", 24),)
    assert client.devices["eth0"].peer == ("node-1", "veth6844d090")
    assert first.devices["veth6844d090"].peer == ("pod/default/client", "eth0")
    assert [str(route) for route in client.routes] == ["default via 10.244.1.1 dev eth0"]
    assert [(one.proto, one.address, one.port) for one in world["pod/default/web-1"].sockets] == [
        ("tcp", "0.0.0.0", 8080)
    ]
    assert first.neighbours[:] == ()
    assert set(world) == {"node-1", "node-2", "pod/default/client", "pod/default/web-1", "pod/default/web-2", "lan", "router",
                          "host/203.0.113.5", "host/203.0.113.200", "host/2001:db8::5"}  # fmt: skip
    assert len(world) == len(list(world))


def test_vxlan_is_what_flannel_wrote_down():
    made = cluster(["data/clusters/vxlan.yaml"])
    first = made.world()["node-1"]
    tunnel = first.devices["flannel.1"]
    assert (made.backend, tunnel.mac, tunnel.mtu, tunnel.vxlan.local, tunnel.vxlan.vni, tunnel.vxlan.port) == (
        "vxlan",
        "0a:60:0a:f4:01:00",
        1450,
        "192.168.1.11",
        1,
        8472,
    )
    assert str(first.routes[1]) == "10.244.2.0/24 via 10.244.2.0 dev flannel.1"
    assert first.routes[1].onlink
    assert [(row.address, row.dev, row.mac, row.heard) for row in first.neighbours] == [
        ("10.244.2.0", "flannel.1", "0a:60:0a:f4:02:00", -1)
    ]
    assert [(row.mac, row.port, row.dst) for row in first.fdb] == [("0a:60:0a:f4:02:00", "flannel.1", "192.168.1.12")]


@pytest.mark.parametrize(
    "story, added, expected",
    [
        ("nothing said", "", "host-gw"),
        (
            "a list with flannel's plugin",
            '---\n{"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "flannel"}]}\n',
            "vxlan",
        ),
        (
            "a list with the bridge plugin",
            '---\n{"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "bridge"}]}\n',
            "host-gw",
        ),
    ],
)
def test_how_nodes_are_joined(story, added, expected):
    assert of(NODES + added).backend == expected


def test_every_namespace_of_every_cluster_can_be_made(recwarn):
    for name in ("two-nodes", "vxlan", "dual-stack", "no-endpoints", "node-port", "same-node"):
        world = cluster([f"data/clusters/{name}.yaml"]).world()
        for namespace in world.values():
            for dev in namespace.devices.values():
                assert dev.peer is None or world[dev.peer[0]].devices[dev.peer[1]].peer == (namespace.name, dev.name)
                assert len(dev.name) <= 15
        macs = [dev.mac for one in world.values() for dev in one.devices.values() if dev.kind != "lo"]
        assert len(macs) == len(set(macs))


def test_a_large_lan_knows_everybody_so_that_no_question_wakes_all():
    made = of("".join(node(f"node-{n}") for n in range(1, 21)))
    world = made.world()
    assert len(world["node-1"].neighbours) == 21
    assert len(world["lan"].fdb) == 21


def test_a_host_network_pod_lives_in_its_nodes_namespace():
    made = of(
        NODES + pod("a", "{nodeName: node-1, hostNetwork: true, containers: [{ports: [{containerPort: 10250}]}]}")
    )
    world = made.world()
    one = made.pod("default", "a")
    assert (world.of_pod(one), made.placed.addresses(one)) == ("node-1", ("192.168.1.11",))
    assert [socket.port for socket in world["node-1"].sockets] == [10250]
    assert "pod/default/a" not in world
