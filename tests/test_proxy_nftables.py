"""kube-proxy in nftables mode: the recorded clusters, rule by rule, and what they do not show."""

import json

import pytest

from kubenet_course.kube.proxy.nftables.rules import rules_of
from kubenet_course.linux.address import prefix
from kubenet_course.linux.nft.json_form import json_form
from kubenet_course.linux.nft.write import write
from tests.nft_cases import FAMILIES, blocks, named, own, recorded_json, recorded_table, without_handles
from tests.proxy_cases import CASES, recorded

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
