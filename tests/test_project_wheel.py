"""A wheel carries all that the course needs: installed elsewhere, it traces a packet and writes the class edition there."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def said(argv: list[str], cwd: Path, **env: str) -> str:
    done = subprocess.run(
        argv, cwd=cwd, capture_output=True, text=True, timeout=120, env={**os.environ, **env}, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = f"import hatchling.build; print(hatchling.build.build_wheel({str(folder)!r}))"
    return folder / said([sys.executable, "-c", build], ROOT, PYTHONPATH="").splitlines()[-1]


@pytest.fixture(scope="module")
def bin_(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel alone; what it needs besides is borrowed from this one by PYTHONPATH."""
    folder = tmp_path_factory.mktemp("fresh")
    said([sys.executable, "-m", "venv", "--without-pip", str(folder)], ROOT, PYTHONPATH="")
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--no-deps", "--no-index"]
    said([*pip, str(wheel)], folder, PYTHONPATH="")
    return scripts


def test_the_wheel_holds_every_file_of_data_and_the_masters(wheel: Path):
    held = {name.removeprefix("kubenet_course/shipped/") for name in zipfile.ZipFile(wheel).namelist()}
    if (ROOT / ".git").exists():
        tracked = said(["git", "ls-files", "data", "notebooks"], ROOT).splitlines()
    else:
        tracked = [path.relative_to(ROOT).as_posix() for path in (ROOT / "data").rglob("*") if path.is_file()]
    assert set(tracked) - held == set()


def test_an_editable_installation_holds_no_copy(tmp_path: Path):
    sources = 'import sys; sys.path.insert(0, "tools"); import ship; data = {"force_include": {}}\n'
    sources += 'ship.Ship.initialize(None, "editable", data); print(data)'
    assert said([sys.executable, "-c", sources], ROOT).strip() == "{'force_include': {}}"


def test_an_installed_wheel_answers_from_any_folder(bin_: Path, tmp_path: Path):
    borrowed = {"PYTHONPATH": sysconfig.get_path("purelib"), "KUBENET_HOME": ":memory:"}
    where = "from kubenet_course.data import data; print(data('clusters/two-nodes.yaml'))"
    cluster = said([str(bin_ / "python"), "-c", where], tmp_path, **borrowed).strip()
    assert Path(cluster).is_file()
    assert ROOT not in Path(cluster).parents
    asks = ["--from", "pod/default/client", "--to", "service/default/web:80"]
    assert "delivered to pod/default/web-2" in said(
        [str(bin_ / "kubenet"), "trace", cluster, *asks], tmp_path, **borrowed
    )
    written = said([str(bin_ / "kubenet"), "edition", "class", "out"], tmp_path, **borrowed).split()
    assert sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb")) == sorted(
        Path(one).name for one in written
    )
    assert "Your progress" in said([str(bin_ / "kubenet"), "progress"], tmp_path, **borrowed)
