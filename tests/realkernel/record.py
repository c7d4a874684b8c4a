"""`python -m tests.realkernel.record --seed S --cases N --out FILE [--style STYLE]`: ask the kernel, and write what it said."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

from . import RealKernel, RefusedRules, missing
from .styles import STYLES

REFERENCE = ("rx", "dst", "dport", "src", "sport")
EXTRAS = ("answer", "icmp_errors", "outcome")


def as_reference(packet: dict[str, Any]) -> dict[str, Any]:
    """The packet with nothing but what the reference captures hold."""
    received = [{key: heard[key] for key in REFERENCE} for heard in packet["received"]]
    return {key: value for key, value in packet.items() if key not in EXTRAS} | {"received": received}


def varying(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The packets of one run; where another run of the same case differed, `varies` has what differed, as it was there.

    These are the choices that the kernel makes by chance: a model must be able to make either.
    """
    for mine, theirs in zip(one, other, strict=True):
        differing = {key: theirs[key] for key in mine if mine[key] != theirs[key]}
        if differing:
            mine["varies"] = differing
    return one


def record(seed: int, cases: int, style: str) -> dict[str, Any]:
    """Cases drawn from a seed, answered by the kernel; a rule set that iptables-restore refuses is drawn again."""
    rng, refused = Random(seed), 0
    found: list[dict[str, Any]] = []
    draw = STYLES[style]
    with RealKernel() as kernel:
        while len(found) < cases:
            case = {"id": len(found)} | draw(rng, len(found))
            try:
                answer = kernel.ask(case)
            except RefusedRules as reason:
                refused += 1
                print(f"drawn again: {reason}", file=sys.stderr)
                continue
            answer["packets"] = varying(answer["packets"], kernel.ask(case)["packets"])
            if style == "plain":
                answer["packets"] = [as_reference(packet) for packet in answer["packets"]]
            found.append(answer)
    return {"source": f"real kernel, seed {seed}, style {style}, {refused} rule sets refused", "cases": found}


def main() -> int:
    """Write FILE; 1 with one line on standard error when the kernel cannot be asked here."""
    parser = argparse.ArgumentParser(prog="python -m tests.realkernel.record", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cases", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--style", choices=sorted(STYLES), default="plain")
    asked = parser.parse_args()
    if reason := missing():
        print(f"cannot ask the real kernel: {reason}", file=sys.stderr)
        return 1
    started = time.monotonic()
    recorded = record(asked.seed, asked.cases, asked.style)
    asked.out.write_text(json.dumps(recorded, indent=1) + "\n")
    packets = sum(len(case["packets"]) for case in recorded["cases"])
    print(f"{asked.out}: {asked.cases} cases, {packets} packets, {time.monotonic() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
