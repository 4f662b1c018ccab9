"""What the demo's camera sees: two recordings of real people, cut and put side by side, at the pace they were filmed.

Part one is the first half of one woman's walk; part two is the other half of it, beside pedestrians filmed elsewhere.
Nothing is drawn, mirrored or sped up: a recording of another frame rate shows each frame for as long as it lasted.
"""

import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from rt_gait_ros.demo.registry import PackagedFile, Progress, fetch
from rt_gait_ros.demo.video import VideoWriter
from rt_gait_ros.errors import GaitError
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.sources.video import Video

FPS = 25.0
SIZE = (1008, 352)  # width and height in pixels
SEAM = 4  # pixels of black between two recordings

WALKER_VIDEO = PackagedFile(
    project="sports2d",
    package="sports2d-0.8.34-py3-none-any.whl",
    package_sha256="733b6db70742636ae9c35d870c22bd416582f579abd5881bee93a14bb0e2655d",
    member="Sports2D/Demo/demo.mp4",
    sha256="d9a66417185647b112304b57093f0c180f37a768e6a14daca75ca541f3b78039",
    licence="BSD-3-Clause",
)
STRANGERS_VIDEO = PackagedFile(
    project="opencv-python-headless",
    package="opencv-python-headless-4.11.0.86.tar.gz",
    package_sha256="996eb282ca4b43ec6a3972414de0e2331f5d9cda2b41091a49739c19fb843798",
    member="opencv-python-headless-4.11.0.86/opencv/samples/data/vtest.avi",
    sha256="45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
    licence="Apache-2.0",
)


@dataclass(frozen=True, slots=True)
class Cut:
    """Frames first..last (both included) of a recording, seen through a fixed window of its picture."""

    video: PackagedFile
    fps: float
    first: int
    last: int
    left: int
    top: int
    width: int
    height: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return (self.last - self.first + 1) / self.fps


@dataclass(frozen=True, slots=True)
class Scene:
    """Cuts that stand side by side, each in a panel of its own. widths: of the panels in pixels."""

    panels: tuple[Cut, ...]
    widths: tuple[int, ...]

    @property
    def frames(self) -> int:
        """Frames at the demo's rate, to the end of the shortest cut."""
        return int(min(cut.seconds for cut in self.panels) * FPS + 1e-6)


def _walker(first: int, last: int, left: int, width: int) -> Cut:
    return Cut(WALKER_VIDEO, 30.0, first, last, left, top=440, width=width, height=540)


# The woman comes from behind a tree in frame 40 and leaves the picture in frame 205; a man stands above the window.
ENROLMENT = Scene((_walker(15, 112, left=220, width=1546),), (SIZE[0],))
# She walks into this window two seconds from its beginning, when her track of part one has ended, and is wholly in it
# from frame 114 on.
STRANGERS_FROM = 626  # pixels: in part two the strangers' panel begins here
RECOGNITION = Scene(
    (
        _walker(33, 216, left=0, width=960),
        Cut(STRANGERS_VIDEO, 10.0, 401, 462, left=557, top=222, width=211, height=194),
    ),
    (STRANGERS_FROM, SIZE[0] - STRANGERS_FROM),
)
ENROL_UNTIL = ENROLMENT.frames / FPS  # seconds


@dataclass(frozen=True, slots=True)
class Footage:
    """A video for the camera node. enrol_until: seconds into it at which part one ends. sources: for the report."""

    path: Path
    enrol_until: float
    sources: tuple[dict[str, str], ...]


def demo_footage(progress: Progress) -> Footage:
    """The demo's own footage, fetched and put together once. Raises RegistryError, VideoError or GaitError."""
    folder = cache_folder() / "footage"
    videos = {video: fetch(video, folder, progress) for video in (WALKER_VIDEO, STRANGERS_VIDEO)}
    plan = zlib.crc32(repr((FPS, SIZE, SEAM, ENROLMENT, RECOGNITION)).encode())
    path = folder / f"demo_footage_{plan:08x}.mp4"
    if not path.is_file():
        total = ENROLMENT.frames + RECOGNITION.frames
        with VideoWriter(path, FPS) as writer:
            for number, image in enumerate(compose((ENROLMENT, RECOGNITION), videos), start=1):
                writer.write(image)
                progress(path.name, number, total)
    sources = tuple(
        {"file": video.member, "package": video.package, "licence": video.licence, "sha256": video.sha256}
        for video in videos
    )
    return Footage(path, ENROL_UNTIL, sources)


def compose(scenes: tuple[Scene, ...], videos: dict[PackagedFile, Path]) -> Iterator[np.ndarray]:
    """The scenes' images one after the other, (352, 1008, 3) uint8 BGR. Raises GaitError for a video cut short."""
    for scene in scenes:
        players = [_play(cut, videos) for cut in scene.panels]
        for _ in range(scene.frames):
            pictures = [
                cv2.resize(
                    next(player), (width, SIZE[1]), interpolation=cv2.INTER_AREA if width < 500 else cv2.INTER_LINEAR
                )
                for player, width in zip(players, scene.widths, strict=True)
            ]
            for picture in pictures[1:]:
                picture[:, :SEAM] = 0
            yield cv2.hconcat(pictures)


def _play(cut: Cut, videos: dict[PackagedFile, Path]) -> Iterator[np.ndarray]:
    """The cut's images at the demo's rate."""
    reader = _read(videos[cut.video], cut.first, cut.last)
    at, image = next(reader)
    for shown in range(int(cut.seconds * FPS + 1e-6)):
        wanted = cut.first + int(shown / FPS * cut.fps + 1e-6)
        while at < wanted:
            at, image = next(reader)
        yield image[cut.top : cut.top + cut.height, cut.left : cut.left + cut.width]


def _read(path: Path, first: int, last: int) -> Iterator[tuple[int, np.ndarray]]:
    """Numbered images of a video. Reads from the beginning: seeking is not exact in every container."""
    with closing(Video(path)) as video:
        for number, picture in enumerate(video.pictures()):
            if number < first:
                continue
            if picture is None:
                raise GaitError(f"frame {number} of {path} cannot be decoded; delete it and run again")
            yield number, picture.image()
            if number == last:
                return
    raise GaitError(f"{path} ends before frame {last}; delete it and run again")
