"""What the API server refuses in Gateways, routes and Ingresses: its own words with the path, and exit code 2.

The words are the messages of the CRDs' rules (x-kubernetes-validations in config/crd/standard of sigs.k8s.io/gateway-api) and of
pkg/apis/networking/validation/validation.go.
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from gateway_written import PARENT, gateway, grant, host, ingress, listener, path, route, service, thing, to

from kubenet_course.cli import kubenet, main
from kubenet_course.errors import BadInput

R = "spec.rules[0]"
M = f"{R}.matches[0]"
F = f"{R}.filters"
REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"hostname": "b.com"}}
REWRITE = {"type": "URLRewrite", "urlRewrite": {"hostname": "b.com"}}
PREFIXED = {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/x"}}
MODIFIER = {"type": "RequestHeaderModifier", "requestHeaderModifier": {}}
WHEN = "when type one of ['Exact', 'PathPrefix']"


def matched(found, **more):
    return route("r", to("s1", match=found, **more))


def filtered(*filters, refs=("s1",), **more):
    return route("r", to(*refs, filters=list(filters), **more))


REFUSED = [
    # -- routes ----------------------------------------------------------------------------------------------------------
    (matched(path("abc")), f"{M}.path", f"value must be an absolute path and start with '/' {WHEN}"),
    (matched(path("/a//b", "Exact")), f"{M}.path", f"must not contain '//' {WHEN}"),
    (matched(path("/a/./b")), f"{M}.path", f"must not contain '/./' {WHEN}"),
    (matched(path("/a/../b")), f"{M}.path", f"must not contain '/../' {WHEN}"),
    (matched(path("/a%2fb")), f"{M}.path", f"must not contain '%2f' {WHEN}"),
    (matched(path("/a#b")), f"{M}.path", f"must not contain '#' {WHEN}"),
    (matched(path("/a/..")), f"{M}.path", f"must not end with '/..' {WHEN}"),
    (matched(path("/a b")), f"{M}.path", "must only contain valid characters"),
    (matched(path("/", "Prefix")), f"{M}.path.type", "Exact, PathPrefix, RegularExpression"),
    (matched({"method": "get"}), f"{M}.method", "GET"),
    (
        matched({"headers": [{"name": "v", "value": "1"}, {"name": "v", "value": "2"}]}),
        f"{M}.headers[1]",
        'Duplicate value: {"name":"v"}',
    ),
    (
        matched({"queryParams": [{"name": "v", "value": "1"}, {"name": "v", "value": "2"}]}),
        f"{M}.queryParams[1]",
        "Duplicate value",
    ),
    (matched({"headers": [{"name": ":method", "value": "1"}]}), f"{M}.headers[0].name", "in body should match"),
    (matched({"headers": [{"name": "a"}]}), f"{M}.headers[0].value", "missing"),
    (
        route("r", to("s1"), hosts=["*"]),
        "spec.hostnames[0]",
        r"spec.hostnames[0] in body should match '^(\*\.)?[a-z0-9]",
    ),
    (route("r", to("s1"), hosts=["a.com", "foo.*.com"]), "spec.hostnames[1]", "in body should match"),
    (route("r", to("s1"), hosts=["*.*.com"]), "spec.hostnames[0]", "in body should match"),
    (route("r", to("s1"), hosts=["A.com"]), "spec.hostnames[0]", "in body should match"),
    (route("r", to("s1"), hosts=["a.com:80"]), "spec.hostnames[0]", "in body should match"),
    (
        route("r", to("s1"), hosts=[f"h{n}.com" for n in range(17)]),
        "spec.hostnames",
        "Too many: 17: must have at most 16 items",
    ),
    (route("r"), "spec.rules", "spec.rules in body should have at least 1 items"),
    (route("r", to({"name": "s1", "port": None})), f"{R}.backendRefs[0]", "Must have port for Service reference"),
    (route("r", to({"name": "s1", "weight": -1})), f"{R}.backendRefs[0].weight", "0 to 1000000"),
    (route("r", to({"name": "s1", "port": 70000})), f"{R}.backendRefs[0].port", "65535"),
    (
        route("r", to("s1"), parents=[PARENT, PARENT]),
        "spec.parentRefs",
        "must be unique when parentRefs includes 2 or more references to the same parent",
    ),
    (
        route("r", to("s1"), parents=[PARENT, {**PARENT, "sectionName": "x"}]),
        "spec.parentRefs",
        "must be specified when parentRefs includes 2 or more",
    ),
    (route("r", to("s1", name="a"), to("s2", name="a")), "spec.rules", "Rule name must be unique within the route"),
    (route("r", *[to("s1", matches=[path(f"/{n}")] * 33) for n in range(4)]), "spec.rules", "must be less than 128"),
    (filtered(REDIRECT), R, "RequestRedirect filter must not be used together with backendRefs"),
    (
        filtered(REDIRECT, REWRITE, refs=()),
        F,
        "May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both",
    ),
    (filtered(REWRITE, REWRITE), F, "URLRewrite filter cannot be repeated"),
    (filtered(MODIFIER, MODIFIER), F, "RequestHeaderModifier filter cannot be repeated"),
    (filtered({"type": "URLRewrite"}), f"{F}[0]", "filter.urlRewrite must be specified for URLRewrite filter.type"),
    (
        filtered({"type": "RequestMirror", "urlRewrite": {}}),
        f"{F}[0]",
        "filter.requestMirror must be specified for RequestMirror filter.type",
    ),
    (filtered({**REWRITE, "cors": {}}), f"{F}[0]", "filter.cors must be nil if the filter.type is not CORS"),
    (filtered({"type": "Rewrite"}), f"{F}[0].type", "URLRewrite"),
    (
        filtered({"type": "URLRewrite", "urlRewrite": PREFIXED}, matches=[path("/a"), path("/b")]),
        R,
        "When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified",
    ),
    (
        filtered({"type": "RequestRedirect", "requestRedirect": PREFIXED}, refs=(), match=path("/a", "Exact")),
        R,
        "When using RequestRedirect filter with path.replacePrefixMatch",
    ),
    (
        filtered({"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath"}}}),
        f"{F}[0].urlRewrite.path",
        "replaceFullPath must be specified when type is set to 'ReplaceFullPath'",
    ),
    (
        filtered(
            {
                "type": "URLRewrite",
                "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/", "replacePrefixMatch": "/"}},
            }
        ),
        f"{F}[0].urlRewrite.path",
        "type must be 'ReplacePrefixMatch' when replacePrefixMatch is set",
    ),
    (
        filtered({"type": "URLRewrite", "urlRewrite": {"hostname": "*.b.com"}}),
        f"{F}[0].urlRewrite.hostname",
        "in body should match",
    ),
    (
        filtered({"type": "RequestRedirect", "requestRedirect": {"statusCode": 404}}, refs=()),
        f"{F}[0].requestRedirect.statusCode",
        "301",
    ),
    (
        filtered(
            {
                "type": "RequestMirror",
                "requestMirror": {"backendRef": {"name": "s1", "port": 80}, "percent": 1, "fraction": {"numerator": 1}},
            }
        ),
        f"{F}[0].requestMirror",
        "Only one of percent or fraction may be specified",
    ),
    (
        route("r", to("s1", timeouts={"request": "1s", "backendRequest": "2s"})),
        f"{R}.timeouts",
        "backendRequest timeout cannot be longer than request timeout",
    ),
    (route("r", to("s1", timeouts={"request": "1.5s"})), f"{R}.timeouts.request", "in body should match"),
    (
        route("r", to("s1", match={"method": {}}), kind="GRPCRoute"),
        f"{M}.method",
        "One or both of 'service' or 'method' must be specified",
    ),
    (
        route("r", to("s1", match={"method": {"service": "a/b"}}), kind="GRPCRoute"),
        f"{M}.method",
        "service must only contain valid characters",
    ),
    (route("r", to("s1", filters=[REWRITE]), kind="GRPCRoute"), f"{F}[0].type", "Unsupported value"),
    (route("r", to("s1"), kind="TLSRoute"), "spec.hostnames", "at least 1 items"),
    (route("r", to("s1"), hosts=["1.2.3.4"], kind="TLSRoute"), "spec.hostnames", "Hostnames cannot contain an IP"),
    (route("r", to("s1"), to("s2"), kind="TCPRoute"), "spec.rules", "at most 1 items"),
    (route("r", to("s1"), made="yesterday"), "metadata.creationTimestamp", "parsing time"),
    # -- Gateways --------------------------------------------------------------------------------------------------------
    (
        thing("Gateway", "edge", {"gatewayClassName": "x", "listeners": []}, "infra"),
        "spec.listeners",
        "at least 1 items",
    ),
    (gateway(listener(port=0)), "spec.listeners[0].port", "1 to 65535"),
    (gateway(listener(hostname="*.*")), "spec.listeners[0].hostname", "in body should match"),
    (gateway(listener(), listener(port=81)), "spec.listeners", "Listener name must be unique within the Gateway"),
    (
        gateway(listener("a"), listener("b")),
        "spec.listeners",
        "Combination of port, protocol and hostname must be unique for each listener",
    ),
    (
        gateway(listener(tls={"mode": "Passthrough"})),
        "spec.listeners",
        "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
    ),
    (
        gateway(listener("s", 443, "HTTPS", tls={"mode": "Passthrough"})),
        "spec.listeners",
        "tls mode must be Terminate for protocol HTTPS",
    ),
    (gateway(listener("s", 443, "TLS")), "spec.listeners", "tls mode must be set for protocol TLS"),
    (
        gateway(listener("s", 443, "HTTPS", tls={})),
        "spec.listeners[0].tls",
        "certificateRefs or options must be specified when mode is Terminate",
    ),
    (
        gateway(listener("t", 9, "TCP", hostname="a.com")),
        "spec.listeners",
        "hostname must not be specified for protocols ['TCP', 'UDP']",
    ),
    (
        gateway(listener(allowedRoutes={"namespaces": {"from": "Some"}})),
        "spec.listeners[0].allowedRoutes.namespaces.from",
        "All",
    ),
    (gateway(listener(protocol="example.com")), "spec.listeners[0].protocol", "in body should match"),
    (thing("GatewayClass", "x", {"controllerName": "nobody"}), "spec.controllerName", "in body should match"),
    (
        thing("ReferenceGrant", "g", {"from": [], "to": [{"group": "", "kind": "Service"}]}),
        "spec.from",
        "at least 1 items",
    ),
    (
        thing("ReferenceGrant", "g", {"from": [{"group": "", "kind": "Service"}], "to": []}),
        "spec.from[0].namespace",
        "missing",
    ),
    # -- Ingresses -------------------------------------------------------------------------------------------------------
    (
        thing("Ingress", "i", {}, api="networking.k8s.io/v1"),
        "spec",
        "either `defaultBackend` or `rules` must be specified",
    ),
    (
        ingress("i", host("*", ("/", "Prefix", "s1"))),
        "spec.rules[0].host",
        "a wildcard DNS-1123 subdomain must start with '*.'",
    ),
    (ingress("i", host("a.*.com", ("/", "Prefix", "s1"))), "spec.rules[0].host", "a wildcard DNS-1123 subdomain"),
    (
        ingress("i", host("1.2.3.4", ("/", "Prefix", "s1"))),
        "spec.rules[0].host",
        "must be a DNS name, not an IP address",
    ),
    (ingress("i", host("A.com", ("/", "Prefix", "s1"))), "spec.rules[0].host", "a lowercase RFC 1123 subdomain"),
    (
        ingress("i", host("a.com", ("foo", "Prefix", "s1"))),
        "spec.rules[0].http.paths[0].path",
        "must be an absolute path",
    ),
    (
        ingress("i", host("a.com", ("/a//b", "Exact", "s1"))),
        "spec.rules[0].http.paths[0].path",
        "must not contain '//'",
    ),
    (
        ingress("i", host("a.com", ("/a/..", "Exact", "s1"))),
        "spec.rules[0].http.paths[0].path",
        "cannot end with '/..'",
    ),
    (
        ingress(
            "i", {"http": {"paths": [{"path": "/", "backend": {"service": {"name": "a", "port": {"number": 1}}}}]}}
        ),
        "spec.rules[0].http.paths[0].pathType",
        "pathType must be specified",
    ),
    (
        ingress("i", {"http": {"paths": [{"path": "/", "pathType": "Exact", "backend": {}}]}}),
        "spec.rules[0].http.paths[0].backend",
        "resource or service backend is required",
    ),
    (
        ingress(
            "i",
            {
                "http": {
                    "paths": [{"path": "/", "pathType": "Exact", "backend": {"service": {"name": "a", "port": {}}}}]
                }
            },
        ),
        "spec.rules[0].http.paths[0].backend",
        "port name or number is required",
    ),
    (
        ingress(
            "i",
            {
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Exact",
                            "backend": {"service": {"name": "a", "port": {"number": 1, "name": "x"}}},
                        }
                    ]
                }
            },
        ),
        "spec.rules[0].http.paths[0].backend",
        "cannot set both port name & port number",
    ),
]


def run(*arguments, text=""):
    return CliRunner().invoke(kubenet, ["route", *arguments], input=text, catch_exceptions=False, standalone_mode=False)


def listed(*objects):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


@pytest.mark.parametrize("written, where, right", REFUSED, ids=[f"{n}-{row[2][:40]}" for n, row in enumerate(REFUSED)])
def test_it_is_refused_in_the_apis_own_words_with_the_path(written, where, right, tmp_path, capsys):
    file = tmp_path / "f.json"
    file.write_text(listed(gateway(), written) if written["kind"] != "Gateway" else listed(written))
    with pytest.raises(SystemExit) as left:
        main(["route", "why", str(file), "--host", "a.com"])
    said = capsys.readouterr()
    assert (left.value.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert f": {where}: " in said.err
    assert right in said.err


SOUND = [gateway(), route("r", to("s1"), hosts=["a.com"]), service("s1")]


@pytest.mark.parametrize(
    "arguments, where",
    [
        (["--path", "/"], "--host"),
        (["--host", "a b"], "--host"),
        (["--host", "a.com", "--path", "x"], "--path"),
        (["--host", "a.com", "--header", "novalue"], "--header"),
        (["--host", "a.com", "--port", "70000"], "--port"),
        (["--host", "a.com", "--method", "G T"], "--method"),
        (["--host", "a.com", "--gateway", "no/where"], "--gateway"),
    ],
)
def test_a_question_that_is_none_is_refused(arguments, where):
    with pytest.raises(BadInput) as error:
        run("why", "-", *arguments, text=listed(*SOUND))
    assert error.value.where == where


def test_whoever_asks_about_packets_goes_on_without_an_ingress_that_cannot_be(tmp_path):
    file = tmp_path / "f.yaml"
    broken = thing("Ingress", "i", {}, api="networking.k8s.io/v1")
    file.write_text(Path("data/clusters/two-nodes.yaml").read_text() + f"\n---\n{json.dumps(broken)}\n")
    asks = ["trace", str(file), "--from", "pod/default/client", "--to", "service/default/web:80"]
    told = CliRunner().invoke(kubenet, asks, catch_exceptions=False, standalone_mode=False)
    assert told.return_value == 0
    assert "left out: it has neither; either `defaultBackend` or `rules` must be specified" in told.stderr


def test_files_without_any_gateway_are_refused():
    with pytest.raises(BadInput, match="there is no Gateway and no Ingress"):
        run("why", "-", "--host", "a.com", text=listed(service("s1")))


def test_a_field_that_nobody_understands_is_named_and_the_answer_is_not_certain():
    odd = route("r", to("s1", surprise=1), hosts=["a.com"])
    told = run("why", "-", "--host", "a.com", text=listed(gateway(), odd, service("s1")))
    assert "field spec.rules[0].surprise is not understood" in told.stderr
    assert 'the API server: unknown field "spec.rules[0].surprise"' in told.stderr
    assert told.stdout.startswith("not certain: it hangs on HTTPRoute default/r: field spec.rules[0].surprise")
    assert told.return_value == 3


@pytest.mark.parametrize(
    "api, kind",
    [
        ("gateway.networking.k8s.io/v7", "HTTPRoute"),
        ("networking.k8s.io/v1beta1", "Ingress"),
        ("gateway.networking.x-k8s.io/v1alpha1", "XListenerSet"),
    ],
)
def test_an_unknown_version_is_named_and_the_answer_is_not_certain(api, kind):
    other = route("q", to("s1")) | {"apiVersion": api, "kind": kind}
    told = run("why", "-", "--host", "a.com", "--json", text=listed(*SOUND, other))
    assert f"kind {kind} ({api}) is not understood; left out" in told.stderr
    assert f'no matches for kind "{kind}" in version "{api}"' in told.stderr
    answer = json.loads(told.stdout)
    assert (answer["certain"], told.return_value, answer["status"]) == (False, 3, 200)
    assert f"{kind} ({api})" in answer["hangs_on"][0]


def test_a_route_without_parents_is_named_and_attached_to_nothing():
    lonely = thing("HTTPRoute", "lonely", {"rules": [to("s1")]})
    told = run("why", "-", "--host", "b.com", "--json", text=listed(*SOUND, lonely))
    assert "HTTPRoute default/lonely: it has no parentRefs, so it is attached to nothing" in told.stderr
    rows = {row["route"]: row for row in json.loads(told.stdout)["routes"]}
    assert (rows["default/lonely"]["attached"], told.return_value) == (False, 1)


def test_a_port_that_no_service_has_dangles_with_the_path_of_its_reference():
    told = run(
        "why",
        "-",
        "--host",
        "a.com",
        "--json",
        text=listed(gateway(), route("r", to({"name": "s1", "port": 81})), service("s1")),
    )
    [loose] = json.loads(told.stdout)["dangling"]
    assert (loose["path"], loose["reason"]) == ("spec.rules[0].backendRefs[0]", "BackendNotFound")
    assert loose["says"] == "Service default/s1 has no port 81; it has 80/TCP"
    assert (json.loads(told.stdout)["status"], told.return_value) == (500, 1)


REASONS = [
    (route("r", to("s1"), parents=[{"name": "none"}]), "NoMatchingParent", "there is no Gateway default/none"),
    (
        route("r", to("s1"), parents=[{**PARENT, "sectionName": "x"}]),
        "NoMatchingParent",
        "no listener of Gateway infra/edge is called x",
    ),
    (
        route("r", to("s1"), parents=[{**PARENT, "port": 81}]),
        "NoMatchingParent",
        "no listener of Gateway infra/edge has port 81",
    ),
    (
        route("r", to("s1"), hosts=["b.org"]),
        "NoMatchingListenerHostname",
        "listener http is for *.example.com; the route is for b.org",
    ),
    (
        route("r", to("s1"), kind="TCPRoute"),
        "NotAllowedByListeners",
        "listener http (HTTP) takes HTTPRoute and GRPCRoute, not TCPRoute",
    ),
    (
        route("r", to("s1"), parents=[{"kind": "Service", "group": "", "name": "s1"}]),
        "",
        "its parent is a Service, which is a mesh's affair and is not followed here",
    ),
]


@pytest.mark.parametrize("written, reason, says", REASONS)
def test_why_a_route_is_not_attached(written, reason, says):
    told = run(
        "why",
        "-",
        "--host",
        "a.example.com",
        "--json",
        text=listed(gateway(listener(hostname="*.example.com")), written, service("s1")),
    )
    [row] = json.loads(told.stdout)["routes"]
    assert (row["attached"], row["reason"], row["says"]) == (False, reason, says)


def test_a_namespace_that_the_listener_does_not_allow():
    edge = gateway({"name": "http", "port": 80, "protocol": "HTTP"})
    told = run("why", "-", "--host", "a.com", "--json", text=listed(edge, *SOUND[1:], grant("infra", "default", "s1")))
    [row] = json.loads(told.stdout)["routes"]
    assert (row["reason"], row["says"]) == (
        "NotAllowedByListeners",
        "listener http takes routes of namespace infra only, not of default",
    )
