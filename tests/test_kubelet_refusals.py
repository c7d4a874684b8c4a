"""What the API server refuses of a probe, with its field's path; and behaviour files that contradict themselves."""

import pytest
import yaml

from kubenet_course.errors import BadInput
from kubenet_course.kube.kubelet.behaviour_file import behaviour_of
from kubenet_course.kube.kubelet.spec import Probe
from kubenet_course.kube.workload.read import read_workloads

HTTP = {"httpGet": {"path": "/", "port": 80}}


def pod(container=None, **spec):
    one = {"name": "web", "image": "nginx", **(container or {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [one], **spec}}


def deployment(template=None, **spec):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web"}], **(template or {})},
            },
            **spec,
        },
    }


def refused(tmp_path, value):
    path = tmp_path / "pod.yaml"
    path.write_text(yaml.safe_dump(value))
    with pytest.raises(BadInput) as error:
        read_workloads([str(path)])
    return str(error.value)


def kept(tmp_path, value):
    path = tmp_path / "pod.yaml"
    path.write_text(yaml.safe_dump(value))
    return read_workloads([str(path)])


LIVENESS, READINESS = "spec.containers[0].livenessProbe", "spec.containers[0].readinessProbe"


@pytest.mark.parametrize(
    ("container", "said"),
    [
        (
            {"livenessProbe": {**HTTP, "successThreshold": 2}},
            f"{LIVENESS}.successThreshold: Invalid value: 2: must be 1",
        ),
        (
            {"startupProbe": {**HTTP, "successThreshold": 3}},
            "spec.containers[0].startupProbe.successThreshold: Invalid value: 3: must be 1",
        ),
        (
            {"livenessProbe": {**HTTP, "tcpSocket": {"port": 80}}},
            f"{LIVENESS}.tcpSocket: Forbidden: may not specify more than 1 handler type",
        ),
        ({"livenessProbe": {"periodSeconds": 5}}, f"{LIVENESS}: Required value: must specify a handler type"),
        (
            {"readinessProbe": {"tcpSocket": {"port": 0}}},
            f"{READINESS}.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
        (
            {"readinessProbe": {"httpGet": {"path": "/", "port": 70000}}},
            f"{READINESS}.httpGet.port: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (
            {"readinessProbe": {"grpc": {"port": 70000}}},
            f"{READINESS}.grpc.port: Invalid value: 70000: must be between",
        ),
        (
            {"readinessProbe": {"httpGet": {"path": "/", "port": "Web_1"}}},
            f'{READINESS}.httpGet.port: Invalid value: "Web_1": must contain only alpha-numeric characters',
        ),
        (
            {"readinessProbe": {**HTTP, "periodSeconds": -1}},
            f"{READINESS}.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            {"readinessProbe": {**HTTP, "initialDelaySeconds": -3}},
            f"{READINESS}.initialDelaySeconds: Invalid value: -3",
        ),
        ({"readinessProbe": {**HTTP, "timeoutSeconds": -3}}, f"{READINESS}.timeoutSeconds: Invalid value: -3"),
        ({"readinessProbe": {**HTTP, "failureThreshold": -3}}, f"{READINESS}.failureThreshold: Invalid value: -3"),
        (
            {"readinessProbe": {**HTTP, "terminationGracePeriodSeconds": 5}},
            f"{READINESS}.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes",
        ),
        (
            {"livenessProbe": {**HTTP, "terminationGracePeriodSeconds": 0}},
            f"{LIVENESS}.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0",
        ),
        ({"livenessProbe": {"exec": {"command": []}}}, f"{LIVENESS}.exec.command: Required value"),
        (
            {"livenessProbe": {"httpGet": {"path": "/", "port": 80, "scheme": "http"}}},
            f'{LIVENESS}.httpGet.scheme: Unsupported value: "http": supported values: "HTTP", "HTTPS"',
        ),
        (
            {"livenessProbe": {"httpGet": {"path": "/", "port": 80, "httpHeaders": [{"name": "X Y", "value": "1"}]}}},
            f'{LIVENESS}.httpGet.httpHeaders: Invalid value: "X Y"',
        ),
        (
            {"lifecycle": {"preStop": {"sleep": {"seconds": 40}}}},
            "spec.containers[0].lifecycle.preStop.sleep.seconds: Invalid value: 40: must be non-negative and less than",
        ),
        (
            {"restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]},
            "spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used",
        ),
        (
            {"restartPolicy": "Never", "restartPolicyRules": [{"action": "Restart", "exitCodes": {"values": [1]}}]},
            'spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: ""',
        ),
        ({"livenessProbe": {**HTTP, "periodSeconds": "5"}}, f"{LIVENESS}.periodSeconds: expected `int`, got `str`"),
    ],
)
def test_what_the_api_server_refuses_is_refused_with_its_field(tmp_path, container, said):
    assert said in refused(tmp_path, pod(container))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "name part must be non-empty"),
        ("a b", "name part must consist of alphanumeric characters"),
        ("a/b/c", "a qualified name must consist of"),
        ("/b", "prefix part must be non-empty"),
        ("Ex.com/b", "prefix part must be a lowercase RFC 1123 subdomain"),
        ("x" * 64, "name part must be no more than 63 characters"),
    ],
)
def test_a_readiness_gate_has_a_qualified_name(tmp_path, name, said):
    answer = refused(tmp_path, pod(readinessGates=[{"conditionType": name}]))
    assert f'spec.readinessGates[0].conditionType: Invalid value: "{name}": {said}' in answer


def test_an_init_container_has_no_probe_unless_it_is_a_sidecar(tmp_path):
    init = {"name": "init", "livenessProbe": HTTP}
    said = "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy"
    assert said in refused(tmp_path, pod(initContainers=[init]))
    assert kept(tmp_path, pod(initContainers=[{**init, "restartPolicy": "Always"}])).notices == ()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (deployment(replicas=-1), "spec.replicas: Invalid value: -1"),
        (
            deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
            "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
        ),
        (deployment(strategy={"rollingUpdate": {"maxUnavailable": "120%"}}), "must not be greater than 100%"),
        (deployment(strategy={"rollingUpdate": {"maxSurge": "many"}}), "a valid percent string must be"),
        (
            deployment(strategy={"type": "Recreate", "rollingUpdate": {}}),
            "Forbidden: may not be specified when strategy",
        ),
        (deployment(minReadySeconds=600), "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than"),
        (
            deployment({"containers": [{"name": "web", "livenessProbe": {"tcpSocket": {"port": 0}}}]}),
            "spec.template.spec.containers[0].livenessProbe.tcpSocket.port: Invalid value: 0",
        ),
    ],
)
def test_a_deployment_is_refused_with_its_field(tmp_path, value, said):
    assert said in refused(tmp_path, value)


def test_what_is_left_out_has_the_api_servers_defaults():
    probe = Probe()
    assert (probe.timeout, probe.period, probe.successes, probe.failures, probe.initial_delay_seconds) == (
        1,
        10,
        1,
        3,
        0,
    )


def test_what_is_not_understood_is_named(tmp_path):
    found = kept(tmp_path, pod({"livenessProb": HTTP}))
    assert any("spec.containers[0].livenessProb is not understood" in one for one in found.notices)


@pytest.mark.parametrize(
    ("web", "said"),
    [
        ({"startsAfter": 5, "warmAfter": 3}, "containers.web.warmAfter: it is warm before it listens"),
        ({"startsAfter": 5, "deadlockAfter": 3}, "containers.web.deadlockAfter: it hangs before it listens"),
        ({"crash": {"after": 9}, "finishesAfter": 5}, "containers.web.crash.after: it finishes before it crashes"),
        ({"crash": {"after": 5}, "finishesAfter": 9}, "containers.web.finishesAfter: it always crashes before"),
        ({"crash": {"after": 9}, "deadlockAfter": 5}, "containers.web.crash.after: it hangs before"),
        ({"crash": {"after": 1, "times": 0}}, "containers.web.crash.times: it is 0"),
        ({"flapping": {"every": 5, "for": 5}}, "containers.web.flapping.for: it must lie between"),
        ({"dependency": [{"since": 5, "until": 5}]}, "containers.web.dependency[0].until: it ends before it begins"),
        ({"dependency": [{"since": 5}, {"since": 9}]}, "containers.web.dependency[1].since: it begins before"),
        ({"shutdown": {"takes": None, "finishes": True}}, "containers.web.shutdown.finishes: SIGTERM is not heard"),
        ({"looksAt": {"liveness": ["dependency"]}}, "containers.web.looksAt.liveness: there is no dependency"),
        ({"looksAt": {"alive": []}}, "containers.web.looksAt.alive: nobody of that name asks"),
        ({"startsAfter": -1}, "containers"),
        ({"startAfter": 1}, "unknown field `startAfter`"),
    ],
)
def test_a_behaviour_that_contradicts_itself_is_refused(web, said):
    with pytest.raises(BadInput) as error:
        behaviour_of({"containers": {"web": web}})
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ({"at": 5, "do": "drain"}, 'actions[0].node: it is ""'),
        ({"at": 5, "do": "lose", "node": "node-9"}, "write node-1 to node-3"),
        ({"at": 5, "do": "undo", "node": "node-1"}, "undo is done to no node"),
        ({"at": 5, "do": "lose", "node": "node-1", "returns": 4}, "it returns only after it was lost"),
    ],
)
def test_an_action_says_what_it_is_done_to(action, said):
    with pytest.raises(BadInput) as error:
        behaviour_of({"actions": [action]})
    assert said in str(error.value)
