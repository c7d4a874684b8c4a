"""The real kernel as an oracle: rule sets loaded into a router that is a network namespace, packets really sent through it.

    with RealKernel() as kernel:
        answer = kernel.ask({"restore_input": "*filter ... COMMIT", "packets": [{"from": "client", ...}]})

The answer is the case with, for each packet, `received`, `sender_errno`, `rule_packet_counters` and `conntrack`, in the
form of the reference captures (see `topology`, `send` and `worker` for what else a packet may ask for and be told).
Everything lives in private network and mount namespaces, and dies with this process.
"""

from .oracle import RealKernel, RefusedRules, missing

__all__ = ["RealKernel", "RefusedRules", "missing"]
