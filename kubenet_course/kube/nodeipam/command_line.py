"""A whole command line of kube-controller-manager, as `ps` or its static pod shows it: which flags concern addresses.

The other flags are known by name, so that a wrong name is still told from one that does not matter here. Check the names against
cmd/kube-controller-manager/app/options (1.36 and some versions before it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...errors import BadInput
from .kcm_flags import MEANING, default_of

PROGRAM = "kube-controller-manager"
SWITCHES = frozenset(
    """
    allow-metric-labels-manifest-checks allow-untagged-cloud authentication-skip-lookup
    authentication-tolerate-lookup-failure contention-profiling disable-attach-detach-reconcile-sync
    disable-force-detach-on-timeout disable-http2-serving enable-dynamic-provisioning enable-garbage-collector
    enable-hostpath-provisioner enable-leader-migration enable-taint-manager external-cloud-volume-plugin-enabled
    leader-elect logging-format-json-split-stream log-json-split-stream log-text-split-stream permit-address-sharing
    permit-port-sharing profiling show-hidden-metrics use-service-account-credentials logtostderr alsologtostderr
    skip-headers skip-log-headers one-output add-dir-header version help
    """.split()  # noqa: SIM905
)
OTHERS = frozenset(
    """
    allow-metric-labels allow-metric-labels-manifest attach-detach-reconcile-sync-period authentication-kubeconfig
    authentication-token-webhook-cache-ttl authorization-always-allow-paths authorization-kubeconfig
    authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl address bind-address
    cert-dir client-ca-file cloud-config cloud-provider cloud-provider-gce-lb-src-cidrs cluster-name
    cluster-signing-cert-file cluster-signing-duration cluster-signing-key-file
    cluster-signing-kube-apiserver-client-cert-file cluster-signing-kube-apiserver-client-key-file
    cluster-signing-kubelet-client-cert-file cluster-signing-kubelet-client-key-file
    cluster-signing-kubelet-serving-cert-file cluster-signing-kubelet-serving-key-file
    cluster-signing-legacy-unknown-cert-file cluster-signing-legacy-unknown-key-file concurrent-cron-job-syncs
    concurrent-daemonset-syncs concurrent-deployment-syncs concurrent-device-taint-eviction-syncs
    concurrent-disruption-stale-pod-syncs concurrent-disruption-syncs concurrent-endpoint-syncs
    concurrent-ephemeralvolume-syncs concurrent-gc-syncs concurrent-horizontal-pod-autoscaler-syncs
    concurrent-job-syncs concurrent-namespace-syncs concurrent-rc-syncs concurrent-replicaset-syncs
    concurrent-resource-claim-syncs concurrent-resource-quota-syncs concurrent-service-endpoint-syncs
    concurrent-service-syncs concurrent-serviceaccount-token-syncs concurrent-statefulset-syncs
    concurrent-ttl-after-finished-syncs concurrent-validating-admission-policy-status-syncs
    controller-shutdown-timeout controller-start-interval controllers deployment-controller-sync-period
    disabled-metrics emulated-version emulation-forward-compatible endpoint-updates-batch-period
    endpointslice-updates-batch-period experimental-cluster-signing-duration feature-gates flex-volume-plugin-dir
    horizontal-pod-autoscaler-cpu-initialization-period horizontal-pod-autoscaler-downscale-delay
    horizontal-pod-autoscaler-downscale-stabilization horizontal-pod-autoscaler-initial-readiness-delay
    horizontal-pod-autoscaler-sync-period horizontal-pod-autoscaler-tolerance
    horizontal-pod-autoscaler-upscale-delay http2-max-streams-per-connection kube-api-burst kube-api-content-type
    kube-api-qps kubeconfig large-cluster-size-threshold leader-elect-lease-duration leader-elect-renew-deadline
    leader-elect-resource-lock leader-elect-resource-name leader-elect-resource-namespace leader-elect-retry-period
    leader-migration-config legacy-service-account-token-clean-up-period log-backtrace-at log-dir log-file
    log-file-max-size log-flush-frequency log-json-info-buffer-size log-text-info-buffer-size logging-format master
    max-endpoints-per-slice min-compatibility-version min-resync-period mirroring-concurrent-service-endpoint-syncs
    mirroring-endpointslice-updates-batch-period mirroring-max-endpoints-per-subset namespace-sync-period
    node-eviction-rate node-monitor-grace-period node-monitor-period node-startup-grace-period node-sync-period
    pod-eviction-timeout port pv-recycler-increment-timeout-nfs pv-recycler-minimum-timeout-hostpath
    pv-recycler-minimum-timeout-nfs pv-recycler-pod-template-filepath-hostpath pv-recycler-pod-template-filepath-nfs
    pv-recycler-timeout-increment-hostpath pvclaimbinder-sync-period requestheader-allowed-names
    requestheader-client-ca-file requestheader-extra-headers-prefix requestheader-group-headers
    requestheader-uid-headers requestheader-username-headers resource-quota-sync-period root-ca-file
    route-reconciliation-period secondary-node-eviction-rate secure-port service-account-private-key-file
    show-hidden-metrics-for-version stderrthreshold storage-version-migration-period terminated-pod-gc-threshold
    tls-cert-file tls-cipher-suites tls-min-version tls-private-key-file tls-sni-cert-key unhealthy-zone-threshold v
    vmodule volume-host-allow-local-loopback volume-host-cidr-denylist
    """.split()  # noqa: SIM905
)


def does_not_matter(name: str) -> bool:
    """Whether a flag (without its dashes) is the manager's and says nothing about addresses."""
    return name in SWITCHES or name in OTHERS


def addressing(words: Sequence[str]) -> Iterator[str]:
    """Of a command line the flags that concern addresses, each in one word. Raises BadInput for a name that is no flag."""
    ahead = iter(words)
    for word in ahead:
        if word.rpartition("/")[2] == PROGRAM:
            continue
        name, equals, _ = word.lstrip("-").partition("=")
        name = name.replace("_", "-")
        if not word.startswith("-") or not (name in MEANING or does_not_matter(name)):
            raise BadInput(word, f"{PROGRAM} has no such flag", f"write those that `{PROGRAM} --help` lists")
        alone = name in SWITCHES or (name in MEANING and isinstance(default_of(name), bool))
        value = "" if equals or alone else next(ahead, "")
        if name in MEANING:
            yield word if equals or alone else f"--{name}={value}"


def of_pod(pod: dict[str, Any], where: str) -> list[str]:
    """The command line in a static pod's manifest (/etc/kubernetes/manifests/kube-controller-manager.yaml)."""
    spec = pod.get("spec")
    containers = spec.get("containers") if isinstance(spec, dict) else None
    for container in containers if isinstance(containers, list) else ():
        parts = [container.get(key) or [] for key in ("command", "args")] if isinstance(container, dict) else []
        if not all(isinstance(part, list) for part in parts):
            continue
        words = [str(word) for part in parts for word in part]
        if any(word.rpartition("/")[2] == PROGRAM for word in words[:1]) or container.get("name") == PROGRAM:
            return words
    raise BadInput(where, f"no container in it runs {PROGRAM}", f"name the static pod's manifest, {PROGRAM}.yaml")
