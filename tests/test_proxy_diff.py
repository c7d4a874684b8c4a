"""`kubenet proxy diff`: which flows another mode of kube-proxy changes, and only those (OBSERVED 5 to 7)."""

import json

import pytest
from click.testing import CliRunner

from kubenet_course.cli.proxy import command
from kubenet_course.errors import BadInput
from kubenet_course.kube.manifest.read import read
from kubenet_course.kube.model.cluster import Cluster, checked
from kubenet_course.kube.questions.migration import Migration

CLUSTER = "data/clusters/node-port.yaml"


def told(*arguments: str):
    return CliRunner().invoke(command, ["diff", *arguments], standalone_mode=False)


@pytest.fixture(scope="module")
def found():
    said = told(CLUSTER, "--from", "iptables", "--to", "nftables", "--json")
    assert said.return_value == 1
    return json.loads(said.stdout)


def row(found, who: str, where: str):
    return next(one for one in found["changed"] if (one["from"], one["to"]) == (who, where))


@pytest.mark.parametrize(
    "story, who, where, before, after",
    [
        ("no NodePort on 127.0.0.1 any more", "node/node-1", "127.0.0.1:30080", "delivered", "refused"),
        ("nor on the bridge's address", "pod/default/client", "10.244.1.1:30080", "delivered", "refused"),
        ("a port that no Service has is rejected", "node/node-1", "10.96.1.1:81", "unreachable", "refused"),
    ],
)
def test_what_changes_is_told_with_both_verdicts_and_a_reason(found, story, who, where, before, after):
    one = row(found, who, where)
    assert (one["before"]["verdict"], one["after"]["verdict"]) == (before, after)
    assert "nftables" in one["because"]


def test_what_stays_is_only_counted(found):
    where = {one["to"] for one in found["changed"]}
    assert "10.96.1.1:80" not in where and "192.168.1.11:30080" not in where
    assert found["unchanged"] > 20


def test_a_mode_changes_nothing_against_itself():
    said = told(CLUSTER, "--from", "nftables", "--to", "nftables", "--json")
    assert (said.return_value, json.loads(said.stdout)["changed"]) == (0, [])


class Each(Migration):
    """The long way: no Service stands for another."""

    def _like(self, row, of):
        return (*super()._like(row, of), row[0].text)


@pytest.mark.parametrize("modes", [("iptables", "nftables"), ("ipvs", "nftables")])
def test_services_that_are_alike_are_told_as_if_each_had_been_asked(modes):
    before, after = (checked(Cluster(read([CLUSTER]), mode)) for mode in modes)
    for one, other in zip(Migration(before, after).flows(), Each(before, after).flows(), strict=True):
        assert (one and (one.flow, one.before, one.after)) == (other and (other.flow, other.before, other.after))


@pytest.mark.parametrize(
    "story, who, where, before, after",
    [
        ("a wrong port: the address is the node's own", "node/node-1", "10.96.1.1:81", "unreachable", "refused"),
        ("no NodePort on 127.0.0.1", "node/node-1", "127.0.0.1:30080", "delivered", "refused"),
        ("policy Local without a local endpoint", "host/203.0.113.5", "192.168.1.11:30081", "timeout", "delivered"),
    ],
)
def test_what_ipvs_mode_does_otherwise_than_iptables_mode(story, who, where, before, after):
    found = json.loads(told(CLUSTER, "--from", "iptables", "--to", "ipvs", "--json").stdout)
    one = row(found, who, where)
    assert (one["before"]["verdict"], one["after"]["verdict"]) == (before, after)


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_an_unknown_mode_is_refused(option):
    modes = {"--from": "iptables", "--to": "nftables"} | {option: "userspace"}
    with pytest.raises(BadInput, match="userspace"):
        CliRunner().invoke(
            command, ["diff", CLUSTER, *(word for pair in modes.items() for word in pair)], catch_exceptions=False
        )
