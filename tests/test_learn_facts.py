"""Beliefs and facts: numbers that stay, sources for each, versions in words."""

from __future__ import annotations

import re

import pytest

from kubenet_course.errors import BadInput
from kubenet_course.learn.facts import Fact, all_facts, fact
from kubenet_course.learn.misconceptions import all_misconceptions, misconception


def test_the_first_64_numbers_run_without_a_gap_and_the_first_54_are_those_of_the_collection():
    assert set(range(1, 65)) <= set(all_misconceptions())  # later chapters have ranges of their own
    assert "ping" in misconception(1).belief and "ipBlock" in misconception(54).belief


@pytest.mark.parametrize("number", all_misconceptions())
def test_a_belief_is_one_sentence_its_truth_short_and_its_sources_can_be_opened(number):
    one = misconception(number)
    assert one.belief.endswith(".") and len(one.belief) < 140
    assert one.truth.endswith(".") and len(one.truth) < 220
    assert one.links and all(re.fullmatch(r"https://[\w.-]+/\S*", link) for link in one.links)


def test_an_issue_becomes_a_link():
    assert misconception(2).links[0] == "https://github.com/kubernetes/kubernetes/issues/34321"


def test_a_number_that_nobody_has_is_refused():
    with pytest.raises(BadInput, match="there is no number 999; write one from 1 to"):
        misconception(999)


@pytest.mark.parametrize("name", all_facts())
def test_a_fact_has_a_sentence_a_source_and_versions_in_order(name):
    one = fact(name)
    assert one.statement.endswith(".")
    assert one.source.startswith("https://")
    versions = [tuple(map(int, version.split("."))) for version in (one.since, one.until) if version]
    assert versions == sorted(versions)


@pytest.mark.parametrize(
    "since, until, said",
    [
        ("", "", "Kubernetes, every supported version"),
        ("1.26", "", "Kubernetes since 1.26"),
        ("", "1.26", "Kubernetes before 1.26"),
        ("1.29", "1.33", "Kubernetes 1.29 up to, not including, 1.33"),
    ],
)
def test_versions_are_said_in_words(since, until, said):
    assert Fact("name", "It is so.", since, until, "https://example.org").versions == said


def test_a_fact_prints_its_statement_versions_and_source():
    assert str(fact("nftables-stable")).startswith(
        "The nftables mode of kube-proxy is stable. [Kubernetes since 1.33; https://"
    )


def test_a_name_that_is_not_in_the_file_is_answered_with_the_nearest():
    with pytest.raises(BadInput, match="did you mean 'sidecars'"):
        fact("sidecar")
