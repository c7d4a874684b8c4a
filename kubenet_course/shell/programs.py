"""Which programs the console knows, and which function carries out each of their commands."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from msgspec.structs import replace

from . import rules as console_rules
from .conntrack import conntrack
from .curl import curl
from .grammar import chosen, number
from .iproute import addr as console_addr
from .iproute import heard as console_heard
from .iproute import link as console_link
from .iproute import neigh as console_neigh
from .iproute import route as console_route
from .iproute import set as console_set
from .iproute import show as console_show
from .ping import ping
from .ss import ss
from .state import Call, Refused, Result
from .sysctl import sysctl
from .tcpdump.listen import tcpdump

CarryOut = Callable[[Call], Result]
# What the real program knows besides (ip.c, iproute.c, ipaddress.c, iplink.c, ipneigh.c).
OBJECTS = (
    "address addrlabel maddress route rule neighbour neighbor ntable ntbl link l2tp fou ila macsec tunnel tunl tuntap tap token "
    "tcpmetrics tcp_metrics monitor xfrm mroute mrule netns netconf vrf sr nexthop mptcp ioam stats help"
)
WORDS = {
    "link": "add set delete show list lst change replace xstats afstats property help",
    "addr": "add change replace delete show list lst flush save restore showdump help",
    "route": "add change replace delete show list lst get append prepend test flush save restore showdump help",
    "neigh": "add change replace delete show list lst get flush help",
    "fdb": "add append replace delete show lst list get flush help",
}
HELP = {"addr": "address"}

# Objects and verbs by their shortest spelling, as `ip` takes them.
IP = {"net": "netns", "l": "link", "a": "addr", "r": "route", "n": "neigh"}
LONG = {"address": "addr", "neighbour": "neigh", "neighbor": "neigh"}
VERBS: dict[tuple[str, str], dict[str, tuple[str, CarryOut]]] = {
    ("ip", "link"): {
        "a": ("add", console_link.add),
        "set": ("set", console_set.link_set),
        "d": ("delete", console_link.delete),
        "s": ("show", console_show.links),
        "l": ("list", console_show.links),
    },
    ("ip", "addr"): {
        "a": ("add", console_addr.add),
        "d": ("delete", console_addr.delete),
        "s": ("show", console_show.addresses),
        "l": ("list", console_show.addresses),
    },
    ("ip", "route"): {
        "a": ("add", console_route.add),
        "r": ("replace", console_route.replace_),
        "ch": ("change", console_route.change),
        "c": ("change", console_route.change),
        "ap": ("append", console_route.append),
        "f": ("flush", console_route.flush),
        "d": ("delete", console_route.delete),
        "g": ("get", console_route.get),
        "s": ("show", console_show.routes),
        "l": ("list", console_show.routes),
    },
    ("ip", "neigh"): {
        "a": ("add", console_neigh.neigh_add),
        "r": ("replace", console_neigh.neigh_replace),
        "d": ("delete", console_neigh.neigh_delete),
        "f": ("flush", console_neigh.neigh_flush),
        "s": ("show", console_heard.neighbours),
        "l": ("list", console_heard.neighbours),
    },
    ("bridge", "link"): {"s": ("show", console_heard.ports), "l": ("list", console_heard.ports)},
    ("bridge", "fdb"): {
        "ap": ("append", console_neigh.fdb_append),
        "a": ("add", console_neigh.fdb_add),
        "r": ("replace", console_neigh.fdb_replace),
        "d": ("delete", console_neigh.fdb_delete),
        "s": ("show", console_heard.forwarding),
        "l": ("list", console_heard.forwarding),
    },
}
FLAGS = {
    "ip": {"-4": "-4", "-6": "-6", "-br": "-br", "-brief": "-br", "-d": "-d", "-details": "-d", "-c": "", "-color": ""},
    "bridge": {"-d": "-d", "-details": "-d", "-c": "", "-color": ""},
}
FAMILIES = {"inet": "-4", "inet6": "-6"}


def carried_out(call: Call, pings: int) -> Result:
    """The command of a call whose first word is a program. `pings` is how many echo requests have been sent so far."""
    program, rest = call.words[0], replace(call, words=call.words[1:])
    if program in ("ip", "bridge"):
        return _object(rest, program, pings)
    if program == "sysctl":
        return sysctl(rest)
    if program == "ethtool":
        return console_rules.ethtool(rest)
    if program in ("iptables", "ip6tables"):
        return console_rules.iptables(rest, program)
    if program in ("iptables-restore", "ip6tables-restore"):
        return console_rules.restore(rest, program)
    if program in ("iptables-save", "ip6tables-save"):
        return console_rules.save(rest, program)
    if program == "conntrack":
        return conntrack(rest)
    if program == "ss":
        return ss(rest)
    if program == "ping":
        return ping(rest, pings + 1)
    if program == "curl":
        return curl(rest, pings)
    if program == "tcpdump":
        return tcpdump(rest)
    if program == "sleep":
        return _sleep(rest)
    if call.words in (("mount", "-t", "tmpfs", "tmpfs", "/run"), ("exec", "${SHELL:-sh}")):
        return Result(
            call.state, said="This line of a script is for a real machine; the model needs nothing of the kind."
        )
    instead = INSTEAD.get(program) or _near(program)
    raise Refused(f"This terminal does not know {program!r}. {instead}{KNOWN}")


MANUAL = """\
ip netns | link | addr | route | neigh     namespaces, devices, addresses, routes, neighbours
bridge link | fdb                          ports of bridges, and who was heard behind them
iptables, ip6tables                        rules: -A -I -D -R -C -P -F -N -X -E -Z, to look: -S, -L -n -v
iptables-save, iptables-restore            all rules as text
sysctl NAME, sysctl -w NAME=VALUE          switches of the kernel
ss -ltn, conntrack -L                      who listens, and what the kernel remembers of connections
ping -c 3 ADDRESS                          ask, once a second
curl http://ADDRESS:PORT/                  fetch a page: a connection, a request, an answer
tcpdump -i DEVICE [-n] [-e] [FILTER]       listen while other commands send; kill ends it
sleep SECONDS                              let time pass
history, clear                             what was typed; an empty page
Put ip netns exec NAME before a command to run it in a namespace."""
KNOWN = (
    "It knows ip, bridge, sysctl, ethtool -K, iptables and iptables-restore, and both for IPv6; to look: iptables-save, "
    "conntrack -L, ss -ltn, tcpdump; ping -c 1, curl, and sleep to let time pass."
)
PROGRAMS = (
    "ip",
    "bridge",
    "sysctl",
    "ethtool",
    "iptables",
    "ip6tables",
    "iptables-restore",
    "ip6tables-restore",
    "iptables-save",
    "ip6tables-save",
    "ping",
    "curl",
    "sleep",
    "tcpdump",
    "kill",
)
# Programs of older days, and what took their place in iproute2.
INSTEAD = {
    "brctl": "Bridges are made with: ip link add NAME type bridge. ",
    "ifconfig": "Devices and addresses are shown with: ip addr. ",
    "route": "Routes are shown with: ip route. ",
    "arp": "Neighbours are shown with: ip neigh. ",
}


def _near(program: str) -> str:
    """The program that was probably meant."""
    near = get_close_matches(program, PROGRAMS, 1, 0.6)
    glued = [name for name in ("ip", "bridge") if program.startswith(name) and not near]
    return f"Did you mean {near[0]}? " if near else f"A space may be missing behind {glued[0]}. " if glued else ""


def _sleep(call: Call) -> Result:
    """Time passes; rows grow old."""
    if len(call.words) != 1:
        raise Refused("sleep wants a number of seconds: sleep 300.", "sleep: missing operand")
    seconds = number(call.words[0], "sleep", 0, 86_400)
    call.memory.wait(seconds)
    return Result(call.state, said=f"{seconds} seconds have passed.")


def _object(call: Call, program: str, pings: int) -> Result:
    """`ip` and `bridge`: flags, then an object, then a verb; no verb means show."""
    words, flags, at = list(call.words), set(call.flags), call.at
    while words and words[0].startswith("-"):
        flag = words.pop(0)
        if flag in ("-n", "-netns", "-f", "-family"):
            if not words:
                raise Refused(f"Nothing follows {flag}.", "Command line is not complete.")
            value = words.pop(0)
            at = value if flag.startswith("-n") else at
            flags |= {FAMILIES.get(value, "")} if flag.startswith("-f") else set()
        elif flag in FLAGS[program]:
            flags.add(FLAGS[program][flag])
        else:
            raise Refused(
                f"{program} takes the options -n NAMESPACE, {', '.join(name for name in FLAGS[program])} here, not {flag}."
            )
    if at != call.at and at == call.state.here and not call.state.is_named:
        raise Refused(f"This terminal stands in {at} itself; leave -n out.")
    call.state.ns(at)
    objects = IP if program == "ip" else {"f": "fdb", "l": "link"}
    if not words:
        raise Refused(f"{program} wants an object: {', '.join(dict.fromkeys(objects.values()))}.")
    quote = f'Object "{words[0]}" is unknown, try "ip help".' if program == "ip" else ""
    name = LONG.get(words[0]) or chosen(words[0], objects, program, OBJECTS, quote)
    inner = replace(call, at=at, words=tuple(words[1:]), flags=frozenset(flags))
    if (program, name) == ("ip", "netns"):
        return _netns(inner, pings)
    return _verb(inner, program, name)


def _verb(call: Call, program: str, name: str) -> Result:
    verbs = VERBS[program, name]
    if not call.words or (call.words[0] in call.ns.devices and name in ("link", "addr")):
        return verbs["s"][1](call)
    word = {"lst": "list", "ls": "list"}.get(call.words[0], call.words[0])
    if (program, name, word) == ("bridge", "link", "set"):
        raise Refused("Switches of a port are set here with: ip link set PORT type bridge_slave hairpin on.")
    quote = f'Command "{word}" is unknown, try "ip {HELP.get(name, name)} help".' if program == "ip" else ""
    whole = chosen(word, {short: long for short, (long, _) in verbs.items()}, f"{program} {name}", WORDS[name], quote)
    carry_out = next(command for long, command in verbs.values() if long == whole)
    return carry_out(replace(call, words=call.words[1:]))


def _netns(call: Call, pings: int) -> Result:
    """`ip netns exec NAMESPACE PROGRAM ...` stands in the namespace; the other verbs are about namespaces."""
    if call.words[:1] != ("exec",):
        return console_link.netns(call)
    if len(call.words) < 3:
        raise Refused(
            "ip netns exec wants a namespace and a command.",
            "No netns name specified" if len(call.words) < 2 else "No command specified",
        )
    if call.words[1] == call.state.here and not call.state.is_named:
        raise Refused(f"This terminal stands in {call.words[1]} itself; say the command alone.")
    call.state.ns(call.words[1])
    return carried_out(replace(call, at=call.words[1], words=call.words[2:], flags=frozenset()), pings)
