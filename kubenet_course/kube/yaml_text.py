"""YAML as Kubernetes reads it: words for dates stay text, a name given twice is refused, 1:30 is no number."""

import re
from collections.abc import Hashable, Iterator
from typing import Any

import yaml

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


def documents(text: str) -> Iterator[Any]:
    """The documents of a text, one after the other; None for an empty one. Raises yaml.YAMLError where it stops being YAML."""
    loader = KubernetesLoader(text)
    try:
        while loader.check_data():
            yield loader.get_data()
    finally:
        loader.dispose()
