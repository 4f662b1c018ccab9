"""TUM-GAID on disk: folders of images, or the samples of optical flow that Embedded-Gait prepares of them.

N normal, B with a backpack, S in coating shoes; N 11-12, B 3-4 and S 3-4 are of a second session (Hofmann et al., "The
TUM gait from audio, image and depth database", 2014).
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rt_gait_ros.errors import GaitError, MissingPackage, UsageError
from rt_gait_ros.pip_packages import extra
from rt_gait_ros.silhouette.flow import SIZE, UNITS, WINDOW

if TYPE_CHECKING:
    import h5py

GALLERY = "N#1-4"
PROBES = {
    "N#5-6": ("n05", "n06"),
    "B#1-2": ("b01", "b02"),
    "S#1-2": ("s01", "s02"),
    "N#11-12": ("n11", "n12"),
    "B#3-4": ("b03", "b04"),
    "S#3-4": ("s03", "s04"),
}
SEQUENCES = {GALLERY: ("n01", "n02", "n03", "n04"), **PROBES}
FPS = 30.0  # of the set's Kinect

# Condition of the samples that the authors train on: of 150 other people, all sequences together.
TRAINING = "train"

# Folders of prepared samples: tfimdb_tum_gaid_N155_ft_of25_60x60 (gallery), ..._test_n05-06_of25_60x60, ..., and
# ..._N150_train_of25_60x60
_PREPARED = re.compile(r".*_(ft|train|test_([nbs])(\d\d)-(\d\d))_of25_60x60")


@dataclass(frozen=True, slots=True)
class Recording:
    """One walk. name: "condition/person/sequence", the condition a key of SEQUENCES, or TRAINING.

    files: its images in order, or, where it is prepared, its samples of optical flow (.h5).
    """

    name: str
    files: tuple[Path, ...]
    prepared: bool

    @property
    def person(self) -> str:
        """As the set names people: p001."""
        return self.name.split("/")[1]


def find_recordings(folder: Path) -> list[Recording]:
    """All recordings that a folder holds, as images (p001/n01/*.jpg, or image/p001/n01/*.jpg) or as prepared samples.

    Raises UsageError for another layout.
    """
    found = [each for each in find_walks(folder) if not each.name.startswith(f"{TRAINING}/")]
    kinds = {each.name.partition("/")[0] for each in found}
    if GALLERY not in kinds or len(kinds) < 2:
        raise UsageError(
            f"{folder} is not TUM-GAID: folders like p001/n01 with images are expected, of the gallery (n01 to n04) "
            "and of probes, or prepared samples in ..._ft_of25_60x60 and ..._test_n05-06_of25_60x60"
        )
    return found


def find_walks(folder: Path) -> list[Recording]:
    """As find_recordings, of any conditions, and with the samples that the authors train on; none of another layout.

    Raises UsageError for prepared samples of a condition that the set does not have.
    """
    return _prepared(folder) or _images(folder / "image") or _images(folder)


def _images(folder: Path) -> list[Recording]:
    found = []
    for condition, names in SEQUENCES.items():
        for name in names:
            for video in sorted(folder.glob(f"p[0-9][0-9][0-9]/{name}")):
                files = sorted(path for path in video.iterdir() if path.suffix.lower() in (".jpg", ".png"))
                found.append(Recording(f"{condition}/{video.parent.name}/{name}", tuple(files), False))
    return found


def _prepared(folder: Path) -> list[Recording]:
    videos: dict[str, list[Path]] = {}
    for part in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = _PREPARED.fullmatch(part.name)
        if match and part.is_dir():
            whole = {"ft": GALLERY, "train": TRAINING}.get(match[1])
            condition = whole or f"{match[2].upper()}#{int(match[3])}-{int(match[4])}"
            if condition not in (TRAINING, *SEQUENCES):
                raise UsageError(f"{part} holds {condition}, which is no condition of the set: {', '.join(PROBES)}")
            for sample in sorted(part.glob("*.h5")):  # p001-n05-01.h5: person, sequence, number of the window
                person, _, rest = sample.stem.partition("-")
                videos.setdefault(f"{condition}/{person}/{rest.rpartition('-')[0]}", []).append(sample)
    return [Recording(name, tuple(files), True) for name, files in videos.items()]


def has_data(path: Path) -> bool:
    """Whether a prepared sample holds flow: some are left empty. Raises GaitError where it cannot be read."""
    with _opened(path) as file:
        return "data" in file and file["data"].shape is not None and file["data"].size > 0


def read_sample(path: Path) -> np.ndarray | None:
    """A prepared sample (deepdish) as (25, 60, 60, 2) int16 hundredths; None for one without data. Raises GaitError."""
    with _opened(path) as file:
        data = np.asarray(file["data"]) if "data" in file else np.zeros(0)
        factor = float(file.attrs.get("compressFactor", UNITS))
    if data.size == 0:
        return None
    if data.shape != (SIZE, SIZE, 2 * WINDOW):
        raise GaitError(f"{path} holds {data.shape}, not ({SIZE}, {SIZE}, {2 * WINDOW}): is it optical flow?")
    if not 0.0 < factor < np.inf:
        raise GaitError(f"{path} has a compressFactor of {factor}: it must be above 0")
    # horizontal and vertical flow alternate in the last axis
    window = data.reshape(SIZE, SIZE, WINDOW, 2).transpose(2, 0, 1, 3)
    return np.asarray(np.rint(window * (UNITS / factor)), np.int16)


@contextlib.contextmanager
def _opened(path: Path) -> "Iterator[h5py.File]":
    try:
        import h5py  # of the extra [train]; nothing else of the evaluation needs it
    except ImportError as error:
        raise MissingPackage(f"prepared samples need h5py: {extra('train')}", name="h5py") from error
    try:
        with h5py.File(path, "r") as file:
            yield file
    except OSError as error:
        raise GaitError(f"{path} cannot be read as HDF5: is the file whole?") from error
