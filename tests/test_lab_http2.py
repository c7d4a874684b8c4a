"""Real HTTP/2 on loopback: a Service spreads connections, so the requests of one connection stay together."""

from __future__ import annotations

import asyncio
import threading

import pytest

from kubenet_course.errors import BadInput
from kubenet_course.lab.http2.ends import LOOPBACK, Pod
from kubenet_course.lab.http2.talk import WAYS, talk
from kubenet_course.lab.probes.grpc import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PREFACE,
    SETTINGS,
    Frame,
    literal,
    read_frame,
)


def test_all_requests_of_one_connection_reach_one_pod():
    made = talk("one", 30, 3)
    assert (made.connections, made.by_pod) == (1, {"web-1": 30})


def test_a_connection_for_each_request_is_spread():
    made = talk("each", 30, 3)
    assert (made.connections, made.by_pod) == (30, {"web-1": 10, "web-2": 10, "web-3": 10})


def test_a_pod_that_says_goaway_lets_the_client_come_to_the_others():
    """RFC 9113 section 6.8: no new stream is opened on that connection. Thirty requests, five to a connection."""
    made = talk("goaway", 30, 3)
    assert (made.connections, made.by_pod) == (6, {"web-1": 10, "web-2": 10, "web-3": 10})
    assert [one.connection for one in made.answers] == [number // 5 + 1 for number in range(30)]


def test_a_client_that_knows_every_pod_takes_turns_itself():
    made = talk("all pods", 30, 3)
    assert (made.connections, made.by_pod) == (3, {"web-1": 10, "web-2": 10, "web-3": 10})


@pytest.mark.parametrize("way, meets", [("one", 1), ("each", 5), ("goaway", 5), ("all pods", 5)])
def test_pods_that_join_later_get_nothing_from_a_connection_that_is_open(way, meets):
    assert len(talk(way, 30, 3, joining=2).by_pod) == meets


def test_a_client_numbers_its_streams_with_odd_numbers():
    """RFC 9113 section 5.1.1: a client's streams are odd, and a number is never used twice."""
    assert [one.stream for one in talk("one", 4).answers] == [1, 3, 5, 7]


def test_one_pod_that_is_asked_once_is_enough():
    assert talk("one", 1, 1).by_pod == {"web-1": 1}


def test_what_the_pod_sends_is_http2_for_a_reader_that_knows_only_the_rfc():
    """Asked by hand-made frames, read without the library: SETTINGS, HEADERS, DATA, then GOAWAY as it was told."""

    async def asked() -> tuple[list[int], bytes]:
        pod = Pod("web-9", most=1)
        await pod.start()
        reader, writer = await asyncio.open_connection(LOOPBACK, pod.port)
        names = ((":method", "GET"), (":scheme", "http"), (":authority", "web"), (":path", "/"))
        block = b"".join(literal(name, value) for name, value in names)
        writer.write(PREFACE + Frame(SETTINGS, 0, 0, b"").packed())
        writer.write(Frame(HEADERS, END_HEADERS | END_STREAM, 1, block).packed())
        kinds, body = [], b""
        while GOAWAY not in kinds:
            frame = await asyncio.wait_for(read_frame(reader), 5)
            if frame.kind == SETTINGS and frame.flags & ACK:
                continue
            kinds.append(frame.kind)
            body += frame.body if frame.kind == DATA else b""
        writer.close()
        await writer.wait_closed()
        await pod.stop()
        return kinds, body

    assert asyncio.run(asked()) == ([SETTINGS, HEADERS, DATA, GOAWAY], b"web-9")


def test_nothing_is_left_running():
    before = threading.active_count()
    for way in WAYS:
        talk(way, 6, 2, joining=1)
    assert threading.active_count() == before


def test_a_dead_pods_turn_is_lost_unless_the_service_tries_another():
    """Nine connections, three pods in turn, the first of them dead."""
    assert talk("each", 9, 3, dead=1).by_pod == {"nobody": 3, "web-2": 3, "web-3": 3}
    tried = talk("each", 9, 3, dead=1, tries=3).by_pod
    assert "nobody" not in tried and sum(tried.values()) == 9
    assert talk("each", 4, 2, dead=2, tries=2).by_pod == {"nobody": 4}
    assert talk("one", 5, 2, dead=1).by_pod == {"nobody": 1, "web-2": 4}


def test_where_no_thread_can_start_it_says_so_as_where_there_are_no_sockets(monkeypatch):
    def refuses(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuses)
    with pytest.raises(OSError, match="no thread can be started here"):
        talk("one", 1, 1)


@pytest.mark.parametrize(
    "wrong",
    [{"way": "grpc"}, {"requests": 0}, {"pods": 0}, {"joining": -1}, {"requests": 501}, {"dead": 4}, {"tries": 0}],
    ids=str,
)
def test_what_cannot_be_done_is_refused_in_a_sentence(wrong):
    with pytest.raises(BadInput, match=next(iter(wrong))):
        talk(**wrong)
