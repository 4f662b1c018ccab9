"""Power meters of the machine behind one interface, and which of them are there."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rt_gait_ros.errors import GaitError

SYSFS = Path("/sys")


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


Opener = Callable[[], Meter]


def open_meter(openers: Sequence[tuple[str, Opener]] | None = None) -> Meter:
    """The first meter that is there: INA3221 rails, jetson-stats, NVML, RAPL, in this order.

    The order is from what measures the whole board to what measures the processor alone; on a Jetson the first is
    there, on a machine with a discrete GPU the third. openers: name and opener of each, which raises NoMeter with the
    reason. Raises NoMeter, with all reasons.
    """
    reasons = []
    for name, opener in openers if openers is not None else known_openers():
        try:
            return opener()
        except NoMeter as error:
            reasons.append(f"{name} ({error})")
    raise NoMeter(f"no power meter can be read on this machine; tried {', '.join(reasons)}")


def known_openers(sysfs: Path = SYSFS) -> list[tuple[str, Opener]]:
    """Every kind of meter that is known here. sysfs: where the kernel's files are."""
    # each has a library or files of its own: importing this module costs none of them
    from rt_gait_ros.edge.library_meters import open_jetson_stats, open_nvml
    from rt_gait_ros.edge.sysfs_meters import Ina3221, Rapl

    openers: list[tuple[str, Opener]] = [
        ("INA3221", lambda: Ina3221(sysfs)),
        ("jetson-stats", open_jetson_stats),
        ("NVML", open_nvml),
        ("RAPL", lambda: Rapl(sysfs)),
    ]
    return openers
