"""What `rt-gait fuzz` breaks: each target makes one broken thing out of a good one and hands it to its reader.

A target returns, or raises GaitError: anything else is a finding.
"""

import array
import json
import string
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from rt_gait_ros.cli.fuzz_bags import bags
from rt_gait_ros.cli.fuzz_sealed import SealedGallery, SealedScene
from rt_gait_ros.datasets.mot_challenge import read_tracks, read_truth
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.identity import Candidate, Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.gait.known_people import KnownPeople
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import Template
from rt_gait_ros.msg import GaitIdentityArray, PersonPoseArray, PersonTrackArray
from rt_gait_ros.nodes.conversions import (
    frame_from_message,
    identities_from_message,
    identities_to_message,
    poses_from_message,
    poses_to_message,
    tracks_from_message,
    tracks_to_message,
)
from rt_gait_ros.nodes.fuzz_requests import NodeRequests
from rt_gait_ros.nodes.image_conversion import bgr_to_image, depth_from_message
from rt_gait_ros.nodes.message_bytes import from_bytes, to_bytes
from rt_gait_ros.nodes.message_records import record_of
from rt_gait_ros.nodes.parameters import file_value
from rt_gait_ros.pose.layouts import LAYOUT
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.repository import read_model
from rt_gait_ros.sources import open_source
from rt_gait_ros.sources.camera_calibration import load_calibration
from rt_gait_ros.tracking import IdentityFeedback, Tracker

Random = np.random.Generator
NASTY_TEXTS = (
    "",
    "\x1b[2J",
    "a\nb",
    "\0",
    "x" * 300,
    "~nobody/x",
    "../..",
    "/dev/zero",
    "\u202e",
    "{}",
    "-1",
)
NASTY_NUMBERS = (float("nan"), float("inf"), -float("inf"), -1.0, 0.0, 1e38, 2.0**31, 2.0**63, -(2.0**63))


@dataclass(frozen=True, slots=True)
class Target:
    """A reader. once: breaks one thing and reads it. good: reads the thing that is not broken."""

    name: str
    once: "Once"


class Once(Protocol):
    """Takes one broken thing."""

    def __call__(self, random: Random) -> None:
        """Break and read one."""

    def good(self) -> None:
        """Read the one that is not broken."""


def targets(folder: Path) -> list[Target]:
    """All of them; what they start ends with `close`. folder: for the files they need."""
    found = [*_topics(), Target("services", Services(folder / "services"))]
    found.append(Target("requests over DDS", NodeRequests(folder / "requests", disturb)))
    found.append(Target("sealed scene", SealedScene(folder / "sealed scene", corrupted, nasty_text)))
    found.append(Target("sealed gallery", SealedGallery(folder / "sealed gallery", nasty_text)))
    for name, (file, content, read) in _files(folder).items():
        found.append(Target(f"file {name}", BrokenFile(folder / name / file, content, read)))
    return found


def close(known: Sequence[Target]) -> None:
    """End what these targets have started."""
    for target in known:
        if isinstance(target.once, NodeRequests):
            target.once.close()


def corrupted(data: bytes, random: Random) -> bytes:
    """Bytes turned, taken out, put in, repeated or cut off."""
    broken = bytearray(data)
    for _ in range(int(random.integers(1, 8))):
        if not broken:
            break
        at, length = int(random.integers(len(broken))), int(random.integers(1, 64))
        match random.integers(5):
            case 0:
                broken[at] ^= 1 << int(random.integers(8))
            case 1:
                broken[at : at + length] = random.bytes(length)
            case 2:
                del broken[at : at + length]
            case 3:
                broken[at:at] = broken[at : at + length] * int(random.integers(1, 5))
            case _:
                del broken[at:]
    return bytes(broken)


def disturb(message: Any, random: Random) -> None:
    """Change one field of a message, however deep, to something of its type that nobody means."""
    name, kind = list(message.get_fields_and_field_types().items())[
        int(random.integers(len(message.get_fields_and_field_types())))
    ]
    value = getattr(message, name)
    if hasattr(value, "get_fields_and_field_types"):
        disturb(value, random)
    elif isinstance(value, list) and value and hasattr(value[0], "get_fields_and_field_types"):
        if random.random() < 0.1:
            setattr(message, name, value * int(random.integers(0, 4)))
        else:
            disturb(value[int(random.integers(len(value)))], random)
    else:
        with suppress(AssertionError, OverflowError, ValueError, TypeError):  # the message's own check
            setattr(message, name, _nasty(value, kind, random))


def _nasty(value: Any, kind: str, random: Random) -> Any:
    if isinstance(value, str):
        return nasty_text(random)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):  # what the wire can carry, as "uint32"
        bits = int("".join(filter(str.isdigit, kind)) or 8)
        least, most = (
            (0, 2**bits - 1) if kind.startswith(("u", "octet", "byte")) else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        )
        return int(random.choice(np.array([least, least + 1, 0, 1, most // 2, most], dtype=object)))
    if isinstance(value, float):
        return float(random.choice(NASTY_NUMBERS))
    if isinstance(value, array.array):
        numbers = list(value)[: int(random.integers(0, len(value) + 1))]
        if numbers and value.typecode in "fd":
            numbers[int(random.integers(len(numbers)))] = float(random.choice(NASTY_NUMBERS))
        return array.array(value.typecode, numbers)
    if isinstance(value, np.ndarray):
        return np.full_like(value, random.choice(NASTY_NUMBERS)) if value.dtype.kind == "f" else value
    return value


def nasty_text(random: Random) -> str:
    """A text that somebody chose to do harm, or chance."""
    if random.random() < 0.6:
        return str(random.choice(NASTY_TEXTS))
    return "".join(random.choice(list(string.printable), int(random.integers(0, 40))))


class BrokenMessage:
    """A message of a topic: some of its fields changed, or its bytes, which stages read themselves (`as_record`)."""

    def __init__(self, sample: Any, read: Callable[[Any], Any], *, as_record: bool) -> None:
        self._kind, self._bytes, self._read, self._as_record = type(sample), to_bytes(sample), read, as_record

    def __call__(self, random: Random) -> None:
        """Break and read one."""
        data = corrupted(self._bytes, random) if random.random() < 0.5 else self._bytes
        if self._as_record and data is not self._bytes:
            self._read(record_of(data, self._kind))
            return
        try:
            message = from_bytes(data, self._kind)
        except Exception:  # the middleware refuses such bytes itself, each in its own way
            return
        if data is self._bytes:
            for _ in range(int(random.integers(1, 5))):
                disturb(message, random)
        self._read(message)

    def good(self) -> None:
        """Read the sample."""
        self._read((record_of if self._as_record else from_bytes)(self._bytes, self._kind))


class BrokenFile:
    """A file with its bytes changed."""

    def __init__(self, path: Path, content: bytes, read: Callable[[Path], Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._content, self._read = path, content, read

    def __call__(self, random: Random) -> None:
        """Break and read one."""
        self._write_and_read(corrupted(self._content, random))

    def good(self) -> None:
        """Read the sample."""
        self._write_and_read(self._content)

    def _write_and_read(self, content: bytes) -> None:
        self._path.write_bytes(content)
        self._path.chmod(0o600)
        self._read(self._path)


class Services:
    """Requests of the gait node's services and of its enrolment, with texts that nobody means."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._people = KnownPeople(_gallery(folder / "people.gallery"), resource("model_repository"))

    def __call__(self, random: Random) -> None:
        """Ask one."""
        text, other = nasty_text(random), nasty_text(random)
        match random.integers(4):
            case 0:
                self._people.forget(text)
            case 1:
                self._people.rename(random.choice(["Ada", text]), other)
            case 2:
                self._people.merge(random.choice(["Ada", text]), other)
            case _:
                self._people.gallery.add(text, (_template(),), model="model", gait_frame_kind="silhouette")
                self._people.forget(text.strip())

    def good(self) -> None:
        """Ask for what can be."""
        self._people.rename("Ada", "Ada L.")
        self._people.rename("Ada L.", "Ada")


def _topics() -> list[Target]:
    image = bgr_to_image(np.zeros((24, 32, 3), np.uint8), 1, "camera")
    joints = np.column_stack([np.linspace(10, 20, 18), np.linspace(5, 60, 18), np.full(18, 0.9)]).astype(np.float32)
    person = PersonPose(joints, np.array([5, 5, 20, 60], np.float32), 0.9, np.zeros((64, 64), np.uint8), 0.9)
    poses = PoseFrame(1, "camera", 64, 64, LAYOUT, "silhouette", [person])
    tracker = Tracker(seed=0)
    feedback = IdentityFeedback(tracker)
    tracks = tracker.update(poses)
    body = tracks.tracks[0].body_id
    candidates = (Candidate("p1", "Ada", 0.9, 0.2),)
    identity = Identity(body, IdentityStatus.IDENTIFIED, 1, "p1", "Ada", 0.9, 0.1, 30, candidates)
    said = IdentityFrame(1, "camera", "model", [identity])

    def follow(message: PersonPoseArray) -> None:
        tracks_from_message(tracks_to_message(tracker.update(poses_from_message(message))))

    def hear(message: GaitIdentityArray) -> None:
        heard = identities_from_message(message)
        feedback.take({i.body_id: i.person_id for i in heard.identities}, heard.contradicted, heard.stamp)

    samples: Mapping[str, tuple[Any, Callable[[Any], Any]]] = {
        "image_raw": (image, frame_from_message),
        "depth_image": (_depth(), depth_from_message),
        "person_poses": (poses_to_message(poses), follow),
        "person_tracks": (tracks_to_message(tracks), tracks_from_message),
        "gait_identities": (identities_to_message(said), hear),
    }
    assert isinstance(samples["person_tracks"][0], PersonTrackArray)
    return [
        Target(f"topic {name}", BrokenMessage(sample, read, as_record="image" not in name))
        for name, (sample, read) in samples.items()
    ]


def _depth() -> Any:
    message = bgr_to_image(np.zeros((24, 16, 3), np.uint8), 1, "camera")
    message.encoding, message.width, message.step, message.data = "16UC1", 16, 32, array.array("B", bytes(24 * 32))
    return message


def _template() -> Template:
    return Template(np.ones((1, 8), np.float32), 1, np.zeros((20, 64, 64), np.uint8))


def _gallery(path: Path) -> Gallery:
    gallery = Gallery(path)
    for name in ("Ada", "Eve"):
        gallery.add(name, (_template(),), model="model", gait_frame_kind="silhouette")
    return gallery


def _files(folder: Path) -> dict[str, tuple[str, bytes, Callable[[Path], Any]]]:
    """By name: the file's name, good content, and its reader."""
    folder.mkdir(parents=True, exist_ok=True)
    network = resource("model_repository", "gait_energy_image")
    (folder / "network/1").mkdir(parents=True)
    (folder / "network/1/model.onnx").symlink_to(network / "1/model.onnx")
    config = (network / "config.pbtxt").read_bytes().replace(b'"gait_energy_image"', b'"network"')
    known = next(resource("model_repository").glob("*/calibration.json"))
    image = cv2.imencode(".png", np.full((24, 32, 3), 90, np.uint8))[1].tobytes()
    boxes = "\n".join(f"{n},1,{10 + n},20,30,60,1,1,1" for n in range(1, 9)).encode()
    camera = json.dumps({"image_width": 64, "image_height": 48, "distortion_model": "plumb_bob"} | _matrices()).encode()
    files: dict[str, tuple[str, bytes, Callable[[Path], Any]]] = {
        "gallery": ("people.gallery", _gallery(folder / "sample.gallery").path.read_bytes(), Gallery),
        "calibration": ("calibration.json", known.read_bytes(), lambda path: calibration.load(path, known.parent.name)),
        "network": ("config.pbtxt", config, lambda path: read_model(path.parent)),
        "camera": ("camera.yaml", camera, load_calibration),
        "parameters": (
            "parameters.yaml",
            resource("config", "gait.yaml").read_bytes(),
            lambda path: file_value(path, "gait_node", "model"),
        ),
        "image": ("image.png", image, _play),
        "mot": ("tracks.txt", boxes, lambda path: (read_tracks(path, 10), read_truth(path, 10))),
    }
    return files | bags(folder / "bags") | _training_files()


def _training_files() -> dict[str, tuple[str, bytes, Callable[[Path], Any]]]:
    """Those that need the extra [train]."""
    try:
        from rt_gait_ros.networks.checkpoint import read_state
    except ImportError:
        return {}
    import io

    import torch

    from rt_gait_ros.datasets.coco import read_annotations

    checkpoint = io.BytesIO()
    torch.save({"weight": torch.zeros(3, 3)}, checkpoint)
    annotation = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [1, 2, 3, 4],
        "keypoints": [1, 2, 2] * 17,
        "area": 9,
    }
    coco = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [annotation], "categories": [{"id": 1}]}
    return {
        "checkpoint": ("network.pth", checkpoint.getvalue(), read_state),
        "coco": ("annotations.json", json.dumps(coco).encode(), read_annotations),
    }


def _matrices() -> dict[str, dict[str, Sequence[float] | int]]:
    sizes = {"camera_matrix": (3, 3), "distortion_coefficients": (1, 5), "rectification_matrix": (3, 3)}
    sizes["projection_matrix"] = (3, 4)
    return {
        name: {"rows": rows, "cols": columns, "data": [float(n % 4 == 0) for n in range(rows * columns)]}
        for name, (rows, columns) in sizes.items()
    }


def _play(path: Path) -> None:
    with open_source(str(path), pace=False, report=lambda line: None) as source:
        for _ in source:
            pass
