"""YAML as Kubernetes reads it: words for dates stay text, a name given twice is refused, 1:30 is no number."""

import re
from collections.abc import Hashable, Iterator
from typing import Any

import yaml

from ...errors import BadInput

_KEPT = {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge", "tag:yaml.org,2002:float"}


class Twice(yaml.YAMLError):
    """A mapping has the same name twice; which of them counts is anybody's guess."""


class KubernetesLoader(yaml.CSafeLoader):
    """libyaml's parser with the resolvers that Kubernetes' own reader has (sigs.k8s.io/yaml)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        merged = any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value)
        found = super().construct_mapping(node, deep)
        if len(found) < len(node.value) and not merged:
            names = [key.value for key, _ in node.value]
            name = next(one for one in names if names.count(one) > 1)
            raise Twice(f"{name!r} stands twice in one mapping", node.start_mark.line)
        return found


KubernetesLoader.yaml_implicit_resolvers = {
    letter: [(tag, regexp) for tag, regexp in rows if tag in _KEPT]
    for letter, rows in yaml.CSafeLoader.yaml_implicit_resolvers.items()
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
    loader = None
    try:
        loader = KubernetesLoader(text)
        while loader.check_data():
            number += 1
            value = loader.get_data()
            if value is None:
                continue
            if not isinstance(value, dict):
                raise BadInput(
                    f"{path}: document {number}",
                    f"it is {_kind(value)}",
                    "write an object with apiVersion, kind and metadata",
                )
            yield number, value
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(
            f"{path}: document {max(number, 1)}", f"it is not YAML: {_said(error)}", "write it as kubectl prints it"
        ) from None
    finally:
        if loader is not None:
            loader.dispose()


def _said(error: Exception) -> str:
    """The parser's complaint in one line, with the line of the file."""
    if isinstance(error, Twice):
        return f"{error.args[0]} (line {error.args[1] + 1})"
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or " ".join(str(error).split()) or type(error).__name__
    return f"{problem} (line {mark.line + 1})" if mark else problem


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else "text" if isinstance(value, str) else "a plain value"
