"""From a video to the walks in it: our own pipeline's gait frames, pass by pass, computed once and kept."""

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.archives import DAMAGED
from rt_gait_ros.errors import GaitError, of_file
from rt_gait_ros.frame import SECOND, Frame
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.job_pool import Finished, Job, run_missing, tell
from rt_gait_ros.masking import readable
from rt_gait_ros.pipeline.tracking import TrackingPipeline
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.silhouette.flow import FLOW_RATE, Place
from rt_gait_ros.silhouette.lead_in import LeadIn
from rt_gait_ros.sources.video import Video
from rt_gait_ros.tracking.config import TrackerConfig

# Grows when the same video and settings give other walks than before: what is stored is then computed anew.
VERSION = 4
WAITING = 60  # frames of a track that wait for it to be known to walk: a second at 60 Hz
MIN_QUALITY = RecognizerConfig.min_quality
VIDEO_ENDINGS = (".avi", ".mp4", ".mkv", ".mov", ".webm")  # of the videos in a folder of people

# A pass by motion alone, for a fixed camera: pixels that differ from the video's median image by more than FOREGROUND
# grey levels cover more than AREA of the picture, for PASS_SECONDS or longer, with holes of up to HOLE_SECONDS.
FOREGROUND, AREA, PASS_SECONDS, HOLE_SECONDS = 25, 0.01, 0.8, 0.4
_ROUNDING = 1e-6  # seconds

PROGRESS_SECONDS = 5.0  # between two lines about a long video
Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class GaitSequence:
    """One track's good gait frames. indices: (S,) image numbers. frames: (S, 64, 64) uint8, or (S, 60, 60, 2) int16.

    places: of flow frames, where each was taken: (S, 3), the numbers of a `silhouette.flow.Place`.
    """

    body_id: str
    indices: np.ndarray
    frames: np.ndarray
    places: np.ndarray | None = None

    def between(self, first: int, last: int) -> "GaitSequence":
        """The part of it in the images from `first` to `last`."""
        inside = (self.indices >= first) & (self.indices <= last)
        places = None if self.places is None else self.places[inside]
        return GaitSequence(self.body_id, self.indices[inside], self.frames[inside], places)


@dataclass(frozen=True, slots=True)
class VideoWalks:
    """What a video holds. passes: (first, last) image of every pass by motion, found without any network.

    Images are numbered as they were decoded, from 0.
    """

    walks: tuple[GaitSequence, ...]
    passes: tuple[tuple[int, int], ...]

    def by_pass(self, min_frames: int) -> list[np.ndarray | None]:
        """Gait frames of every pass: those of the track with most of them in it; None for a pass that was lost.

        min_frames: a pass with fewer is lost.
        """
        found = self.sequences_by_pass(min_frames)
        return [None if sequence is None else sequence.frames for sequence in found]

    def sequences_by_pass(self, min_frames: int) -> list[GaitSequence | None]:
        """As by_pass, with everything that is known of those frames."""
        return [self._best(first, last, min_frames) for first, last in self.passes]

    def _best(self, first: int, last: int, min_frames: int) -> GaitSequence | None:
        inside = [walk.between(first, last) for walk in self.walks]
        best = max(inside, key=lambda walk: len(walk.frames), default=None)
        return best if best is not None and len(best.frames) >= min_frames else None


@dataclass(slots=True)
class _Gathered:
    indices: list[int] = field(default_factory=list)
    frames: list[np.ndarray] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def sequence(self, body_id: str, kind: str) -> GaitSequence:
        places = np.array(self.places) if kind == "flow" else None
        return GaitSequence(body_id, np.array(self.indices), np.stack(self.frames), places)


def read_walks(
    video: Path,
    repository: Path,
    progress: Callable[[str], None] = lambda line: None,
    advance: Advance = lambda images, expected: None,
    kind: str = "silhouette",
) -> VideoWalks:
    """Run the pose pipeline and the tracker over a video. progress: told what is odd about it, one line each.

    advance: told with every image how many there were, and how many the file says it has (0: it does not say). kind: of
    the gait frames, "silhouette" or "flow". Raises GaitError where it cannot be read.
    """
    client = OnnxClient(repository, timeout=60.0)
    try:
        pipeline = TrackingPipeline(client, PoseConfig(gait_frame_kind=kind))
        gathered: dict[str, _Gathered] = {}
        waiting: dict[str, LeadIn[tuple[int, np.ndarray, Place]]] = {}
        most = 1 if kind == "flow" else WAITING  # no frame of a pause may be in a window of flow
        thumbnails, times = [], []
        for index, frame in enumerate(read_frames(video, progress, advance)):
            for track in pipeline.process(frame).tracks:
                if track.gait_frame is not None and track.quality >= MIN_QUALITY:
                    lead_in = waiting.setdefault(track.body_id, LeadIn(most))
                    place = Place.of(round(frame.stamp * FLOW_RATE / SECOND), track.box)
                    good = index, track.gait_frame, place
                    for _, (number, gait_frame, where) in lead_in.take(good, frame.stamp, walking=track.walking):
                        gather = gathered.setdefault(track.body_id, _Gathered())
                        gather.indices.append(number)
                        gather.frames.append(gait_frame)
                        gather.places.append(where)
            thumbnails.append(cv2.resize(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), (160, 120)))
            times.append(frame.stamp * 1e-9)
    finally:
        client.close()
    walks = tuple(gather.sequence(body_id, kind) for body_id, gather in gathered.items())
    return VideoWalks(walks, tuple(motion_passes(np.stack(thumbnails), np.array(times))))


def read_frames(
    video: Path,
    progress: Callable[[str], None] = lambda line: None,
    advance: Advance = lambda images, expected: None,
) -> Iterator[Frame]:
    """The images of a video that can be decoded, as every other part of the package sees them; the first has stamp 0.

    progress, advance: as read_walks.
    Raises GaitError for what is no video, or where not one can be decoded.
    """
    with closing(Video(video, report=progress)) as source:
        seen = 0
        for line in source.remarks:
            progress(line)
        for picture in source.pictures():
            if picture is not None:
                seen += 1
                advance(seen, source.expected)
                yield Frame(picture.image(), round((picture.time or 0.0) * 1e9))
        if missing := source.damaged + source.lost:
            progress(f"{source.name}: {missing} images are damaged or missing and are left out")
    if not seen:
        raise GaitError(f"{source.name} has no image that can be decoded: is the file whole?")


def motion_passes(images: np.ndarray, times: np.ndarray) -> list[tuple[int, int]]:
    """First and last image of every time that something as large as a person moves before a fixed camera.

    images: (T, H, W) uint8 grey. times: (T,) seconds at which they were taken.
    """
    background = np.median(images[:: max(1, len(images) // 200)], axis=0).astype(np.int16)
    moving = np.array([(np.abs(image - background) > FOREGROUND).mean() > AREA for image in images])  # each as int16
    starts = np.flatnonzero(np.diff(moving.astype(np.int8), prepend=0) == 1)
    ends = np.flatnonzero(np.diff(moving.astype(np.int8), append=0) == -1)
    passes: list[tuple[int, int]] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if passes and times[start] - times[passes[-1][1]] <= HOLE_SECONDS + _ROUNDING:
            passes[-1] = (passes[-1][0], end)
        else:
            passes.append((start, end))
    return [(first, last) for first, last in passes if times[last] - times[first] >= PASS_SECONDS - _ROUNDING]


def read_all(
    videos: Sequence[Path],
    repository: Path,
    work: Path,
    workers: int,
    progress: Callable[[str], None],
    kind: str = "silhouette",
) -> dict[Path, VideoWalks]:
    """The walks of every video, many at a time; what `work` holds of an earlier run, broken off or not, is used again.

    What is kept shows people: the files are private to their owner. progress: told one line per video and what is odd
    about it, and every PROGRESS_SECONDS how far each of those is that are being read. kind: as read_walks. Raises
    GaitError for a video that cannot be read.
    """
    private_file.make_folder(work)
    for kept in work.glob("*.npz"):  # of an earlier release, which left them to everybody
        kept.chmod(0o600)
    settings = _settings(repository, kind)
    stored = {video: work / f"{_key(video, settings)}.npz" for video in videos}
    jobs = [
        Job(readable(video.name), path, partial(_read_and_store, video, repository, kind))
        for video, path in stored.items()
    ]

    def finished(done: Finished) -> None:
        for line in done.remarks:
            progress(line)
        progress(str(done))

    run_missing(jobs, workers, finished, progress)
    return {video: load(path) for video, path in stored.items()}


def store(path: Path, video: VideoWalks) -> None:
    """Keep the walks of a video in a private file; a run that dies leaves no half file of that name."""
    # Any, since numpy 2's savez has a keyword of another type
    arrays: dict[str, Any] = {"passes": np.array(video.passes, np.int64).reshape(-1, 2)}
    for number, walk in enumerate(video.walks):
        name = f"{number}.{walk.body_id}"
        arrays |= {f"{name}.indices": walk.indices, f"{name}.frames": walk.frames}
        arrays |= {} if walk.places is None else {f"{name}.places": walk.places}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    private_file.replace(path, buffer.getvalue())


def load(path: Path) -> VideoWalks:
    """The inverse of store. Raises GaitError for what a broken disk left of it."""
    try:
        with np.load(path) as arrays:
            names = [name.removesuffix(".frames") for name in arrays.files if name.endswith(".frames")]
            walks = tuple(
                GaitSequence(
                    name.partition(".")[2],
                    arrays[f"{name}.indices"],
                    arrays[f"{name}.frames"],
                    arrays[f"{name}.places"] if f"{name}.places" in arrays.files else None,
                )
                for name in names
            )
            return VideoWalks(walks, tuple((int(first), int(last)) for first, last in arrays["passes"]))
    except OSError as error:
        raise of_file(error, f"{path} cannot be read") from None
    except DAMAGED:
        raise GaitError(f"{path} is damaged: delete it, and the same command makes it anew") from None


def _read_and_store(video: Path, repository: Path, kind: str, path: Path) -> list[str]:
    """A job: what is odd about the video."""
    lines: list[str] = []
    spoken = time.monotonic()

    def advance(images: int, expected: int) -> None:
        nonlocal spoken
        if time.monotonic() - spoken >= PROGRESS_SECONDS:
            spoken = time.monotonic()
            tell(
                f"{readable(video.name)}: {images} images" + (f" of {expected}" if expected >= images else "") + " read"
            )

    store(path, read_walks(video, repository, lines.append, advance, kind))
    return lines


def _settings(repository: Path, kind: str = "silhouette") -> str:
    """All that the walks depend on beside the video."""
    pose = PoseConfig(gait_frame_kind=kind)
    networks = [
        hashlib.sha256((repository / name / "1" / "model.onnx").read_bytes()).hexdigest()
        for name in (pose.detector, pose.person_model)
    ]
    known = {"version": VERSION, "min_quality": MIN_QUALITY, "networks": networks}
    return json.dumps(known | {"pose": asdict(pose), "tracker": asdict(TrackerConfig())}, sort_keys=True)


def _key(video: Path, settings: str) -> str:
    return hashlib.sha256(settings.encode() + video.read_bytes()).hexdigest()[:32]
