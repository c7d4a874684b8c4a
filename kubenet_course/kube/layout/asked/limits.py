"""What a provider's network limits: rows of its route table, and addresses of a node.

Check the second against awslabs/amazon-eks-ami (eni-max-pods.txt) and amazon-vpc-cni-k8s (pkg/vpc/limits.go).
"""

from __future__ import annotations

from ....errors import BadInput
from ...nodeipam.cloud_routes import LIMITS

HOST_NETWORK = 2  # pods that need no address of their own: the plugin's and kube-proxy's
PREFIX = 16  # addresses in a /28, which an interface may hold in place of one address


def most_nodes(provider: str, other_rows: int = 0, families: int = 1) -> int:
    """How many nodes a flat cluster can have before the provider's route table is full: each needs a row for each family."""
    if provider not in LIMITS:
        raise BadInput("provider", f"{provider!r} has no limit here", f"write one of {', '.join(LIMITS)}")
    return max(0, LIMITS[provider] - other_rows) // families


def most_pods(interfaces: int, addresses: int, prefixes: bool = False) -> int:
    """How many pods fit on a node whose pods get addresses of its interfaces; each interface keeps one for itself."""
    each = (addresses - 1) * (PREFIX if prefixes else 1)
    return interfaces * each + HOST_NETWORK
