"""Every match and target that iptables knows here, gathered from the files of `xt`, and the other spellings of options."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from .. import xt
from ..xt.reading import Extension, Match

FILES = sorted(file.name for file in iter_modules(xt.__path__))
_MODULES = [import_module(f"{xt.__name__}.{name}") for name in FILES]
MATCHES: dict[str, Match] = {name: row for file in _MODULES for name, row in getattr(file, "MATCHES", {}).items()}
TARGETS: dict[str, Extension] = {name: row for file in _MODULES for name, row in getattr(file, "TARGETS", {}).items()}
BASIC = MATCHES[""]
OTHER_SPELLINGS = {
    "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d", "--in-interface": "-i", "--out-interface": "-o",
    "--protocol": "-p", "--proto": "-p", "--fragment": "-f", "--source-port": "--sport", "--destination-port": "--dport",
    "--source-ports": "--sports", "--destination-ports": "--dports", "--icmp6-type": "--icmpv6-type", "--jump": "-j",
    "--goto": "-g", "--match": "-m", "--set-counters": "-c",
}  # fmt: skip
