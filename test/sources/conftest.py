"""Small recordings and a camera on the network that can be switched off."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

WIDTH, HEIGHT, FPS = 160, 120, 25.0


def picture(number: int) -> np.ndarray:
    """An image whose grey level says its number (8 levels each, to survive compression)."""
    return np.full((HEIGHT, WIDTH, 3), 8 * (number % 32), np.uint8)


def number_of(image: np.ndarray) -> int:
    return round(float(image.mean()) / 8)


def write_video(
    path: Path, times: Sequence[float], codec: str = "libx264", container: str | None = None, shape: str = "1:1"
) -> Path:
    """A video whose image number n is shown at times[n] seconds. shape: of a pixel, width by height."""
    own_times = codec.startswith("lib") and container is None  # else the codec's rate, which is that of the first two
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=round(1.0 / (times[1] - times[0])))
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(shape.replace(":", "/"))
        if codec == "libvpx":
            stream.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        if own_times:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number), format="bgr24")
            if own_times:
                frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def steady(images: int, fps: float = FPS) -> list[float]:
    return [number / fps for number in range(images)]


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


@pytest.fixture
def mjpeg_camera() -> Iterator[MjpegCamera]:
    camera = MjpegCamera()
    camera.start()
    yield camera
    camera.stop()


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
