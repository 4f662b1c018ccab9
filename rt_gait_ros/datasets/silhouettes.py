"""Silhouettes from files: pictures as GaitSet's authors keep them, and pickled arrays as OpenGait does.

A pickle can run anything when it is read. The unpickler here knows the few names that a NumPy array is made with, and
refuses all others before they are called.
"""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rt_gait_ros.errors import GaitError, of_file
from rt_gait_ros.silhouette.gaitset import SIZE, silhouette_from_mask

PICTURE, PICKLE = ".png", ".pkl"
CUT = 44  # columns that some copies of OpenGait's files are cut to: what networks see of 64

_PNG_END = b"IEND\xaeB`\x82"
# What NumPy writes into a pickle: protocols up to 4 by _reconstruct, protocol 5 by _frombuffer; NumPy 2 renamed the
# modules. Taken from an array itself, so that no module is imported by a name out of a file.
_RECONSTRUCT: Any = np.zeros(1).__reduce__()[0]
_FROM_BUFFER: Any = np.zeros(1).__reduce_ex__(5)[0]
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    # how protocol 2 spells bytes; of an array's content it is always this encoding
    ("_codecs", "encode"): lambda text, _encoding: text.encode("latin1"),
}
for _core in ("numpy.core", "numpy._core"):
    _ALLOWED |= {
        (f"{_core}.multiarray", "_reconstruct"): _RECONSTRUCT,
        (f"{_core}.numeric", "_frombuffer"): _FROM_BUFFER,
    }


class PickleRefused(GaitError):
    """A pickle that does not hold what it should."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise PickleRefused(f"it names {module}.{name}") from None


@dataclass(frozen=True, slots=True)
class Silhouettes:
    """What files gave. frames: (S, 64, 64) uint8. damaged: silhouettes that could not be used.

    refused: why pickles were, one line each with the file's name.
    """

    frames: np.ndarray
    damaged: int = 0
    refused: tuple[str, ...] = ()


def read_silhouettes(files: Sequence[Path]) -> Silhouettes:
    """One sequence's pictures and pickles, in the order given; what cannot be used is left out and counted.

    Raises GaitError for a picture's file that this user cannot read.
    """
    frames: list[np.ndarray] = []
    refused: list[str] = []
    damaged = 0
    for file in files:
        if file.suffix.lower() != PICKLE:
            picture = read_picture(file)
            damaged += picture is None
            frames += [] if picture is None else [picture]
            continue
        try:
            stack = read_pickle(file)
        except PickleRefused as error:
            refused.append(str(error))
            continue
        shown = stack.any(axis=(1, 2))
        damaged += int((~shown).sum())
        frames += list(stack[shown])
    stacked = np.stack(frames) if frames else np.zeros((0, SIZE, SIZE), np.uint8)
    return Silhouettes(stacked, damaged, tuple(refused))


def read_picture(path: Path) -> np.ndarray | None:
    """A picture as (64, 64) uint8; None where it is cut off, empty, or nobody is in it.

    The 64x64 cut is taken as it is; of larger pictures, the masks of GaitDatasetB-silh, the silhouette is cut as
    GaitSet does. Raises GaitError for a file that this user cannot read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise of_file(error, f"{path} cannot be read") from None
    if not content.endswith(_PNG_END):  # OpenCV would decode the half that is there
        return None
    mask = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        return None
    if mask.shape == (SIZE, SIZE):
        return np.asarray(mask) if mask.any() else None
    return silhouette_from_mask(mask)


def read_pickle(path: Path) -> np.ndarray:
    """OpenGait's file of one sequence as (S, 64, 64) uint8; files cut to 44 columns get their empty ones back.

    Raises PickleRefused for a file that holds anything else, or names anything that is not part of an array.
    """
    try:
        with path.open("rb") as file:
            stack = _ArrayUnpickler(file).load()
    except PickleRefused as error:
        raise PickleRefused(f"{path} is refused: {error}, and only arrays may be in it") from None
    except OSError as error:
        raise PickleRefused(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # a pickle that is cut off or made up raises whatever it likes
        raise PickleRefused(f"{path} is refused: it is no whole pickle ({type(error).__name__})") from error
    if type(stack) is not np.ndarray or stack.dtype != np.uint8 or stack.shape[1:] not in ((SIZE, SIZE), (SIZE, CUT)):
        found = f"{stack.dtype} {stack.shape}" if type(stack) is np.ndarray else type(stack).__name__
        raise PickleRefused(f"{path} is refused: it holds {found} where uint8 (n, 64, 64) is wanted")
    if stack.shape[2] == CUT:
        side = (SIZE - CUT) // 2
        stack = np.pad(stack, ((0, 0), (0, 0), (side, side)))
    return np.ascontiguousarray(stack)
