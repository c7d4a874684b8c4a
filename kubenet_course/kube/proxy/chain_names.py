"""The names of kube-proxy's chains: a prefix and sixteen letters of a hash, for a chain's name has at most 28 letters.

Check it against portProtoHash and servicePortEndpointChainName (pkg/proxy/iptables/proxier.go).
"""

from base64 import b32encode
from hashlib import sha256

SERVICES, EXTERNAL_SERVICES, NODEPORTS = "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS"
POSTROUTING, MARK_MASQ, FORWARD = "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-FORWARD"
PROXY_FIREWALL, FIREWALL, CANARY = "KUBE-PROXY-FIREWALL", "KUBE-FIREWALL", "KUBE-PROXY-CANARY"
CLUSTER_POLICY, LOCAL_POLICY, EXTERNAL, SOURCE_RANGES = "KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-"
ENDPOINT = "KUBE-SEP-"


def letters(port: str, protocol: str, endpoint: str = "") -> str:
    """Sixteen letters for a Service port such as ("default/web:http", "tcp"), or for one endpoint of it."""
    return b32encode(sha256(f"{port}{protocol}{endpoint}".encode()).digest()[:10]).decode()
