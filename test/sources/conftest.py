"""Fixtures of the sources' tests: small recordings and a camera on the network that can be switched off."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import cv2
import pytest
from http_cameras import FolderHandler, MjpegCamera, servers
from small_videos import FPS, HEIGHT, WIDTH, picture


@pytest.fixture(autouse=True)
def viewers_may_leave() -> None:
    """A socket whose other end is closed is an error, as where Python starts; `rt-gait` has it end the process."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


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


@pytest.fixture
def mjpeg_camera() -> Iterator[MjpegCamera]:
    camera = MjpegCamera()
    camera.start()
    yield camera
    camera.stop()


@pytest.fixture
def serve_folder() -> Iterator[Callable[[Path], str]]:
    """serve_folder(path) serves the files in a folder over HTTP and returns its URL."""
    with servers() as start:
        yield lambda folder: start(partial(FolderHandler, directory=str(folder)))


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """serve(path) serves a file over HTTP and returns its URL; size=False: without saying how long it is."""

    def handler_of(path: Path, size: bool) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                data = path.read_bytes()
                self.send_response(200)
                if size:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    with servers() as start:
        yield lambda path, size=True: f"{start(handler_of(path, size))}/{path.name}"
