"""kube-proxy in nftables mode: the recorded clusters, rule by rule, and what they do not show."""

import json

import pytest

from kubenet_course.kube.proxy.nftables.rules import rules_of, synced, transaction
from kubenet_course.kube.proxy.services import Services
from kubenet_course.linux.address import IPV4, prefix
from kubenet_course.linux.nft.json_form import json_form
from kubenet_course.linux.nft.ruleset import Ruleset
from kubenet_course.linux.nft.write import write
from tests.nft_cases import FAMILIES, blocks, named, own, recorded_json, recorded_table, without_handles
from tests.proxy_cases import CASES, recorded
from tests.proxy_objects import NODE_1, endpoint_slice, service

SERVICE_RANGES = (prefix("10.96.0.0/12"), prefix("fd00:10:96::/112"))


def generated(name: str, family: int):
    return rules_of(*recorded(name), family, SERVICE_RANGES)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", CASES)
def test_the_text_is_the_recorded_one(name, family):
    ours, theirs = blocks(write(generated(name, family))), blocks(recorded_table(name, family))
    assert ours == theirs
    assert [head for head in ours if not own(head)] == [head for head in theirs if not own(head)]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", CASES)
def test_the_json_is_the_recorded_one(name, family):
    ours = without_handles(json_form(generated(name, family))["nftables"], family)
    theirs = recorded_json(name, family)

    def in_order(rows):
        return sorted(rows, key=lambda row: (own(named(row)), named(row) if own(named(row)) else "", next(iter(row))))

    assert in_order(ours) == in_order(theirs)
    assert json.dumps(ours)


def test_a_services_chains_stand_as_kube_proxy_makes_them():
    heads = [head for head in blocks(write(generated("09_affinity", 4))) if "default/aff" in head]
    assert heads == [head for head in blocks(recorded_table("09_affinity", 4)) if "default/aff" in head]
    assert FAMILIES[4] == "ip"


# -- what changes -----------------------------------------------------------------------------------------------------

WEB, SHOP = ("default", "web"), ("default", "shop")
TWO = [endpoint_slice(["10.244.1.10@node-1", "10.244.2.10@node-2"])]
ONE = [endpoint_slice(["10.244.2.10@node-2"])]
STICKY = {
    "sessionAffinity": "ClientIP",
    "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
    "type": "NodePort",
    "ports": [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080}],
}


def known(slices, **spec) -> Services:
    made = [service(**spec), service("shop", "10.96.10.2")]
    return Services(made, {WEB: slices, SHOP: [endpoint_slice(["10.244.1.20@node-1"], "shop")]}, IPV4)


@pytest.mark.parametrize(
    "spec", [{}, STICKY, {**STICKY, "externalTrafficPolicy": "Local"}], ids=["", "sticky", "local"]
)
@pytest.mark.parametrize("before, after", [(TWO, ONE), (ONE, TWO), (TWO, []), ([], TWO)])
def test_a_resync_is_what_a_fresh_start_would_be(spec, before, after):
    resynced = synced(known(before, **spec), NODE_1).resync(WEB, after)
    assert write(Ruleset((resynced.table,))) == write(Ruleset((synced(known(after, **spec), NODE_1).table,)))


def test_a_resync_writes_only_what_changes():
    old = synced(known(TWO), NODE_1)
    text = transaction(old, old.resync(WEB, ONE))
    [name] = [one.name for one in old.table.chains.values() if one.name.startswith("service-") and "web" in one.name]
    assert text.splitlines() == [
        f"add chain ip kube-proxy {name}",
        f"flush chain ip kube-proxy {name}",
        "delete element ip kube-proxy hairpin-connections { 10.244.1.10 . 10.244.1.10 . tcp . 8080 }",
        f"add rule ip kube-proxy {name} meta l4proto tcp dnat ip to numgen random mod 1 map {{ 0 : 10.244.2.10 . 8080 }}",
    ]
    assert transaction(old, old.resync(WEB, TWO)) == ""
