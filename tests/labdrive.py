"""Drives JupyterLab in a headless Chromium, as a learner would: open a notebook, run all cells, press keys, look.

`with Lab(root) as lab:` starts a server of its own on loopback, with configuration folders of its own, and stops it by its
process group. What the pages wrote to the console, their errors, and every request that left loopback are kept in lists.
JupyterLab saves changed notebooks now and then: give it a folder of copies.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

OVERRIDES = Path(__file__).resolve().parent.parent / "tools" / "jupyterlab-overrides.json"
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--disable-dev-shm-usage", "--force-color-profile=srgb",
]  # fmt: skip
INSIDE = re.compile(r"(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:|about:")
TOKEN = "kubenet"
NOISY = ["@jupyterlab/debugger-extension"]  # complains, now and then, of a request of its own that came too early
FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "run",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}
BUSY = """() => {
    const says = document.querySelector('.jp-Notebook-ExecutionIndicator');
    const waits = [...document.querySelectorAll('.jp-InputPrompt')].some((one) => one.textContent.includes('[*]'));
    return waits || (says && says.dataset.status !== 'idle');
}"""
RAN = (
    "() => [...document.querySelectorAll('.jp-InputPrompt')].filter((one) => /\\[\\d+\\]/.test(one.textContent)).length"
)
SCROLL = """async () => {
    const page = document.querySelector('.jp-WindowedPanel-outer') || document.querySelector('.jp-Notebook');
    for (let y = 0; y < page.scrollHeight; y += 400) { page.scrollTop = y; await new Promise((r) => setTimeout(r, 60)); }
    page.scrollTop = 0;
}"""
FAILED = """() => [...document.querySelectorAll('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"],' +
    '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]')].map((one) => one.textContent.slice(0, 600))"""
CONNECTED = """() => {
    const kernel = window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
DRAWS_WIDGETS = """() => window.jupyterapp.shell.currentWidget?.content.rendermime?.mimeTypes
    .includes('application/vnd.jupyter.widget-view+json')"""
COMMAND = "([id, args]) => { window.jupyterapp.commands.execute(id, args); }"
BEGUN = "() => [...document.querySelectorAll('.jp-InputPrompt')].some((one) => /\\[[\\d*]+\\]/.test(one.textContent))"
THEMED = "(light) => document.body.dataset.jpThemeLight === light"
RUN_ALL = '.lm-Menu-item[data-command="runmenu:run-all"], .lm-Menu-item[data-command="notebook:run-all-cells"]'


def theme(dark: bool) -> str:
    """A theme's name."""
    return f"JupyterLab {'Dark' if dark else 'Light'}"


class Lab:
    """A JupyterLab and a browser. `console`, `page_errors` and `left` fill while pages are open."""

    def __init__(
        self,
        root: Path,
        width: int = 1400,
        height: int = 1000,
        env: dict[str, str] | None = None,
        dark: bool = False,
        whole: bool = False,
    ):
        """`whole` draws every cell of a notebook; JupyterLab's own way is to draw what is on the screen."""
        self.root, self.width, self.height, self.env, self.dark, self.whole = (
            root,
            width,
            height,
            env or {},
            dark,
            whole,
        )
        self.console: list[str] = []
        self.page_errors: list[str] = []
        self.left: list[str] = []

    def __enter__(self) -> Lab:
        self._folder = tempfile.TemporaryDirectory(prefix="kubenet-lab-")
        self._home = Path(self._folder.name)
        self._write_settings()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._start()
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        self._context = self._browser.new_context(viewport={"width": self.width, "height": self.height})
        return self

    def __exit__(self, *_: object) -> None:
        for close in (self._context.close, self._browser.close, self._playwright.stop):
            with suppress(Exception):
                close()
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGTERM)
        try:
            self._server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait(15)
        self._log.close()
        self._folder.cleanup()

    def _write_settings(self) -> None:
        """The course's own settings, the theme that is wanted, and which cells are drawn."""
        settings = json.loads(OVERRIDES.read_text()) | {
            "@jupyterlab/apputils-extension:themes": {"theme": theme(self.dark)},
            "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none" if self.whole else "full"},
        }
        for name, said in settings.items():
            path = self._home / "settings" / f"{name.replace(':', '/')}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(said))
        config = self._home / "config" / "labconfig" / "page_config.json"
        config.parent.mkdir(parents=True)
        config.write_text(json.dumps({"disabledExtensions": dict.fromkeys(NOISY, True)}))

    def _start(self) -> None:
        env = os.environ | {name: str(self._home / folder) for name, folder in FOLDERS.items()} | self.env
        self._log = (self._home / "server.log").open("w")
        argv = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={self.port}", "--allow-root",
            f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={self.root}", "--ServerApp.port_retries=0",
            "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
        ]  # fmt: skip
        # A killed test run takes its server with it.
        bound = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        self._server = subprocess.Popen(
            bound + argv, cwd=self.root, env=env, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True
        )
        until = time.monotonic() + 90
        while time.monotonic() < until and self._server.poll() is None:
            with suppress(OSError), urllib.request.urlopen(self._url("api/status"), timeout=1) as answer:
                answer.read()
                return
            time.sleep(0.05)
        raise RuntimeError((self._home / "server.log").read_text()[-3000:])

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}?token={TOKEN}"

    def open(self, notebook: str, in_notebook_7: bool = False) -> Page:
        """A notebook in a tab of its own, its kernel ready, the side bar away; in JupyterLab, or in Notebook 7."""
        page = self._context.new_page()
        page.on(
            "console", lambda said: self.console.append(f"{said.type}: {said.text}") if said.type == "error" else None
        )
        page.on("pageerror", lambda error: self.page_errors.append(error.stack or str(error)))
        page.on("request", lambda asked: None if INSIDE.match(asked.url) else self.left.append(asked.url))
        page.goto(self._url(f"notebooks/{notebook}") if in_notebook_7 else self._url(f"lab/tree/{notebook}") + "&reset")
        self.ready(page)
        if page.locator(".jp-FileBrowser:visible").count():
            page.keyboard.press("Control+b")
        return page

    def ready(self, page: Page) -> None:
        """Waits until a notebook stands in the page, what draws its widgets is loaded, and its kernel answers."""
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        page.wait_for_function(CONNECTED, timeout=60_000)
        page.wait_for_load_state("networkidle")
        page.wait_for_function(DRAWS_WIDGETS, timeout=60_000)
        self.dismiss(page)

    def blank(self) -> Page:
        """An empty tab."""
        return self._context.new_page()

    def close(self, page: Page) -> None:
        """The tab goes, and its kernel with it."""
        page.close()
        for session in json.loads(self._asked("api/sessions")):
            self._asked(f"api/sessions/{session['id']}", "DELETE")

    def _asked(self, path: str, method: str = "GET") -> bytes:
        with urllib.request.urlopen(urllib.request.Request(self._url(path), method=method), timeout=20) as answer:
            return answer.read()

    def look(self, page: Page, width: int, dark: bool) -> None:
        """The same page in a window of another width, and in the light or the dark theme."""
        page.set_viewport_size({"width": width, "height": self.height})
        page.evaluate(COMMAND, ["apputils:change-theme", {"theme": theme(dark)}])
        page.wait_for_function(THEMED, arg="false" if dark else "true")
        page.wait_for_timeout(200)

    def dismiss(self, page: Page) -> None:
        """Says yes to whatever JupyterLab asks."""
        while page.locator(".jp-Dialog .jp-mod-accept").count():
            page.locator(".jp-Dialog .jp-mod-accept").first.click()
            page.wait_for_timeout(200)

    def run_at_once(self, page: Page) -> None:
        """Runs every cell by the command behind the menu, and shows nothing that was stored before."""
        page.evaluate(COMMAND, ["notebook:clear-all-cell-outputs", {}])
        page.wait_for_function(f"() => !({BEGUN})()")
        page.evaluate(COMMAND, ["notebook:run-all-cells", {}])
        page.wait_for_function(BEGUN, timeout=20_000)
        self._until_calm(page, 60)

    def run_all(self, page: Page, seconds: float = 180) -> None:
        """Runs every cell. JupyterLab may drop the command right after opening, so it is given again until a cell ran."""
        for _ in range(3):
            page.locator(".jp-Notebook").first.click(position={"x": 5, "y": 5})
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.locator(RUN_ALL).first.click()
            self._until_calm(page, seconds)
            if page.evaluate(RAN):
                page.evaluate(SCROLL)
                page.wait_for_timeout(600)
                return
        raise RuntimeError("no cell ran")

    def _until_calm(self, page: Page, seconds: float) -> None:
        until, calm = time.monotonic() + seconds, 0
        while calm < 3:
            if time.monotonic() > until:
                raise TimeoutError(f"cells still run after {seconds} s")
            page.wait_for_timeout(200)
            self.dismiss(page)
            calm = 0 if page.evaluate(BUSY) else calm + 1

    def failed(self, page: Page) -> list[str]:
        """What cells wrote to standard error, and the errors that they raised."""
        return page.evaluate(FAILED)
