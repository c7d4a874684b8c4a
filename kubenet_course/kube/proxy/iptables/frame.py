"""The chains that are there without any Service: the jumps from the base chains, and the fixed chains they lead to.

Check it against iptablesJumpChains and the beginning and end of syncProxyRules (pkg/proxy/iptables/proxier.go).
"""

from ....linux.netfilter.nat import Range
from ....linux.netfilter.rules import Rule
from ....linux.netfilter.statement import Jump, Test
from ....linux.netfilter.xt.addrtype import AddrType
from ....linux.netfilter.xt.basic import Destination, Source
from ....linux.netfilter.xt.comment import Comment
from ....linux.netfilter.xt.conntrack import Conntrack, CtCondition
from ....linux.netfilter.xt.mark import Mark, SetMark
from ....linux.netfilter.xt.nat import Masquerade
from ....linux.netfilter.xt.nfacct import Nfacct
from ....linux.netfilter.xt.standard import Accept, Drop, Return
from ....linux.packet.address import IPV4, prefix
from .. import chain_names as names
from ..node import Settings

BASE = {
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}
LOOPBACK = prefix("127.0.0.0/8")
LAST_RULE = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"
Frame = dict[str, dict[str, tuple[Rule, ...]]]


def state(*states: str, negated: bool = False) -> Conntrack:
    """`-m conntrack --ctstate`."""
    return Conntrack(conditions=(CtCondition(what="ctstate", values=states, negated=negated),))


_NEW = (state("NEW"),)


def _jump(chain: str, comment: str = "", tests: tuple[Test, ...] = ()) -> Rule:
    return Rule((*tests, Comment(text=comment)) if comment else tests, Jump(chain))


_FIREWALL = _jump(names.PROXY_FIREWALL, "kubernetes load balancer firewall", _NEW)
_EXTERNAL = _jump(names.EXTERNAL_SERVICES, "kubernetes externally-visible service portals", _NEW)
_PORTALS = _jump(names.SERVICES, "kubernetes service portals", _NEW)
_NAT_PORTALS = _jump(names.SERVICES, "kubernetes service portals")
_HEALTH = _jump(names.NODEPORTS, "kubernetes health check service ports")
_KUBELET = _jump(names.FIREWALL)
JUMPS: Frame = {
    "mangle": {},
    "filter": {
        "INPUT": (_KUBELET, _FIREWALL, _HEALTH, _EXTERNAL),
        "FORWARD": (_FIREWALL, _jump(names.FORWARD, "kubernetes forwarding rules"), _PORTALS, _EXTERNAL),
        "OUTPUT": (_KUBELET, _FIREWALL, _PORTALS),
    },
    "nat": {
        "PREROUTING": (_NAT_PORTALS,),
        "OUTPUT": (_NAT_PORTALS,),
        "POSTROUTING": (_jump(names.POSTROUTING, "kubernetes postrouting rules"),),
    },
}


def fixed(to: Settings) -> Frame:
    """The fixed chains of a node, per table. A canary is an empty chain: once it is gone, the table was flushed."""
    marked = Mark(value=to.mark, mask=to.mark)
    return {
        "mangle": {names.CANARY: ()},
        "filter": {names.FIREWALL: _kubelet_firewall(to), names.FORWARD: _forward(to, marked), names.CANARY: ()},
        "nat": {
            names.MARK_MASQ: (Rule((), SetMark(to.mark, to.mark)),),
            names.POSTROUTING: (
                Rule((Mark(value=to.mark, mask=to.mark, negated=True),), Return()),
                Rule((), SetMark(to.mark, 0)),
                Rule((Comment(text="kubernetes service traffic requiring SNAT"),), Masquerade(Range(fully=True))),
            ),
            names.CANARY: (),
        },
    }


def _kubelet_firewall(to: Settings) -> tuple[Rule, ...]:
    """route_localnet lets strangers on the link talk to 127.0.0.1; this closes that door again (k/k#90259)."""
    if not to.localhost_node_ports:
        return ()
    ours = state("RELATED", "ESTABLISHED", "DNAT", negated=True)
    comment = Comment(text="block incoming localnet connections")
    return (Rule((Source(prefix=LOOPBACK, negated=True), Destination(prefix=LOOPBACK), comment, ours), Drop()),)


def _forward(to: Settings, marked: Mark) -> tuple[Rule, ...]:
    """A packet out of its window is not translated back, and its true source would tear the connection (k/k#74839)."""
    counter = (Nfacct(name="ct_state_invalid_dropped_pkts"),) if to.node.nfacct else ()
    invalid = () if to.liberal else (Rule((state("INVALID"), *counter), Drop()),)
    known = (Comment(text="kubernetes forwarding conntrack rule"), state("RELATED", "ESTABLISHED"))
    return (*invalid, Rule((Comment(text="kubernetes forwarding rules"), marked), Accept()), Rule(known, Accept()))


def node_port_jumps(to: Settings) -> tuple[Rule, ...]:
    """The end of KUBE-SERVICES: what is for this machine itself may be for a NodePort."""
    comment, jump = Comment(text=LAST_RULE), Jump(names.NODEPORTS)
    if to.node_ports_on is not None:
        return tuple(Rule((Destination(prefix=prefix(ip)), comment), jump) for ip in to.node_ports_on)
    local = AddrType(dst=frozenset({"LOCAL"}))
    if to.localhost_node_ports:
        return (Rule((comment, local), jump),)
    never = LOOPBACK if to.family is IPV4 else prefix("::1/128")
    return (Rule((Destination(prefix=never, negated=True), comment, local), jump),)
