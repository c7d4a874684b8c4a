"""`kubenet probes run` and `kubenet rollout run`: answers, exit codes, one line for bad input."""

import json

import pytest
import yaml
from click.testing import CliRunner

from kubenet_course.cli import kubenet, main

WEB = {"name": "web", "image": "nginx", "readinessProbe": {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 2}}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [WEB]}}
OTHER = {**POD, "metadata": {"name": "other"}, "status": {"phase": "Running", "podIP": "10.0.0.1"}}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [WEB]}},
    },
}
NAMES = {"t", "container", "probe", "result", "started", "ready", "restarts", "phase", "in_endpoints"}


def written(tmp_path, name, *documents):
    path = tmp_path / name
    path.write_text(yaml.safe_dump_all(documents))
    return str(path)


def run(*words):
    return CliRunner().invoke(kubenet, [str(word) for word in words], standalone_mode=False)


def refused(capsys, *words):
    with pytest.raises(SystemExit) as error:
        main([str(word) for word in words])
    said = capsys.readouterr()
    assert (error.value.code, said.out, said.err.count("\n")) == (2, "", 1)
    return said.err


@pytest.mark.parametrize(
    ("documents", "names"),
    [
        ([POD], {"web"}),
        ([DEPLOYMENT], {"web"}),
        ([{"apiVersion": "v1", "kind": "List", "items": [POD, OTHER]}], {"web", "other"}),
        (
            [
                {
                    "apiVersion": "v1",
                    "kind": "PodList",
                    "items": [{"metadata": OTHER["metadata"], "spec": OTHER["spec"]}],
                }
            ],
            {"other"},
        ),
        ([POD, OTHER], {"web", "other"}),
    ],
)
def test_probes_run_takes_a_pod_a_deployment_and_a_list(tmp_path, documents, names):
    done = run("probes", "run", written(tmp_path, "a.yaml", *documents), "--until", 20, "--json")
    found = json.loads(done.stdout)
    assert {one["name"] for one in found["pods"]} == names
    assert all(set(one) >= NAMES for one in found["events"])
    assert [one["t"] for one in found["events"]] == sorted(one["t"] for one in found["events"])
    assert done.return_value is None


def test_probes_run_exits_with_1_where_a_pod_is_not_ready_at_the_end(tmp_path):
    slow = written(tmp_path, "b.yaml", {"containers": {"web": {"startsAfter": 50}}})
    with pytest.raises(SystemExit) as error:
        main(["probes", "run", written(tmp_path, "a.yaml", POD), "--behaviour", slow, "--until", "20"])
    assert error.value.code == 1


def test_a_timeline_for_people_has_a_row_an_event(tmp_path):
    said = run("probes", "run", written(tmp_path, "a.yaml", POD), "--until", 10).stdout
    assert said.splitlines()[0].split()[:4] == ["SECONDS", "POD", "CONTAINER", "WHAT"]
    assert "readiness" in said


def test_rollout_run_counts_requests_by_cause(tmp_path):
    done = run("rollout", "run", written(tmp_path, "a.yaml", DEPLOYMENT), "--until", 90, "--json")
    found = json.loads(done.stdout)
    assert found["complete"] is True
    requests = found["requests"]
    assert requests["failed"] == sum(requests["by_cause"].values()) == len(found["lost"])
    assert requests["sent"] - requests["served"] - requests["failed"] <= 4


def test_rollout_run_of_an_old_and_a_new_deployment(tmp_path):
    new = json.loads(json.dumps(DEPLOYMENT))
    new["spec"]["replicas"] = 3
    done = run("rollout", "run", written(tmp_path, "a.yaml", DEPLOYMENT, new), "--until", 90, "--json")
    assert json.loads(done.stdout)["complete"] is True


def test_a_rollout_that_is_not_complete_exits_with_1(tmp_path):
    bad = written(tmp_path, "b.yaml", {"newContainers": {"web": {"startsAfter": 9999}}})
    with pytest.raises(SystemExit) as error:
        main(["rollout", "run", written(tmp_path, "a.yaml", DEPLOYMENT), "--behaviour", bad, "--until", "60"])
    assert error.value.code == 1


def test_bad_input_is_one_line(tmp_path, capsys):
    path = written(tmp_path, "a.yaml", POD)
    assert "there is no such file" in refused(capsys, "probes", "run", tmp_path / "none.yaml")
    assert "--until" in refused(capsys, "probes", "run", path, "--until", "0")
    assert "there are 0 Deployments" in refused(capsys, "rollout", "run", path)
    wrong = written(tmp_path, "b.yaml", {"containers": {"wib": {}}})
    assert "containers.wib: the pod has no such container" in refused(
        capsys, "probes", "run", path, "--behaviour", wrong
    )
    broken = json.loads(json.dumps(POD))
    broken["spec"]["containers"][0]["livenessProbe"] = {"tcpSocket": {"port": 70000}}
    said = refused(capsys, "probes", "run", written(tmp_path, "c.yaml", broken))
    assert "spec.containers[0].livenessProbe.tcpSocket.port" in said
    (tmp_path / "d.yaml").write_text("containers: [")
    assert "is not YAML" in refused(capsys, "probes", "run", path, "--behaviour", tmp_path / "d.yaml")
    (tmp_path / "e.yaml").write_text("")
    assert "empty" in refused(capsys, "probes", "run", tmp_path / "e.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "kind: Pod",
        "[]",
        "apiVersion: v1\nkind: Pod\nmetadata: 3",
        "apiVersion: v1\nkind: Pod\nspec: {containers: 3}",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, livenessProbe: [1]}]}",
        "apiVersion: v1\nkind: List\nitems: [3]",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}",
        "a: &a [*a]",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, livenessProbe: {httpGet: {port: {}}}}]}",
    ],
)
def test_no_traceback_for_anything_that_a_file_may_hold(tmp_path, capsys, text):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    refused(capsys, "probes", "run", path)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "containers: 3",
        "containers: {web: 3}",
        "containers: {web: {crash: 3}}",
        "containers: {web: {looksAt: {liveness: 3}}}",
        "actions: [3]",
        "clients: {count: -1}",
        "network: {nodes: 0}",
        "kind: Pod",
        "containers: {3: {}}",
        "containers: {web: {startsAfter: .inf}}",
        "containers: {web: {startsAfter: .nan}}",
        "network: {fastest: 3, slowest: 1}",
    ],
)
def test_no_traceback_for_anything_that_a_behaviour_file_may_hold(tmp_path, capsys, text):
    path = tmp_path / "b.yaml"
    path.write_text(text)
    refused(capsys, "probes", "run", written(tmp_path, "a.yaml", POD), "--behaviour", path)
