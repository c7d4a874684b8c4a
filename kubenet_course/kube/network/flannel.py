"""What flanneld says about a node, and the rules that it adds beside kube-proxy's.

Check it against flannel's pkg/subnet/kube/annotations.go, pkg/backend/vxlan/vxlan.go and
pkg/trafficmngr/iptables/iptables.go.
"""

import json
from typing import Any

from ...errors import BadInput
from ...linux.netfilter.nat import Range
from ...linux.netfilter.rules import Rule
from ...linux.netfilter.statement import Jump
from ...linux.netfilter.xt.basic import Destination, Source
from ...linux.netfilter.xt.comment import Comment
from ...linux.netfilter.xt.mark import Mark
from ...linux.netfilter.xt.nat import Masquerade
from ...linux.netfilter.xt.standard import Accept, Return
from ...linux.packet.address import Mac, Prefix, address, mac, prefix
from ..api.objects import Conflist, Node
from ..proxy.iptables.frame import Frame

DOMAIN = "flannel.alpha.coreos.com"
BACKENDS = {"vxlan": "vxlan", "host-gw": "host-gw"}
MULTICAST = {4: prefix("224.0.0.0/4"), 6: prefix("ff00::/8")}
KUBE_PROXY_MARK = Mark(value=0x4000, mask=0x4000)


def backend(nodes: list[Node], conflists: list[Conflist], net_conf: dict[str, Any] | None = None) -> str:
    """How packets cross between nodes: as flannel's annotations say, else its own configuration (net-conf.json), else as a CNI list
    lets expect, else by host routes.

    flannel's own manifest sets it up with VXLAN, so a list with its plugin means that.
    """
    for node in nodes:
        said = node.metadata.annotations.get(f"{DOMAIN}/backend-type")
        if said is not None:
            if said not in BACKENDS:
                where = f"{node}: metadata.annotations[{DOMAIN}/backend-type]"
                raise BadInput(where, f"{said!r} is not modelled", f"write one of {', '.join(BACKENDS)}")
            return said
    wish = (net_conf or {}).get("Backend")
    if isinstance(wish, dict) and "Type" in wish:
        said = str(wish["Type"])
        if said not in BACKENDS:
            raise BadInput(
                "net-conf.json: Backend.Type", f"{said!r} is not modelled", f"write one of {', '.join(BACKENDS)}"
            )
        return said
    return "vxlan" if any("flannel" in one.types for one in conflists) else "host-gw"


def vtep_mac(node: Node, of: int, otherwise: Mac) -> Mac:
    """The MAC of a node's tunnel end, from what flanneld wrote down; a derived one where it wrote nothing."""
    name = f"{DOMAIN}/backend-{'v6-' if of == 6 else ''}data"
    text = node.metadata.annotations.get(name, "null")
    where = f"{node}: metadata.annotations[{name}]"
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput(where, f"{text[:60]!r} is not JSON", 'write {"VNI":1,"VtepMAC":"02:00:00:00:00:01"}') from None
    said = data.get("VtepMAC") if isinstance(data, dict) else None
    return mac(said, where) if isinstance(said, str) else otherwise


def vni(node: Node) -> int:
    """The number of the tunnels' network; 1 unless flanneld says otherwise."""
    try:
        data = json.loads(node.metadata.annotations.get(f"{DOMAIN}/backend-data", "null"))
    except (ValueError, RecursionError):
        return 1
    number = data.get("VNI") if isinstance(data, dict) else None
    if isinstance(number, int) and not 0 <= number < 1 << 24:
        where = f"{node}: metadata.annotations[{DOMAIN}/backend-data]"
        raise BadInput(where, f"VNI {number} is not a network's number", "write 0 to 16777215")
    return number if isinstance(number, int) else 1


def public_ip(node: Node, of: int) -> str:
    """The address that flanneld names as the tunnel's end, or ""."""
    name = f"{DOMAIN}/public-ip{'v6' if of == 6 else ''}"
    said = node.metadata.annotations.get(name, "")
    return address(said, f"{node}: metadata.annotations[{name}]") if said else ""


def rules(pods: Prefix, block: Prefix) -> Frame:
    """`--ip-masq`: who leaves the pods' range takes the node's address; who comes into it from elsewhere too, but to
    a pod of
    this node. Packets that kube-proxy has marked are its own affair."""
    masq = Comment(text="flanneld masq")
    from_pods, to_pods = Source(prefix=pods), Destination(prefix=pods)
    strangers, to_block = Source(prefix=pods, negated=True), Destination(prefix=block)
    masquerade = Masquerade(Range(fully=True))
    postrouting = (
        Rule((KUBE_PROXY_MARK, masq), Return()),
        Rule((Source(prefix=block), to_pods, masq), Return()),
        Rule((from_pods, to_block, masq), Return()),
        Rule((strangers, to_block, masq), Return()),
        Rule((from_pods, Destination(prefix=MULTICAST[pods.family.number], negated=True), masq), masquerade),
        Rule((strangers, to_pods, masq), masquerade),
    )
    jump = Rule((masq,), Jump("FLANNEL-POSTRTG"))
    return {"nat": {"POSTROUTING": (jump,), "FLANNEL-POSTRTG": postrouting}, **forwarding(pods)}


def forwarding(pods: Prefix) -> Frame:
    """What flanneld lets pass whatever the policy of FORWARD is: all that comes from pods, and all that goes to them."""
    forward = Comment(text="flanneld forward")
    accepted = tuple(Rule((one, forward), Accept()) for one in (Source(prefix=pods), Destination(prefix=pods)))
    return {"filter": {"FORWARD": (Rule((forward,), Jump("FLANNEL-FWD")),), "FLANNEL-FWD": accepted}}
