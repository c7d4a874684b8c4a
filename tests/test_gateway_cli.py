"""`kubenet route why` and `translate`: what is shown, what JSON holds, the packets behind the answer."""

import json
import random
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from gateway_written import (
    PARENT,
    SERVICES,
    asked,
    doors,
    gateway,
    heard,
    host,
    ingress,
    listener,
    path,
    route,
    served,
    thing,
    to,
)

from kubenet_course.cli import kubenet

TWO_NODES = Path("data/clusters/two-nodes.yaml").read_text()
SHOP = route(
    "shop",
    to("web", match=path("/cart")),
    to({"name": "web", "weight": 3}, {"name": "gone", "weight": 1}),
    hosts=["shop.example.com"],
)


def run(*arguments, text=""):
    return CliRunner().invoke(kubenet, ["route", *arguments], input=text, catch_exceptions=False, standalone_mode=False)


def files(*objects):
    return TWO_NODES + "".join(f"\n---\n{json.dumps(one)}\n" for one in objects)


EDGE_AND_SHOP = (gateway(), SHOP)


def answered(*arguments, objects=EDGE_AND_SHOP):
    told = run("why", "-", "--host", "shop.example.com", "--json", *arguments, text=files(*objects))
    return json.loads(told.stdout), told


def test_the_answer_names_the_rule_the_backend_and_those_that_lost():
    answer, told = answered("--path", "/cart/7")
    assert (answer["status"], answer["route"], answer["rule"], answer["backend"]) == (
        200,
        "default/shop",
        0,
        "default/web:80",
    )
    assert answer["over"] == [
        {
            "kind": "HTTPRoute",
            "route": "default/shop",
            "rule": 1,
            "match": 0,
            "says": "its path prefix has more characters",
        }
    ]
    assert told.return_value == 0


def test_the_proxys_own_connection_goes_all_the_way_to_a_pod():
    answer, _ = answered("--path", "/cart")
    [packet] = answer["packets"]
    assert (packet["verdict"], packet["from"]) == ("delivered", "node/node-1")
    assert packet["delivered_in"] in ("pod/default/web-1", "pod/default/web-2")
    assert packet["steps"][-1]["stage"] == "local_deliver"


def test_a_proxy_that_the_files_name_is_asked_through_its_service_and_asks_the_pod_itself():
    label = {"gateway.networking.k8s.io/gateway-name": "edge"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "proxy", "namespace": "infra", "labels": {"app": "proxy", **label}},
        "spec": {"nodeName": "node-2", "containers": [{"name": "proxy", "ports": [{"containerPort": 8000}]}]},
    }
    front = thing(
        "Service",
        "edge",
        {"type": "LoadBalancer", "selector": {"app": "proxy"}, "ports": [{"port": 80, "targetPort": 8000}]},
        "infra",
        "v1",
        labels=label,
    )
    front["status"] = {"loadBalancer": {"ingress": [{"ip": "198.51.100.80"}]}}
    answer, _ = answered("--path", "/cart", objects=(gateway(), SHOP, pod, front))
    client, inner = answer["packets"]
    assert (client["from"], client["to"], client["delivered_in"]) == (
        "host/203.0.113.5",
        "198.51.100.80:80",
        "pod/infra/proxy",
    )
    assert (inner["from"], inner["verdict"], inner["seen_from"]) == ("pod/infra/proxy", "delivered", "10.244.2.3")


def test_weights_are_shown_with_what_each_part_is_answered():
    answer, _ = answered("--seed", "1")
    assert [(row["backend"], row["probability"], row["status"]) for row in answer["backends"]] == [
        ("default/web:80", 0.75, 200),
        ("default/gone:80", 0.25, 500),
    ]
    statuses = [answered("--seed", str(seed))[0]["status"] for seed in range(12)]
    assert set(statuses) == {200, 500}


def test_plain_text_tells_the_same():
    told = run("why", "-", "--host", "shop.example.com", "--path", "/cart", text=files(gateway(), SHOP))
    assert told.stdout.startswith("forwarded to default/web:80\n")
    for line in (
        "over      HTTPRoute default/shop rule 1, match 0: its path prefix has more characters",
        "attached  HTTPRoute default/shop to Gateway infra/edge: Accepted, taken by listener http",
        "dangling  HTTPRoute default/shop spec.rules[1].backendRefs[1] -> default/gone:80: BackendNotFound",
    ):
        assert line in told.stdout


def test_nobody_answers_is_exit_code_1_and_says_404():
    told = run("why", "-", "--host", "other.example.com", text=files(gateway(), SHOP))
    assert (told.return_value, told.stdout.splitlines()[0]) == (
        1,
        "404: no rule of a route that is attached here fits the request",
    )


def test_many_requests_are_answered_line_by_line(tmp_path):
    lines = tmp_path / "asked.jsonl"
    lines.write_text('{"host": "shop.example.com", "path": "/cart"}\n{"host": "b.com", "headers": {"v": "1"}}\n')
    told = run("why", "-", "--packets", str(lines), text=files(gateway(), SHOP))
    assert [json.loads(line)["status"] for line in told.stdout.splitlines()] == [200, 404]


def test_a_gateway_is_named_where_there_are_several():
    two = [
        gateway(),
        gateway(name="inner"),
        SHOP,
        route("in", to("web"), parents=[{**PARENT, "name": "inner"}], hosts=["shop.example.com"]),
    ]
    answer, told = answered("--path", "/cart", objects=two)
    assert (answer["certain"], told.return_value) == (False, 3)
    answer, told = answered("--gateway", "infra/inner", objects=two)
    assert (answer["route"], told.return_value) == ("default/in", 0)


# -- translate ------------------------------------------------------------------------------------------------------------

HOSTS, PATHS = ["a.com", "b.a.com", "*.a.com", "c.org", ""], ["/", "/a", "/a/b", "/x/"]


def drawn_ingresses(chance):
    found = []
    for number in range(chance.randint(1, 4)):
        rules = [
            host(
                chance.choice(HOSTS),
                *[
                    (text, chance.choice(["Exact", "Prefix"]), f"s{chance.randint(1, 9)}")
                    for text in chance.sample(PATHS, 2)
                ],
            )
            for _ in range(chance.randint(1, 3))
        ]
        found.append(ingress(f"i{number}", *rules, made=f"2026-01-0{number + 1}T00:00:00Z"))
    return found


@pytest.mark.parametrize("seed", range(15))
def test_a_translated_ingress_answers_as_the_ingress_did(seed):
    chance = random.Random(seed)
    rows = drawn_ingresses(chance)
    told = run(
        "translate", "-", "--json", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": rows + SERVICES})
    )
    before, after = doors(*rows), doors(*json.loads(told.stdout)["objects"])
    for _ in range(40):  # names below a wildcard have one label: that difference is named
        text = chance.choice(["a.com", "b.a.com", "q.a.com", "c.org", "z.net"]) + chance.choice(
            [*PATHS, "/a/", "/a/b/c", "/x", "/y"]
        )
        assert heard(asked(before, text)) == heard(asked(after, text)), text


def test_a_default_backend_is_carried_to_every_host():
    rows = [ingress("i", host("a.com", ("/a", "Prefix", "s1")), default="s2")]
    told = run(
        "translate", "-", "--json", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": rows + SERVICES})
    )
    after = doors(*json.loads(told.stdout)["objects"])
    assert [heard(asked(after, text)) for text in ("a.com/a", "a.com/b", "x.com/")] == ["s1", "s2", "s2"]


LEFT = [
    (ingress("i", host("*.a.com", ("/", "Prefix", "s1"))), "spec.rules[].host", "stands for one label"),
    (
        ingress("i", host("a.com", ("/", "ImplementationSpecific", "s1"))),
        "spec.rules[0].http.paths[0].pathType",
        "written as PathPrefix",
    ),
    (
        ingress(
            "i", host("a.com", ("/", "Prefix", "s1")), annotations={"nginx.ingress.kubernetes.io/rewrite-target": "/"}
        ),
        "metadata.annotations[nginx.ingress.kubernetes.io/rewrite-target]",
        "annotation",
    ),
    (ingress("i", host("a.com", ("/", "Prefix", "s1")), class_name=""), "spec.ingressClassName", "names no class"),
    (
        ingress(
            "i",
            {
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Prefix",
                            "backend": {"resource": {"kind": "Bucket", "name": "b", "apiGroup": "x.io"}},
                        }
                    ]
                }
            },
        ),
        "spec.rules[0].http.paths[0].backend.resource",
        "not every Gateway knows",
    ),
    (
        ingress(
            "i",
            {
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "s1", "port": {"name": "http"}}},
                        }
                    ]
                }
            },
        ),
        "spec.rules[0].http.paths[0].backend.service.port.name",
        "names its port by number",
    ),
    (
        ingress("i", host("a.com", ("/", "Prefix", "s1"), ("/", "Prefix", "s2"))),
        "spec.rules[0].http.paths[1]",
        "left out",
    ),
]


@pytest.mark.parametrize("written, where, says", LEFT)
def test_what_cannot_be_carried_over_is_named(written, where, says):
    told = run(
        "translate", "-", "--json", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": [written, *SERVICES]})
    )
    assert [row["path"] for row in json.loads(told.stdout)["not_carried"]] == [where]
    assert says in json.loads(told.stdout)["not_carried"][0]["says"]
    assert told.return_value == 1


def test_tls_becomes_a_listener_with_the_certificate_and_the_unasked_redirect_is_named():
    row = ingress("i", host("a.com", ("/", "Prefix", "s1")))
    row["spec"]["tls"] = [{"hosts": ["a.com"], "secretName": "cert"}]
    told = run("translate", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": [row, *SERVICES]}))
    first = next(yaml.safe_load_all(told.stdout))
    assert [one["port"] for one in first["spec"]["listeners"]] == [80, 443]
    assert "redirect HTTP to HTTPS" in told.stderr
    assert served("s1")["service"]["name"] == "s1"
    assert listener()["port"] == 80
