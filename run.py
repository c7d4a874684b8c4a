#!/usr/bin/env python3
"""Makes the course's environment when it has to, then opens the course, tests it, builds it or measures it.

Standard library only. The environment is the folder .venv beside this file; nothing else on the machine changes.
A stamp in it says what it was made from. It is written last, so that a run that was stopped is noticed by the next.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file is also what an old Python reads first
    sys.exit("run.py needs Python 3.11 or newer; %s is %d.%d.%d." % (sys.executable, *sys.version_info[:3]))  # noqa: UP031

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
WINDOWS = os.name == "nt"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = BIN / ("python.exe" if WINDOWS else "python")
STAMP = VENV / "kubenet-course.json"
SOURCES = ("pyproject.toml", "constraints.txt", "tools/jupyterlab-overrides.json")
FIRST_PAGE = "notebooks/00-start-here.ipynb"
BASE = getattr(sys, "_base_executable", None) or sys.executable  # never the .venv that may have to go

OVERVIEW = """\
python3 run.py lab     open the course in JupyterLab            [--no-browser] [--port N]
python3 run.py test    run every test and every notebook        [arguments of pytest]
python3 run.py build   rebuild the notebooks from notebooks/src [NN-name ...]
python3 run.py bench   print the performance table              [words of a measurement's name ...]
python3 run.py site    write the course as pages for a browser  [OUT/, options of `kubenet site`]

The first run makes the environment in .venv: about a minute, over the network. Later runs need neither."""


class Stop(Exception):
    """A reason to stop that a person can act on, in one sentence."""


def say(line: str) -> None:
    print(f"run.py: {line}", flush=True)


def wanted(root: Path, extras: list[str]) -> dict:
    """The stamp of a complete environment: its place, what it was made from, what it holds."""
    sources = [(root / name).read_bytes() for name in SOURCES]
    return {"place": str(root), "digest": hashlib.sha256(b"\0".join(sources)).hexdigest(), "extras": extras}


def stamped() -> dict:
    """What the stamp says; an absent or damaged one says nothing."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(stamp: dict) -> None:
    """In one move: a reader sees the old stamp or the new one."""
    fresh = STAMP.with_suffix(".new")
    fresh.write_text(json.dumps(stamp))
    fresh.replace(STAMP)


def is_current(stamp: dict, want: dict) -> bool:
    """True when nothing has to be installed: same place, same sources, at least the wanted extras."""
    same = all(stamp.get(key) == want[key] for key in ("place", "digest"))
    return same and set(want["extras"]) <= set(stamp.get("extras", ()))


def is_usable(stamp: dict) -> bool:
    """True when the environment can be installed into; else it is made anew.

    Unusable: its making was stopped, it was moved or copied (its paths are absolute), its Python was replaced or removed.
    """
    python = str(PYTHON.resolve())
    moved = stamp.get("place", str(ROOT)) != str(ROOT) or stamp.get("python", python) != python
    return PYTHON.exists() and (VENV / "pyvenv.cfg").exists() and not moved and not stamp.get("unfinished")


def environ() -> dict:
    """This process's environment without what would change which packages are found or where they go."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    path = f"{BIN}{os.pathsep}{env.get('PATH', os.defpath)}"  # JupyterLab's terminals find `kubenet`
    env.update(PATH=path, PIP_USER="0", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    if not os.access(os.path.expanduser("~"), os.W_OK):  # Jupyter and matplotlib need a home that they can write to
        env["HOME"] = str(VENV / "home")
        os.makedirs(env["HOME"], exist_ok=True)
    return env


def run_quietly(argv: list, lock: int) -> tuple:
    """Runs a program to its end; returns whether it succeeded, and its last lines.

    On a terminal its latest line is shown, overwritten by the next. The program holds our lock too: should this
    process be killed, the next run waits until the orphan is done. Its process group is its own, so that stopping it
    stops what it started.
    """
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    try:
        ours = {} if WINDOWS else {"pass_fds": (lock,), "start_new_session": True}
        child = subprocess.Popen(argv, **pipes, env=environ(), cwd=ROOT, **ours)
    except OSError as error:
        return False, [str(error)]
    lines: list = []
    clear, width = ("\r\033[K" if sys.stdout.isatty() else ""), shutil.get_terminal_size().columns - 3
    with child:
        try:
            for line in child.stdout:
                lines = [*lines[-14:], line.decode(errors="replace").rstrip()]
                if clear:
                    print(f"{clear}  {lines[-1].strip():.{width}}", end="", flush=True)
            return child.wait() == 0, lines
        except BaseException:
            with contextlib.suppress(OSError):
                child.terminate() if WINDOWS else os.killpg(child.pid, signal.SIGTERM)
            raise
        finally:
            print(clear, end="", flush=True)


def installers(lock: int) -> Iterator:
    """The programs at hand that can install into the environment, best first."""
    uv = [shutil.which("uv") or "uv"]
    own = [str(PYTHON), "-m", "pip"]
    outer = [BASE, "-m", "pip", "--python", str(PYTHON)]
    if run_quietly([*uv, "--version"], lock)[0]:
        yield [*uv, "pip", "install", "--python", str(PYTHON)]
    for pip in (own, outer):
        if run_quietly([*pip, "--version"], lock)[0]:
            yield [*pip, "install"]
            return


def remove_venv() -> None:
    """The file that makes it an environment goes first: half a removal leaves nothing that looks whole."""
    (VENV / "pyvenv.cfg").unlink(missing_ok=True)
    if VENV.exists():
        shutil.rmtree(VENV)


def make_venv(lock: int) -> None:
    """An environment with something that can install into it: by uv, by venv, by venv and a pip outside it."""
    uv = [shutil.which("uv") or "uv", "venv", "--allow-existing", "--python", BASE]
    for argv in (uv, [BASE, "-m", "venv"], [BASE, "-m", "venv", "--without-pip"]):
        remove_venv()
        VENV.mkdir()
        write_stamp({"unfinished": True})
        made, lines = run_quietly([*argv, str(VENV)], lock)
        if made and next(installers(lock), None):
            return
    reason = next((line for line in reversed(lines) if line), "neither it nor the environment has pip")
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    raise Stop(f"{BASE} makes no environment ({reason}); on Debian and Ubuntu do: sudo apt-get install {package}")


def install(extras: list, lock: int) -> None:
    """The project itself, editable, with the exact versions of constraints.txt."""
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    lines: list = []
    for argv in installers(lock):
        done, lines = run_quietly([*argv, "-c", str(ROOT / "constraints.txt"), "-e", target], lock)
        if done:
            return
    print("\n".join(f"  {line}" for line in lines), file=sys.stderr)
    raise Stop("the packages could not be installed, as said above; is the network there? The next run tries again.")


def hold_lock() -> int:
    """One run.py at a time changes the environment; the folder itself is the lock (on Windows, a file beside it)."""
    if WINDOWS:
        import msvcrt

        lock = os.open(VENV.with_suffix(".lock"), os.O_RDWR | os.O_CREAT)
        msvcrt.locking(lock, msvcrt.LK_LOCK, 1)
        return lock
    import fcntl

    lock = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another run.py is installing here; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def prepare(extras: list) -> None:
    """Makes the environment and installs what is wanted, unless the stamp says that it is done."""
    want = wanted(ROOT, extras)
    if is_current(stamped(), want) and is_usable(stamped()):
        return
    lock = hold_lock()
    stamp = stamped()  # the run that we waited for may have written it
    if not is_usable(stamp) or not next(installers(lock), None):
        say("[1/2] making the environment .venv")
        make_venv(lock)
        stamp = {}
    if not is_current(stamp, want):
        want["extras"] = sorted({*extras, *stamp.get("extras", ())})
        say("[2/2] installing the packages, which takes about a minute")
        write_stamp({"unfinished": True})
        try:
            install(want["extras"], lock)
        except Stop:
            write_stamp(stamp)  # nothing was changed: what worked still works
            raise
        write_stamp({**want, "python": str(PYTHON.resolve())})
    os.close(lock)


def lab_argv(options: list) -> list:
    """JupyterLab on this machine only, at the first page."""
    parser = argparse.ArgumentParser("run.py lab", description="open the course in JupyterLab")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=int, metavar="N", help="listen here (default: 8888, or the next that is free)")
    chosen = parser.parse_args(options)
    argv = ["jupyterlab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={ROOT}"]
    argv += [f"--LabApp.default_url=/lab/tree/{FIRST_PAGE}", "--LabApp.extension_manager=readonly"]
    if chosen.port is not None:
        argv += [f"--ServerApp.port={chosen.port}", "--ServerApp.port_retries=0"]
    return argv + ["--no-browser"] * chosen.no_browser + ["--allow-root"] * (not WINDOWS and os.geteuid() == 0)


def main(argv: list) -> int:
    """This process becomes the program that does what is asked; comes back only when it cannot."""
    command, options = (argv or ["help"])[0], argv[1:]
    programs = {
        "test": ["pytest"],
        "build": ["tools.build"],
        "bench": ["tools.bench"],
        "site": ["kubenet_course", "site"],
    }
    if command in ("help", "-h", "--help"):
        print(OVERVIEW)
        return 0
    if command != "lab" and command not in programs:
        say(f"{command!r} is no command; lab, test, build, bench and site are.")
        return 2
    module = lab_argv(options) if command == "lab" else programs[command] + options
    try:
        prepare([] if command in ("lab", "site") else ["test"])
        say(f"starting {module[0]}")
        os.chdir(ROOT)
        if WINDOWS:  # there the caller would not wait for what takes this process's place
            return subprocess.call([str(PYTHON), "-m", *module], env=environ())
        os.execve(PYTHON, [str(PYTHON), "-m", *module], environ())
    except Stop as stop:
        say(str(stop))
    except OSError as error:
        say(f"{error.strerror}: {error.filename}; this folder must be writable, and its disk must have room.")
    except KeyboardInterrupt:
        say("stopped; the next run takes it up again.")
        return 130
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
