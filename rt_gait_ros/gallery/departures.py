"""What cameras that share a gallery tell each other of somebody who left the view of one of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, slots=True)
class Look:
    """One embedding of a track. weight: mean quality of its frames. frames: how many. stamp: of the last one, ns.

    degrees: from where it was seen, as gait.direction has it; NaN where that is not known.
    """

    embedding: np.ndarray
    weight: float
    frames: int
    stamp: int
    degrees: float = math.nan


@dataclass(frozen=True, slots=True, eq=False)
class Departure:
    """Somebody who left a camera's view. looks: the newest, oldest first. person_id: who they were named as, or ""."""

    looks: tuple[Look, ...]
    person_id: str = ""


class Handover(Protocol):
    """What carries departures between the cameras that share a gallery. Waits for nothing; from any thread."""

    def use(self, seconds: float, model: str) -> None:
        """Keep each for so many seconds, and only those of this gait model; 0: keep none, give none."""

    def leave(self, departure: Departure) -> None:
        """Keep it for the others."""

    def others(self) -> Sequence[Departure]:
        """Who left the view of others and has not been taken over here."""

    def discard(self, departure: Departure) -> None:
        """It has been taken over here."""
