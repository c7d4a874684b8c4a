"""What the API server refuses in the filters of a route."""

from ...api.routes import Filter, HeaderFilter, PathModifier
from ...manifest.decode import shown
from . import words
from .backends import backend
from .words import count, pattern, rule, unique

FIELDS = {  # a filter's type -> its field, as the API spells it and as we do
    "RequestHeaderModifier": ("requestHeaderModifier", "request_header_modifier"),
    "ResponseHeaderModifier": ("responseHeaderModifier", "response_header_modifier"),
    "RequestMirror": ("requestMirror", "request_mirror"),
    "RequestRedirect": ("requestRedirect", "request_redirect"),
    "URLRewrite": ("urlRewrite", "url_rewrite"),
    "CORS": ("cors", "cors"),
    "ExternalAuth": ("externalAuth", "external_auth"),
    "ExtensionRef": ("extensionRef", "extension_ref"),
}
ONCE = ("CORS", "RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite")
OF_GRPC = ("RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "ExtensionRef")


def filters(found: tuple[Filter, ...], path: str, grpc: bool = False) -> None:
    """The filters of a rule or of a backend."""
    count(found, 0, 16, path)
    for index, one in enumerate(found):
        if grpc and one.type not in OF_GRPC:
            supported = ", ".join(f'"{name}"' for name in OF_GRPC)
            message = f"Unsupported value: {shown(one.type)}: supported values: {supported}"
            rule(False, f"{path}[{index}].type", f"it is {shown(one.type)}", message)
        _filter(one, f"{path}[{index}]")
    kinds: list[str] = [one.type for one in found]
    both = "May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both"
    rule(not {"RequestRedirect", "URLRewrite"} <= set(kinds), path, "it has both", both)
    for kind in ONCE:
        rule(kinds.count(kind) <= 1, path, f"{kind} stands there twice", f"{kind} filter cannot be repeated")


def _filter(one: Filter, path: str) -> None:
    for kind, (spelled, field) in FIELDS.items():
        is_set, wanted = getattr(one, field) is not None, kind == one.type
        missing = f"filter.{spelled} must be specified for {kind} filter.type"
        rule(is_set or not wanted, path, f"{spelled} is missing", missing)
        surplus = f"filter.{spelled} must be nil if the filter.type is not {kind}"
        rule(wanted or not is_set, path, f"type is {one.type}, and {spelled} is set", surplus)
    for spelled, modifier in (
        ("requestHeaderModifier", one.request_header_modifier),
        ("responseHeaderModifier", one.response_header_modifier),
    ):
        if modifier is not None:
            _modifier(modifier, f"{path}.{spelled}")
    if one.request_redirect is not None:
        _target(one.request_redirect.hostname, one.request_redirect.path, f"{path}.requestRedirect")
    if one.url_rewrite is not None:
        _target(one.url_rewrite.hostname, one.url_rewrite.path, f"{path}.urlRewrite")
    if one.request_mirror is not None:
        mirror, at = one.request_mirror, f"{path}.requestMirror"
        backend(mirror.backend_ref, f"{at}.backendRef")
        both = "Only one of percent or fraction may be specified in HTTPRequestMirrorFilter"
        rule(mirror.percent is None or mirror.fraction is None, at, "it has both", both)
        small = mirror.fraction is None or mirror.fraction.numerator <= mirror.fraction.denominator
        less = "numerator must be less than or equal to denominator"
        rule(small, f"{at}.fraction", "it is more than the whole", less)


def _modifier(one: HeaderFilter, path: str) -> None:
    for field, rows in (("set", one.set), ("add", one.add)):
        count(rows, 0, 16, f"{path}.{field}")
        for index, each in enumerate(rows):
            pattern(each.name, words.HEADER_NAME, f"{path}.{field}[{index}].name")
        unique((each.name for each in rows), f"{path}.{field}", "name")
    count(one.remove, 0, 16, f"{path}.remove")
    unique(one.remove, f"{path}.remove")


def _target(hostname: str | None, modifier: PathModifier | None, path: str) -> None:
    if hostname is not None:
        pattern(hostname, words.PRECISE_HOSTNAME, f"{path}.hostname")
    if modifier is None:
        return
    at = f"{path}.path"
    for kind, field, text in (
        ("ReplaceFullPath", "replaceFullPath", modifier.replace_full_path),
        ("ReplacePrefixMatch", "replacePrefixMatch", modifier.replace_prefix_match),
    ):
        wanted = modifier.type == kind
        missing = f"{field} must be specified when type is set to '{kind}'"
        rule(text is not None or not wanted, at, f"{field} is missing", missing)
        surplus = f"type must be '{kind}' when {field} is set"
        rule(wanted or text is None, at, f"type is {modifier.type}, and {field} is set", surplus)
        most = "Too long: may not be more than 1024 bytes"
        rule(len(text or "") <= 1024, f"{at}.{field}", f"it has {len(text or '')} characters", most)


def prefix_replaced(one: Filter, kind: str) -> bool:
    """Whether a filter of this type replaces the matched prefix of a path."""
    target = one.request_redirect if kind == "RequestRedirect" else one.url_rewrite
    return target is not None and target.path is not None and target.path.replace_prefix_match is not None
