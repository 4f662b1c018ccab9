"""Small recordings and a camera on the network that can be switched off."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

WIDTH, HEIGHT, FPS = 160, 120, 25.0


def picture(number: int) -> np.ndarray:
    """An image whose grey level says its number (8 levels each, to survive compression)."""
    return np.full((HEIGHT, WIDTH, 3), 8 * (number % 32), np.uint8)


def number_of(image: np.ndarray) -> int:
    return round(float(image.mean()) / 8)


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    def make(frames: int = 10, name: str = "video.avi", fps: float = FPS) -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, (WIDTH, HEIGHT))
        assert writer.isOpened()
        for number in range(frames):
            writer.write(picture(number))
        writer.release()
        return path

    return make


class MjpegCamera:
    """A network camera: multipart JPEG over HTTP on the loopback, that can vanish and come back on the same port."""

    def __init__(self) -> None:
        self.port = 0
        self.shown = 0
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
                        jpeg = cv2.imencode(".jpg", picture(camera.shown))[1].tobytes()
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                        camera.shown += 1
                except OSError:
                    pass  # the viewer left
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._off.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def mjpeg_camera() -> Iterator[MjpegCamera]:
    camera = MjpegCamera()
    camera.start()
    yield camera
    camera.stop()
