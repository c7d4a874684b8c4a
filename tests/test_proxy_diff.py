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


def test_services_that_are_alike_are_told_as_if_each_had_been_asked():
    """The short cut against the long way: every flow asked by itself."""
    objects = read([CLUSTER])
    before, after = (checked(Cluster(objects, mode)) for mode in ("iptables", "nftables"))
    short, plain = Migration(before, after), Migration(before, after)
    for one, other in zip(short.flows(), each_asked(plain), strict=True):
        assert (one and (one.flow, one.before, one.after)) == (other and (other.flow, other.before, other.after))


def each_asked(plain: Migration):
    for change in plain.flows():
        plain._known.clear()
        yield change


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_an_unknown_mode_is_refused(option):
    modes = {"--from": "iptables", "--to": "nftables"} | {option: "userspace"}
    with pytest.raises(BadInput, match="userspace"):
        CliRunner().invoke(
            command, ["diff", CLUSTER, *(word for pair in modes.items() for word in pair)], catch_exceptions=False
        )
