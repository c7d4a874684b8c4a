"""Calls of CNI plugins for tests: recorded ones, ours in this process, and any executable."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from kubenet_course.cni.bridge import plugin as plugin_bridge
from kubenet_course.cni.contract import skel
from kubenet_course.cni.host_local import plugin as plugin_host_local
from kubenet_course.cni.portmap import plugin as plugin_portmap

ROOT = Path(__file__).parent.parent
RECORDED = ROOT / "data" / "reference" / "cni-plugins-1.9.1"
REFERENCE = Path("/usr/lib/cni")
COMMANDS = {"host-local": plugin_host_local.COMMANDS, "bridge": plugin_bridge.COMMANDS}
COMMANDS |= {"portmap": plugin_portmap.COMMANDS}


class Answer(NamedTuple):
    """What came out of one call; standard output is parsed when it is JSON."""

    code: int
    said: Any
    stderr: str = ""


def interpreter(python: str) -> str:
    """A first line that finds a Python whose path has spaces in it, which `#!` cannot: a shell reads it as a command,
    Python as a text."""
    return f"""#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
"""


def steps_of(name: str) -> list[dict[str, Any]]:
    """The steps of one recorded file."""
    return json.loads((RECORDED / f"{name}.json").read_text())["steps"]


def parsed(text: str) -> Any:
    """Plain values when the text is one JSON document, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def document_of(stdin: Any) -> bytes:
    """Standard input as bytes, from a recorded or written configuration."""
    return (stdin if isinstance(stdin, str) else json.dumps(stdin)).encode()


def environment(command: str, container: str = "c1", ifname: str = "eth0", **more: str) -> dict[str, str]:
    """A complete CNI environment; an empty value stands for a variable that is missing."""
    env = {"CNI_COMMAND": command, "CNI_CONTAINERID": container, "CNI_IFNAME": ifname}
    env |= {"CNI_NETNS": "/var/run/netns/none", "CNI_PATH": str(REFERENCE)} | more
    return {name: value for name, value in env.items() if value}


def ours(plugin: str, env: dict[str, str], stdin: Any) -> Answer:
    """Our plugin, in this process."""
    out, err = io.StringIO(), io.StringIO()
    code = skel.answer(plugin, COMMANDS[plugin], env, io.BytesIO(document_of(stdin)), out, err)
    return Answer(code, parsed(out.getvalue()), err.getvalue())


def executed(path: Path | str, env: dict[str, str], stdin: Any) -> Answer:
    """Any plugin, as a runtime would start it."""
    env = {"PATH": os.environ["PATH"], **env}
    done = subprocess.run([str(path)], env=env, input=document_of(stdin), capture_output=True, timeout=60, check=False)
    return Answer(done.returncode, parsed(done.stdout.decode()), done.stderr.decode())


def reservations(directory: Path) -> dict[str, str]:
    """The files below a data directory, by their path within it; line ends as the recordings show them."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes().decode().replace("\r\n", "\n") for path in files}


def moved(document: Any, old: str, new: str) -> Any:
    """A recorded value with one directory put in another's place."""
    return json.loads(json.dumps(document).replace(old, new))


def installed(directory: Path, *plugins: str) -> Path:
    """A directory with our plugins as executables, under their own names and under the reference's."""
    directory.mkdir(parents=True, exist_ok=True)
    for plugin in plugins:
        module = f"kubenet_course.cni.{plugin.replace('-', '_')}.plugin"
        script = f"{interpreter(sys.executable)}import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom {module} import main\nmain()\n"
        for name in (f"kubenet-{plugin}", plugin):
            (directory / name).write_text(script)
            (directory / name).chmod(0o755)
    return directory
