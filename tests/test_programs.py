"""Programs behind sockets: what they answer, how they close, and what a whole conversation looks like."""

import pytest
from scapy.layers.dns import DNS, DNSQR

from kubenet_course.linux.namespace.device import Device, ifaddr
from kubenet_course.linux.namespace.memory import Memory
from kubenet_course.linux.namespace.netns import Socket, netns
from kubenet_course.linux.packet.packet import tcp, udp
from kubenet_course.linux.stack.program import dns_server, echo, http_server, target
from kubenet_course.linux.walk import ask

CLIENT, SERVER = "10.244.1.10", "10.244.1.11"
GET = b"GET / HTTP/1.1\r\nHost: web\r\n\r\n"
ZONE = {
    "web.default.svc.cluster.local": ("10.96.0.10", "fd00:10:96::10"),
    "db.default.svc.cluster.local": ("10.96.0.11",),
}


def world():
    """Two machines on one wire; the second serves web and names."""
    one = Device("eth0", "veth", "02:00:0a:01:00:0a", (ifaddr(f"{CLIENT}/24"),), peer=("server", "eth0"))
    two = Device("eth0", "veth", "02:00:0a:01:00:0b", (ifaddr(f"{SERVER}/24"),), peer=("client", "eth0"))
    sockets = (Socket("tcp", "0.0.0.0", 80, "web"), Socket("udp", "0.0.0.0", 53, "dns"))
    return {"client": netns("client", (one,)), "server": netns("server", (two,), sockets=sockets)}


@pytest.mark.parametrize("story, said, status, closes", [
    ("a page that is there", GET, b"HTTP/1.1 200 OK", False),
    ("a page that is not", GET.replace(b"/ ", b"/no ", 1), b"HTTP/1.1 404 Not Found", False),
    ("who asks to close is obeyed", GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), b"HTTP/1.1 200 OK", True),
    ("HTTP/1.0 closes by itself", GET.replace(b"1.1", b"1.0"), b"HTTP/1.1 200 OK", True),
    ("another method", GET.replace(b"GET", b"POST"), b"HTTP/1.1 405 Method Not Allowed", False),
    ("no HTTP at all", b"hello\r\n\r\n", b"HTTP/1.1 400 Bad Request", True),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_a_web_server_answers_as_rfc_9112_says(story, said, status, closes):
    state, words, closed = http_server({"/": b"hello\n"})(None, said, 0)
    assert (words.split(b"\r\n")[0], closed, state) == (status, closes, None)


def test_half_a_request_is_waited_for():
    serve = http_server({"/": b"hello\n"})
    state, words, closes = serve(None, GET[:20], 0)
    assert (words, closes) == (b"", False)
    assert serve(state, GET[20:], 0)[1] == b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"


def test_a_probe_s_target_is_ready_from_one_time_on_and_broken_from_another():
    serve = target(ready=5, broken=9)
    assert [serve(None, GET, now)[1][9:12] for now in (4, 5, 8, 9)] == [b"503", b"200", b"200", b"503"]


@pytest.mark.parametrize("name, kind, code, answers", [
    ("web.default.svc.cluster.local", "A", 0, ["10.96.0.10"]),
    ("WEB.default.svc.cluster.local", "AAAA", 0, ["fd00:10:96::10"]),
    ("db.default.svc.cluster.local", "AAAA", 0, []),
    ("nobody.default.svc.cluster.local", "A", 3, []),
])  # fmt: skip
def test_a_name_server_answers_as_another_program_reads_it(name, kind, code, answers):
    query = bytes(DNS(id=7, rd=1, qd=DNSQR(qname=name, qtype=kind)))
    told = DNS(dns_server(ZONE)(None, query, 0)[1])
    assert (told.id, told.qr, told.rd, told.rcode, told.ancount) == (7, 1, 1, code, len(answers))
    assert [row.rdata for row in told.an or []] == answers
    assert told.qd[0].qname.decode().rstrip(".") == name


@pytest.mark.parametrize("said", [b"", b"\0" * 11, b"\0\1\x84\0" + bytes(8)])
def test_what_is_no_query_gets_no_answer(said):
    assert dns_server(ZONE)(None, said, 0)[1] == b""


@pytest.mark.parametrize("tail", [b"", b"\x3fweb", b"\3web\0\0\1", b"\xc0\x0c\0\1\0\1"])
def test_a_query_that_breaks_off_is_a_format_error(tail):
    told = dns_server(ZONE)(None, b"\0\7\1\0\0\1" + bytes(6) + tail, 0)[1]
    assert told[3] & 15 == 1


def test_a_datagram_is_answered_by_the_program_of_its_socket():
    query = bytes(DNS(id=7, qd=DNSQR(qname="web.default.svc.cluster.local")))
    trace = ask(world(), udp(CLIENT, 40000, SERVER, 53, query), programs={"dns": dns_server(ZONE)})
    answer = trace.steps[-1].skb.packet
    assert (trace.steps[-1].namespace, DNS(answer.payload).an[0].rdata) == ("client", "10.96.0.10")


def test_without_a_program_a_listener_says_again_what_came():
    trace = ask(world(), udp(CLIENT, 40000, SERVER, 53, b"who?"))
    assert trace.steps[-1].skb.packet.payload == b"who?"
    same = ask(world(), udp(CLIENT, 40000, SERVER, 53, b"who?"), programs={"dns": echo})
    assert str(same) == str(trace)


def test_a_request_and_its_answer_are_one_segment_each_way():
    memory = Memory()
    trace = ask(world(), tcp(CLIENT, 40000, SERVER, 80),
                memory=memory, programs={"web": http_server({"/": b"hello\n"})}, says=GET)  # fmt: skip
    sent = [frame.payload for ns, _, way, frame in trace.frames if way == "out" and hasattr(frame.payload, "flow")]
    assert [packet.header.flags for packet in sent] == ["S", "SA", "A", "PA", "PA"]
    isn = sent[1].header.seq
    request, answer = sent[3], sent[4]
    assert (request.header.seq, request.header.ack, request.payload) == (1, (isn + 1) % 2**32, GET)
    assert (answer.header.seq, answer.header.ack) == ((isn + 1) % 2**32, 1 + len(GET))
    assert answer.payload.endswith(b"hello\n")
    assert trace.steps[-1].namespace == "client"


def test_who_closes_says_so_with_its_last_segment():
    closing = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    trace = ask(world(), tcp(CLIENT, 40000, SERVER, 80), programs={"web": http_server({"/": b""})}, says=closing)
    assert trace.steps[-1].skb.packet.header.flags == "FPA"


def test_without_says_only_the_handshake_takes_place():
    trace = ask(world(), tcp(CLIENT, 40000, SERVER, 80), programs={"web": http_server({"/": b""})})
    flags = [
        frame.payload.header.flags
        for _, _, way, frame in trace.frames
        if way == "out" and hasattr(frame.payload, "flow")
    ]
    assert flags == ["S", "SA", "A"]
