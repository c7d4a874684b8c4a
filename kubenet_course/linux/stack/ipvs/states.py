"""How far IPVS takes a connection to have come, and how long it then keeps it (tcp_states in ip_vs_proto_tcp.c,
ip_vs_proto_udp.c).

Who sends: `input` is the client, `output` the server; IPVS sees both, for answers come back through this machine.
"""

from __future__ import annotations

from ...packet.packet import Packet, Tcp

_STATES = (
    "NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN",
    "SYNACK",
)  # fmt: skip
_SHORT = dict(zip(("NO", "ES", "SS", "SR", "FW", "TW", "CL", "CW", "LA", "LI", "SA"), _STATES, strict=True))
_ROWS = {
    ("input", "syn"): "SR ES ES SR SR SR SR SR SR SR SR",
    ("input", "fin"): "CL CW SS TW TW TW CL CW LA LI TW",
    ("input", "ack"): "ES ES SS ES FW TW CL CW CL LI ES",
    ("input", "rst"): "CL CL CL SR CL CL CL CL LA LI SR",
    ("output", "syn"): "SS ES SS SR SS SS SS SS SS LI SR",
    ("output", "fin"): "TW FW SS TW FW TW CL TW LA LI TW",
    ("output", "ack"): "ES ES SS ES FW TW CL CW LA ES ES",
    ("output", "rst"): "CL CL SS CL CL TW CL CL CL CL CL",
}
TCP = {
    (who, kind, state): _SHORT[then]
    for (who, kind), row in _ROWS.items()
    for state, then in zip(_STATES, row.split(), strict=True)
}
ACTIVE = ("ESTABLISHED", "SYN_SENT", "SYN_RECV", "SYNACK")  # the rest counts as inactive, and so does all of UDP
SECONDS = {
    "NONE": 2, "ESTABLISHED": 900, "SYN_SENT": 120, "SYN_RECV": 60, "FIN_WAIT": 120, "TIME_WAIT": 120, "CLOSE": 10,
    "CLOSE_WAIT": 60, "LAST_ACK": 30, "LISTEN": 120, "SYNACK": 120, "UDP": 300,
}  # fmt: skip


def next_state(state: str, who: str, packet: Packet) -> str:
    """The state after a packet. SCTP is kept like UDP: what stands in it is not read here (DEV-9)."""
    if not isinstance(packet.header, Tcp):
        return "UDP"
    flags = packet.header.flags
    kind = next((name for flag, name in (("R", "rst"), ("S", "syn"), ("F", "fin"), ("A", "ack")) if flag in flags), "")
    return TCP[who, kind, state] if kind else "CLOSE"
