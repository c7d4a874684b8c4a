"""What the router's kernel remembers: packets counted by each rule, and connections. And forgetting it all."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

SAVE = {4: "iptables-save", 6: "ip6tables-save"}
RESTORE = {4: "iptables-restore", 6: "ip6tables-restore"}


def _said(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def restore(family: int, text: str, test: bool = False) -> str:
    """Load a rule set (with `test`: only try) into the namespace this thread stands in. "" or the complaint."""
    argv = [RESTORE[family], *(["--test"] if test else [])]
    done = subprocess.run(argv, input=text, capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip() or f"exit {done.returncode}")


def load_sets(text: str) -> str:
    """Make sets. "" or the complaint."""
    done = subprocess.run(["ipset", "restore"], input=text, capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip() or f"exit {done.returncode}")


def load_nft(text: str) -> str:
    """Load a ruleset of nftables beside what there is. "" or the complaint."""
    done = subprocess.run(["nft", "-f", "-"], input=text, capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip() or f"exit {done.returncode}")


def routing(family: int, commands: list[str]) -> dict[str, str]:
    """Types commands of `ip`, those that it refuses too; then rules and rows as it prints them, as text and as JSON."""
    argv = ["ip", f"-{family}", "-force", "-batch", "-"]
    subprocess.run(argv, input="\n".join(commands), text=True, capture_output=True)
    asked = {"rule": ("rule",), "route": ("route", "show", "table", "all")}
    how = {"text": (), "json": ("-j",)}
    return {
        f"{what} {form}": _said("ip", f"-{family}", *option, *words)
        for what, words in asked.items()
        for form, option in how.items()
    }


def _nft_counters() -> Iterator[tuple[str, int]]:
    """What each `counter` of a rule has counted, by "family table/chain/rule/counter": both from 0; not those of iptables."""
    numbers: dict[str, int] = {}
    for row in json.loads(_said("nft", "-j", "list", "ruleset"))["nftables"]:
        rule = row.get("rule")
        if rule is None or rule["table"] in ("raw", "mangle", "nat", "filter", "security"):
            continue
        chain = f"{rule['family']} {rule['table']}/{rule['chain']}"
        number = numbers[chain] = numbers.get(chain, -1) + 1
        for place, counter in enumerate(one["counter"] for one in rule["expr"] if "counter" in one):
            yield f"{chain}/{number}/{place}", counter["packets"]


def canonical(family: int) -> str:
    """The rule set as the kernel has it, without comments, counters at zero, no last line end."""
    lines = (line for line in _said(SAVE[family]).splitlines() if not line.startswith("#"))
    return "\n".join(f"{line.split(' [')[0]} [0:0]" if line.startswith(":") else line for line in lines)


def _rules(text: str) -> Iterator[tuple[str, int]]:
    table = ""
    numbers: dict[str, int] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            table, numbers = line[1:], {}
        elif line.startswith("["):
            counters, _, chain, *_ = line.split(" ", 3)
            numbers[chain] = numbers.get(chain, 0) + 1
            yield f"{table}/{chain}/{numbers[chain]}", int(counters[1:].split(":")[0])


def counters(family: int) -> dict[str, int]:
    """Packets that matched each rule so far, by "table/chain/number" (numbers from 1)."""
    return dict(_rules(_said(SAVE[family], "-c"))) | dict(_nft_counters())


def connections(family: int) -> list[str]:
    """The lines of `conntrack -L`, sorted."""
    return sorted(_said("conntrack", "-L", "-f", f"ipv{family}").splitlines())


def forget_connections(family: int) -> None:
    """Empty the connection table."""
    _said("conntrack", "-F", "-f", f"ipv{family}")
