"""Clusters as other people have them: what the cases from the field call right, run by their own command lines."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from kubenet_course.kube.manifest.read import read_text
from kubenet_course.kube.model.cluster import Cluster, checked
from kubenet_course.kube.nodeipam.command_line import addressing
from kubenet_course.kube.questions.ask import request
from kubenet_course.linux.verdicts import verdict

CASES = Path(__file__).parent.parent / "data" / "field" / "cases"
MAIN = "from kubenet_course.cli import main; main()"
NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: %s}\nspec: {%s}\nstatus: {addresses: [{type: InternalIP, address: %s}]}\n---\n"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, labels: {app: %s}}\n"
POD += "spec: {nodeName: %s, containers: [{name: c, ports: %s}]}\n"
ENDPOINTS = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: ext}\n"
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {%s}\n"


def said(name: str) -> subprocess.CompletedProcess[str]:
    """What a case's command line prints and returns; of a pipe, its first program."""
    (folder,) = CASES.glob(f"{name}-*")
    words = shlex.split((folder / "cmd").read_text().partition("|")[0])
    assert words[0] == "kubenet"
    return subprocess.run(
        [sys.executable, "-c", MAIN, *words[1:]], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "name, code, out, err",
    [
        ("13", 0, "-> 10.0.2.88:80", "10.0.2.88"),
        ("15", 0, "delivered to pod/default/web", ""),
        ("16", 0, "none", ""),
        ("18", 1, "hairpin is off", ""),
        ("19", 0, "1.0000  delivered to 10.244.2.7:8080, which sees 192.0.2.9", ""),
        ("20", 1, "refused", ""),
        ("23", 0, "COMMIT", "nfacct add ct_state_invalid_dropped_pkts"),
        ("30", 0, "node-1  10.244.0.0/24", ""),
    ],
)
def test_a_cluster_from_the_field_is_answered_as_the_real_thing_would(name, code, out, err):
    told = said(name)
    assert told.returncode == code
    assert out in told.stdout
    assert err in told.stderr or err in told.stdout


def test_no_address_and_no_block_is_invented_for_a_cluster_that_has_others():
    told = said("13")
    assert "10.244." not in told.stdout + told.stderr


def test_a_pod_that_waits_for_a_node_is_no_endpoint():
    assert "10.244." not in said("16").stdout


def test_flags_that_are_used_are_not_called_not_understood():
    assert "extraArgs" not in said("22").stderr


def test_endpoints_by_hand_are_mirrored_into_a_slice():
    service = SERVICE % ("ext", "clusterIP: 10.96.0.9, ports: [{port: 5432}]") + "---\n"
    endpoints = ENDPOINTS + "subsets: [{addresses: [{ip: 10.0.9.9}], ports: [{port: 5432}]}]\n"
    (part,) = Cluster(read_text(service + endpoints)).slices["default", "ext"]
    assert [one.addresses for one in part.endpoints] == [("10.0.9.9",)]
    assert part.metadata.labels["endpointslice.kubernetes.io/managed-by"] == "endpointslicemirroring-controller.k8s.io"


def test_endpoints_of_a_service_with_a_selector_are_not_mirrored():
    service = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: ext}\nspec: {selector: {app: x}, ports: [{port: 80}]}\n---\n"
    )
    endpoints = ENDPOINTS + "subsets: [{addresses: [{ip: 10.0.9.9}]}]\n"
    (part,) = Cluster(read_text(service + endpoints)).slices["default", "ext"]
    assert part.endpoints == ()


EKS = (
    NODE % ("n1", "", "10.0.1.5")
    + NODE % ("n2", "", "10.0.2.6")
    + POD % ("a", "a", "n1", "[]")
    + "status: {phase: Running, podIP: 10.0.1.77}\n---\n"
    + POD % ("b", "b", "n2", "[{containerPort: 80}]")
    + "status: {phase: Running, podIP: 10.0.2.88}\n"
)


def test_pods_outside_of_blocks_reach_each_other_by_routes_that_are_called_assumed():
    made = checked(Cluster(read_text(EKS)))
    told = verdict(request(made, "pod/default/a", "pod/default/b:80"))
    assert (told.name, told.seen_from) == ("delivered", "10.0.1.77")
    assert "assumed" in made.notices[0]
    assert all(not machine.blocks for machine in made.machines.values())


def test_a_node_that_says_one_family_gets_no_address_of_the_other():
    text = NODE % ("n1", "podCIDR: 10.244.1.0/24", "192.168.1.11")
    service = SERVICE % ("s", "ipFamilies: [IPv6], selector: {a: b}, ports: [{port: 80}]")
    assert set(Cluster(read_text(text + service)).machines["n1"].ips) == {4}


CONFIGMAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-proxy, namespace: kube-system}
data:
  config.conf: |
    apiVersion: kubeproxy.config.k8s.io/v1alpha1
    kind: KubeProxyConfiguration
    mode: nftables
    clusterCIDR: 10.250.0.0/16
"""
FLANNEL = """\
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-flannel-cfg, namespace: kube-flannel}
data:
  cni-conf.json: '{"name": "cbr0", "cniVersion": "0.3.1", "plugins": [{"type": "flannel", "delegate": {"hairpinMode": true}}]}'
  net-conf.json: '{"Network": "10.250.0.0/16", "Backend": {"Type": "host-gw"}}'
"""


def test_config_maps_of_kube_proxy_and_flannel_are_read():
    made = Cluster(read_text(CONFIGMAP + FLANNEL))
    assert (made.mode, made.proxy.cluster_cidr, made.backend) == ("nftables", "10.250.0.0/16", "host-gw")
    assert (str(made.ranges.pods[4]), made.notices) == ("10.250.0.0/16", ())


def test_kubeadms_config_map_is_read_in_an_old_version_too():
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kubeadm-config}\ndata:\n  ClusterConfiguration: |\n"
    text += "    apiVersion: kubeadm.k8s.io/v1beta2\n    kind: ClusterConfiguration\n    networking: {podSubnet: 10.7.0.0/16}\n"
    assert str(Cluster(read_text(text)).ranges.pods[4]) == "10.7.0.0/16"


def test_a_load_balancer_spreads_over_all_nodes_under_policy_cluster():
    """Its address leads to each node alike; both lead on to the one pod, which sees the node that was asked."""
    text = "".join(
        NODE % (f"n{n}", f"podCIDR: 10.244.{n}.0/24", f"192.168.1.1{n}")
        + POD % (f"w{n}", "w", f"n{n}", "[{containerPort: 80}]")
        + "---\n"
        for n in (1, 2)
    )
    text += SERVICE % ("w", "type: LoadBalancer, selector: {app: w}, ports: [{port: 80}]")
    text += "status: {loadBalancer: {ingress: [{ip: 198.51.100.7}]}}\n"
    made = checked(Cluster(read_text(text)))
    assert made.entrances == {"198.51.100.7": ("192.168.1.11", "192.168.1.12")}


def test_a_whole_command_line_is_taken_and_a_wrong_flag_is_not():
    line = "/usr/bin/kube-controller-manager --allocate-node-cidrs=true --bind-address 127.0.0.1 "
    line += "--cluster-cidr 10.0.0.0/8 --leader-elect"
    assert list(addressing(line.split())) == ["--allocate-node-cidrs=true", "--cluster-cidr=10.0.0.0/8"]
    with pytest.raises(ValueError, match="has no such flag"):
        list(addressing(["--cluster-cdir=10.0.0.0/8"]))
