"""What a power meter of the machine does, of whatever kind it is."""

from collections.abc import Mapping
from typing import Protocol

from rt_gait_ros.errors import GaitError


class NoMeter(GaitError):
    """This machine has no power meter that may be read; the line says what was tried."""


class MeterGone(GaitError):
    """A power meter does not answer any longer."""


class Meter(Protocol):
    """A power meter. `name` is for people.

    Attributes: counts: whether `read` gives energy that the hardware itself has added up (J), or power now (W).
    total: the rails whose sum is the whole; the others are parts of those. interval: seconds between readings that
    are worth it.
    """

    name: str
    counts: bool
    total: tuple[str, ...]
    interval: float

    def read(self) -> Mapping[str, float]:
        """Each rail's power in W, or its energy in J since some moment, by the rail's name. Raises MeterGone."""
        ...

    def close(self) -> None:
        """Let go of files and libraries."""
        ...
