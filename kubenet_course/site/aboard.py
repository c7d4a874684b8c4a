"""Python for the browser: pyodide as npm installs it, the one compiled package, and the course with what its chapters import."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..data import ROOT
from ..errors import BadInput

PACKAGE = Path(__file__).resolve().parents[1]
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
LOCK = "pyodide-lock.json"
COMPILED = "msgspec-*wasm32.whl"
COURSE = "course.zip"
OUTSIDE = ("cli", "__pycache__")  # the command line is of no use to a page
ELSEWHERE = ("pictures", "field")  # data that no chapter reads
# Names of the makers of network cards and radios, a megabyte of them, that scapy reads at its import and no chapter shows.
EMPTY = {"scapy/libs/manuf.py": b'DATA = ""\n', "scapy/libs/bluetoothids.py": b'DATA = ""\n'}
DAY = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold: the same bytes on every day


def python(pyodide: Path, modules: Iterable[str]) -> dict[str, bytes]:
    """The files that a page loads to run Python, by their names. `modules` are files of other packages. Raises BadInput."""
    files = {f"python/{name}": _content(pyodide / name) for name in PYODIDE}
    files[f"python/{LOCK}"] = _lock(_content(pyodide / LOCK))
    wheel = next((found for at in (pyodide, pyodide.parent) for found in sorted(at.glob(COMPILED))), None)
    if wheel is None:
        raise BadInput(str(pyodide), f"there is no {COMPILED} in it or beside it", "fetch it as .ci/run does")
    files["python/msgspec.zip"] = wheel.read_bytes()
    files[f"python/{COURSE}"] = zipped(_course() | _others(modules))
    return files


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise BadInput(str(path), "there is no such file", "name the folder node_modules/pyodide of npm") from None


def _lock(data: bytes) -> bytes:
    """pyodide's list of packages, without those that nobody loads."""
    lock = json.loads(data)
    return json.dumps({**lock, "packages": {}}, sort_keys=True).encode()


def _course() -> dict[str, bytes]:
    """The package itself and its data, laid out as a checkout: `data.py` looks for pyproject.toml."""
    every = (path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix in (".py", ".js", ".css"))
    inside = [path for path in every if not set(OUTSIDE) & set(path.relative_to(PACKAGE).parts)]
    kept = [path for path in inside if "assets" not in path.parts or path.suffix == ".py"]
    files = {f"kubenet_course/{path.relative_to(PACKAGE).as_posix()}": path.read_bytes() for path in kept}
    data = [path for path in ROOT.rglob("*") if path.is_file() and path.relative_to(ROOT).parts[0] not in ELSEWHERE]
    files |= {f"data/{path.relative_to(ROOT).as_posix()}": path.read_bytes() for path in data}
    return files | {"pyproject.toml": b"", "notebooks/.keep": b""}


def _others(modules: Iterable[str]) -> dict[str, bytes]:
    """Files of other packages, by where they stand below their site-packages. msgspec comes as it was compiled for browsers."""
    paths = {Path(name).as_posix().rpartition("site-packages/")[2]: Path(name) for name in modules}
    return {name: path.read_bytes() for name, path in paths.items() if not name.startswith("msgspec/")} | EMPTY


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip file that depends on nothing but what it holds."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, DAY), data, zipfile.ZIP_DEFLATED, 9)
    return whole.getvalue()
