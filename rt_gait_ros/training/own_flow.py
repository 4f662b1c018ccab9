"""Your own people to train the networks on flow on: TUM-GAID, as images or as Embedded-Gait prepares it, or videos."""

import hashlib
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.datasets import folders
from rt_gait_ros.datasets.flow_walks import PlacedWindows
from rt_gait_ros.datasets.tum_gaid import TRAINING, Recording, find_walks, has_data, read_sample
from rt_gait_ros.datasets.video_walks import VIDEO_ENDINGS, GaitSequence, VideoWalks, load, read_all, store
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.embedding_jobs import fingerprint, network_fingerprint
from rt_gait_ros.evaluation.tum_gaid import POSE, flow_frames
from rt_gait_ros.job_pool import Job, run_missing
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.silhouette.flow import WINDOW
from rt_gait_ros.training.cohorts import Report
from rt_gait_ros.training.flow_windows import FlowWalk, earlier_and_later

# Grows when the same images give other frames than before: what is stored is then computed anew.
VERSION = 1
_EXPECTED = (
    "expected are PERSON/WALK.avi (or .mp4, .mkv, .mov, .webm), or TUM-GAID: p001/n01/*.jpg, or prepared samples in "
    "..._of25_60x60"
)


class Samples(Sequence[np.ndarray]):
    """Prepared samples, each read when it is asked for: a set of them is larger than the memory."""

    def __init__(self, files: Sequence[Path]) -> None:
        """files: with data."""
        self.files = tuple(files)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> np.ndarray:  # type: ignore[override]
        window = read_sample(self.files[index])
        assert window is not None, f"{self.files[index]} was emptied"
        return window


@dataclass(frozen=True, slots=True)
class OwnFlow:
    """What a folder gave. trained: the people whom the set itself says to train on; empty where it does not say.

    notes: what could not be used, a line for each kind of it.
    """

    walks: tuple[FlowWalk, ...]
    trained: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def read_flow(
    folder: Path,
    repository: Path,
    work: Path,
    workers: int,
    report: Report,
    numbers: Collection[int] | None = None,
) -> OwnFlow:
    """Everybody's walks in a folder. Images and videos go through the pose pipeline, once; `work` keeps what it saw.

    numbers: only people who are named by one of them. Raises UsageError for another layout and where nobody is left,
    GaitError for a file that cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: {_EXPECTED}")
    recordings = find_walks(folder)
    if recordings:
        chosen = [each for each in recordings if numbers is None or folders.number_of(each.person) in numbers]
        walks = _recorded(chosen, repository, work, workers, report)
        trained = frozenset(each.person for each in chosen if each.name.startswith(f"{TRAINING}/"))
    else:
        walks, trained = _videos(folders.people_of(folder, numbers), repository, work, workers, report), frozenset()
    if not walks:
        raise UsageError(f"{folder} holds nobody's walks{' of the people asked for' if numbers else ''}: {_EXPECTED}")
    whole = tuple(walk for walk in walks if len(walk.windows))
    lost = len(walks) - len(whole)
    note = f"{lost} of {len(walks)} walks have no {WINDOW} good frames of flow in a row and are left out"
    return OwnFlow(whole, trained, (note,) if lost else ())


def _recorded(
    recordings: Sequence[Recording], repository: Path, work: Path, workers: int, report: Report
) -> list[FlowWalk]:
    prepared = [each for each in recordings if each.prepared]
    walks = [FlowWalk(each.name, Samples([path for path in each.files if has_data(path)])) for each in prepared]
    images = [each for each in recordings if not each.prepared]
    if not images:
        return walks
    private_file.make_folder(work)
    networks = [network_fingerprint(repository / name) for name in (POSE.detector, POSE.person_model)]
    stored = {}
    for each in images:
        known = repr((VERSION, networks, fingerprint(each.files, content=False)))
        stored[each.name] = work / f"{hashlib.sha256(known.encode()).hexdigest()[:32]}.npz"
    jobs = [Job(each.name, stored[each.name], partial(_see_and_store, each.files, repository)) for each in images]
    run_missing(jobs, workers, lambda finished: report(str(finished)))
    return walks + [FlowWalk(name, PlacedWindows(load(path).walks)) for name, path in stored.items()]


def _see_and_store(files: Sequence[Path], repository: Path, path: Path) -> tuple[str, ...]:
    """A job: the flow frames of the tallest person in the images of a recording."""
    with closing(OnnxClient(repository, timeout=60.0)) as client:
        frames, places = flow_frames(files, client)
    indices = np.array([place.image for place in places], np.int64)
    walk = (GaitSequence("tallest", indices, np.stack(frames), np.array(places, float)),) if frames else ()
    store(path, VideoWalks(walk, ()))
    return ()


def _videos(people: Sequence[Path], repository: Path, work: Path, workers: int, report: Report) -> list[FlowWalk]:
    videos = [path for who in people for path in sorted(who.iterdir()) if path.suffix.lower() in VIDEO_ENDINGS]
    seen = read_all(videos, repository, work, workers, report, "flow") if videos else {}
    walks: dict[str, dict[str, PlacedWindows]] = {}
    for video, found in seen.items():
        passes = [walk for walk in found.sequences_by_pass(WINDOW) if walk is not None]
        walks.setdefault(video.parent.name, {})[video.name] = PlacedWindows(passes)
    return earlier_and_later(walks)
