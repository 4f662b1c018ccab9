"""The HTTP server of the page, on the loopback address alone. What may be asked is in `PageHandler`."""

import errno
import json
import logging
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.web.access import new_token, refusal
from rt_gait_ros.web.activity import read_request
from rt_gait_ros.web.board import Board
from rt_gait_ros.web.silhouettes import Silhouettes

ADDRESS = "127.0.0.1"
WAIT = 5.0  # seconds for which a request waits for news
IDLE = 20.0  # seconds after which a silent or stalled browser is let go
MOST_BYTES = 4096  # of a request's body
MOST_CONNECTIONS = 64  # several browsers have six each
FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "style.css": ("style.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
# Nothing is loaded from elsewhere, nothing is kept, no other page may show or read this one.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class PageServer(ThreadingHTTPServer):
    """Serves one board. A context manager: it answers in threads of its own until it is left.

    url: the address with the token, for whoever may look.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, board: Board, silhouettes: Silhouettes, port: int) -> None:
        """port: 0 takes any free one. Raises UsageError where the port is taken or not allowed."""
        self.board, self.silhouettes, self.token = board, silhouettes, new_token()
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        try:
            super().__init__((ADDRESS, port), PageHandler)
        except OSError as error:
            why = (
                "is taken by another program"
                if error.errno == errno.EADDRINUSE
                else f"cannot be used: {error.strerror}"
            )
            raise UsageError(f"port {port} of {ADDRESS} {why}: choose another with --port (0: any free one)") from None
        self.url = f"http://{ADDRESS}:{self.server_port}/{self.token}/"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="page", daemon=True)

    def __enter__(self) -> "PageServer":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.board.close()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """As ThreadingMixIn.process_request, for a limited number of connections at a time."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As ThreadingMixIn.process_request_thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is nothing to tell of; anything else is."""
        if not isinstance(error := sys.exc_info()[1], OSError):
            logging.getLogger(__name__).error("a browser's request was not answered", exc_info=error)


class PageHandler(BaseHTTPRequestHandler):
    """One connection of a browser."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "rt-gait", ""
    timeout = IDLE

    def do_GET(self) -> None:
        """Files of the page, and what it shows."""
        self._answer({"state": self._state, "picture": self._picture, "silhouettes": self._silhouettes})

    def do_POST(self) -> None:
        """What a viewer asks for."""
        self._answer(dict.fromkeys(("enrol", "forget", "cancel"), self._ask))

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the path holds the token."""

    def _answer(self, answers: dict[str, Callable[[str, dict[str, list[str]]], None]]) -> None:
        split = urlsplit(self.path)
        if why := refusal(self.server.token, self.command, split.path, self.headers):  # type: ignore[arg-type]
            self.close_connection = True  # a body, if there is one, is not read
            self._send(HTTPStatus.FORBIDDEN, "text/plain; charset=utf-8", f"{why}\n".encode())
            return
        name = split.path.removeprefix(f"/{self.server.token}").removeprefix("/")
        if self.command == "GET" and name in FILES and split.path != f"/{self.server.token}":
            file, kind = FILES[name]
            self._send(HTTPStatus.OK, kind, (files("rt_gait_ros.web") / "data" / file).read_bytes())
        elif name in answers:
            answers[name](name, parse_qs(split.query))
        else:
            self.close_connection = True
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"There is no such page.\n")

    def _state(self, name: str, query: dict[str, list[str]]) -> None:
        self.server.board.looks(query.get("page", [""])[0][:40])
        self._send_news(self.server.board.state(_number(query), WAIT), "application/json")

    def _picture(self, name: str, query: dict[str, list[str]]) -> None:
        self._send_news(self.server.board.picture(_number(query), WAIT), "image/jpeg")

    def _silhouettes(self, name: str, query: dict[str, list[str]]) -> None:
        strip = self.server.silhouettes.strip(query.get("person", [""])[0])
        if strip is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"No silhouettes are kept.\n")
        else:
            self._send(HTTPStatus.OK, "image/png", strip)

    def _ask(self, name: str, query: dict[str, list[str]]) -> None:
        try:
            number = self.server.board.ask(name, read_request(name, self._body()))
        except (GaitError, ValueError) as error:
            self.close_connection = True
            self._send_json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        else:
            self._send_json(HTTPStatus.ACCEPTED, {"number": number})

    def _body(self) -> Any:
        if self.headers.get_content_type() != "application/json":
            raise UsageError("a request is application/json")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            raise UsageError(f"a request says its length, of at most {MOST_BYTES} bytes")
        try:
            return json.loads(self.rfile.read(int(length)))
        except (RecursionError, ValueError):
            raise UsageError("a request is JSON") from None

    def _send_news(self, news: tuple[int, bytes] | None, kind: str) -> None:
        if self.server.board.closed:
            self.close_connection = True  # else a browser whose connection is still open would ask on and on
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", b"rt-gait watch has ended.\n")
        elif news is None:
            self._send(HTTPStatus.NO_CONTENT, kind, b"")
        else:
            self._send(HTTPStatus.OK, kind, news[1], {"X-Number": str(news[0])})

    def _send_json(self, status: HTTPStatus, value: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: HTTPStatus, kind: str, body: bytes, extra: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, **(extra or {})}.items():
            self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _number(query: dict[str, list[str]]) -> int:
    text = query.get("after", ["0"])[0]
    return int(text) if text.isdecimal() and len(text) < 19 else 0
