"""The names of kube-proxy's chains: a prefix and sixteen letters of a hash, for a chain's name has at most 28 letters.

Check it against portProtoHash and servicePortEndpointChainName (pkg/proxy/iptables/proxier.go).
"""

from functools import lru_cache
from hashlib import sha256

SERVICES, EXTERNAL_SERVICES, NODEPORTS = "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS"
POSTROUTING, MARK_MASQ, FORWARD = "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-FORWARD"
PROXY_FIREWALL, FIREWALL, CANARY = "KUBE-PROXY-FIREWALL", "KUBE-FIREWALL", "KUBE-PROXY-CANARY"
CLUSTER_POLICY, LOCAL_POLICY, EXTERNAL, SOURCE_RANGES = "KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-"
ENDPOINT = "KUBE-SEP-"


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # base32, RFC 4648
PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)


@lru_cache(maxsize=1 << 18)
def letters(port: str, protocol: str, endpoint: str = "") -> str:
    """Sixteen letters for a Service port such as ("default/web:http", "tcp"), or for one endpoint of it."""
    return base32(sha256(f"{port}{protocol}{endpoint}".encode()).digest(), 16)


def base32(digest: bytes, length: int) -> str:
    """The first letters, an even number of them, of bytes in base32."""
    size = -(-length * 5 // 8)
    number = int.from_bytes(digest[:size], "big")
    return "".join([PAIRS[number >> size * 8 - at & 1023] for at in range(10, length * 5 + 1, 10)])
