"""What a connection costs, as Services grow: one list grows by a rule a Service, the others do not."""

import pytest

from kubenet_course.kube.questions.cost import costs
from kubenet_course.learn.worlds.modes import many_services

LAST = "service/default/s{:05}:80"


def asked(count: int, mode: str):
    return costs(many_services(count, mode), "pod/default/client", LAST.format(count - 1))


@pytest.mark.parametrize("mode, grows", [("iptables", 190), ("nftables", 0), ("ipvs", 0)])
def test_only_the_list_of_iptables_grows_with_the_services(mode, grows):
    few, many = asked(10, mode), asked(200, mode)
    assert many.first.rules - few.first.rules == grows
    assert many.first.lookups == few.first.lookups
    assert many.later == few.later


def test_a_known_connection_asks_no_service_again_but_in_ipvs_mode_every_packet_passes_the_rules():
    assert asked(10, "iptables").later.rules < 6 and asked(10, "nftables").later.lookups == 0
    ipvs = asked(10, "ipvs")
    assert ipvs.later == ipvs.first and ipvs.first.lookups > 0
