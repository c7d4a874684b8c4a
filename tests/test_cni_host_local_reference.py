"""host-local beside the reference plugin itself: the same random calls, in stores apart and in one store by turns."""

import random
from pathlib import Path
from typing import Any

import pytest
from cni_calls import REFERENCE, Answer, environment, executed, ours, reservations

PLUGIN = REFERENCE / "host-local"
CALLS = 300
pytestmark = pytest.mark.skipif(not PLUGIN.exists(), reason=f"no {PLUGIN} (Debian: containernetworking-plugins)")

PARTED = {"subnet": "10.1.2.0/28"}
NETWORKS: list[dict[str, Any]] = [
    {"subnet": "10.1.2.0/29"},
    {"subnet": "10.1.2.0/28", "rangeStart": "10.1.2.4", "rangeEnd": "10.1.2.9", "gateway": "10.1.2.6"},
    {"subnet": "10.1.2.0/30", "rangeStart": "10.1.2.0", "rangeEnd": "10.1.2.3", "gateway": "192.168.0.1"},
    {"ranges": [[{"subnet": "10.1.2.0/30"}, {"subnet": "10.1.3.0/29", "rangeStart": "10.1.3.5"}]]},
    {"ranges": [[{"subnet": "10.1.2.0/28"}], [{"subnet": "fd00:10:244::/126"}]], "routes": [{"dst": "0.0.0.0/0"}]},
    {"ranges": [[{"subnet": "fd00:10:244::/125"}], [{"subnet": "10.1.2.0/29"}]], "routes": [{"dst": "::/0"}]},
    {"ranges": [[PARTED | {"rangeEnd": "10.1.2.5"}, PARTED | {"rangeStart": "10.1.2.9"}]]},
    {"subnet": "10.1.2.0/28", "ranges": [[{"subnet": "10.1.4.0/29"}]]},
    {"subnet": "10.1.2.9/28"},
    {"ranges": [[{"subnet": "10.1.2.0/29"}], [{"subnet": "10.1.2.0/28"}]]},
    {"subnet": "10.1.2.0/28", "rangeStart": "10.1.2.12", "rangeEnd": "10.1.2.3"},
]  # fmt: skip
ASKED = ["10.1.2.1", "10.1.2.3", "10.1.2.5", "10.1.3.6", "fd00:10:244::2", "::ffff:10.1.2.4", "10.7.7.7", "", "no"]
VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.0.0", "1.0.0", "0.9.0"]
COMMANDS = ["ADD"] * 6 + ["DEL"] * 4 + ["CHECK"]


def random_call(chance: random.Random) -> tuple[dict[str, str], dict[str, Any]]:
    """One call; at most one address is asked for, because of several the reference takes any."""
    container, ifname = chance.choice("abcdef"), chance.choice(["eth0", "eth0", "eth0", "net1"])
    document = {"cniVersion": chance.choice(VERSIONS), "name": "net", "ipam": dict(chance.choice(NETWORKS))}
    args, asked, where = "", chance.choice(ASKED), chance.randrange(12)
    if where == 0:
        args = f"IgnoreUnknown=1;IP={asked}"
    elif where == 1:
        document["args"] = {"cni": {"ips": [asked]}}
    elif where == 2:
        document["runtimeConfig"] = {"ips": [asked + "/24" if asked and chance.random() < 0.5 else asked]}
    elif where == 3:
        document["runtimeConfig"] = {"ipRanges": [[{"subnet": "10.1.9.0/29"}]]}
    elif where == 4:
        args = chance.choice(["K=V", "K8S_POD_NAME=web;IgnoreUnknown=true", "half", "IgnoreUnknown=maybe"])
    return environment(chance.choice(COMMANDS), container, ifname, CNI_ARGS=args), document


def compared(answer: Answer) -> Answer:
    """What must be equal. Advice is ours alone; an empty resolver is left out since library 1.3, Debian's is older."""
    said = answer.said
    if isinstance(said, dict):
        said = {name: value for name, value in said.items() if name != "details" and (name, value) != ("dns", {})}
    return answer._replace(said=said)


def in_store(document: dict[str, Any], directory: Path) -> dict[str, Any]:
    return document | {"ipam": document["ipam"] | {"type": "host-local", "dataDir": str(directory)}}


def test_the_same_calls_get_the_same_answers_and_leave_the_same_files(tmp_path: Path, seed: int, rounds: int):
    for part in range(rounds):
        chance = random.Random(seed + part)
        theirs, mine = tmp_path / f"theirs{part}", tmp_path / f"mine{part}"
        for number in range(CALLS):
            env, document = random_call(chance)
            if number % 40 == 17:
                older = chance.choice("ab")
                for store in (theirs, mine):
                    (store / "net" / "10.1.2.2").write_text(older)  # as older plugins wrote it
            expected = compared(executed(PLUGIN, env, in_store(document, theirs)))
            answer = compared(ours("host-local", env, in_store(document, mine)))
            assert answer == expected, (seed + part, number, env, document)
            assert reservations(mine) == reservations(theirs), (seed + part, number, env, document)


def test_both_may_take_turns_on_one_store_and_it_is_as_if_one_had_done_it_all(tmp_path: Path, seed: int):
    chance = random.Random(seed)
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    for number in range(CALLS):
        env, document = random_call(chance)
        expected = compared(ours("host-local", env, in_store(document, alone)))
        if chance.random() < 0.5:
            answer = compared(executed(PLUGIN, env, in_store(document, shared)))
        else:
            answer = compared(ours("host-local", env, in_store(document, shared)))
        assert answer == expected, (seed, number, env, document)
        assert reservations(shared) == reservations(alone), (seed, number, env, document)
