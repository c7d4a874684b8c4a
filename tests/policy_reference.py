"""The recorded truth tables as files that the command line reads."""

from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parent.parent / "data" / "reference" / "policy"
CASES = sorted(FOLDER.glob("*.yaml"))


def case(path):
    return yaml.safe_load(path.read_text())


def items(told):
    """A recorded case as kubectl would print it."""
    ports = [
        {"name": name, "containerPort": number, "protocol": protocol}
        for name, number, protocol in told["every_pod_serves"]
    ]
    found = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name, labels in told["namespaces"].items()
    ]
    for one in told["pods"]:
        metadata = {"name": one["name"], "namespace": one["namespace"], "labels": one["labels"]}
        spec = {"containers": [{"name": "c", "ports": ports}]}
        found.append(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {"podIP": one["ip"]}}
        )
    return found + told["policies"]
