"""The real proxy on loopback: it agrees with the model over real HTTP; where TLS ends; who is told whose request it is."""

import json
import random
import socket
import ssl

import pytest
from gateway_written import asked, doors, gateway, listener, path, route, service, thing, to
from test_gateway_properties import drawn_request, drawn_routes

from kubenet_course.lab.front.backend import LOOPBACK, serving
from kubenet_course.lab.front.proxy import Front
from kubenet_course.lab.front.proxy import asked as http
from kubenet_course.lab.front.stream import Passing
from kubenet_course.linux.packet import tls
from kubenet_course.linux.packet.fields import layers
from kubenet_course.linux.packet.packet import Frame, tcp
from kubenet_course.linux.packet.wire import frame_bytes
from kubenet_course.views.story.frame import frame_table

CERTIFICATE = {"certificateRefs": [{"name": "cert"}]}


@pytest.fixture(scope="module")
def servers():
    found = {f"s{number}": serving(f"s{number}") for number in range(1, 10)}
    yield {name: server.port for name, server in found.items()}
    for server in found.values():
        server.close()


def parted(text: str) -> tuple[str, str, str, tuple]:
    method, address, *words = text.split()
    name, slash, rest = address.partition("/")
    return name, slash + rest, method, tuple(tuple(word.split("=", 1)) for word in words)


def test_two_hundred_random_requests_over_real_http_are_answered_as_the_model_says(servers):
    """The proxy sorts its rules once and takes the first that fits; the model compares all that fit."""
    agreed = 0
    for seed in range(10):
        chance = random.Random(seed)
        redirects = route("moved", {"matches": [path("/x", "Exact")], "filters": [
            {"type": "RequestRedirect", "requestRedirect": {"hostname": "new.com", "statusCode": 301}}]},
            hosts=["*.a.com"])  # fmt: skip
        broken = route("broken", to("gone", match=path("/ab")), hosts=["c.org"])
        found = doors(gateway(), *drawn_routes(chance, 6), redirects, broken)
        with Front(found, servers) as front:
            for _ in range(20):
                text = drawn_request(chance)
                real, model = front.ask(*parted(text)), asked(found, text)
                wanted = (
                    model.backend.name
                    if model.verdict == "forwarded"
                    else "the proxy"
                    if model.verdict == "answered"
                    else ""
                )
                told = real.status, real.said_by, real.location
                assert told == (model.status, wanted, model.location), text
                agreed += 1
    assert agreed == 200


def test_what_is_sent_on_is_what_the_model_says(servers):
    filters = [
        {
            "type": "RequestHeaderModifier",
            "requestHeaderModifier": {"set": [{"name": "X-Stage", "value": "canary"}], "remove": ["X-Debug"]},
        },
        {
            "type": "URLRewrite",
            "urlRewrite": {
                "hostname": "inner.local",
                "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v2"},
            },
        },
    ]
    found = doors(gateway(), route("r", to("s1", match=path("/api"), filters=filters)))
    with Front(found, servers) as front:
        seen = front.ask("a.com", "/api/users?x=1", "GET", (("X-Debug", "1"), ("X-Keep", "yes"))).seen
    model = asked(found, "a.com/api/users?x=1 X-Debug=1 X-Keep=yes").forwarded
    assert seen["path"] == model.path == "/v2/users?x=1"
    headers = dict(seen["headers"])
    assert (headers["Host"], headers["X-Stage"], headers["X-Keep"], "X-Debug" in headers) == (
        "inner.local",
        "canary",
        "yes",
        False,
    )
    assert [headers[name] for name in ("X-Stage", "X-Keep")] == [
        dict(model.headers)[name] for name in ("X-Stage", "X-Keep")
    ]


def test_weights_send_about_their_part(servers):
    found = doors(gateway(), route("r", to({"name": "s1", "weight": 3}, {"name": "s2", "weight": 1})))
    with Front(found, servers) as front:
        counts = [front.ask("a.com").said_by for _ in range(200)]
    assert 120 < counts.count("s1") < 180


def test_502_where_nobody_listens_504_where_nobody_answers_in_time_503_where_no_endpoint_is_ready():
    slow = serving("s2", seconds=1)
    slices = thing(
        "EndpointSlice", "x", {}, "default", "discovery.k8s.io/v1", labels={"kubernetes.io/service-name": "s1"}
    )
    slices |= {"addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": ["10.244.1.5"]}]}
    other = json.loads(json.dumps(slices).replace('"x"', '"y"').replace("s1", "s2"))
    rules = [to(name, match=path(f"/{name}")) for name in ("s1", "s2", "s3", "gone")]
    found = doors(gateway(), slices, other, route("r", *rules))
    with Front(found, {"s2": slow.port, "s1": 1}, patience=0.2) as front:
        assert [front.ask("a.com", f"/{name}").status for name in ("s1", "s2", "s3", "gone", "")] == [
            502,
            504,
            503,
            500,
            404,
        ]
    slow.close()


def test_the_clients_address_is_told_by_x_forwarded_for_or_by_the_proxy_protocol(servers):
    found = doors(gateway(), route("r", to("s1")))
    with Front(found, servers) as front, Passing({"": front.server.port}, tells=True) as balancer:
        direct = front.ask("a.com", "/", "GET", (("X-Forwarded-For", "203.0.113.9"),)).seen
        assert dict(direct["headers"])["X-Forwarded-For"] == "203.0.113.9, 127.0.0.1"
        with socket.create_connection((LOOPBACK, front.server.port)) as raw:
            raw.sendall(
                b"PROXY TCP4 203.0.113.5 198.51.100.7 40000 80\r\nGET / HTTP/1.1\r\nHost: a.com\r\nConnection: close\r\n\r\n"
            )
            said = b"".join(iter(lambda: raw.recv(4096), b""))
        assert dict(json.loads(said.partition(b"\r\n\r\n")[2])["headers"])["X-Forwarded-For"] == "203.0.113.5"
        assert http(balancer.port, "a.com", "/", "GET", ()).said_by == "s1"


def test_tls_that_ends_at_the_proxy_can_be_led_by_path_and_what_passes_only_by_name(servers):
    found = doors(
        gateway(listener("s", 443, "HTTPS", tls=CERTIFICATE)), route("r", to("s1", match=path("/one")), to("s2"))
    )
    with Front(found, servers, tls=True) as front, Passing({"shop.example.com": front.server.port}) as passing:
        assert [front.ask("shop.example.com", one).said_by for one in ("/one", "/two")] == ["s1", "s2"]
        assert http(passing.port, "shop.example.com", "/one", "GET", (), tls=True).said_by == "s1"
        assert tls.server_name(passing.heard[0]) == "shop.example.com"
        assert b"/one" not in b"".join(passing.heard)
        with pytest.raises((ssl.SSLError, ConnectionError, OSError)):
            http(passing.port, "other.example.com", "/", "GET", (), tls=True)


def hello(name: str, protocols=("h2", "http/1.1")) -> bytes:
    context = ssl.create_default_context()
    context.set_alpn_protocols(list(protocols))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def test_a_real_client_hello_is_read_field_by_field_in_a_frame():
    said = hello("shop.example.com")
    packet = tcp("203.0.113.5", 40000, "198.51.100.7", 443, payload=said)
    fields = layers(frame_bytes(Frame("0a:5d:cb:00:71:05", "0a:5e:cb:00:71:01", packet)))
    mine = {field.name: field.value for field in fields if field.layer == "TLS"}
    assert (mine["server name (SNI)"], mine["protocols (ALPN)"]) == ("shop.example.com", "h2, http/1.1")
    assert mine["supported versions"] == "TLS 1.3, TLS 1.2"
    assert sum(field.bits for field in fields if field.layer == "TLS") == 8 * len(said)


def test_the_frame_view_reads_the_bytes_behind_the_headers_too():
    shown = frame_table(hello("shop.example.com"), first="TLS")
    assert shown.caption.endswith("bytes of TLS.")
    assert "server name (SNI)" in str(shown) and "shop.example.com" in shown._repr_html_()


def test_a_hello_that_is_cut_or_mangled_is_read_as_far_as_it_goes():
    said, chance = hello("a.example.com"), random.Random(3)
    for size in range(len(said)):
        if tls.is_hello(said[:size]):
            assert sum(part[3] for part in tls.parts(said[:size])) == size
    for _ in range(2000):
        broken = bytearray(said)
        for _ in range(chance.randint(1, 8)):
            broken[chance.randrange(6, len(broken))] = chance.randrange(256)
        assert sum(part[3] for part in tls.parts(bytes(broken))) == len(broken)
        tls.server_name(bytes(broken))
    assert service("x")["kind"] == "Service"
