"""CNI_ARGS, `KEY=value;KEY=value`, read as the reference plugins read it.

Real system: `containernetworking/cni/pkg/types/args.go`.
"""

from typing import Any

from .decode import At, Shape, Unreadable
from .spec import quoted, quoted_list, refused

_TRUTH = {"1": True, "true": True, "0": False, "false": False}


def arguments(args: str, known: dict[str, Shape]) -> dict[str, Any]:
    """The values of the keys in `known`, each read by its shape.

    Keys nobody knows are refused, unless IgnoreUnknown is 1 or true, as Kubernetes sets it. Raises CniError (999).
    """
    found: dict[str, Any] = {}
    unknown, ignore = [], False
    for pair in args.split(";") if args else ():
        parts = pair.split("=")
        if len(parts) != 2:
            raise refused(f"ARGS: invalid pair {quoted(pair)}", "write KEY=value, with one ; between two pairs")
        key, value = parts
        try:
            if key == "IgnoreUnknown":
                ignore = _truth(value)
            elif key in known:
                found[key] = known[key](At("", (), []), value)
            else:
                unknown.append(pair)
        except Unreadable as wrong:
            raise refused(f"ARGS: error parsing value of pair {quoted(pair)}: {wrong}") from None
    if unknown and not ignore:
        raise refused(
            f"ARGS: unknown args {quoted_list(unknown)}", "add IgnoreUnknown=1 to let a plugin pass over them"
        )
    return found


def _truth(value: str) -> bool:
    if value.lower() not in _TRUTH:
        raise Unreadable(f"boolean unmarshal error: invalid input {value.lower()}")
    return _TRUTH[value.lower()]
