"""Real servers on loopback that stand for Services: each says its name and what it saw of the request."""

from __future__ import annotations

import json
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import sleep
from typing import Any

LOOPBACK = "127.0.0.1"
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
PROXY_LINE = b"PROXY "  # how the PROXY protocol, version 1, begins (haproxy, doc/proxy-protocol.txt)


class Server(ThreadingHTTPServer):
    """A server of its own on a free port, until it is closed."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int = 0):
        super().__init__((LOOPBACK, port), handler)
        self.port = int(self.server_address[1])
        self._thread = Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is nobody's fault."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


def serving(name: str, seconds: float = 0, port: int = 0) -> Server:
    """A backend that answers with JSON, after some seconds: its name, the request as it came, whom it sees as the client."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            with suppress(ConnectionError):
                self.told = told_before(self)
                super().handle_one_request()

        def answer(self) -> None:
            sleep(seconds)
            seen: dict[str, Any] = {
                "service": name,
                "method": self.command,
                "path": self.path,
                "client": self.client_address[0],
            }
            seen |= {"headers": list(self.headers.items())} | ({"PROXY": self.told} if self.told else {})
            body = b"" if self.command == "HEAD" else json.dumps(seen).encode()
            self.send_response_only(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: Any) -> None:
            pass

    for method in METHODS:
        setattr(Handler, f"do_{method}", Handler.answer)
    return Server(Handler, port)


def told_before(handler: BaseHTTPRequestHandler) -> str:
    """The line of the PROXY protocol before the request, where a balancer wrote one; without it nothing is read."""
    first = handler.rfile.peek(len(PROXY_LINE))[: len(PROXY_LINE)]  # type: ignore[attr-defined]
    return handler.rfile.readline(108).decode("ascii", "replace").strip() if first == PROXY_LINE else ""
