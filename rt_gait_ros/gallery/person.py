"""Persons and their walks, as a gallery holds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from rt_gait_ros.errors import GaitError

ENROLLED, LEARNT = "enrolled", "learnt"  # origins of a template


class GalleryError(GaitError):
    """The gallery cannot do what was asked; nothing was changed, unless the line says otherwise."""


class GalleryCorrupt(GalleryError):
    """The file is no gallery, or not a whole one."""


class GalleryForeign(GalleryError):
    """The file never was a gallery: it is something else of somebody's."""


class GalleryTooNew(GalleryError):
    """The file was written by a later version of this package."""


class GalleryReadOnly(GalleryError):
    """The gallery may be read, and not changed."""


class GalleryInUse(GalleryError):
    """Another pipeline of this process has the gallery."""


class GalleryLocked(GalleryError):
    """The gallery is encrypted, and the key that was named does not open it, or none was."""


class Frames(Protocol):
    """Gait frames (S, H, W) or (S, H, W, C); an array is, and so is what reads them from a file when asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """As of the array."""

    @property
    def dtype(self) -> Any:
        """As of the array, or its name."""

    def __len__(self) -> int:
        """S."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """The frames. Raises GalleryError where the file is gone or was changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A property of a person, measured with a template.

    value: in SI units. deviation: standard deviation of that.
    """

    value: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Template:
    """One stored look at a person's walk.

    embedding: (P, C) float32, or as it is stored: float16. stamp: of the last gait frame in it, ns since the epoch.
    frames: the gait frames it was made of, or None where they were not kept. A stored template reads them from the file
    when they are turned into an array. scene: where it was taken (see rt_gait_ros.gait.scene); "" where that is not
    known. view: degrees from which the person was seen, or a name of the view; "" where that is not known.
    origin: ENROLLED, or LEARNT from a track that surely was this person. added: when it was stored, ns since the epoch.
    measures: further properties by name, as stature in metres. robot: which robot or machine stored it; "" for walks of
    before that was kept.
    """

    embedding: np.ndarray
    stamp: int
    frames: "Frames | np.ndarray | None" = None
    scene: str = ""
    view: float | str = ""
    origin: str = ENROLLED
    added: int = 0
    measures: Mapping[str, Measure] = field(default_factory=lambda: MappingProxyType({}))
    robot: str = ""
    place: object = field(default=None, repr=False, compare=False)  # in the file; only the gallery's file knows of it


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody enrolled. person_id is permanent and says nothing of the name. enrolled, updated: ns since the epoch.

    consent: how the person agreed to be known, in words; "" where nobody wrote it down. expires: when everything stored
    of them is to be deleted, ns since the epoch; 0 is never. tag: stands for the person in the audit.
    """

    person_id: str
    name: str
    enrolled: int
    updated: int
    templates: tuple[Template, ...]
    consent: str = ""
    expires: int = 0
    tag: str = ""

    @property
    def embeddings(self) -> np.ndarray:
        """All stored looks: (T, P, C) float32."""
        return np.stack([np.asarray(template.embedding, np.float32) for template in self.templates])


@dataclass(frozen=True, slots=True)
class Content:
    """All that a gallery file holds. model and gait_frame_kind are empty while nobody is enrolled."""

    model: str = ""
    gait_frame_kind: str = ""
    persons: tuple[Person, ...] = ()
