"""Gait frames by which 8-bit networks find the ranges of their activations: what the user has, or generated walkers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from rt_gait_ros.datasets.silhouettes import read_picture
from rt_gait_ros.datasets.tum_gaid import read_sample
from rt_gait_ros.errors import UsageError
from rt_gait_ros.gallery import gallery_file
from rt_gait_ros.gallery.cipher import find_cipher
from rt_gait_ros.synthesis.people import person
from rt_gait_ros.synthesis.walks import Nuisances, random_scene, random_silhouettes

# A window of the recogniser; and as many windows as a minute's calibration takes.
FRAMES, SETS = 30, 100
# Fewer say nothing of a ranking.
LEAST = 8
# Virtual people by number: training takes those below 2,000,000,000, `evaluate virtual` those from 3,000,000,000.
_FIRST_PERSON = 2_000_000_000

Thing = TypeVar("Thing")


def calibration_sets(source: Path | None, kind: str = "silhouette") -> list[np.ndarray]:
    """Sequences of gait frames: silhouettes (1..30, 64, 64) uint8, or windows of flow (25, 60, 60, 2) int16.

    Evenly chosen where there are more than SETS. source: a gallery, whose stored gait frames are used; or a folder: at
    any depth, every folder of pictures (.png: 64x64 silhouettes, or larger masks) is a sequence, every prepared sample
    of TUM-GAID (.h5) a window of flow. None: generated walkers, for silhouettes only. kind: "silhouette" or "flow".
    Raises UsageError for too few sequences, GalleryError for a damaged gallery.
    """
    if source is None:
        if kind != "silhouette":
            raise UsageError(f"a network on {kind} needs --calibration for this: a folder of gait frames, or a gallery")
        return _generated()
    if not source.exists():
        raise UsageError(f"{source} is not there: name a folder of gait frames, or a gallery")
    if not source.is_dir():
        sets = _stored(source, kind)
    else:
        sets = _silhouettes(source) if kind == "silhouette" else _flow(source)
    if len(sets) < LEAST:
        raise UsageError(f"{source} holds {len(sets)} sequences of {kind} gait frames: {LEAST} or more are needed")
    return sets


def _generated() -> list[np.ndarray]:
    """Walks of virtual people who no network is trained on, each in a scene of their own."""
    ranges, random = Nuisances(), np.random.default_rng(0x18)
    sets: list[np.ndarray] = []
    while len(sets) < SETS:
        who = person(_FIRST_PERSON + len(sets))
        walk = random_silhouettes(who, random_scene(ranges, random), FRAMES, ranges, random)
        sets += [walk] if len(walk) else []
    return sets


def _silhouettes(folder: Path) -> list[np.ndarray]:
    pictures: dict[Path, list[Path]] = {}
    for path in sorted(folder.rglob("*.png")):
        pictures.setdefault(path.parent, []).append(path)
    sets = []
    for paths in _even(list(pictures.values()), SETS):
        read = [read_picture(path) for path in _even(paths, FRAMES)]
        frames = [frame for frame in read if frame is not None]
        sets += [np.stack(frames)] if frames else []
    return sets


def _flow(folder: Path) -> list[np.ndarray]:
    read = [read_sample(path) for path in _even(sorted(folder.rglob("*.h5")), SETS)]
    return [window for window in read if window is not None]


def _stored(path: Path, kind: str) -> list[np.ndarray]:
    content = gallery_file.read(path, find_cipher()).content
    if content.persons and content.gait_frame_kind != kind:
        raise UsageError(f"{path} holds {content.gait_frame_kind} gait frames: {kind} is needed")
    frames = [template.frames for person in content.persons for template in person.templates]
    return [np.asarray(sequence)[:FRAMES] for sequence in _even([each for each in frames if each is not None], SETS)]


def _even(values: Sequence[Thing], most: int) -> list[Thing]:
    """At most so many of them, evenly chosen."""
    if len(values) <= most:
        return list(values)
    return [values[index] for index in np.linspace(0, len(values) - 1, most).round().astype(int)]
