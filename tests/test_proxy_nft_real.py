"""kube-proxy's tables of clusters by lot, loaded with the real nft: what it lists again is our text, and our JSON."""

import json
import subprocess

import pytest
from realkernel import missing
from realkernel.oracle import _private

from kubenet_course.kube.proxy.ipvs.tables import tables_of
from kubenet_course.kube.proxy.nftables.rules import synced, transaction
from kubenet_course.kube.proxy.services import Services, by_service
from kubenet_course.linux.netfilter.ipset.write import restore
from kubenet_course.linux.netfilter.nft.json_form import json_form
from kubenet_course.linux.netfilter.nft.ruleset import Ruleset
from kubenet_course.linux.netfilter.nft.write import write
from kubenet_course.linux.packet.address import FAMILIES, prefix
from tests.nft_cases import blocks, without_handles
from tests.proxy_objects import NODE_1
from tests.proxy_random import Drawn, drawn

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")
SERVICE_RANGES = (prefix("10.96.0.0/12"), prefix("fd00:10:96::/112"))


@pytest.fixture(scope="module")
def seeds(request):
    return range(min(request.config.getoption("--live"), 200))


def watched(cluster: Drawn) -> Services:
    return Services(cluster.services, by_service(cluster.slices), FAMILIES[cluster.family])


def in_private(script: str, text: str = "") -> str:
    done = subprocess.run(_private("sh", "-c", script), input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_bare(text: str) -> str:
    """A set of one block that was loaded as such is listed without its braces; of two that became one it is not."""
    lines = [line.replace("{ ", "").replace(" }", "") if " saddr != " in line else line for line in text.splitlines()]
    return "\n".join(lines)


def test_nft_lists_again_what_it_was_given(seeds):
    for seed in seeds:
        cluster = drawn(seed)
        table = synced(watched(cluster), NODE_1, cluster.configuration, SERVICE_RANGES).table
        text = write(Ruleset((table,)))
        listed, listed_json = in_private(
            "nft -f - && nft list ruleset && echo ===== && nft -j list ruleset", text
        ).split("=====\n")
        assert as_bare(listed) == as_bare(text), seed
        rows = [
            without_handles(found["nftables"], cluster.family)
            for found in (json.loads(listed_json), json_form(Ruleset((table,))))
        ]
        if listed == text:
            assert rows[0] == rows[1], seed


def test_a_partial_sync_leads_the_real_table_where_a_fresh_one_would_be(seeds, tmp_path):
    for seed in seeds:
        cluster = drawn(seed)
        before = synced(watched(cluster), NODE_1, cluster.configuration, SERVICE_RANGES)
        after = before.resync(cluster.services[0].key, cluster.again)
        for name, text in (("before", write(Ruleset((before.table,)))), ("change", transaction(before, after))):
            (tmp_path / name).write_text(text)
        listed = in_private(f"cd {tmp_path} && nft -f before && nft -f change && nft list ruleset")
        assert blocks(as_bare(listed) + "\n") == blocks(as_bare(write(Ruleset((after.table,)))) + "\n"), seed


def test_iptables_and_ipset_take_what_ipvs_mode_writes(seeds, tmp_path):
    for seed in seeds:
        cluster = drawn(seed)
        found = tables_of(cluster.services, cluster.slices, NODE_1, cluster.configuration, cluster.family)
        (tmp_path / "sets").write_text(restore(found.ipsets))
        without_ipvs = "".join(line + "\n" for line in found.iptables.splitlines() if "-m ipvs" not in line)
        (tmp_path / "rules").write_text(without_ipvs)  # the match needs its module, which is seldom there
        program = "iptables-restore" if cluster.family == 4 else "ip6tables-restore"
        in_private(f"cd {tmp_path} && ipset restore -file sets && {program} --test < rules")
