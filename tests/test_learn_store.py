"""Progress on disk: killed while saving, two notebooks at once, damaged and future files, a folder that cannot be written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time

import pytest

from kubenet_course.errors import BadInput
from kubenet_course.learn.record import store as stores
from kubenet_course.learn.record.book import Book, answered
from kubenet_course.learn.record.store import FORMAT, NAME, Store, encoded, imported

FULL_AND_READ_ONLY = """
import json, subprocess, sys
from pathlib import Path
from kubenet_course.learn.record.book import answered
from kubenet_course.learn.record.store import NAME, Store, decoded

def mount(*options):
    subprocess.run(["mount", *options, sys.argv[1]], check=True)

def save(name):
    kept.update(lambda book: answered(book, name, False, "x" * 2000))
    return kept.notice

def on_disk():
    return len(decoded((kept.at / NAME).read_bytes()).items)

mount("-t", "tmpfs", "-o", "size=64k", "tmpfs")
kept, told = Store(Path(sys.argv[1])), {}
notices = [save(f"00-{number:02}") for number in range(30)]
told["full"] = [notices[0], notices[-1], on_disk(), len(kept.read().items)]
mount("-o", "remount,size=10m")
told["room again"] = [save("00-room"), on_disk()]
mount("-o", "remount,ro")
told["read-only"] = [save("00-ro"), on_disk(), len(kept.read().items), len(Store(kept.at).read().items)]
mount("-o", "remount,rw")
told["writable again"] = [save("00-rw"), on_disk()]
print(json.dumps(told))
"""
SAVES = """
import sys
from pathlib import Path
from kubenet_course.learn.record.book import answered
from kubenet_course.learn.record.store import Store
store = Store(Path(sys.argv[1]))
name, count = sys.argv[2], int(sys.argv[3])
for number in range(count):
    store.update(lambda book: answered(book, f"{name}-{number:05}", False, "x" * 2000))
    print(number, flush=True)
"""


def saver(folder, name: str, count: int) -> subprocess.Popen:
    program = textwrap.dedent(SAVES)
    return subprocess.Popen(
        [sys.executable, "-c", program, str(folder), name, str(count)], stdout=subprocess.PIPE, text=True
    )


def solve(at, id: str) -> Store:
    kept = Store(at)
    kept.update(lambda book: answered(book, id, True, "right"))
    return kept


def test_what_one_process_keeps_the_next_one_finds(tmp_path):
    solve(tmp_path, "00-source")
    assert Store(tmp_path).read().item("00-source").solved


def test_thirty_times_killed_while_saving_loses_nothing_that_was_said_to_be_saved(tmp_path):
    confirmed = set()
    for turn in range(30):
        name = f"{turn:02}"
        with saver(tmp_path, name, 100_000) as process:
            seen = [process.stdout.readline() for _ in range(1 + turn % 4)]
            time.sleep(0.0007 * turn)
            process.kill()
            lines = "".join(seen) + process.stdout.read()
        whole = lines.split("\n")[:-1]  # the last line may have been cut off
        confirmed |= {f"{name}-{int(line):05}" for line in whole}
        kept = Store(tmp_path)
        assert confirmed <= set(kept.read().items), turn
        assert kept.notice == ""
    assert len(confirmed) >= 30


def test_two_notebooks_at_once_add_up(tmp_path):
    with saver(tmp_path, "00", 40) as one, saver(tmp_path, "01", 40) as other:
        assert [process.communicate()[1] for process in (one, other)] == [None, None]
    assert (one.returncode, other.returncode) == (0, 0)
    assert len(Store(tmp_path).read().items) == 80


def test_two_stores_in_one_process_see_each_others_changes(tmp_path):
    one, other = solve(tmp_path, "00-source"), solve(tmp_path, "00-hops")
    assert set(one.read().items) == set(other.read().items) == {"00-source", "00-hops"}


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"{", b"\xff\xfe", b"[]", b'{"items": {}}', b'{"format": "one"}', b'{"format": 1, "items": 5}', b"null"),
        b"[" * 100_000,
        b"\0" * 4096,
        b'{"format": 1, "items": {"0-x": {"missed": 1}}}',
        b'{"format": 1, "items": {"00-x": {"recalled": ["soon"]}}}',
        b'{"format": 1, "items": {"00-x": {"tries": -1}}}',
    ],
    ids=range(13),
)
def test_a_damaged_file_is_kept_aside_said_so_and_the_save_before_it_is_used(tmp_path, damage):
    solve(tmp_path, "00-source")
    solve(tmp_path, "00-hops")
    (tmp_path / NAME).write_bytes(damage)
    kept = Store(tmp_path)
    assert kept.read().item("00-source").solved
    assert "was damaged" in kept.notice and "progress.damaged-1.json" in kept.notice
    assert (tmp_path / "progress.damaged-1.json").read_bytes() == damage
    assert Store(tmp_path).read().item("00-source").solved


def test_a_second_damaged_file_does_not_overwrite_the_first(tmp_path):
    for damage in (b"one", b"two"):
        solve(tmp_path, "00-source")
        (tmp_path / NAME).write_bytes(damage)
        Store(tmp_path).read()
    assert [(tmp_path / f"progress.damaged-{n}.json").read_bytes() for n in (1, 2)] == [b"one", b"two"]


def test_a_damaged_file_without_one_before_it_begins_anew_and_says_so(tmp_path):
    (tmp_path / NAME).write_bytes(b"x")
    kept = Store(tmp_path)
    assert kept.read() == Book()
    assert kept.notice.endswith("progress begins anew.")


def test_a_file_of_a_later_release_is_left_alone_and_the_session_still_remembers(tmp_path):
    future = json.dumps({"format": FORMAT + 1, "items": {"00-source": {"stars": 5}}}).encode()
    (tmp_path / NAME).write_bytes(future)
    kept = solve(tmp_path, "00-hops")
    assert "later release" in kept.notice
    assert kept.read().item("00-hops").solved
    assert (tmp_path / NAME).read_bytes() == future


def test_a_file_of_an_earlier_release_is_upgraded(tmp_path, monkeypatch):
    monkeypatch.setitem(
        stores.UPGRADES, 0, lambda old: {"format": 1, "items": {id: {"solved": True} for id in old["done"]}}
    )
    (tmp_path / NAME).write_text(json.dumps({"format": 0, "done": ["00-source"]}))
    assert Store(tmp_path).read().item("00-source").solved
    solve(tmp_path, "00-hops")
    assert set(json.loads((tmp_path / NAME).read_text())["items"]) == {"00-source", "00-hops"}


def test_a_folder_that_cannot_be_made_is_said_and_the_session_still_remembers(tmp_path):
    (tmp_path / "file").write_text("")
    kept = solve(tmp_path / "file" / "below", "00-source")
    assert kept.notice.startswith("Nothing is saved")
    assert kept.read().item("00-source").solved


def test_a_full_disk_is_said_the_old_file_stays_and_a_later_save_brings_all(tmp_path, monkeypatch):
    kept = solve(tmp_path, "00-source")
    before = (tmp_path / NAME).read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        kept.update(lambda book: answered(book, "00-hops", True, "62"))
        assert "No space left on device" in kept.notice
        assert (tmp_path / NAME).read_bytes() == before
    kept.update(lambda book: answered(book, "00-verdict", True, "refused"))
    assert set(Store(tmp_path).read().items) == {"00-source", "00-hops", "00-verdict"}


def test_a_disk_that_is_full_or_read_only_keeps_what_was_saved_and_the_session_keeps_the_rest(tmp_path):
    """On a small disk of its own, in a mount namespace: nothing here is pretended."""
    unshare = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("no mount namespace can be made here")
    argv = [*unshare, sys.executable, "-c", FULL_AND_READ_ONLY, str(tmp_path)]
    told = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    first, last, saved, remembered = told["full"]
    assert first == "" and "No space left on device. It is remembered until this kernel ends." in last
    assert 0 < saved < remembered == 30
    assert told["room again"] == ["", 31]
    notice, saved, remembered, seen_by_others = told["read-only"]
    assert notice.startswith("Nothing is saved") and "Read-only file system" in notice
    assert (saved, remembered, seen_by_others) == (31, 32, 31)
    assert told["writable again"] == ["", 33]


def test_a_lock_that_somebody_holds_is_waited_for_and_then_said(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "PATIENCE", 0.05)
    solve(tmp_path, "00-verdict")
    with stores.FileLock(tmp_path / stores.LOCK):
        kept = solve(tmp_path, "00-source")
        assert "another notebook has been saving" in kept.notice
        assert set(kept.read().items) == {"00-source", "00-verdict"}
        (tmp_path / NAME).write_bytes(b"{")
        assert kept.read().item("00-source").solved and kept.notice.endswith("is damaged.")
        assert (tmp_path / NAME).read_bytes() == b"{"
    (tmp_path / NAME).unlink()
    kept.update(lambda book: answered(book, "00-hops", True, "62"))
    assert set(Store(tmp_path).read().items) == {"00-source", "00-verdict", "00-hops"}


def test_the_folder_is_the_persons_own_and_kubenet_home_names_another(tmp_path, monkeypatch):
    monkeypatch.delenv("KUBENET_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if sys.platform == "linux":
        assert stores.folder() == tmp_path / "data" / "kubenet-course"
    monkeypatch.setenv("KUBENET_HOME", str(tmp_path / "here"))
    assert stores.folder() == tmp_path / "here"


def test_in_memory_nothing_touches_the_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("KUBENET_HOME", ":memory:")
    stores.Store(stores.folder()).update(lambda book: answered(book, "00-source", True, "right"))
    assert list(tmp_path.iterdir()) == []


def test_only_the_person_may_look_into_the_folder(tmp_path):
    solve(tmp_path / "kubenet", "00-source")
    assert (tmp_path / "kubenet").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "data, told", [(b"{}", "no progress"), (b"hello", "no progress"), (b'{"format": 9}', "update")]
)
def test_what_is_no_export_is_refused_in_a_sentence(data, told):
    with pytest.raises(BadInput, match=told):
        imported(data, "file")


def test_an_export_is_imported(tmp_path):
    book = answered(Book(), "00-source", True, "right")
    assert imported(encoded(book), "file") == book
