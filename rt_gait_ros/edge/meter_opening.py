"""Which power meters the machine has."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rt_gait_ros.edge.library_meters import open_jetson_stats, open_nvml
from rt_gait_ros.edge.meters import Meter, NoMeter
from rt_gait_ros.edge.sysfs_meters import Ina3221, Rapl

SYSFS = Path("/sys")
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
    return [
        ("INA3221", lambda: Ina3221(sysfs)),
        ("jetson-stats", open_jetson_stats),
        ("NVML", open_nvml),
        ("RAPL", lambda: Rapl(sysfs)),
    ]
