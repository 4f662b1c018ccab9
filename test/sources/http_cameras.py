"""Servers of videos on the loopback, and a camera that can be switched off."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
from small_videos import picture


class Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True


class MjpegCamera:
    """A network camera: multipart JPEG over HTTP on the loopback, that can vanish and come back on the same port.

    It can also hang: `hanging` is set, the connection stays open, and nothing comes. last: the picture that it shows
    for ever, once it has come so far.
    """

    def __init__(self) -> None:
        self.port = 0
        self.shown = 0
        self.last: int | None = None
        self.hanging = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/stream.mjpg"

    def start(self) -> None:
        camera = self
        self._off = off = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    while not off.wait(1 / 50):
                        if camera.hanging.is_set():
                            continue
                        number = camera.shown if camera.last is None else min(camera.shown, camera.last)
                        jpeg = cv2.imencode(".jpg", picture(number))[1].tobytes()
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                        camera.shown += 1
                except OSError:
                    pass  # the viewer left
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._off.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@contextlib.contextmanager
def servers() -> Iterator[Callable[[Callable[..., BaseHTTPRequestHandler]], str]]:
    """Gives what starts an HTTP server with a handler and tells its URL; all of them end."""
    running: list[Server] = []

    def start(handler: Callable[..., BaseHTTPRequestHandler]) -> str:
        running.append(Server(("127.0.0.1", 0), handler))
        threading.Thread(target=running[-1].serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{running[-1].server_address[1]}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


class FolderHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass
