"""`sysctl NAME` and `sysctl -w NAME=VALUE`: switches that the model reads, and those that keep a real kernel quiet."""

from __future__ import annotations

from msgspec.structs import replace

from ..linux.namespace.switches import PER_DEVICE, SYSCTLS
from . import pins
from .state import Call, Refused, Result, State

# Switches that the model has no use for, with what a fresh namespace has: the console keeps them, so that they can be read again.
# Whatever else the lab sets (`pins`) is kept too.
OTHERS = {
    "net/ipv4/icmp_ratemask": "6168",
    "net/ipv6/icmp/ratemask": "0-1,3-127",
    "net/ipv4/icmp_echo_ignore_all": "0",
    "net/ipv4/fwmark_reflect": "0",
    "net/ipv6/fwmark_reflect": "0",
    "net/ipv4/tcp_timestamps": "1",
    "net/ipv4/tcp_syncookies": "1",
    "net/ipv4/tcp_synack_retries": "5",
    "net/ipv4/tcp_invalid_ratelimit": "500",
    "net/ipv4/tcp_rmem": "4096\t131072\t6291456",
    "net/ipv6/auto_flowlabels": "1",
    "net/ipv6/flowlabel_reflect": "0",
    "net/ipv6/mld_qrv": "2",
    "net/netfilter/nf_conntrack_checksum": "1",
    "net/netfilter/nf_conntrack_acct": "0",
}
OF_DEVICE = {
    "ipv4": {
        "rp_filter": "0", "route_localnet": "0", "accept_local": "0", "proxy_arp": "0", "send_redirects": "1",
        "forwarding": "0", "accept_redirects": "1", "arp_ignore": "0", "arp_announce": "0", "arp_notify": "0", "arp_accept": "0",
    },
    "ipv6": {
        "disable_ipv6": "0", "accept_dad": "1", "dad_transmits": "1", "router_solicitations": "-1", "accept_ra": "1",
        "accept_redirects": "1", "ndisc_notify": "0", "use_tempaddr": "0", "mldv2_unsolicited_report_interval": "1000",
        "hop_limit": "64", "forwarding": "0",
    },
}  # fmt: skip
OF_NEIGHBOURS = {"delay_first_probe_time": "5", "base_reachable_time_ms": "30000", "proxy_delay": "80"}
LEAVES = PER_DEVICE["ipv4"]  # those that the model reads of a device
INVALID = "sysctl: command line(0): invalid syntax, continuing..."
FORWARDING = "net/ipv4/conf/all/forwarding"  # the other name of net.ipv4.ip_forward
HOPS, HOPS_OF_NEW = "net/ipv6/conf/all/hop_limit", "net/ipv6/conf/default/hop_limit"


def sysctl(call: Call) -> Result:
    """Reads or, with -w or with an equals sign, writes; of several the first that fails ends it."""
    words = [word for word in call.words if not word.startswith("-")]
    flags = {letter for word in call.words if word.startswith("-") for letter in _letters(word)}
    if not words:
        raise Refused(
            "sysctl wants the name of a switch, such as net.ipv4.ip_forward.", "sysctl: no variables specified"
        )
    state, shown = call.state, []
    for word in words:
        name, equals, value = (part.strip() for part in word.partition("="))
        if "w" in flags and (not equals or not name):
            raise Refused(f"Write {words[0].partition('=')[0]}=1, without blanks.", INVALID)
        if not name:
            raise Refused("A switch wants a name before its equals sign: net.ipv4.ip_forward=1, without blanks.")
        path = _path(state, call.at, name)
        if equals:
            state = written(state, call.at, path, " ".join(value.split()))
        if "q" not in flags or not equals:
            now = value_of(state, call.at, path)
            shown.append(now if "n" in flags else f"{name.replace('/', '.')} = {now}")
    return Result(state, shown="\n".join(shown))


def _letters(word: str) -> str:
    """The options of one word, by their letters."""
    letters = {"--write": "w", "--quiet": "q", "--values": "n"}.get(word, word[1:])
    if (word.startswith("--") and word not in ("--write", "--quiet", "--values")) or set(letters) - set("wqn"):
        raise Refused(f"sysctl takes the options -w, -q and -n here, not {word}.")
    return letters


def _path(state: State, at: str, name: str) -> str:
    """A switch as /proc/sys has it. With dots between its parts, a dot inside a device's name is written as a slash."""
    first = next((mark for mark in name if mark in "./"), "")
    path = name if first == "/" else name.translate(str.maketrans("./", "/."))
    parts = path.split("/")
    if ".".join(parts) in SYSCTLS or path in OTHERS or path in pins.MACHINE or path == FORWARDING:
        return path
    if len(parts) == 5 and parts[0] == "net" and parts[2] in ("conf", "neigh"):
        known = OF_DEVICE.get(parts[1], {}) if parts[2] == "conf" else OF_NEIGHBOURS
        is_known = parts[4] in known or "/".join([*parts[:3], "{}", parts[4]]) in pins.DEVICE
        if is_known and (parts[3] in state.ns(at).devices or (parts[2] == "conf" and parts[3] in ("all", "default"))):
            return path
        if is_known:
            quote = f"sysctl: cannot stat /proc/sys/{path}: No such file or directory"
            raise Refused(f"{at} has no device {parts[3]}, so no switch of it.", quote)
    some = "net.ipv4.ip_forward, net.bridge.bridge-nf-call-iptables, net.ipv4.conf.DEVICE.rp_filter"
    raise Refused(f"The console knows no switch {name}. It knows those that the lab sets, among them {some}.")


def _model_name(path: str) -> str:
    """The name by which the model reads a switch; nothing where it does not."""
    if path in (HOPS, HOPS_OF_NEW):
        # A kernel reads each device's own, which a device has from `default`; the model reads one for all.
        return "net.ipv6.conf.all.hop_limit" if path == HOPS_OF_NEW else ""
    parts = path.split("/")
    if path == FORWARDING:
        return "net.ipv4.ip_forward"
    is_read = parts[1:3] == ["ipv4", "conf"] and parts[4] in LEAVES and parts[3] != "default"
    dotted = ".".join(parts)
    return dotted if is_read or dotted in SYSCTLS else ""


def written(state: State, at: str, path: str, value: str) -> State:
    """With a switch set. `all` of disable_ipv6 is every device's, and that of those to come."""
    name = _model_name(path)
    if not value.removeprefix("-").isdecimal() and (name or not value.replace(" ", "").replace("-", "").isdecimal()):
        dotted = path.replace("/", ".")
        raise Refused(f"{value!r} is not a number.", f'sysctl: setting key "{dotted}": Invalid argument')
    if name:
        return state.with_tables(at, sysctls={**state.world[at].sysctls, name: int(value)})
    places = [path]
    if path.endswith("/all/disable_ipv6"):
        places += [path.replace("/all/", f"/{dev}/") for dev in ("default", *state.world[at].devices)]
    return replace(state, switches={**state.switches, **{(at, place): value for place in places}})


def value_of(state: State, at: str, path: str) -> str:
    """What a switch is set to, or what a fresh namespace has."""
    name, parts = _model_name(path), path.split("/")
    if name and (name in SYSCTLS or name in state.world[at].sysctls):
        return str(state.world[at].sysctl(name))
    known = OF_DEVICE.get(parts[1], {}) if parts[2] == "conf" else OF_NEIGHBOURS
    found = state.switch(at, path, OTHERS.get(path) or known.get(parts[-1], ""))
    if not found:
        raise Refused(f"The model does not read {path.replace('/', '.')}, and nobody has set it here.")
    return found


def with_defaults(before: State, state: State) -> State:
    """A new device has what `default` says at that moment."""
    for name, ns in state.world.items():
        old = before.world[name].devices if name in before.world else {}
        for dev in [dev for dev in ns.devices if dev not in old]:
            said = [
                (path, value) for (at, path), value in state.switches.items() if at == name and "/conf/default/" in path
            ]
            for path, value in said:
                of, leaf = path.split("/")[1], path.split("/")[4]
                if value != OF_DEVICE[of].get(leaf):
                    state = written(state, name, f"net/{of}/conf/{dev}/{leaf}", value)
    return state
