"""Requests answered by the specification's own sentences. Each case begins with the sentence, and where it stands.

httproute, gateway, shared, grpcroute, referencegrant, listenerset, tlsroute: apis/v1/*_types.go of sigs.k8s.io/gateway-api (v1.6);
ingress: staging/src/k8s.io/api/networking/v1/types.go, and the table of kubernetes.io/docs/concepts/services-networking/ingress.
"""

import pytest
from gateway_written import (
    PARENT,
    asked,
    doors,
    gateway,
    grant,
    heard,
    host,
    ingress,
    listener,
    path,
    route,
    service,
    thing,
    to,
)

OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
TWO_PORTS = gateway(listener(), listener("alt", 8080))
CERTIFICATE = {"certificateRefs": [{"name": "cert"}]}


def header(name, value, **more) -> dict:
    return {"headers": [{"name": name, "value": value, **more}]}


def query(name, value, **more) -> dict:
    return {"queryParams": [{"name": name, "value": value, **more}]}


CASES = [
    # -- paths ---------------------------------------------------------------------------------------------------------
    (
        "httproute: an exact path match on /abc will only match requests to /abc, NOT /abc/, /Abc, or /abcd",
        [gateway(), route("r", to("s1", match=path("/abc", "Exact")))],
        {"a.com/abc": "s1", "a.com/abc/": "404", "a.com/Abc": "404", "a.com/abcd": "404", "a.com/abc?x=1": "s1"},
    ),
    (
        "httproute: the paths /abc, /abc/, and /abc/def would all match the prefix /abc, but the path /abcd would not",
        [gateway(), route("r", to("s1", match=path("/abc")))],
        {
            "a.com/abc": "s1",
            "a.com/abc/": "s1",
            "a.com/abc/def": "s1",
            "a.com/abcd": "404",
            "a.com/ABC": "404",
            "a.com/": "404",
        },
    ),
    (
        "httproute: when specified, a trailing / is ignored",
        [gateway(), route("r", to("s1", match=path("/abc/")))],
        {"a.com/abc": "s1", "a.com/abc/": "s1", "a.com/abc/d": "s1", "a.com/abcd": "404"},
    ),
    (
        "httproute: if no matches are specified, the default is a prefix path match on /",
        [gateway(), route("r", to("s1"))],
        {"a.com/": "s1", "a.com/x/y": "s1", "POST a.com/": "s1"},
    ),
    (
        "httproute: type of a path match defaults to PathPrefix, its value to /",
        [gateway(), route("r", to("s1", match={"path": {"value": "/x"}}), to("s2", match={"method": "PUT"}))],
        {"a.com/x/y": "s1", "PUT a.com/q": "s2", "a.com/q": "404"},
    ),
    (
        "httproute: precedence must be given to the match having an Exact path match",
        [
            gateway(),
            route(
                "r", to("s1", match=path("/a/b")), to("s2", match=path("/a/b", "Exact")), to("s3", match=path("/a/b/c"))
            ),
        ],
        {"a.com/a/b": "s2", "a.com/a/b/": "s1", "a.com/a/b/c": "s3", "a.com/a/b/c/d": "s3"},
    ),
    (
        "httproute: then the Prefix path match with largest number of characters",
        [
            gateway(),
            route("r", to("s1", match=path("/")), to("s2", match=path("/one/two")), to("s3", match=path("/one"))),
        ],
        {
            "a.com/": "s1",
            "a.com/one": "s3",
            "a.com/one/x": "s3",
            "a.com/one/two": "s2",
            "a.com/one/two/z": "s2",
            "a.com/onetwo": "s1",
        },
    ),
    (
        "httproute: a longer prefix counts more than a method, headers or query parameters",
        [
            gateway(),
            route("r", to("s1", match=path("/a", method="GET", **header("v", "1"))), to("s2", match=path("/a/b"))),
        ],
        {"a.com/a/b v=1": "s2", "a.com/a v=1": "s1", "a.com/a": "404"},
    ),
    (
        "httproute: a regular expression has to fit; case sensitivity",
        [gateway(), route("r", to("s1", match=path("/v[0-9]+/.*", "RegularExpression")))],
        {"a.com/v12/x": "s1", "a.com/V12/x": "404", "a.com/w/x": "404"},
    ),
    # -- method, headers, query ------------------------------------------------------------------------------------------
    (
        "httproute: this route will be matched only if the request has the specified method",
        [gateway(), route("r", to("s1", match={"method": "POST"}))],
        {"POST a.com/": "s1", "GET a.com/": "404", "PUT a.com/x": "404"},
    ),
    (
        "httproute: then a method match",
        [
            gateway(),
            route(
                "r",
                to("s1", match=path("/a")),
                to("s2", match=path("/a", method="PUT")),
                to("s3", match=path("/a", **header("v", "1"))),
            ),
        ],
        {"PUT a.com/a": "s2", "PUT a.com/a v=1": "s2", "GET a.com/a v=1": "s3", "GET a.com/a": "s1"},
    ),
    (
        "httproute: then the largest number of header matches",
        [
            gateway(),
            route(
                "r",
                to("s1", match=header("v", "1")),
                to("s2", match={"headers": [{"name": "v", "value": "1"}, {"name": "w", "value": "2"}]}),
            ),
        ],
        {"a.com/ v=1": "s1", "a.com/ v=1 w=2": "s2", "a.com/ w=2": "404", "a.com/ v=2": "404"},
    ),
    (
        "httproute: then the largest number of query param matches",
        [
            gateway(),
            route(
                "r",
                to("s1", match=query("a", "1")),
                to("s2", match={"queryParams": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]}),
                to("s3", match=header("v", "1")),
            ),
        ],
        {
            "a.com/?a=1": "s1",
            "a.com/?a=1&b=2": "s2",
            "a.com/?b=2": "404",
            "a.com/?a=1&b=2 v=1": "s3",
            "a.com/?a=11": "404",
        },
    ),
    (
        "httproute: header name matching MUST be case-insensitive; values are compared as they are",
        [gateway(), route("r", to("s1", match=header("Version", "One")))],
        {"a.com/ version=One": "s1", "a.com/ VERSION=One": "s1", "a.com/ version=one": "404", "a.com/": "404"},
    ),
    (
        "httproute: only the first entry with an equivalent name MUST be considered for a match",
        [
            gateway(),
            route("r", to("s1", match={"headers": [{"name": "foo", "value": "1"}, {"name": "Foo", "value": "2"}]})),
        ],
        {"a.com/ foo=1": "s1", "a.com/ foo=2": "404"},
    ),
    (
        "httproute: the name of a query param must be an exact string match; the first value of the param",
        [gateway(), route("r", to("s1", match=query("Color", "red")))],
        {
            "a.com/?Color=red": "s1",
            "a.com/?color=red": "404",
            "a.com/?Color=red&Color=blue": "s1",
            "a.com/?Color=blue&Color=red": "404",
        },
    ),
    (
        "httproute: all conditions of a match are ANDed",
        [gateway(), route("r", to("s1", match=path("/foo", **header("version", "v1"))))],
        {"a.com/foo version=v1": "s1", "a.com/foo": "404", "a.com/bar version=v1": "404"},
    ),
    (
        "httproute: this rule will be matched if any one of the matches is satisfied",
        [gateway(), route("r", to("s1", matches=[path("/foo", **header("version", "v2")), path("/v2/foo")]))],
        {"a.com/foo version=v2": "s1", "a.com/v2/foo": "s1", "a.com/foo": "404", "a.com/v2/foo/x version=v1": "s1"},
    ),
    # -- hostnames -------------------------------------------------------------------------------------------------------
    (
        "httproute: *.example.com would match both test.example.com, and foo.test.example.com, but not example.com",
        [gateway(), route("r", to("s1"), hosts=["*.example.com"])],
        {"test.example.com/": "s1", "foo.test.example.com/": "s1", "example.com/": "404", "testexample.com/": "404"},
    ),
    (
        "httproute: implementations MUST ignore any port value specified in the HTTP Host header",
        [gateway(), route("r", to("s1"), hosts=["a.com"])],
        {"a.com:1234/": "s1", "A.COM/": "s1", "a.com./": "s1", "b.com:80/": "404"},
    ),
    (
        "httproute: precedence to rules from the HTTPRoute with the largest number of characters in a non-wildcard hostname",
        [
            gateway(),
            route("w", to("s1", match=path("/x", "Exact")), hosts=["*.example.com"]),
            route("e", to("s2"), hosts=["a.example.com"]),
        ],
        {"a.example.com/x": "s2", "b.example.com/x": "s1", "b.example.com/y": "404"},
    ),
    (
        "httproute: then characters in a matching hostname",
        [
            gateway(),
            route("w", to("s1", match=path("/x/y")), hosts=["*.com"]),
            route("e", to("s2"), hosts=["*.example.com"]),
            route("n", to("s3")),
        ],
        {"a.example.com/x/y": "s2", "a.com/x/y": "s1", "a.com/q": "s3", "a.org/": "s3"},
    ),
    (
        "gateway: a Listener with test.example.com matches HTTPRoutes that have no hostnames, test.example.com or *.example.com",
        [
            gateway(listener(hostname="test.example.com")),
            route("n", to("s1", match=path("/n"))),
            route("e", to("s2", match=path("/e")), hosts=["test.example.com"]),
            route("w", to("s3", match=path("/w")), hosts=["*.example.com"]),
            route("o", to("s4", match=path("/o")), hosts=["other.example.com"]),
        ],
        {
            "test.example.com/n": "s1",
            "test.example.com/e": "s2",
            "test.example.com/w": "s3",
            "test.example.com/o": "404",
            "other.example.com/o": "404",
        },
    ),
    (
        "httproute: hostnames that do not match the Listener hostname MUST be ignored: test.example.net must not be considered",
        [
            gateway(listener(hostname="*.example.com")),
            route("r", to("s1"), hosts=["test.example.com", "test.example.net"]),
        ],
        {"test.example.com/": "s1", "test.example.net/": "404", "other.example.com/": "404"},
    ),
    (
        "httproute: if none match, then the HTTPRoute is not accepted",
        [
            gateway(listener(hostname="*.example.com")),
            route("r", to("s1"), hosts=["example.com"]),
            route("q", to("s2"), hosts=["a.example.net"]),
        ],
        {"example.com/": "404", "a.example.net/": "404", "a.example.com/": "404"},
    ),
    (
        "httproute: precedence using the original hostnames configured on the Route, not the intersection",
        [
            gateway(listener(hostname="foo.example.com")),
            route("a", to("s1"), hosts=["*.com"]),
            route("b", to("s2"), hosts=["*.example.com"]),
            route("c", to("s3")),
        ],
        {"foo.example.com/": "s2"},
    ),
    # -- ties ------------------------------------------------------------------------------------------------------------
    (
        "httproute: ties across Routes: the oldest Route based on creation timestamp",
        [gateway(), route("a", to("s1"), made=NEW), route("z", to("s2"), made=OLD)],
        {"a.com/": "s2"},
    ),
    (
        "gateway: a Route with a creation timestamp of 01:02:03 is given precedence over one of 01:02:04",
        [
            gateway(),
            route("a", to("s1"), made="2020-09-08T01:02:04Z"),
            route("b", to("s2"), made="2020-09-08T01:02:03Z"),
        ],
        {"a.com/": "s2"},
    ),
    (
        "gateway: foo/bar is given precedence over foo/baz; the namespace counts first",
        [gateway(), route("baz", to("s1"), made=OLD), route("bar", to("s2"), made=OLD)],
        {"a.com/": "s2"},
    ),
    (
        "httproute: alphabetical order by {namespace}/{name}",
        [gateway(), route("a", to("s1"), namespace="zoo", made=OLD), route("z", to("s2"), made=OLD)],
        {"a.com/": "s2"},
    ),
    (
        "httproute: within an HTTPRoute the FIRST matching rule (in list order)",
        [gateway(), route("r", to("s1", match=header("a", "1")), to("s2", match=header("b", "1")))],
        {"a.com/ a=1 b=1": "s1", "a.com/ b=1": "s2"},
    ),
    (
        "httproute: age is asked only on ties: a longer prefix in a younger Route wins",
        [
            gateway(),
            route("a", to("s1", match=path("/x")), made=OLD),
            route("b", to("s2", match=path("/x/y")), made=NEW),
        ],
        {"a.com/x/y": "s2", "a.com/x": "s1"},
    ),
    (
        "httproute: When no rules matching a request have been attached, a HTTP 404 status code MUST be returned",
        [gateway(), route("r", to("s1", match=path("/a")))],
        {"a.com/b": "404", "a.com/": "404"},
    ),
    # -- listeners -------------------------------------------------------------------------------------------------------
    (
        "gateway: foo.example.com takes precedence over *.example.com, then the empty one; at most one Listener",
        [
            gateway(
                listener("exact", hostname="foo.example.com"),
                listener("wild", hostname="*.example.com"),
                listener("any"),
            ),
            route("a", to("s1", match=path("/e")), parents=[{**PARENT, "sectionName": "exact"}]),
            route("b", to("s2", match=path("/w")), parents=[{**PARENT, "sectionName": "wild"}]),
            route("c", to("s3"), parents=[{**PARENT, "sectionName": "any"}]),
        ],
        {
            "foo.example.com/e": "s1",
            "foo.example.com/w": "404",
            "foo.example.com/": "404",
            "bar.example.com/w": "s2",
            "bar.example.com/e": "404",
            "bar.example.org/e": "s3",
            "example.com/": "s3",
        },
    ),
    (
        "gateway: *.foo.example.com takes precedence over *.example.com",
        [
            gateway(listener("one", hostname="*.example.com"), listener("two", hostname="*.foo.example.com")),
            route("a", to("s1"), parents=[{**PARENT, "sectionName": "one"}]),
            route("b", to("s2"), parents=[{**PARENT, "sectionName": "two"}]),
        ],
        {"a.foo.example.com/": "s2", "a.b.foo.example.com/": "s2", "foo.example.com/": "s1", "a.example.com/": "s1"},
    ),
    (
        "gateway: if traffic does not match any Listener's hostname, the request MUST be rejected: HTTP returns a 404",
        [gateway(listener(hostname="a.com")), route("r", to("s1"))],
        {"b.com/": "404", "a.com/": "s1"},
    ),
    (
        "shared: SectionName is interpreted as the Listener name",
        [TWO_PORTS, route("r", to("s1"), parents=[{**PARENT, "sectionName": "alt"}])],
        {"a.com/ :8080": "s1", "a.com/ :80": "404", "a.com/ :81": "refused"},
    ),
    (
        "shared: Port targets all listeners listening on the specified port",
        [TWO_PORTS, route("r", to("s1"), parents=[{**PARENT, "port": 8080}])],
        {"a.com/ :8080": "s1", "a.com/ :80": "404"},
    ),
    (
        "shared: when both Port and SectionName are specified, both must match",
        [TWO_PORTS, route("r", to("s1"), parents=[{**PARENT, "sectionName": "http", "port": 8080}])],
        {"a.com/ :8080": "404", "a.com/ :80": "404"},
    ),
    (
        "shared: when sectionName is unspecified, this will reference the entire resource",
        [TWO_PORTS, route("r", to("s1"))],
        {"a.com/ :8080": "s1", "a.com/ :80": "s1"},
    ),
    (
        "shared: Namespace, when unspecified, refers to the local namespace of the Route",
        [gateway(), route("r", to("s1"), parents=[{"name": "edge"}])],
        {"a.com/": "404"},
    ),
    (
        "gateway: protocol names are treated case-insensitively",
        [gateway(listener(protocol="http")), route("r", to("s1"))],
        {"a.com/": "s1"},
    ),
    (
        "gateway: ALL indistinct Listeners must not be accepted: TCP and HTTP on one port",
        [gateway(listener("h", 80), listener("t", 80, "TCP"), listener("ok", 8080)), route("r", to("s1"))],
        {"a.com/ :80": "refused", "a.com/ :8080": "s1"},
    ),
    (
        "gateway: Listeners with the same port and conflicting protocols (ProtocolConflict)",
        [gateway(listener("h", 80), listener("s", 80, "HTTPS", tls=CERTIFICATE)), route("r", to("s1"))],
        {"a.com/ :80": "refused", "a.com/ tls :80": "refused"},
    ),
    # -- allowedRoutes ---------------------------------------------------------------------------------------------------
    (
        "gateway: allowedRoutes.namespaces.from Same is the default: only Routes in the same namespace",
        [
            gateway({"name": "http", "port": 80, "protocol": "HTTP"}),
            route("r", to("s1")),
            route("q", to("s2", match=path("/q")), namespace="infra"),
            service("s2", "infra"),
        ],
        {"a.com/": "404", "a.com/q": "s2"},
    ),
    (
        "gateway: Selector: Routes in namespaces selected by the selector",
        [
            gateway(
                listener(
                    allowedRoutes={"namespaces": {"from": "Selector", "selector": {"matchLabels": {"edge": "yes"}}}}
                )
            ),
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"edge": "yes"}}},
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}},
            route("in", to("s1", match=path("/in")), namespace="shop"),
            service("s1", "shop"),
            route("out", to("s2", match=path("/out"))),
        ],
        {"a.com/in": "s1", "a.com/out": "404"},
    ),
    (
        "gateway: kinds of Routes that are allowed to bind",
        [
            gateway(listener(allowedRoutes={"namespaces": {"from": "All"}, "kinds": [{"kind": "GRPCRoute"}]})),
            route("r", to("s1")),
        ],
        {"a.com/": "404"},
    ),
    (
        "gateway: when kinds is unspecified, they are determined using the Listener protocol",
        [
            gateway(listener(), listener("tcp", 9000, "TCP")),
            route("r", to("s1")),
            route("t", to("s2"), kind="TCPRoute", parents=[{**PARENT, "sectionName": "tcp"}]),
        ],
        {"a.com/": "s1", "a.com/ :9000": "s2"},
    ),
    # -- ListenerSets ----------------------------------------------------------------------------------------------------
    (
        "gateway: allowedListeners: the default value is to allow no ListenerSets",
        [
            gateway(),
            thing("ListenerSet", "more", {"parentRef": PARENT, "listeners": [listener("x", 8080)]}, "infra"),
            route("r", to("s1"), parents=[{"kind": "ListenerSet", "name": "more", "namespace": "infra"}]),
        ],
        {"a.com/ :8080": "refused", "a.com/": "404"},
    ),
    (
        "listenerset: Routes can attach to a ListenerSet by specifying it as a parentRef",
        [
            gateway(allowedListeners={"namespaces": {"from": "Same"}}),
            thing("ListenerSet", "more", {"parentRef": PARENT, "listeners": [listener("x", 8080)]}, "infra"),
            route("r", to("s1"), parents=[{"kind": "ListenerSet", "name": "more", "namespace": "infra"}]),
        ],
        {"a.com/ :8080": "s1", "a.com/": "404"},
    ),
    (
        "listenerset: the parent Gateway comes first; a listener of a ListenerSet that conflicts is not accepted",
        [
            gateway(allowedListeners={"namespaces": {"from": "All"}}),
            thing("ListenerSet", "more", {"parentRef": PARENT, "listeners": [listener("x", 80)]}, "shop"),
            route("g", to("s1")),
            route(
                "s", to("s2", match=path("/s")), parents=[{"kind": "ListenerSet", "name": "more", "namespace": "shop"}]
            ),
        ],
        {"a.com/": "s1", "a.com/s": "s1"},
    ),
    # -- backends --------------------------------------------------------------------------------------------------------
    (
        "httproute: BackendNotFound: it refers to a resource that does not exist; 500 MUST be returned",
        [gateway(), route("r", to("missing"), to("s1", match=path("/ok")))],
        {"a.com/": "500", "a.com/ok": "s1"},
    ),
    (
        "httproute: a port that the Service does not have",
        [gateway(), route("r", to({"name": "s1", "port": 81}))],
        {"a.com/": "500"},
    ),
    (
        "httproute: InvalidKind: an unknown kind of resource",
        [gateway(), route("r", to({"name": "s1", "kind": "Foo", "group": ""}))],
        {"a.com/": "500"},
    ),
    (
        "httproute: RefNotPermitted: another namespace when not explicitly allowed by a ReferenceGrant",
        [gateway(), service("b", "far"), route("r", to({"name": "b", "namespace": "far"}))],
        {"a.com/": "500"},
    ),
    (
        "referencegrant: From and To describe what is trusted",
        [
            gateway(),
            service("b", "far"),
            grant("far", "default", "b"),
            route("r", to({"name": "b", "namespace": "far"})),
        ],
        {"a.com/": "b"},
    ),
    (
        "referencegrant: the grant must stand in the namespace of the target",
        [
            gateway(),
            service("b", "far"),
            grant("default", "far", "b"),
            route("r", to({"name": "b", "namespace": "far"})),
        ],
        {"a.com/": "500"},
    ),
    (
        "referencegrant: Namespace is the namespace of the referent",
        [
            gateway(),
            service("b", "far"),
            grant("far", "elsewhere", "b"),
            route("r", to({"name": "b", "namespace": "far"})),
        ],
        {"a.com/": "500"},
    ),
    (
        "referencegrant: Kind is the kind of the referent",
        [
            gateway(),
            service("b", "far"),
            grant("far", "default", "b", kind="TCPRoute"),
            route("r", to({"name": "b", "namespace": "far"})),
        ],
        {"a.com/": "500"},
    ),
    (
        "referencegrant: Group is the group of the referent",
        [
            gateway(),
            service("b", "far"),
            grant("far", "default", "b", group=""),
            route("r", to({"name": "b", "namespace": "far"})),
        ],
        {"a.com/": "500"},
    ),
    (
        "referencegrant: a Name restricts it to one resource",
        [
            gateway(),
            service("b", "far"),
            service("c", "far"),
            grant("far", "default", "b", to_name="b"),
            route(
                "r",
                to({"name": "b", "namespace": "far"}, match=path("/b")),
                to({"name": "c", "namespace": "far"}, match=path("/c")),
            ),
        ],
        {"a.com/b": "b", "a.com/c": "500"},
    ),
    (
        "httproute: a reference that names its own namespace needs no grant",
        [gateway(), route("r", to({"name": "s1", "namespace": "default"}))],
        {"a.com/": "s1"},
    ),
    (
        "httproute: if all entries are invalid and there are no filters, all traffic MUST receive a 500; none at all likewise",
        [gateway(), route("r", {"matches": [path("/none")]}, to("missing", "gone", match=path("/all")))],
        {"a.com/none": "500", "a.com/all": "500"},
    ),
    (
        "shared: if weight is set to 0, no traffic should be forwarded for this entry",
        [
            gateway(),
            route(
                "r",
                to({"name": "s1", "weight": 0}, {"name": "s2", "weight": 5}),
                to({"name": "s3", "weight": 0}, match=path("/zero")),
            ),
        ],
        {"a.com/": "s2", "a.com/zero": "500"},
    ),
    (
        "httproute: a Service that has no ready endpoints: 503",
        [
            gateway(),
            thing(
                "EndpointSlice",
                "s1-x",
                {},
                "default",
                "discovery.k8s.io/v1",
                labels={"kubernetes.io/service-name": "s1"},
            )
            | {"addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": ["10.244.1.5"]}]},
            route("r", to("s1"), to("s2", match=path("/dead"))),
        ],
        {"a.com/": "s1", "a.com/dead": "503"},
    ),
    # -- filters ---------------------------------------------------------------------------------------------------------
    (
        "httproute: if redirect scheme is empty, the redirect port MUST be the Gateway Listener port",
        [TWO_PORTS, route("r", {"filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "b.com"}}]})],
        {"a.com/x?y=1 :8080": "302 http://b.com:8080/x?y=1", "a.com/x :80": "302 http://b.com/x"},
    ),
    (
        "httproute: if redirect scheme is not-empty, the well-known port associated with the scheme",
        [
            TWO_PORTS,
            route(
                "r",
                {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}]},
            ),
        ],
        {
            "a.com/x :80": "301 https://a.com/x",
            "a.com/x :8080": "301 https://a.com/x",
            "a.com:8080/x :8080": "301 https://a.com/x",
        },
    ),
    (
        "httproute: the port number is not added for http and 80, https and 443",
        [
            gateway(),
            route(
                "r",
                {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "port": 8443}}]},
                {
                    "matches": [path("/h")],
                    "filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "http", "port": 443}}],
                },
                {
                    "matches": [path("/s")],
                    "filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "port": 443}}],
                },
            ),
        ],
        {"a.com/": "302 https://a.com:8443/", "a.com/h": "302 http://a.com:443/h", "a.com/s": "302 https://a.com/s"},
    ),
    (
        "httproute: a redirect with a path: the modified path is used in the Location",
        [
            gateway(),
            route(
                "r",
                {
                    "matches": [path("/old")],
                    "filters": [
                        {
                            "type": "RequestRedirect",
                            "requestRedirect": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}},
                        }
                    ],
                },
                {
                    "matches": [path("/full")],
                    "filters": [
                        {
                            "type": "RequestRedirect",
                            "requestRedirect": {
                                "path": {"type": "ReplaceFullPath", "replaceFullPath": "/one"},
                                "statusCode": 308,
                            },
                        }
                    ],
                },
            ),
        ],
        {
            "a.com/old/a": "302 http://a.com/new/a",
            "a.com/old": "302 http://a.com/new",
            "a.com/full/a/b": "308 http://a.com/one",
        },
    ),
    # -- TLS -------------------------------------------------------------------------------------------------------------
    (
        "gateway: HTTPS, TLS Mode Terminate: HTTPRoutes behind it",
        [gateway(listener("s", 443, "HTTPS", tls=CERTIFICATE)), route("r", to("s1"), hosts=["a.com"])],
        {"a.com/ tls": "s1", "b.com/ tls": "404", "a.com/ :443": "reset", "a.com/": "s1"},
    ),
    (
        "gateway: a Gateway SHOULD return a 421 if another Listener matches the Host; a 404 if none does",
        [
            gateway(
                listener("a", 443, "HTTPS", hostname="a.com", tls=CERTIFICATE),
                listener("b", 443, "HTTPS", hostname="b.com", tls=CERTIFICATE),
            ),
            route("r", to("s1")),
        ],
        {"a.com/ sni=a.com": "s1", "b.com/ sni=a.com": "421", "c.com/ sni=a.com": "404", "a.com/ sni=c.com": "reset"},
    ),
    (
        "gateway: a certificate of another namespace needs a ReferenceGrant; the listener is not programmed",
        [
            gateway(listener("s", 443, "HTTPS", tls={"certificateRefs": [{"name": "c", "namespace": "certs"}]})),
            route("r", to("s1")),
        ],
        {"a.com/ tls": "refused"},
    ),
    (
        "referencegrant: Gateway to Secret",
        [
            gateway(listener("s", 443, "HTTPS", tls={"certificateRefs": [{"name": "c", "namespace": "certs"}]})),
            grant("certs", "infra", "c", kind="Gateway", of="Secret"),
            route("r", to("s1")),
        ],
        {"a.com/ tls": "s1"},
    ),
    (
        "tlsroute: hostnames are matched against the SNI; passthrough",
        [
            gateway(listener("t", 443, "TLS", tls={"mode": "Passthrough"})),
            route("one", to("s1"), hosts=["a.example.com"], kind="TLSRoute"),
            route("two", to("s2"), hosts=["*.example.com"], kind="TLSRoute"),
        ],
        {
            "a.example.com/ tls": "s1",
            "b.example.com/ tls": "s2",
            "x.b.example.com/ tls": "s2",
            "example.com/ tls": "reset",
            "zzz.com/ sni=a.example.com": "s1",
        },
    ),
    (
        "tlsroute: an invalid backend: the connection is rejected",
        [
            gateway(listener("t", 443, "TLS", tls={"mode": "Passthrough"})),
            route("one", to("gone"), hosts=["a.com"], kind="TLSRoute"),
        ],
        {"a.com/ tls": "reset"},
    ),
    # -- gRPC ------------------------------------------------------------------------------------------------------------
    (
        "grpcroute: characters in a matching service, then in a matching method, then header matches",
        [
            gateway(),
            route(
                "r",
                to("s1"),
                to("s2", match={"method": {"service": "foo.Bar"}}),
                to("s3", match={"method": {"service": "foo.Bar", "method": "Get"}}),
                to("s4", match={"method": {"service": "foo.Bar", "method": "Get"}, **header("v", "1")}),
                kind="GRPCRoute",
            ),
        ],
        {
            "POST a.com/foo.Bar/Get": "s3",
            "POST a.com/foo.Bar/Put": "s2",
            "POST a.com/foo.Baz/Get": "s1",
            "POST a.com/foo.Bar/Get v=1": "s4",
        },
    ),
    (
        "grpcroute: an invalid backend: an UNAVAILABLE status; no rule: Unimplemented",
        [gateway(), route("r", to("gone", match={"method": {"service": "a.B"}}), kind="GRPCRoute")],
        {
            "POST a.com/a.B/C content-type=application/grpc": "14 UNAVAILABLE",
            "POST a.com/a.C/C content-type=application/grpc": "12 UNIMPLEMENTED",
        },
    ),
    (
        "grpcroute: of an HTTPRoute and a GRPCRoute with a hostname in common exactly one is accepted: the oldest",
        [
            gateway(),
            route("h", to("s1"), hosts=["a.com"], made=NEW),
            route("g", to("s2"), hosts=["*.com", "a.com"], kind="GRPCRoute", made=OLD),
            route("o", to("s3"), hosts=["b.org"], made=NEW),
        ],
        {"a.com/x.Y/Z": "s2", "b.org/": "s3"},
    ),
    # -- Ingress ---------------------------------------------------------------------------------------------------------
    (
        "ingress: Exact: /foo matches /foo, not /bar, /foo/; /foo/ does not match /foo",
        [ingress("i", host("", ("/foo", "Exact", "s1"), ("/bar/", "Exact", "s2")))],
        {"a.com/foo": "s1", "a.com/foo/": "404", "a.com/bar": "404", "a.com/bar/": "s2"},
    ),
    (
        "ingress: Prefix: /foo matches /foo, /foo/; /foo/ matches /foo, /foo/",
        [ingress("i", host("", ("/foo", "Prefix", "s1"), ("/bar/", "Prefix", "s2")))],
        {"a.com/foo": "s1", "a.com/foo/": "s1", "a.com/bar": "s2", "a.com/bar/": "s2"},
    ),
    (
        "ingress: Prefix /aaa/bb: no match of /aaa/bbb; /aaa/bbb matches itself, with a slash and a subpath",
        [
            ingress("i", host("", ("/aaa/bb", "Prefix", "s1"))),
            ingress("j", host("", ("/xxx/bbb", "Prefix", "s2"), ("/yyy/bbb/", "Prefix", "s3"))),
        ],
        {
            "a.com/aaa/bbb": "404",
            "a.com/xxx/bbb": "s2",
            "a.com/yyy/bbb": "s3",
            "a.com/xxx/bbb/": "s2",
            "a.com/xxx/bbb/ccc": "s2",
            "a.com/xxx/bbbxyz": "404",
        },
    ),
    (
        "ingress: the longest matching path first: /, /aaa and /aaa/bbb",
        [ingress("i", host("", ("/", "Prefix", "s1"), ("/aaa", "Prefix", "s2"), ("/aaa/bbb", "Prefix", "s3")))],
        {"a.com/aaa/bbb": "s3", "a.com/aaa/ccc": "s2", "a.com/ccc": "s1"},
    ),
    (
        "ingress: if two paths are still equally matched, an exact path type over prefix",
        [ingress("i", host("", ("/foo", "Prefix", "s1"), ("/foo", "Exact", "s2")))],
        {"a.com/foo": "s2", "a.com/foo/": "s1"},
    ),
    (
        "ingress: *.foo.com matches bar.foo.com; not baz.bar.foo.com (a single DNS label), not foo.com",
        [ingress("i", host("*.foo.com", ("/", "Prefix", "s1")))],
        {"bar.foo.com/": "s1", "baz.bar.foo.com/": "404", "foo.com/": "404"},
    ),
    (
        "ingress: a precise host before a wildcard before none",
        [
            ingress(
                "i",
                host("", ("/", "Prefix", "s3")),
                host("*.foo.com", ("/", "Prefix", "s2")),
                host("bar.foo.com", ("/x", "Prefix", "s1")),
            )
        ],
        {"bar.foo.com/x": "s1", "qux.foo.com/x": "s2", "foo.org/": "s3", "bar.foo.com/y": "404"},
    ),
    (
        "ingress: if no rule matches, all traffic is sent to the default backend",
        [ingress("i", host("a.com", ("/a", "Prefix", "s1")), default="s2")],
        {"a.com/a": "s1", "a.com/b": "s2", "b.com/": "s2"},
    ),
    (
        "ingress: an Ingress without rules sends all traffic to its default backend; without one 404",
        [
            ingress("i", default="s1", class_name="one"),
        ],
        {"x.com/any": "s1"},
    ),
    (
        "ingress: a rule without http is a catch-all for its host: the default backend",
        [ingress("i", host("a.com"), default="s2"), ingress("j", host("", ("/", "Prefix", "s3")))],
        {"a.com/x": "s2", "b.com/x": "s3"},
    ),
    (
        "ingress: a backend is of the Ingress's own namespace; a missing Service or port has nobody to answer",
        [ingress("i", host("", ("/a", "Prefix", "gone"), ("/b", "Prefix", "s1")))],
        {"a.com/a": "503", "a.com/b": "s1"},
    ),
]
REQUESTS = [
    pytest.param(objects, text, expected, id=f"{number}-{text.replace(' ', '_')}")
    for number, (_, objects, wanted) in enumerate(CASES)
    for text, expected in wanted.items()
]


@pytest.mark.parametrize("objects, text, expected", REQUESTS)
def test_a_request_is_answered_as_the_sentence_says(objects, text, expected):
    assert heard(asked(doors(*objects), text)) == expected


def test_there_are_as_many_requests_as_were_asked_for():
    assert len(REQUESTS) >= 150


PREFIXES = [  # httproute_types.go, HTTPPathModifier.ReplacePrefixMatch
    ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
    ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
    ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
    ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
    ("/foo", "/foo", "/xyz", "/xyz"),
    ("/foo/", "/foo", "/xyz", "/xyz/"),
    ("/foo/bar", "/foo", "", "/bar"),
    ("/foo/", "/foo", "", "/"),
    ("/foo", "/foo", "", "/"),
    ("/foo/", "/foo", "/", "/"),
    ("/foo", "/foo", "/", "/"),
]


@pytest.mark.parametrize("request_path, prefix, replaced, made", PREFIXES)
def test_the_table_of_replaced_prefixes(request_path, prefix, replaced, made):
    rewrite = {
        "type": "URLRewrite",
        "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": replaced}},
    }
    found = doors(gateway(), route("r", to("s1", match=path(prefix), filters=[rewrite])))
    assert asked(found, f"a.com{request_path}").forwarded.path == made


@pytest.mark.parametrize(
    "modifier, before, after",
    [
        ({"set": [{"name": "my-header", "value": "bar"}]}, [("my-header", "foo")], [("my-header", "bar")]),
        ({"add": [{"name": "my-header", "value": "bar,baz"}]}, [("my-header", "foo")], [("my-header", "foo,bar,baz")]),
        (
            {"remove": ["my-header1", "my-header3"]},
            [("my-header1", "foo"), ("my-header2", "bar"), ("my-header3", "baz")],
            [("my-header2", "bar")],
        ),
        ({"remove": ["X-A"]}, [("x-a", "1")], []),
        ({"set": [{"name": "n", "value": "1"}, {"name": "N", "value": "2"}]}, [], [("n", "1")]),
    ],
)
def test_the_examples_of_header_modifiers(modifier, before, after):
    change = {"type": "RequestHeaderModifier", "requestHeaderModifier": modifier}
    found = doors(gateway(), route("r", to("s1", filters=[change])))
    text = "a.com/ " + " ".join(f"{name}={value}" for name, value in before)
    assert list(asked(found, text).forwarded.headers) == after


def test_the_host_header_is_forwarded_unmodified_unless_it_is_rewritten():
    rewrite = {"type": "URLRewrite", "urlRewrite": {"hostname": "inner.local"}}
    found = doors(gateway(), route("r", to("s1"), to("s2", match=path("/in"), filters=[rewrite])))
    assert [asked(found, text).forwarded.host for text in ("a.com:8/", "a.com/in")] == ["a.com:8", "inner.local"]


def test_requests_are_mirrored_to_a_sound_backend_and_a_broken_one_is_named():
    filters = [
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": name, "port": 80}, **more}}
        for name, more in (
            ("s2", {}),
            ("gone", {"percent": 10}),
            ("s3", {"fraction": {"numerator": 1, "denominator": 4}}),
        )
    ]
    found = asked(doors(gateway(), route("r", to("s1", filters=filters))), "a.com/")
    assert [(share.to.name, share.probability, share.to.reason) for share in found.mirrors] == [
        ("s2", 1.0, ""),
        ("gone", 0.1, "BackendNotFound"),
        ("s3", 0.25, ""),
    ]
