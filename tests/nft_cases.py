"""nft rulesets as text and JSON in a form in which equal ones are equal: kube-proxy visits its Services by lot."""

import json
from pathlib import Path

from tests.proxy_cases import RECORDED

TEXT, JSON = "nftables.nft-list-ruleset.txt", "nftables.nft-ruleset.json"
FAMILIES = {4: "ip", 6: "ip6"}


def blocks(text: str) -> dict[str, list[str]]:
    """The sets and chains of a table: head line -> its lines, in order."""
    found: dict[str, list[str]] = {}
    for block in text.split("{\n", 1)[1].removesuffix("}\n").split("\n\n"):
        lines = block.strip("\n").split("\n")
        lines = [line for line in lines if line not in ('\tcomment "rules for kube-proxy"',)]
        found[lines[0]] = lines[1:]
    return found


def own(head: str) -> bool:
    """Whether a set or chain belongs to one Service."""
    return "/" in head


def recorded_table(name: str, family: int, root: Path = RECORDED) -> str:
    """One family's table of a recorded ruleset."""
    text = (root / name / TEXT).read_text()
    start = text.index(f"table {FAMILIES[family]} kube-proxy {{")
    return text[start : text.index("\n}\n", start) + 3]


def without_handles(rows: list[dict], family: int) -> list[dict]:
    """The JSON rows of one family, without what the kernel numbers."""
    found = []
    for row in rows:
        for kind, body in row.items():
            if kind != "metainfo" and body["family"] == FAMILIES[family]:
                found.append({kind: {key: said for key, said in body.items() if key != "handle"}})
    return found


def recorded_json(name: str, family: int) -> list[dict]:
    return without_handles(json.loads((RECORDED / name / JSON).read_text())["nftables"], family)


def named(row: dict) -> str:
    [body] = row.values()
    return body.get("chain") or body["name"]
