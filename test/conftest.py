"""Fixtures that every room's tests may use."""

from __future__ import annotations  # pytest 6.2 has no pytest.Config

import contextlib
import fcntl
import json
import os
import pickle
import random
import signal
import socket
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from rt_gait_ros.serving.installation import ServerNotInstalled, find_installation
from rt_gait_ros.serving.network_files import ADVICE
from rt_gait_ros.serving.repository import absent_networks
from rt_gait_ros.serving.server import TritonServer

ROOT = Path(__file__).resolve().parent.parent

# Helpers of several test files, and benchmarks. pytest's own setting for this, pythonpath, is unknown to Humble's 6.2.
HELPERS = ["benchmark"]
HELPERS += [
    f"test/{room}"
    for room in (
        "benchmark",
        "cli",
        "edge",
        "fleet",
        "gait",
        "gallery",
        "networks",
        "nodes",
        "serving",
        "sources",
        "tracking",
    )
]
sys.path[:0] = [str(ROOT / folder) for folder in HELPERS]

# A shell starts what it runs in the background deaf to SIGINT, which tests send to their own processes.
signal.signal(signal.SIGINT, signal.default_int_handler)
# And nohup starts it deaf to SIGHUP. A handler, unlike that, is not handed on to programs that are started.
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda number, frame: None)

STICK_PARTS = ["head", "left_hand", "right_hand", "left_foot", "right_foot", "hip"]
STICK_LINKS = [[1, 6], [6, 4], [6, 5], [1, 2], [1, 3]]
STICK_COLOURS = [(40, 40, 255), (40, 255, 40), (255, 40, 40), (40, 255, 255), (255, 40, 255)]
STICK_FIGURE = np.array([[0, -1], [0.7, -0.1], [-0.7, -0.1], [0.4, 1], [-0.4, 1], [0, 0.2]])


# Of the rooms whose tests start programs or train: where several processes share the tests, these begin first, since a
# long file at the end would keep one process busy while the others have nothing to do.
LONG_ROOMS = ("build", "cli", "nodes", "networks", "serving", "benchmark", "training", "security", "gait", "sources")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a process of several, put files with slow tests first, then the long rooms."""
    if not hasattr(config, "workerinput"):
        return
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    order = {room: place for place, room in enumerate(LONG_ROOMS)}
    items.sort(key=lambda item: (item.path not in slow, order.get(item.path.parent.name, len(order))))


@contextlib.contextmanager
def _free_domain() -> Iterator[int]:
    """A DDS domain that no other test on this machine is in: a socket of that name says so, and goes with its process.

    Above 101, the ports of a domain may be those that Linux gives to anybody.
    """
    for number in random.SystemRandom().sample(range(1, 102), 101):
        with socket.socket(socket.AF_UNIX) as sign:
            try:
                sign.bind(f"\0rt_gait_ros test domain {number}")
            except OSError:
                continue
            yield number
            return
    raise AssertionError("every DDS domain is in use by a test")


def _rclpy_is_on() -> bool:
    """Whether rclpy's default context is initialised. Then it is shut down."""
    rclpy = sys.modules.get("rclpy")
    if rclpy is None or not rclpy.ok():
        return False
    rclpy.try_shutdown()
    return True


@pytest.fixture(scope="module", autouse=True)
def domain() -> Iterator[int]:
    """Nodes of each file, and of the programs that its tests start, hear nobody but each other."""
    with _free_domain() as number, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", str(number))
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        yield number
        assert not _rclpy_is_on(), "a fixture of this file leaves rclpy's default context initialised"


@pytest.fixture(scope="module")
def second_domain() -> Iterator[int]:
    """One more domain that nobody else is in."""
    with _free_domain() as number:
        yield number


@pytest.fixture(autouse=True)
def rclpy_is_left_as_it_was(domain: int) -> Iterator[None]:
    """Who initialises rclpy's default context for good breaks a test of another file, in whatever order they run."""
    rclpy = sys.modules.get("rclpy")
    was_on = rclpy is not None and rclpy.ok()
    yield
    assert was_on or not _rclpy_is_on(), "this test leaves rclpy's default context initialised"


@pytest.fixture
def own_ports() -> Iterator[Iterator[int]]:
    """Free TCP ports of the loopback that are no other test's, and that Linux gives to nobody who asks for any."""
    with contextlib.ExitStack() as signs:
        yield _own_ports(signs)


def _own_ports(signs: contextlib.ExitStack) -> Iterator[int]:
    for port in random.SystemRandom().sample(range(20_000, 32_000), 1000):
        sign = signs.enter_context(socket.socket(socket.AF_UNIX))
        with socket.socket() as probe:
            try:
                sign.bind(f"\0rt_gait_ros test port {port}")
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with reference outputs and evaluation footage, which is not part of the repository."""
    folder = Path(os.environ.get("RT_GAIT_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no reference data: {folder} is not there (set RT_GAIT_SHARED)")
    return folder


@pytest.fixture(scope="session")
def model_repository() -> Path:
    """The package's own model repository."""
    return ROOT / "model_repository"


@pytest.fixture(scope="session")
def all_networks(model_repository: Path) -> Path:
    """The package's own model repository; skip where a release has left networks out."""
    if absent := absent_networks(model_repository):
        pytest.skip(f"{', '.join(sorted(absent))} are not there: {ADVICE} brings them")
    return model_repository


@pytest.fixture(scope="session")
def triton_installed() -> None:
    """Skip where no tritonserver is to be had."""
    try:
        find_installation()
    except ServerNotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def shared_triton(triton_installed: None, model_repository: Path) -> Iterator[TritonServer]:
    """The server of triton_server, which may be dead."""
    with TritonServer(model_repository) as server:
        yield server


@pytest.fixture
def triton_server(shared_triton: TritonServer) -> TritonServer:
    """A real Triton server that serves the package's networks; nobody may stop it.

    Where it has died since another test used it, of a node that was killed in the middle of a request for instance
    (serving/open_calls.py), there is a warning, and a new one.
    """
    if not shared_triton.alive:
        warnings.warn(f"the Triton server that tests share has died: {shared_triton.last_error()}", stacklevel=1)
        shared_triton.restart()
    return shared_triton


@pytest.fixture(scope="session")
def small_gaitset() -> Any:
    """GaitSet with an eighth of its channels and random weights, in PyTorch."""
    torch = pytest.importorskip("torch", reason="needs the extra [train]")
    from rt_gait_ros.networks.set_networks import GaitSet

    torch.manual_seed(9)
    return GaitSet(width=4).eval()


@pytest.fixture(scope="session")
def small_export(small_gaitset: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """small_gaitset exported, with a window of 6 frames. PyTorch takes its time: one process does it for all."""
    from rt_gait_ros.networks.gait_export import export_network

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / "small_export.pickle").open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if content := file.read():
            return replace(pickle.loads(content), network=small_gaitset)
        export = export_network("gaitset", small_gaitset, 6)
        file.write(pickle.dumps(replace(export, network=None)))
        return export


@pytest.fixture(scope="session")
def streaming_repository(small_export: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """small_gaitset as `window` (whole sets), `window_stream` (last 6 frames) and `growing_stream` (all frames)."""
    from rt_gait_ros.networks.gait_export import write_gait
    from rt_gait_ros.networks.stream_graphs import stateful_graph

    repository = tmp_path_factory.mktemp("streaming")
    write_gait(small_export, repository, "window")
    write_gait(replace(small_export, window=0, stateful=stateful_graph(small_export.parts, 0)), repository, "growing")
    return repository


@pytest.fixture(scope="session")
def embed_whole(small_gaitset: Any) -> Callable[[np.ndarray], np.ndarray]:
    """What small_gaitset makes of a whole set: (S, 64, 64) uint8 to (P, C), by PyTorch."""
    import torch

    from rt_gait_ros.networks.stream_graphs import WholeSet

    def embed(frames: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(WholeSet(small_gaitset)(torch.from_numpy(frames[None]))[0])

    return embed


def _draw_figure(image: np.ndarray, joints: np.ndarray) -> None:
    for (first, second), colour in zip(STICK_LINKS, STICK_COLOURS, strict=True):
        ends = [tuple(int(value) for value in joints[part - 1]) for part in (first, second)]
        cv2.line(image, ends[0], ends[1], colour, 5)


@pytest.fixture
def stick_figures(tmp_path: Path) -> Path:
    """Folder with `topology.json`, `annotations.json` and `images/`: four images of one or two figures each."""
    draw = np.random.default_rng(2)
    folder = tmp_path / "figures"
    (folder / "images").mkdir(parents=True)
    category = {"id": 1, "name": "figure", "keypoints": STICK_PARTS, "skeleton": STICK_LINKS}
    content: dict = {"images": [], "annotations": [], "categories": [category]}
    for index in range(4):
        image = np.full((120, 160, 3), 60, np.uint8)
        for place in range(1 + index % 2):
            centre = np.array([45 + 65 * place, 60]) + draw.uniform(-6, 6, 2)
            joints = centre + 38 * STICK_FIGURE * draw.uniform(0.85, 1.1) + draw.uniform(-3, 3, (6, 2))
            _draw_figure(image, joints)
            low, size = joints.min(axis=0), np.ptp(joints, axis=0)
            annotation = {"id": len(content["annotations"]) + 1, "image_id": index, "category_id": 1, "iscrowd": 0}
            annotation |= {"keypoints": np.column_stack([joints, np.full(6, 2)]).ravel().tolist(), "num_keypoints": 6}
            content["annotations"].append(annotation | {"bbox": [*low, *size], "area": float(size.prod())})
        cv2.imwrite(str(folder / "images" / f"{index}.png"), image)
        content["images"].append({"id": index, "file_name": f"{index}.png"})
    (folder / "annotations.json").write_text(json.dumps(content))
    (folder / "topology.json").write_text(json.dumps(category))
    return folder


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], contextlib.AbstractContextManager[None]]:
    """full_disk(NAME), a context: what is written to replace a file of that name finds no space."""

    @contextlib.contextmanager
    def full(name: str) -> Iterator[None]:
        opened = os.open

        def on_a_full_disk(path: Any, *words: Any, **more: Any) -> int:
            beside = isinstance(path, Path) and path.name.startswith(f".{name}.")
            return opened("/dev/full", os.O_WRONLY) if beside else opened(path, *words, **more)

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", on_a_full_disk)
            yield

    return full


UNPRIVILEGED = 65534  # user and group nobody


@pytest.fixture
def as_nobody(tmp_path):
    """as_nobody(action) runs it in a process of another user, who may go to tmp_path; its failure is ours."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/") and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)

    def run(action):
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(UNPRIVILEGED)
                os.setuid(UNPRIVILEGED)
                action()
                os._exit(0)
            except BaseException:
                os.write(2, traceback.format_exc().encode())
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    return run


@pytest.fixture
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own, while the server that this machine has is still found."""
    monkeypatch.setenv("RT_GAIT_TRITONSERVER", str(find_installation().binary))
    monkeypatch.setenv("RT_GAIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def write_video() -> Callable[[Path, list[np.ndarray], float], Path]:
    """write_video(path, images, rate) writes a motion JPEG of images (H, W, 3) uint8."""

    def write(path: Path, images: list[np.ndarray], rate: float) -> Path:
        height, width = images[0].shape[:2]
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (width, height))
        for image in images:
            writer.write(image)
        writer.release()
        return path

    return write
