"""A chapter as a page without a kernel: `jupyter nbconvert --to html`, as installed with the course, shows all that is stored."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import nbformat
import pytest

from kubenet_course.learn import bank
from tools import build

CHAPTERS = pytest.mark.parametrize("master", build.masters()[:4], ids=lambda master: master.stem)
IMAGE = re.compile(r'<img alt="([^"]*)"[^>]*src="data:image/png')


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """What the wheel lays into the environment, in a folder of its own."""
    home, ours = tmp_path_factory.mktemp("jupyter"), build.ROOT / "tools" / "nbconvert"
    template = home / "nbconvert" / "templates" / "kubenet"
    template.mkdir(parents=True)
    for name in ("conf.json", "index.html.j2"):
        shutil.copy(ours / name, template)
    shutil.copy(ours / "config.json", home / "jupyter_nbconvert_config.json")
    return home


@CHAPTERS
def test_every_picture_has_words_and_no_widget_is_a_blank(master, installed, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", str(installed))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(installed))
    argv = [sys.executable, "-m", "nbconvert", "--to", "html", "--output-dir", str(tmp_path)]
    subprocess.run([*argv, str(build.notebook_of(master))], check=True, capture_output=True, timeout=120)
    page = (tmp_path / f"{master.stem}.html").read_text(encoding="utf-8")
    outputs = [one for cell in nbformat.read(build.notebook_of(master), 4).cells for one in cell.get("outputs", ())]
    # An output with HTML of its own is shown by that.
    pictures = [one for one in outputs if "image/png" in one.get("data", {}) and "text/html" not in one.data]
    words = [unescape(alternative) for alternative in IMAGE.findall(page)]
    assert len(words) == len(pictures)
    assert all(len(alternative.split()) > 5 for alternative in words)
    assert "No description has been provided" not in page
    assert '<script type="application/vnd.jupyter.widget-view' not in page
    for question in bank.predictions(master.stem[:2]):
        assert f"Predict ({question.id})" in page and f"What happens ({question.id})" in page
