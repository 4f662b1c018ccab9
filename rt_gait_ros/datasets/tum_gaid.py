"""TUM-GAID on disk: folders of images, or the samples of optical flow that Embedded-Gait prepares of them.

N normal, B with a backpack, S in coating shoes; N 11-12, B 3-4 and S 3-4 are of a second session (Hofmann et al., "The
TUM gait from audio, image and depth database", 2014).
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_gait_ros.errors import GaitError, MissingPackage, UsageError
from rt_gait_ros.pip_packages import extra
from rt_gait_ros.silhouette.flow import SIZE, UNITS, WINDOW

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

# Folders of prepared samples: tfimdb_tum_gaid_N155_ft_of25_60x60 (gallery), ..._test_n05-06_of25_60x60, ...
_PREPARED = re.compile(r".*_(ft|test_([nbs])(\d\d)-(\d\d))_of25_60x60")


@dataclass(frozen=True, slots=True)
class Recording:
    """One walk. name: "condition/person/sequence", the condition a key of SEQUENCES.

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
    found = _prepared(folder) or _images(folder / "image") or _images(folder)
    kinds = {each.name.partition("/")[0] for each in found}
    if GALLERY not in kinds or len(kinds) < 2:
        raise UsageError(
            f"{folder} is not TUM-GAID: folders like p001/n01 with images are expected, of the gallery (n01 to n04) "
            "and of probes, or prepared samples in ..._ft_of25_60x60 and ..._test_n05-06_of25_60x60"
        )
    return found


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
            condition = GALLERY if match[1] == "ft" else f"{match[2].upper()}#{int(match[3])}-{int(match[4])}"
            if condition not in SEQUENCES:
                raise UsageError(f"{part} holds {condition}, which is no condition of the set: {', '.join(PROBES)}")
            for sample in sorted(part.glob("*.h5")):  # p001-n05-01.h5: person, sequence, number of the window
                person, _, rest = sample.stem.partition("-")
                videos.setdefault(f"{condition}/{person}/{rest.rpartition('-')[0]}", []).append(sample)
    return [Recording(name, tuple(files), True) for name, files in videos.items()]


def read_sample(path: Path) -> np.ndarray | None:
    """A prepared sample (deepdish) as (25, 60, 60, 2) int16 hundredths; None for one without data. Raises GaitError."""
    try:
        import h5py  # of the extra [train]; nothing else of the evaluation needs it
    except ImportError as error:
        raise MissingPackage(f"prepared samples need h5py: {extra('train')}", name="h5py") from error
    try:
        with h5py.File(path, "r") as file:
            data = np.asarray(file["data"]) if "data" in file else np.zeros(0)
            factor = float(file.attrs.get("compressFactor", UNITS))
    except OSError as error:
        raise GaitError(f"{path} cannot be read as HDF5: is the file whole?") from error
    if data.size == 0:
        return None
    if data.shape != (SIZE, SIZE, 2 * WINDOW):
        raise GaitError(f"{path} holds {data.shape}, not ({SIZE}, {SIZE}, {2 * WINDOW}): is it optical flow?")
    # horizontal and vertical flow alternate in the last axis
    window = data.reshape(SIZE, SIZE, WINDOW, 2).transpose(2, 0, 1, 3)
    return np.asarray(np.rint(window * (UNITS / factor)), np.int16)
