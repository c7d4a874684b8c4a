"""What a Windows machine would meet, as far as it can be tried here: POSIX-only modules and calls are taken away.

None of this was run on Windows.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Third parties load what their own Windows branches would not; then the words that Windows lacks are gone.
HIDE = """
import os, sys
import scapy.layers.all, ipywidgets, anywidget, matplotlib.figure, IPython, networkx, click, yaml, msgspec
import filelock, platformdirs, subprocess, tempfile, pytest, shutil
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "crypt", "nis", "readline"):
    sys.modules[name] = None
for name in ("fork", "geteuid", "getuid", "getgid", "getegid", "killpg", "setsid", "setns", "unshare", "waitid", "O_CLOEXEC",
             "O_TMPFILE", "O_DIRECTORY", "O_NOFOLLOW", "chown", "mkfifo", "uname", "getpgid", "sched_getaffinity", "WNOHANG"):
    if hasattr(os, name):
        delattr(os, name)
import signal, socket
for name in ("SIGKILL", "SIGXCPU", "setitimer", "alarm", "SIGALRM"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("AF_PACKET", "AF_UNIX", "AF_NETLINK", "CMSG_LEN"):
    if hasattr(socket, name):
        delattr(socket, name)
"""
EVERY = """
import importlib, pkgutil, kubenet_course
for found in pkgutil.walk_packages(kubenet_course.__path__, "kubenet_course."):
    if not found.name.startswith("kubenet_course.trial.") or found.name.endswith(".run"):
        importlib.import_module(found.name)
"""
TRACED = """
from kubenet_course.cli import _ran
from kubenet_course.data import data
asks = ["--from", "pod/default/client", "--to", "service/default/web:80"]
assert _ran(["trace", str(data("clusters/two-nodes.yaml")), *asks, "--reply"]) == 0
assert _ran(["plan", "--nodes", "2"]) == 0
assert _ran(["progress"]) == 0
from kubenet_course.cni.node.node import Node
node = Node()
node.sandbox("web")
ipam = {"type": "host-local", "subnet": "10.244.1.0/24"}
conf = {"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "bridge", "bridge": "cni0", "ipam": ipam}]}
import sys, types
sys.modules["msvcrt"] = types.SimpleNamespace(locking=lambda *said: None, LK_LOCK=1, LK_UNLCK=0)
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "fcntl" else found(name, *more)
import kubenet_course.cni.host_local.lock as lock
lock.find_spec = importlib.util.find_spec
answer = node.add(conf, "web")
assert answer.error is None, answer.error
"""


def ran(code: str, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "KUBENET_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", HIDE + code], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "code", [EVERY, TRACED], ids=["every module is imported", "models, progress and a plugin chain answer"]
)
def test_without_what_only_posix_has(code: str, tmp_path: Path):
    ran(code, tmp_path)


def test_run_py_finds_the_environments_programs_where_windows_puts_them():
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.modules['fcntl'] = None\n"
    code += "import argparse, os, pathlib, shutil, subprocess, tempfile, hashlib\n"
    code += "pathlib.WindowsPath = pathlib.PosixPath; os.name = 'nt'\nimport run\n"
    code += "assert run.PYTHON.parts[-3:] == ('.venv', 'Scripts', 'python.exe'), run.PYTHON\n"
    code += "del os.geteuid\nassert '--allow-root' not in run.lab_argv([])\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_no_module_asks_for_a_posix_only_module_when_it_is_imported():
    heads = [path for path in (ROOT / "kubenet_course").rglob("*.py") if path.parent.name != "trial"]
    for path in [*heads, ROOT / "run.py"]:
        for line in path.read_text().splitlines():
            assert not line.startswith(("import fcntl", "import resource", "import pwd", "from fcntl")), path
