"""Firefox as Debian has it, driven by its own protocol, Marionette: messages of JSON with their length before them.

https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # how WebDriver names an element (W3C WebDriver, section 12.1)
QUIET = {
    "marionette.port": 0,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}


class Firefox:
    """One window. `with Firefox() as fox: fox.open(url)`."""

    def __enter__(self) -> Firefox:
        assert PROGRAM
        self._folder = tempfile.TemporaryDirectory(prefix="kubenet-firefox-", ignore_cleanup_errors=True)
        profile = Path(self._folder.name)
        prefs = "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in QUIET.items())
        (profile / "user.js").write_text(prefs)
        argv = [PROGRAM, "--headless", "--no-remote", "--marionette", "--profile", str(profile)]
        self._program = subprocess.Popen(
            argv,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"HOME": str(profile), "PATH": "/usr/bin:/bin"},
        )
        self._socket, self._count = self._connected(profile), 0
        self._read()  # its greeting
        self.asks("WebDriver:NewSession", capabilities={"alwaysMatch": {"pageLoadStrategy": "normal"}})
        self.asks("WebDriver:SetTimeouts", script=180_000, pageLoad=120_000, implicit=0)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, RuntimeError):
            self.asks("Marionette:Quit", flags=["eForceQuit"])
        with suppress(OSError):
            self._socket.close()
        try:
            self._program.wait(15)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()
        self._folder.cleanup()

    def _connected(self, profile: Path) -> socket.socket:
        """Firefox writes the port that it has chosen into a file of its profile."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(OSError, ValueError):
                port = int((profile / "MarionetteActivePort").read_text())
                return socket.create_connection(("127.0.0.1", port), 200)
            time.sleep(0.1)
        raise RuntimeError("Firefox did not open its port")

    def _read(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            length += self._socket.recv(1)
        left, data = int(length[:-1]), b""
        while len(data) < left:
            data += self._socket.recv(left - len(data))
        return json.loads(data)

    def asks(self, command: str, **given: Any) -> Any:
        """A command's answer. Raises RuntimeError with Firefox's own words."""
        self._count += 1
        data = json.dumps([0, self._count, command, given]).encode()
        self._socket.sendall(f"{len(data)}:".encode() + data)
        _, _, error, answer = self._read()
        if error:
            raise RuntimeError(f"{command}: {error['message'][:500]}")
        return answer

    def open(self, url: str) -> None:
        self.asks("WebDriver:Navigate", url=url)

    def runs(self, script: str, *given: Any) -> Any:
        """What a script in the page returns."""
        return self.asks("WebDriver:ExecuteScript", script=script, args=list(given), newSandbox=False)["value"]

    def waits(self, condition: str, seconds: float = 20) -> None:
        """Until an expression in the page is true."""
        until = time.monotonic() + seconds
        while not self.runs(f"return Boolean({condition})"):
            if time.monotonic() > until:
                raise RuntimeError(f"still not so: {condition}")
            time.sleep(0.1)

    def types(self, selector: str, text: str) -> None:
        """Keys, as a person presses them."""
        element = self.asks("WebDriver:FindElement", using="css selector", value=selector)["value"][ELEMENT]
        self.asks("WebDriver:ElementSendKeys", id=element, text=text)

    def clicks(self, selector: str) -> None:
        element = self.asks("WebDriver:FindElement", using="css selector", value=selector)["value"][ELEMENT]
        self.asks("WebDriver:ElementClick", id=element)
