"""A router for tests: the interface of the real one on a unix socket, answers by a rule that may change while it runs.

`python fake_router.py SOCKET RULE LOG`: the file RULE holds one word, LOG gets one line of JSON for each request.

site NAME    that site, or hold for ever
spread A B N every Nth job goes to B, the others to A
hold A       hold at the first attempt, then A
slow         a minute passes first
drip         a byte a second
garbage      no JSON
strange      a site that there is not
fewer        one answer is missing
busy         503
"""

import json
import os
import re
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any


class FakeRouter(socketserver.ThreadingUnixStreamServer):
    """One, on a socket."""

    daemon_threads = True

    def __init__(self, socket: Path, rule: Path, log: Path) -> None:
        socket.unlink(missing_ok=True)
        self.rule, self.log, self.lock = rule, log, threading.Lock()
        self.answers: dict[tuple[str, int], str] = {}
        super().__init__(str(socket), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever was kept waiting has gone: a minute later that is news to nobody, least of all another test."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def action(self, id_: str, attempt: int, words: list[str]) -> str:
        """The same attempt gets the same answer for ever."""
        number = int(re.split(r"[_-]", id_.split("@")[0])[-1])
        answer = words[-1]
        if words[0] == "spread":
            answer = words[2] if number % int(words[3]) == 0 else words[1]
        elif words[0] == "hold" and attempt == 1:
            answer = "hold"
        elif words[0] == "strange":
            answer = "nowhere"
        return self.answers.setdefault((id_, attempt), answer)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "unix"

    def log_request(self, code: object = "-", size: object = "-") -> None:
        return

    @property
    def router(self) -> FakeRouter:
        assert isinstance(self.server, FakeRouter)
        return self.server

    def do_GET(self) -> None:
        self._send(200, b"{}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.router.lock, self.router.log.open("a") as file:
            file.write(json.dumps({"path": self.path, "body": body}) + "\n")
        words = self.router.rule.read_text().split()
        if words[0] == "slow":
            time.sleep(60)
        if words[0] == "busy":
            self._send(
                503, json.dumps({"error": dict.fromkeys(("where", "what", "value", "reason", "remedy"), "busy")})
            )
        elif words[0] == "garbage":
            self._send(200, b"\x00\xff not JSON")
        elif words[0] == "drip":
            self._drip()
        elif self.path == "/v1/state":
            self._send(200, json.dumps({"cluster": "x", "state": "s", "now_ms": 0, "jobs": 0}))
        else:
            self._send(200, json.dumps({"cluster": "x", "state": "s", "decisions": self._decisions(body, words)}))

    def _decisions(self, body: dict[str, Any], words: list[str]) -> list[dict[str, Any]]:
        asked = body["requests"][1:] if words[0] == "fewer" else body["requests"]
        with self.router.lock:
            return [
                {
                    "id": one["id"],
                    "attempt": one["attempt"],
                    "action": self.router.action(one["id"], one["attempt"], words),
                    "by": "policy",
                    "why": "a rule of tests",
                }
                for one in asked
            ]

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(1000):
            time.sleep(0.2)
            self.wfile.write(b" ")

    def _send(self, status: int, body: bytes | str) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def serving(folder: Path, rule: str) -> FakeRouter:
    """One in a thread of this process, in `folder`; `shutdown` and `server_close` end it."""
    (folder / "rule").write_text(rule)
    router = FakeRouter(folder / "router.sock", folder / "rule", folder / "asked.jsonl")
    threading.Thread(target=router.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return router


if __name__ == "__main__":
    os.umask(0o077)
    FakeRouter(*map(Path, sys.argv[1:4])).serve_forever()
