"""What a machine does. Knows no Kubernetes word.

This is the room's face: chapters and other rooms take from here; each module loads when one of its names is first asked for.
"""

from ..faces import face

__getattr__, __dir__ = face(
    __name__,
    {
        "namespace.bind": ("bind", "in_turn"),
        "namespace.choices": ("Scripted", "Seeded", "every"),
        "namespace.device": ("Device", "IfAddr", "ifaddr"),
        "namespace.fib": ("Route",),
        "namespace.memory": ("Memory",),
        "namespace.overhead": ("overhead", "payload", "room"),
        "namespace.netns": ("Netns", "Socket", "netns"),
        "namespace.skb": ("Connection", "Skb"),
        "namespace.trace": ("Step", "Trace"),
        "netfilter.iptables.save": ("read", "write"),
        "outcome": ("Outcome", "outcomes"),
        "packet.address": ("Prefix", "address", "prefix"),
        "stack.program": ("dns_server", "echo", "http_server", "target"),
        "packet.packet": ("Arp", "Flow", "Frame", "Packet", "Tcp", "answer", "ping", "tcp", "udp"),
        "verdicts": ("verdict",),
        "conversation": ("converse",),
        "walk": ("ask", "send", "wait"),
    },
)
