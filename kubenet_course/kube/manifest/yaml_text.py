"""YAML as Kubernetes reads it: words for dates stay text, a name given twice is refused, 1:30 is no number."""

import re
from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Any

import yaml

from ...errors import BadInput

# libyaml's parser where it is at hand (it is not in a browser); PyYAML's own says the same, more slowly.
FAST: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DEEPEST = 100  # levels; Kubernetes' own objects have some twenty
MANY_BRACKETS = 2000  # from here on libyaml's binding, which calls itself for each level, might run out of stack
MOST_BY_ALIAS = 100_000  # nodes that a document with aliases stands for
_KEPT = {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge", "tag:yaml.org,2002:float"}


class TooMuch(yaml.YAMLError):
    """A document is nested too deeply, or its aliases make it too large."""


class Twice(yaml.YAMLError):
    """A mapping has the same name twice; which of them counts is anybody's guess."""


class KubernetesLoader(FAST):  # type: ignore[valid-type,misc]
    """libyaml's parser with the resolvers that Kubernetes' own reader has (sigs.k8s.io/yaml)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        merged = any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value)
        found = super().construct_mapping(node, deep)
        if len(found) < len(node.value) and not merged:
            name = Counter(str(key.value) for key, _ in node.value).most_common(1)[0][0]
            raise Twice(f"{name!r} stands twice in one mapping", node.start_mark.line)
        return found


KubernetesLoader.yaml_implicit_resolvers = {
    letter: [(tag, regexp) for tag, regexp in rows if tag in _KEPT]
    for letter, rows in FAST.yaml_implicit_resolvers.items()
}
_INTEGER = re.compile(r"\A(?:[-+]?0b[0-1_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?0o?[0-7_]+|[-+]?(?:0|[1-9][0-9_]*))\Z")
KubernetesLoader.add_implicit_resolver("tag:yaml.org,2002:int", _INTEGER, list("-+0123456789"))


def documents_of(path: str, content: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """The documents of a file with their numbers; empty ones are passed over. Raises BadInput where it stops being
    YAML.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(path, "the file is binary", "write YAML or JSON in UTF-8") from None
    number = 0
    try:
        for number, value in _values(text):
            if isinstance(value, dict):
                yield number, value
            elif value is not None:
                right = "write an object with apiVersion, kind and metadata"
                raise BadInput(f"{path}: document {number}", f"it is {_kind(value)}", right)
    except BadInput:
        raise
    except (TooMuch, *BROKEN) as error:
        raise BadInput(f"{path}: document {max(number, 1)}", *_why(error)) from None


# What the parser, and what is made of its nodes, may raise.
BROKEN = (RecursionError, yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError)


def _values(text: str) -> Iterator[tuple[int, Any]]:
    """Every document as a plain value. A number is given out before its document is read, so that a fault has one."""
    _refuse_depth(text)
    loader = KubernetesLoader(text)
    has_aliases = _ALIAS.search(text) is not None
    try:
        number = 0
        while True:
            number += 1
            yield number, None
            if not loader.check_node():
                return
            node = loader.get_node()
            if has_aliases:
                _refuse_growth(node)
            yield number, loader.construct_document(node)
    finally:
        loader.dispose()


def _why(error: Exception) -> tuple[str, str]:
    """What is wrong, and what would be right."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply", f"use at most {DEEPEST} levels"
    return str(error) if isinstance(
        error, TooMuch
    ) else f"it is not YAML: {_said(error)}", "write it as kubectl prints it"


_ALIAS = re.compile(r"(?m)(?:^|[\s\[\]{},:?-])\*[^\s\[\]{},]")
_OPENS = re.compile(r"[\[{](?!\s*[\]}])")
_INDENT = re.compile(rf"(?m)^[ \t?-]{{{MANY_BRACKETS}}}")


def _refuse_depth(text: str) -> None:
    """Raises TooMuch before a parser meets a depth that it might not survive. Events are counted, which no depth can hurt."""
    brackets = text.count("[") + text.count("{")
    if brackets >= MANY_BRACKETS:
        brackets = sum(1 for _ in _OPENS.finditer(text))
    if brackets < MANY_BRACKETS and not _INDENT.search(text):
        return
    depth = 0
    for event in yaml.parse(text, Loader=FAST):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise TooMuch(f"it is nested more than {DEEPEST} levels deep{_line(event)}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(event: yaml.Event) -> str:
    return f" (line {event.start_mark.line + 1})" if event.start_mark else ""


def _refuse_growth(root: yaml.Node | None) -> None:
    """Raises TooMuch where aliases stand for more than a document may hold, or for themselves. Each node is counted once."""
    sizes: dict[int, int] = {}
    open_now: set[int] = set()
    waiting = [(root, False)]
    while waiting:
        node, is_counted = waiting.pop()
        if node is None or id(node) in sizes:
            continue
        parts = _parts(node)
        if is_counted:
            open_now.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(part)] for part in parts)
            if sizes[id(node)] > MOST_BY_ALIAS:
                line = node.start_mark.line + 1
                raise TooMuch(f"its aliases stand for more than {MOST_BY_ALIAS:,} values (line {line})")
            continue
        if id(node) in open_now:
            raise TooMuch(f"an alias stands for what holds it (line {node.start_mark.line + 1})")
        open_now.add(id(node))
        waiting.append((node, True))
        if any(id(part) in open_now for part in parts):
            raise TooMuch(f"an alias stands for what holds it (line {node.start_mark.line + 1})")
        waiting += [(part, False) for part in parts]


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _said(error: Exception) -> str:
    """The parser's complaint in one line, with the line of the file."""
    if isinstance(error, Twice):
        return f"{error.args[0]} (line {error.args[1] + 1})"
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or " ".join(str(error).split()) or type(error).__name__
    return f"{problem} (line {mark.line + 1})" if mark else problem


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else "text" if isinstance(value, str) else "a plain value"
