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
from typing import Any

import pytest
from cni_calls import Answer, environment, executed, installed, ours, reservations

from kubenet_course.kube.cni import store as store_module
from kubenet_course.kube.cni.store import Store

CALLERS = 50


class Killed(BaseException):
    """Stands for SIGKILL: nothing after this point happens."""


def conf(data: Path, **ipam: Any) -> dict[str, Any]:
    both = [[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:10:244:1::/64"}]]
    return {"cniVersion": "1.1.0", "name": "net", "ipam": {"ranges": both, "dataDir": str(data), **ipam}}


def owners(data: Path) -> dict[str, str]:
    """Who has which address."""
    files = reservations(data / "net").items()
    return {name: owner for name, owner in files if name != "lock" and not name.startswith("last_reserved_ip.")}


def test_of_fifty_callers_at_once_some_killed_no_address_is_given_twice_and_none_is_lost(tmp_path: Path, seed: int):
    """The killed leave at most what a DEL or a GC finds: after GC the store is the living, file by file."""
    chance = random.Random(seed)
    plugin = installed(tmp_path / "bin", "host-local") / "host-local"
    document = json.dumps(conf(tmp_path)).encode()
    running = []
    for number in range(CALLERS):
        env = {"PATH": os.environ["PATH"], **environment("ADD", f"c{number}")}
        caller = subprocess.Popen([plugin], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        caller.stdin.write(document)
        caller.stdin.close()
        running.append((f"c{number}", caller))
    for _, caller in chance.sample(running, CALLERS // 3):
        time.sleep(chance.uniform(0, 0.05))
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
    assert all(owners(tmp_path).values()), "nothing is kept without an owner"
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


def test_a_store_that_another_user_owns_is_refused_with_what_to_do(tmp_path: Path):
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    ours("host-local", environment("ADD", "owner"), conf(tmp_path))
    before = reservations(tmp_path)
    at = os.open(tmp_path, os.O_PATH)  # pytest's directories are closed to others; a descriptor leads past them
    answer = as_a_stranger(lambda: ours("host-local", environment("ADD"), conf(Path(f"/proc/self/fd/{at}"))))
    os.close(at)
    assert (answer.code, answer.said["code"]) == (1, 999)
    assert answer.said["msg"].endswith("permission denied")
    assert "run the plugin as the user who owns it" in answer.said["details"]
    assert reservations(tmp_path) == before


def test_a_data_directory_that_cannot_be_made_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    answer = ours("host-local", environment("ADD"), conf(tmp_path / "file"))
    assert answer.said["code"] == 999
    assert answer.said["msg"] == f"mkdir {tmp_path / 'file' / 'net'}: not a directory"


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
