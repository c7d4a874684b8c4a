"""`ipvsadm -Sn` and `-Ln`, read. The texts are written by ipvsadm's own rules (print_service_entry in ipvsadm.c)."""

import re

import pytest

from kubenet_course.errors import BadInput
from kubenet_course.linux.stack.ipvs.read import Counts, read
from kubenet_course.linux.stack.ipvs.servers import MH_PORT, PERSISTENT, RealServer, VirtualServer, ipvsadm, listing

SAVED = """-A -t 10.96.0.1:443 -s rr
-a -t 10.96.0.1:443 -r 192.168.1.11:6443 -m -w 1
-A -t 10.96.0.20:80 -s mh -p 10800 -b mh-port
-a -t 10.96.0.20:80 -r 10.244.1.10:8080 -m -w 1
-a -t 10.96.0.20:80 -r 10.244.2.10:8080 -m -w 0
-A -u 10.96.0.10:53 -s lc
-A --sctp-service 10.96.0.30:9 -s rr
-A -t [fd00:10:96::1]:443 -s rr
-a -t [fd00:10:96::1]:443 -r [fd00:192:168:1::11]:6443 -m -w 1
"""
LISTED = """IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.1:443 rr
  -> 192.168.1.11:6443            Masq    1      3          0
TCP  10.96.0.20:80 mh persistent 10800 (mh-port)
  -> 10.244.1.10:8080             Masq    1      0          7
  -> 10.244.2.10:8080             Masq    0      1          0
UDP  10.96.0.10:53 lc
SCTP 10.96.0.30:9 rr
TCP  [fd00:10:96::1]:443 rr
  -> [fd00:192:168:1::11]:6443    Masq    1      0          0
"""


def test_what_is_saved_is_read_and_written_again_equal():
    assert ipvsadm(read(SAVED).servers.values()) == SAVED


def test_a_listing_holds_the_same_servers_and_what_they_have_to_do():
    found = read(LISTED)
    assert found.servers == read(SAVED).servers
    assert found.counts[("10.96.0.20", 80, "TCP"), "10.244.1.10", 8080] == Counts(0, 7)
    assert found.servers["10.96.0.20", 80, "TCP"] == VirtualServer(
        "10.96.0.20", 80, "TCP", "mh", PERSISTENT | MH_PORT, 10800,
        (RealServer("10.244.1.10", 8080), RealServer("10.244.2.10", 8080, 0)),
    )  # fmt: skip


def test_a_listing_is_written_as_it_was_read():
    found = read(LISTED)
    assert listing(found.servers.values(), found.counts) == LISTED


def test_what_nobody_says_is_as_ipvsadm_takes_it():
    (server,) = read("-A -t 10.96.0.1:80 -p").servers.values()
    assert (server.scheduler, server.timeout) == ("wlc", 300)


@pytest.mark.parametrize(
    "line, what",
    [
        ("-A -t 10.96.0.1:80 -s wrong", "the scheduler wrong is not known"),
        ("-A -t 10.96.0.1 -s rr", "is not an address and a port"),
        ("-A -t 10.96.0.1:http -s rr", "is not an address and a port"),
        ("-A -t 10.96.0.1:0 -s rr -p 10", "stands for all ports"),
        ("-A -f 7 -s rr", "-f is not followed"),
        ("-A -t 10.96.0.1:80 -s rr -b mh-port", "rr has no flag mh-port"),
        ("-A -t 10.96.0.1:80 -s", "stands at the end"),
        ("-a -t 10.96.0.1:80 -r 10.0.0.1:80 -m", "there is no virtual server"),
        ("-D -t 10.96.0.1:80", "is not a line of ipvsadm"),
        ("-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.0.0.1:80 -g", "it forwards by Route"),
        ("-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.0.0.1:80", "it forwards by Route"),
        ("-A -t 10.96.0.1:80 -s rr\n-A -t 10.96.0.1:80 -s rr", "is there already"),
        ("TCP 10.96.0.1:80 rr\n-> 10.0.0.1:80 Tunnel 1 0 0", "it forwards by Tunnel"),
        ("-> 10.0.0.1:80 Masq 1 0 0", "is not a server of a virtual server"),
        ("FWM  1 rr", "is not a row of ipvsadm"),
    ],
)
def test_what_is_wrong_or_not_followed_is_named(line, what):
    with pytest.raises(BadInput, match=re.escape(what)) as refused:
        read(line)
    assert refused.value.where == f"ipvsadm:{line.count(chr(10)) + 1}"
