"""What kube-proxy is never given, because the API server or kube-proxy itself refuses it: said with the field, in every mode."""

import json

import pytest
from click.testing import CliRunner

from kubenet_course.cli.proxy import command
from kubenet_course.errors import BadInput
from kubenet_course.kube.manifest.read import read
from kubenet_course.kube.model.cluster import Cluster
from kubenet_course.lab.scenario.of_cluster import scenario

NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}
NAMED = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]


def service(name: str, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def slice_of(name: str):
    meta = {"name": f"{name}-abc", "namespace": "default", "labels": {"kubernetes.io/service-name": name}}
    ends = [{"addresses": ["10.244.1.5"]}]
    ports = [{"name": "", "port": 80, "protocol": "TCP"}]
    return {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4",
        "endpoints": ends, "ports": ports,
    }  # fmt: skip


def configured(**more):
    return {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", **more}


def ran(tmp_path, mode: str, *items):
    path = tmp_path / "all.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [NODE, *items]}))
    arguments = ["rules", str(path), "--node", "node-1", "--mode", mode]
    return CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False)


@pytest.mark.parametrize("mode", ["iptables", "nftables", "ipvs"])
@pytest.mark.parametrize(
    "story, items, field, what",
    [
        (
            "an unnamed port among several",
            [service("web", ports=[{"port": 80}, NAMED[1]])],
            "spec.ports[0].name",
            "it is missing",
        ),
        (
            "two ports with one name",
            [service("web", ports=[NAMED[0], {"name": "a", "port": 81}])],
            "spec.ports[1].name",
            "",
        ),
        (
            "a source range that is none",
            [service("web", type="LoadBalancer", ports=[{"port": 80}], loadBalancerSourceRanges=["10.0.0.0/33"])],
            "spec.loadBalancerSourceRanges[0]",
            "10.0.0.0/33",
        ),
        (
            "two Services with one nodePort",
            [service(name, type="NodePort", ports=[{"port": 80, "nodePort": 30080}]) for name in ("a", "b")],
            "spec.ports[0].nodePort",
            "30080 is Service default/a's already",
        ),
        (
            "a scheduler that kube-proxy has not",
            [configured(mode="ipvs", ipvs={"scheduler": "random"}), service("web", ports=[{"port": 80}])],
            "ipvs.scheduler",
            '"random"',
        ),
    ],
)
def test_what_the_cluster_would_refuse_is_refused_with_the_field(tmp_path, mode, story, items, field, what):
    with pytest.raises(BadInput) as refused:
        ran(tmp_path, mode, *items)
    assert field in refused.value.where
    assert what in refused.value.what and refused.value.right


def test_slices_of_a_service_that_is_gone_are_named_and_nobody_uses_them(tmp_path):
    said = ran(tmp_path, "ipvs", service("other", ports=[{"port": 80}]), slice_of("web"))
    assert "there is no Service default/web; nobody uses this slice" in said.stderr
    assert "10.244.1.5" not in said.stdout


@pytest.mark.parametrize("scheduler", ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "mh"])
def test_every_scheduler_that_kube_proxy_takes_can_be_followed(scheduler):
    from kubenet_course.linux.stack.ipvs.schedulers import SCHEDULERS

    assert scheduler in SCHEDULERS


def test_the_lab_says_that_it_builds_no_ipvs():
    made = Cluster(read(["data/clusters/two-nodes.yaml"]), "ipvs")
    with pytest.raises(BadInput, match="the lab builds no IPVS"):
        scenario(made, "pod/default/client", "service/default/web:80")
