"""The reservation store under many callers, killed callers, a full disk and a stranger's directory."""

import errno
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cni_calls import REFERENCE, Answer, environment, executed, installed, ours, reservations
from cni_lab import lab, why_not

from kubenet_course.cni.host_local import store as store_module
from kubenet_course.cni.host_local.store import Store

CALLERS = 50
beside_reference = pytest.mark.skipif(not (REFERENCE / "host-local").exists(), reason=f"no {REFERENCE}/host-local")


class Killed(BaseException):
    """Stands for SIGKILL: nothing after this point happens."""


def conf(data: Path, version: str = "1.1.0", **ipam: Any) -> dict[str, Any]:
    both = [[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:10:244:1::/64"}]]
    return {"cniVersion": version, "name": "net", "ipam": {"ranges": both, "dataDir": str(data), **ipam}}


def owners(data: Path) -> dict[str, str]:
    """Who has which address."""
    files = reservations(data / "net").items()
    return {name: owner for name, owner in files if name != "lock" and not name.startswith("last_reserved_ip.")}


@pytest.mark.parametrize("beside", [False, pytest.param(True, marks=beside_reference)], ids=["ours", "both"])
def test_of_fifty_callers_at_once_some_killed_no_address_is_given_twice_and_none_is_lost(
    beside: bool, tmp_path: Path, seed: int
):
    """The killed leave at most what a DEL or a GC finds: after GC the store is the living, file by file.

    With the reference plugin they take turns on the store; killed, it may leave a file without an owner, ours not.
    """
    chance = random.Random(seed)
    plugin = installed(tmp_path / "bin", "host-local") / "host-local"
    document = json.dumps(conf(tmp_path, "1.0.0" if beside else "1.1.0")).encode()
    running = []
    for number in range(CALLERS):
        env = {"PATH": os.environ["PATH"], **environment("ADD", f"c{number}")}
        program = REFERENCE / "host-local" if beside and number % 2 else plugin
        caller = subprocess.Popen([program], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        caller.stdin.write(document)
        caller.stdin.close()
        running.append((f"c{number}", caller))
    for _, caller in chance.sample(running, CALLERS // 3):
        time.sleep(chance.uniform(0, 0.1))
        caller.send_signal(signal.SIGKILL)
    given: dict[str, str] = {}
    for container, caller in running:
        said = caller.stdout.read()
        caller.stdout.close()
        if caller.wait(timeout=60) == 0:
            for each in json.loads(said)["ips"]:
                given[each["address"].partition("/")[0]] = f"{container}\neth0"
    assert Counter(given.values()) == {f"{name}\neth0": 2 for name, caller in running if caller.returncode == 0}
    assert given.items() <= owners(tmp_path).items(), "what was answered is kept"
    assert beside or all(owners(tmp_path).values()), "nothing is kept without an owner"
    living = [{"containerID": owner.partition("\n")[0], "ifname": "eth0"} for owner in set(given.values())]
    collected = executed(plugin, environment("GC"), conf(tmp_path) | {"cni.dev/valid-attachments": living})
    assert collected.code == 0
    assert owners(tmp_path) == given


def counted(monkeypatch: pytest.MonkeyPatch, fatal: int) -> None:
    """Kills the caller at its n-th change of the disk."""
    left = [fatal]

    def wrapped(name: str):
        real = getattr(os, name)

        def change(*args: Any, **more: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return real(*args, **more)

        monkeypatch.setattr(store_module.os, name, change)

    for name in ("open", "write", "link", "ftruncate"):
        wrapped(name)


def test_here_files_may_be_made_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Else the stories of killed callers below would tell of the plain way only."""
    monkeypatch.setattr(store_module, "_create", None)
    assert ours("host-local", environment("ADD"), conf(tmp_path)).code == 0


@pytest.mark.parametrize("step", range(1, 13))
def test_killed_at_any_step_a_call_leaves_nothing_that_its_del_does_not_free(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ours("host-local", environment("ADD", "before"), conf(tmp_path))
    with monkeypatch.context() as patch:
        counted(patch, step)
        try:
            ours("host-local", environment("ADD", "killed"), conf(tmp_path))
        except Killed:
            assert step <= 12
    assert all(owners(tmp_path).values()), "no file without its owner"
    assert ours("host-local", environment("DEL", "killed"), conf(tmp_path)).code == 0
    assert set(owners(tmp_path).values()) == {"before\neth0"}
    assert ours("host-local", environment("ADD", "after"), conf(tmp_path)).code == 0


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_on_a_full_disk_nothing_is_half_reserved(step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ours("host-local", environment("ADD", "before"), conf(tmp_path))
    before = reservations(tmp_path)
    left = [step]
    write = os.write

    def full(file: int, content: bytes) -> int:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, content)

    monkeypatch.setattr(store_module.os, "write", full)
    answer = ours("host-local", environment("ADD", "late"), conf(tmp_path))
    assert answer.code == 1
    assert answer.said["code"] == 999
    assert answer.said["msg"].endswith("no space left on device")
    assert answer.said["details"].endswith(
        "its file system is full; free some space and ask again; nothing was reserved"
    )
    after = reservations(tmp_path)
    assert {name: after[name] for name in after if "last" not in name} == {
        name: before[name] for name in before if "last" not in name
    }


def as_a_stranger(call: Callable[[], Answer]) -> Answer:
    """What a call answers when another user makes it."""
    ours_end, theirs_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(theirs_end, json.dumps(call()).encode())
        finally:
            os._exit(0)
    os.close(theirs_end)
    with os.fdopen(ours_end, "rb") as file:
        said = json.loads(file.read())
    os.waitpid(child, 0)
    return Answer(*said)


@pytest.mark.parametrize("lock, why", [(0o750, "permission denied"), (0o644, "10.244.1.3: permission denied")])
def test_a_store_that_another_user_owns_is_refused_with_what_to_do(lock: int, why: str):
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with TemporaryDirectory() as directory:  # pytest's own directories are closed to others
        os.chmod(directory, 0o755)
        store = Path(directory)
        ours("host-local", environment("ADD", "owner"), conf(store))
        (store / "net" / "lock").chmod(lock)
        before = reservations(store)
        answer = as_a_stranger(lambda: ours("host-local", environment("ADD"), conf(store)))
        assert (answer.code, answer.said["code"]) == (1, 999)
        assert answer.said["msg"].endswith(why)
        assert "run the plugin as the user who owns it" in answer.said["details"]
        assert reservations(store) == before


@pytest.mark.parametrize(
    "there, why",
    [
        ("file net", "mkdir STORE/net: not a directory"),
        ("directory net/lock", "is a directory"),
        ("directory net/last_reserved_ip.0",
         "failed to allocate for range 0: open STORE/net/last_reserved_ip.0: is a directory"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_is_named_as_the_reference_names_it_and_nothing_is_reserved(
    there: str, why: str, tmp_path: Path
):
    kind, _, name = there.partition(" ")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).mkdir() if kind == "directory" else (tmp_path / name).touch()
    answer = ours("host-local", environment("ADD"), conf(tmp_path))
    assert (answer.said["code"], answer.said["msg"].replace(str(tmp_path), "STORE")) == (999, why)
    assert owners(tmp_path) == {}


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "able")
def test_on_a_disk_that_is_really_full_nothing_is_half_reserved_and_with_room_again_all_is_well(tmp_path: Path):
    """A file system of 64 KiB in a mount namespace of its own, filled to the last byte; then one without inodes."""
    plugin = installed(tmp_path / "bin", "host-local") / "host-local"
    disk, fill = tmp_path / "disk", "cat /dev/zero > $0/fill; rm -rf $0/spare"

    def add(container: str) -> dict[str, Any]:
        return {"path": str(plugin), "env": environment("ADD", container), "stdin": conf(disk, "1.0.0")}

    picture = {"picture": str(disk)}
    answers = lab([
        {"run": ["mkdir", str(disk)]}, {"run": ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]},
        add("before"), {"run": ["sh", "-c", fill, str(disk)]}, add("late"), {"run": ["rm", str(disk / "fill")]}, picture,
        add("late"), picture,
        {"run": ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=5", "tmpfs", str(disk)]}, add("late"), picture,
    ])  # fmt: skip
    full, again, no_inodes = answers[4], answers[7], answers[10]
    assert full[1]["msg"] == f"failed to allocate for range 0: write {disk}/net/10.244.1.3: no space left on device"
    assert answers[6]["ipam_files"] == {
        "net/lock": "",
        "net/10.244.1.2": "before\neth0",
        "net/fd00:10:244:1::2": "before\neth0",
        "net/last_reserved_ip.0": "10.244.1.2",
        "net/last_reserved_ip.1": "fd00:10:244:1::2",
    }
    assert [each["address"] for each in again[1]["ips"]] == ["10.244.1.3/24", "fd00:10:244:1::3/64"]
    assert no_inodes[1]["msg"].endswith("no space left on device")
    assert "free some space and ask again" in no_inodes[1]["details"]
    assert not {name for name in answers[11]["ipam_files"] if "10.244.1" in name or "::" in name}


def test_where_files_without_names_are_unknown_the_plain_way_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    real = os.open

    def old(path: Any, flags: int, *more: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "not supported")
        return real(path, flags, *more)

    monkeypatch.setattr(store_module.os, "open", old)
    store = Store("net", str(tmp_path))
    assert store.reserve("c1", "eth0", "10.0.0.2", 0)
    assert not store.reserve("c2", "eth0", "10.0.0.2", 0)
    store.close()
    assert (tmp_path / "net" / "10.0.0.2").read_bytes() == b"c1\r\neth0"
