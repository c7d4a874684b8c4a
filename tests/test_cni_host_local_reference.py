"""host-local beside the reference plugin itself: the same random calls, in stores apart and in one store by turns.

Debian's plugin is 1.1.1: what changed since is left out of the calls or of the comparison, and said where.
"""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from cni_calls import REFERENCE, Answer, environment, executed, ours

PLUGIN = REFERENCE / "host-local"
CALLS = 300
LIFE = 60  # so many calls, then the stores are empty again
pytestmark = pytest.mark.skipif(not PLUGIN.exists(), reason=f"no {PLUGIN} (Debian: containernetworking-plugins)")

PARTED = {"subnet": "10.1.2.0/28"}
DUAL = [[{"subnet": "10.1.2.0/29"}], [{"subnet": "fd00::/125"}]]
NETWORKS: list[dict[str, Any]] = [
    {"subnet": "10.1.2.0/29"},
    {"subnet": "10.1.2.0/28", "rangeStart": "10.1.2.4", "rangeEnd": "10.1.2.9", "gateway": "10.1.2.6"},
    {"subnet": "10.1.2.0/30", "rangeStart": "10.1.2.0", "rangeEnd": "10.1.2.3", "gateway": "192.168.0.1"},
    {"ranges": [[{"subnet": "10.1.2.0/30"}, {"subnet": "10.1.3.0/29", "rangeStart": "10.1.3.5"}]]},
    {"ranges": DUAL, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "fd00:1::1/64", "gw": "fd00::3"}]},
    {"ranges": DUAL[::-1], "routes": [{"dst": "::/0"}, {"dst": "10.9.8.7/16", "gw": "::ffff:10.1.2.5"}]},
    {"ranges": [[PARTED | {"rangeEnd": "10.1.2.5"}, PARTED | {"rangeStart": "10.1.2.9"}]]},
    {"subnet": "10.1.2.0/28", "ranges": [[{"subnet": "10.1.4.0/29"}]]},
    {"ranges": [[{"subnet": "10.1.2.0/29"}], [{"subnet": "10.1.2.0/28"}]]},
    {"ranges": [[{"subnet": "10.1.2.0/29"}, {"subnet": "fd00::/125"}]]},
    {"ranges": [[{"subnet": "10.1.2.0/29"}, {"subnet": "fd00::/125"}, {"subnet": "10.1.2.9/28"}]]},
    {"ranges": [[{"subnet": "10.1.2.0/29"}], []]},
    {"ranges": []},
]  # fmt: skip
SUBNETS = [
    "10.1.2.0/28", "10.1.2.0/28", "10.1.3.0/29", "10.1.4.0/30", "10.1.2.9/28", "10.1.2.0/31", "10.1.2.0/32", "10.1.0.0/16",
    "fd00::/125", "FD00:0::/126", "fd00::8/124", "fd00::/127", "fd00::/128", "::ffff:10.1.2.0/124", "::ffff:10.1.2.0/120",
    "255.255.255.252/30", "10.1.2.0/33", "10.1.2.0", "10.1.2.0/08", "fd00::%eth0/64", "10.1.2.0/-1", "no",
]  # fmt: skip
FOURS = ["10.1.2.0", "10.1.2.1", "10.1.2.3", "10.1.2.6", "10.1.2.14", "10.1.2.15", "10.1.2.16", "10.1.3.5"]
FOURS += ["::ffff:10.1.2.4", "255.255.255.255"]
SIXES = ["fd00::", "fd00::1", "fd00::2", "FD00::0003", "fd00::f", "fd00::1.2.3.4", "1::2", "::1"]
NONE = ["", "no", "10.1.2", "10.1.2.256", "10.01.2.3", " 10.1.2.3", "fe80::1%eth0", "10.1.2.3/24", "1::2::3"]
WRONG: list[Any] = [None, 5, 1.5, True, [], {}, "x", [5], [[None]], {"a": 1}]
RESOLVERS = [
    "nameserver 10.96.0.10\nsearch a b\nsearch c\noptions ndots:5 x\ndomain d e\n",
    "#x\n;y\n nameserver <&> z\r\ndomain\n\u00a0options\u2028o p",
    "NAMESERVER 1.1.1.1\ndomain a\ndomain b",
    "",
]
ARGS = ["K=V", "K8S_POD_NAME=web;IgnoreUnknown=true", "half", "IgnoreUnknown=maybe", ";", "a=b=c", "x\u00a0\x01\\=1"]
VERSIONS = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.0.0", "1.0.0", "0.9.0", "", "1.0", "abc"]
COMMANDS = ["ADD"] * 6 + ["DEL"] * 4 + ["CHECK"]


def random_range(chance: random.Random) -> dict[str, str]:
    """A range that may be anything; its bounds have its family (1.1.1 compares families with each other)."""
    subnet = chance.choice(SUBNETS)
    bounds = [*(SIXES if ":" in subnet and "." not in subnet else FOURS), chance.choice(NONE)]
    found = {"subnet": subnet}
    for name, choices in (("rangeStart", bounds), ("rangeEnd", bounds), ("gateway", FOURS + SIXES + NONE)):
        if chance.random() < 0.25:
            found[name] = chance.choice(choices)
    return found


def random_ipam(chance: random.Random, resolvers: list[str]) -> dict[str, Any]:
    """The ipam part: one of the networks, or ranges made up."""
    ipam = copy.deepcopy(chance.choice(NETWORKS))
    if chance.random() < 0.4:
        sets = range(chance.choice([1, 1, 2, 3]))
        ipam = {"ranges": [[random_range(chance) for _ in range(chance.choice([1, 1, 2]))] for _ in sets]}
        ipam |= random_range(chance) if chance.random() < 0.3 else {}
    if chance.random() < 0.1:
        ipam["resolvConf"] = chance.choice(resolvers)
    if chance.random() < 0.1:
        ipam[chance.choice(["subnet", "ranges", "gateway", "resolvConf", "RangeStart", "type"])] = chance.choice(WRONG)
    return ipam


def random_call(chance: random.Random, resolvers: list[str]) -> tuple[dict[str, str], dict[str, Any]]:
    """One call; at most one address is asked for, because of several the reference takes any."""
    container, ifname = chance.choice("abcdef"), chance.choice(["eth0", "eth0", "eth0", "net1"])
    document = {"cniVersion": chance.choice(VERSIONS), "name": "net", "ipam": random_ipam(chance, resolvers)}
    args, asked, where = "", chance.choice(FOURS + SIXES + NONE), chance.randrange(16)
    with_mask = asked + chance.choice(["", "/24"])
    if where == 0:
        args = f"IgnoreUnknown=1;IP={with_mask}"
    elif where == 1:
        document["args"] = {"cni": {"ips": [with_mask]}}
    elif where == 2:
        document["runtimeConfig"] = {"ips": [with_mask]}
    elif where == 3:
        document["runtimeConfig"] = {"ipRanges": [[{"subnet": "10.1.9.0/29"}]]}
    elif where == 4:
        args = chance.choice(ARGS)
    elif where == 5:
        document[chance.choice(["args", "runtimeConfig", "ipam", "name", "cniVersion", "other"])] = chance.choice(WRONG)
    return environment(chance.choice(COMMANDS), container, ifname, CNI_ARGS=args), document


def compared(answer: Answer, directory: Path) -> Answer:
    """What must be equal. Advice is ours alone; an empty resolver is left out since library 1.3, Debian's is older;
    since Go 1.24 the place of a wrong field names the structures on the way."""
    said = answer.said
    if isinstance(said, dict):
        said = {name: value for name, value in said.items() if name != "details" and (name, value) != ("dns", {})}
        said = json.loads(json.dumps(said).replace("ipam.Range.", "ipam.").replace(str(directory), "STORE"))
    return answer._replace(said=said)


def in_store(document: dict[str, Any], directory: Path) -> dict[str, Any]:
    if not isinstance(document.get("ipam"), dict):
        return document
    return document | {"ipam": {"type": "host-local"} | document["ipam"] | {"dataDir": str(directory)}}


def kept(directory: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its content and its mode."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_mode) for path in files}


def older(chance: random.Random, stores: tuple[Path, ...]) -> None:
    """What older plugins and people leave in a store."""
    leftovers = {"10.1.2.2": "a", "10.1.2.3": "b\n", "FD00::5": "c\r\neth0", "notes": "d\r\neth0"}
    leftovers["last_reserved_ip.0"] = chance.choice(["10.1.2.3\n", "x", "", "10.1.2.3", "fd00::3"])
    for name, content in leftovers.items():
        for store in stores:
            (store / "net").mkdir(parents=True, exist_ok=True)
            (store / "net" / name).write_text(content)


@pytest.fixture
def resolvers(tmp_path: Path) -> list[str]:
    for number, text in enumerate(RESOLVERS):
        (tmp_path / f"resolv{number}").write_text(text)
    return [*(str(tmp_path / f"resolv{number}") for number in range(len(RESOLVERS))), "/none", str(tmp_path)]


def test_the_same_calls_get_the_same_answers_and_leave_the_same_files(
    tmp_path: Path, resolvers: list[str], seed: int, rounds: int
):
    for part in range(rounds):
        chance = random.Random(seed + part)
        for number in range(CALLS):
            theirs, mine = (tmp_path / f"{who}{part}-{number // LIFE}" for who in ("theirs", "mine"))
            env, document = random_call(chance, resolvers)
            if number % LIFE == LIFE // 2:
                older(chance, (theirs, mine))
            expected = compared(executed(PLUGIN, env, in_store(document, theirs)), theirs)
            answer = compared(ours("host-local", env, in_store(document, mine)), mine)
            assert answer == expected, (seed + part, number, env, document)
            assert kept(mine) == kept(theirs), (seed + part, number, env, document)


def test_both_may_take_turns_on_one_store_and_it_is_as_if_one_had_done_it_all(
    tmp_path: Path, resolvers: list[str], seed: int
):
    chance = random.Random(seed)
    for number in range(CALLS):
        alone, shared = (tmp_path / f"{how}{number // LIFE}" for how in ("alone", "shared"))
        env, document = random_call(chance, resolvers)
        expected = compared(ours("host-local", env, in_store(document, alone)), alone)
        if chance.random() < 0.5:
            answer = compared(executed(PLUGIN, env, in_store(document, shared)), shared)
        else:
            answer = compared(ours("host-local", env, in_store(document, shared)), shared)
        assert answer == expected, (seed, number, env, document)
        assert kept(shared) == kept(alone), (seed, number, env, document)
