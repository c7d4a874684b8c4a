"""ConfigMaps that hold a cluster's configuration as text: kube-proxy's, kubeadm's, flannel's.

`kubectl get configmaps -n kube-system -o yaml` and `-n kube-flannel` print them. What other ConfigMaps hold is not looked at.
"""

from __future__ import annotations

from typing import Any

# Key of `data` -> what its text is. kube-proxy: config.conf; kubeadm-config: ClusterConfiguration; flannel: the others.
KNOWN = ("config.conf", "ClusterConfiguration", "cni-conf.json", "net-conf.json")
NET_CONF = "net-conf.json"


def texts(value: Any) -> dict[str, str]:
    """The texts of a ConfigMap that are read, by their keys; {} for anything else."""
    if not isinstance(value, dict) or (value.get("kind"), value.get("apiVersion")) != ("ConfigMap", "v1"):
        return {}
    data = value.get("data")
    found = data if isinstance(data, dict) else {}
    return {key: found[key] for key in KNOWN if isinstance(found.get(key), str)}
