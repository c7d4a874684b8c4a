"""From `python3 run.py lab` to the first traced packet on the screen, in an environment that is installed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from labdrive import CHROMIUM, FLAGS, FOLDERS, RUN_ALL
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 15  # what the course promises
YES = ".jp-Dialog .jp-mod-accept"
HERE = ".kn-stepper svg .kn-here"
SCROLL = """async () => {
    const page = document.querySelector('.jp-WindowedPanel-outer');
    for (let tries = 0; tries < 40 && !document.querySelector('.kn-stepper svg .kn-here'); tries++) {
        page.scrollTop = Math.min(page.scrollTop + 150, 2500);
        await new Promise((next) => setTimeout(next, 100));
    }
}"""

pytestmark = pytest.mark.slow


@pytest.fixture
def address(tmp_path):
    """Where run.py's JupyterLab says that it is, and when it was started."""
    if shutil.which(CHROMIUM) is None:
        pytest.skip("chromium is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = os.environ | {name: str(tmp_path / folder) for name, folder in FOLDERS.items()}
    env |= {"KUBENET_HOME": str(tmp_path / "home")}
    argv = [sys.executable, "run.py", "lab", "--no-browser", "--port", str(port)]
    started, pipes = time.monotonic(), {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(argv, cwd=ROOT, env=env, start_new_session=True, **pipes) as server:
        try:
            found = (re.search(rf"http://127\.0\.0\.1:{port}/lab\S*", line) for line in server.stdout)
            yield next(match[0] for match in found if match), started
        finally:
            os.killpg(server.pid, signal.SIGTERM)


def test_from_run_py_lab_to_the_first_packet(address, note):
    url, started = address
    with sync_playwright() as driver, driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(url)
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=60_000)
        page.wait_for_load_state("networkidle")  # what draws widgets has come
        # Right after opening JupyterLab may ask for the kernel, or drop the command; a person says yes, and asks again.
        for _ in range(3):
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.locator(RUN_ALL).first.click()
            page.wait_for_timeout(200)
            if page.locator(YES).count():
                page.locator(YES).first.click()
            page.evaluate(SCROLL)
            if page.locator(HERE).count():
                break
        page.wait_for_selector(HERE, timeout=10_000)
        took = time.monotonic() - started
    note(f"from run.py lab to the first traced packet: {took:.1f} s ({SECONDS} s is the figure)")
    assert took < 3 * SECONDS  # the figure is for a machine that has nothing else to do
