"""The prober on real sockets beside the model, 50 scripts at once: the same answers in the same order."""

import asyncio
import ssl
import time

import pytest

from kubenet_course.kube.kubelet.behaviour import Behaviour, Crash, Flapping, Outage, Shutdown
from kubenet_course.kube.kubelet.outcome import Said
from kubenet_course.kube.kubelet.spec import (
    GRPC,
    Container,
    Exec,
    HTTPGet,
    HTTPHeader,
    NamedPort,
    PodSpec,
    Probe,
    TCPSocket,
)
from kubenet_course.kube.kubelet.sync import create
from kubenet_course.lab.probes.ask import ask, headers
from kubenet_course.lab.probes.live import AT_ONCE, Live
from kubenet_course.lab.probes.targets import LOOPBACK, free_port
from kubenet_course.linux.timeline import SECOND, Timeline

WAYS = {
    "http": {"http_get": HTTPGet(path="/", port=80)},
    "tcp": {"tcp_socket": TCPSocket(port=80)},
    "grpc": {"grpc": GRPC(port=80)},
    "exec": {"exec": Exec(command=("true",))},
}
SECONDS = 13.5
LOOKS = {"liveness": ("dependency", "flapping"), "readiness": ("warmUp", "dependency", "flapping")}
UP = 0.35  # seconds until a server listens, so that the probe at the very start finds nobody, there as here
ENDS = Shutdown(takes=0.3, finishes=True)  # a probe that was asked beside the failing one gets its answer
APPLICATIONS = {
    "well": Behaviour(starts_after=UP, shutdown=ENDS),
    "slow start": Behaviour(starts_after=2.4, shutdown=ENDS),
    "warm-up": Behaviour(starts_after=UP, shutdown=ENDS, warm_after=2.4),
    "deadlock": Behaviour(starts_after=UP, shutdown=ENDS, deadlock_after=2.4),
    "database down": Behaviour(
        starts_after=UP, shutdown=ENDS, dependency=(Outage(since=1.4, until=5.4),), looks_at=LOOKS
    ),
    "database slow": Behaviour(
        starts_after=UP, shutdown=ENDS, dependency=(Outage(since=1.4, until=3.5, answers_after=2.2),), looks_at=LOOKS
    ),
    "flapping": Behaviour(starts_after=UP, shutdown=ENDS, flapping=Flapping(every=3.3, lasting=1.5, answers_after=5.0)),
    "crash": Behaviour(starts_after=UP, shutdown=ENDS, crash=Crash(after=1.4)),
    "crash once": Behaviour(starts_after=UP, shutdown=ENDS, crash=Crash(after=2.4, times=1)),
}
PROBES = {  # a timeout is a second: never at the moment at which a ticker rings
    "strict": {"period_seconds": 2, "failure_threshold": 1},
    "patient": {"period_seconds": 2, "failure_threshold": 2},
}
# (application, how it is asked, how strict): exec probes look at the process only, so warm-up says them nothing.
SCRIPTS = [
    (name, way, probes)
    for name in APPLICATIONS
    for way in WAYS
    for probes in PROBES
    if not (way == "exec" and name in ("warm-up", "database down", "database slow", "flapping", "slow start"))
][:50]


def container(way, probes):
    probe = Probe(**WAYS[way], **PROBES[probes])
    return Container(name="web", liveness_probe=probe, readiness_probe=probe)


def told(events):
    """Lane by lane what happened: what each probe heard, what the container did. How often a readiness probe is run out
    of turn within one moment is a race in the kubelet too (its channel holds one call): the same answer within a tenth of
    a second is one.
    """
    lanes = {}
    for one in events:
        if one.what in ("probe", "container", "endpoints"):
            lane = lanes.setdefault((one.what, one.probe), [])
            if not (lane and lane[-1][1] == one.result and one.t - lane[-1][0] < 0.1):
                lane.append((one.t, one.result))
    return lanes


def modelled(name, way, probes):
    timeline, events = Timeline(), []
    spec = PodSpec(containers=(container(way, probes),))
    pod = create(timeline, name, spec, {"web": APPLICATIONS[name]}, AT_ONCE)
    pod.tell = events.append
    timeline.run(round(SECONDS * SECOND))
    return told(events)


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """All scripts, in real time, side by side. On a busy machine a server or a ticker is late, and a script that goes another way
    because of it proves nothing: it is run again, alone with the others that did, twice at most.
    """

    async def all_of_them(scripts):
        folders = [tmp_path_factory.mktemp("exec") if way == "exec" else None for _, way, _ in scripts]
        lives = [
            Live(name, container(way, probes), APPLICATIONS[name], folder)
            for (name, way, probes), folder in zip(scripts, folders, strict=True)
        ]
        return await asyncio.gather(*(one.run(SECONDS) for one in lives))

    found, left = {}, SCRIPTS
    for _ in range(3):
        began = time.monotonic()
        lanes = asyncio.run(all_of_them(left))
        assert time.monotonic() - began < 60
        found |= {script: told(events) for script, events in zip(left, lanes, strict=True)}
        left = [script for script in left if difference(modelled(*script), found[script])]
        if not left:
            break
    return found


def difference(model, real):
    """The first lane in which model and reality part, or nothing."""
    if model.keys() != real.keys():
        return f"lanes {sorted(model)} against {sorted(real)}"
    for lane, rows in model.items():
        there = real[lane]
        common = min(len(rows), len(there))
        same = [result for _, result in rows[:common]] == [result for _, result in there[:common]]
        near = all(abs(a - b) < 1 for (a, _), (b, _) in zip(rows, there, strict=False))
        if abs(len(rows) - len(there)) > 1 or not same or not near:  # one more may just have been heard at the end
            return f"{lane}: {rows} against {there}"
    return ""


def test_there_are_fifty_scripts():
    assert len(SCRIPTS) == 50


@pytest.mark.parametrize("script", SCRIPTS, ids=" ".join)
def test_the_model_and_the_real_prober_hear_the_same_in_the_same_order(script, observed):
    assert difference(modelled(*script), observed[script]) == ""


def answering(*answers):
    """A server that gives each connection the next answer, and what it was asked."""
    asked, left = [], list(answers)

    async def talk(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        writer.close()

    return talk, asked


WEB = Container(name="web")


def asks(probe, *answers, container=WEB, tls=None):
    async def story():
        talk, asked = answering(*answers)
        port = free_port()
        server = await asyncio.start_server(talk, LOOPBACK, port, ssl=tls)
        said = await ask(probe(port), container(port) if callable(container) else container, LOOPBACK)
        server.close()
        return said, asked

    return asyncio.run(story())


def http(**more):
    return lambda port: Probe(http_get=HTTPGet(path="/healthz", port=port, **more))


@pytest.mark.parametrize(
    "status, said",
    [
        (200, Said.SUCCESS),
        (204, Said.SUCCESS),
        (299, Said.SUCCESS),
        (304, Said.WARNING),
        (399, Said.WARNING),
        (400, Said.FAILURE),
        (404, Said.FAILURE),
        (500, Said.FAILURE),
        (199, Said.FAILURE),
    ],
)
def test_a_status_from_200_to_399_is_well(status, said):
    assert asks(http(), f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())[0].said is said


def test_a_redirect_to_another_host_is_not_followed_and_is_a_warning():
    said, asked = asks(
        http(), b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"
    )
    assert (said.said, len(asked)) == (Said.WARNING, 1)


def test_a_redirect_on_the_same_host_is_followed():
    said, asked = asks(
        http(),
        b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n",
    )
    assert said.said is Said.FAILURE
    assert asked[1].startswith("GET /there ")


def test_a_circle_of_redirects_ends_after_ten():
    said, asked = asks(http(), b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
    assert (said.said, said.output, len(asked)) == (Said.FAILURE, "stopped after 10 redirects", 10)


def test_the_probe_says_who_it_is_and_a_host_header_counts():
    _, asked = asks(http(http_headers=(HTTPHeader(name="Host", value="shop.example"),)), b"HTTP/1.1 200 OK\r\n\r\n")
    assert "\r\nHost: shop.example\r\n" in asked[0]
    assert "\r\nUser-Agent: kube-probe/1.36\r\n" in asked[0]
    assert asked[0].count("Host:") == 1


def test_an_empty_user_agent_is_left_out():
    found = dict(headers(HTTPGet(http_headers=(HTTPHeader(name="User-Agent", value=""),)), "x"))
    assert "User-Agent" not in found and found["Accept"] == "*/*"


def test_a_body_longer_than_ten_kilobytes_is_cut_and_is_no_failure():
    said, _ = asks(http(), b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 20_000)
    assert (said.said, len(said.output)) == (Said.SUCCESS, 10 * 1024)


def test_a_named_port_is_the_containers():
    said, _ = asks(
        lambda port: Probe(http_get=HTTPGet(path="/", port="web")),
        b"HTTP/1.1 200 OK\r\n\r\n",
        container=lambda port: Container(name="web", ports=(NamedPort(container_port=port, name="web"),)),
    )
    assert said.said is Said.SUCCESS


def test_https_looks_at_no_certificate(tmp_path):
    cert = tmp_path / "self.pem"
    made = __import__("subprocess").run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            str(cert),
            "-out",
            str(tmp_path / "c"),
            "-subj",
            "/CN=nobody",
            "-days",
            "1",
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("openssl is not here to make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c", cert)
    assert asks(http(scheme="HTTPS"), b"HTTP/1.1 200 OK\r\n\r\n", tls=context)[0].said is Said.SUCCESS
