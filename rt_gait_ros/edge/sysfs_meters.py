"""Meters that the Linux kernel shows as files: the INA3221 of Jetson boards and RAPL of x86 processors."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rt_gait_ros.edge.meters import MeterGone, NoMeter

# Rails that are the board's whole input, by the names that NVIDIA's device trees give them (Orin Nano and NX, Xavier
# NX; Nano). Boards without such a rail (AGX Orin, AGX Xavier) have rails that add up to it.
_INPUT_RAILS = ("VDD_IN", "POM_5V_IN")
_NOT_CONNECTED = ("", "NC")
# rt_gait_edge (Sci Rep 15:19276, 2025) reads the rails every 2 ms.
_INA_INTERVAL = 0.002
# The processor writes its counters every millisecond (Intel SDM 3B, 15.10), and they are whole numbers of 15 to 61 uJ.
_RAPL_INTERVAL = 0.05
_LONGEST_NUMBER = 32


@dataclass(slots=True)
class _NumberFile:
    """A file of one whole number, kept open: opening costs more than reading. Raises MeterGone when it is gone."""

    path: Path
    _descriptor: int = field(init=False)

    def __post_init__(self) -> None:
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> int:
        """The number now."""
        try:
            return int(os.pread(self._descriptor, _LONGEST_NUMBER, 0))
        except OSError as error:
            raise MeterGone(f"{self.path} cannot be read any longer: {error.strerror}") from None
        except ValueError:
            raise MeterGone(f"{self.path} holds no number any longer") from None

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)


class Ina3221:
    """The power monitors of a Jetson board: milliampere times millivolt of each rail, as the kernel shows them.

    JetPack 5 and 6 show them under hwmon, JetPack 4 under iio.
    """

    name = "INA3221"
    counts = False
    interval = _INA_INTERVAL

    def __init__(self, sysfs: Path) -> None:
        """sysfs: /sys. Raises NoMeter."""
        drivers = sysfs / "bus/i2c/drivers"
        found = {**_hwmon_rails(drivers / "ina3221"), **_iio_rails(drivers / "ina3221x")}
        if not found:
            raise NoMeter(f"no rail under {drivers}/ina3221")
        try:
            self._rails = {rail: (_NumberFile(volt), _NumberFile(ampere)) for rail, (volt, ampere) in found.items()}
        except OSError as error:
            raise NoMeter(f"{error.filename}: {error.strerror}") from None
        inputs = tuple(rail for rail in found if rail in _INPUT_RAILS)
        self.total = inputs or tuple(found)

    def read(self) -> Mapping[str, float]:
        """W by rail; see Meter.read."""
        return {rail: 1e-6 * volt.read() * ampere.read() for rail, (volt, ampere) in self._rails.items()}

    def close(self) -> None:
        """Close the files."""
        for files in self._rails.values():
            for file in files:
                file.close()


class Rapl:
    """The energy counters of an x86 processor (powercap): its packages, and the memory where that is counted.

    Fans, disks and the power supply's loss are in none of them. Zones within a package (core, uncore) and of the whole
    platform (psys, which not every board wires) are read, and not added to the total.
    """

    name = "RAPL"
    counts = True
    interval = _RAPL_INTERVAL

    def __init__(self, sysfs: Path) -> None:
        """sysfs: /sys. Raises NoMeter."""
        folder = sysfs / "class/powercap"
        zones = sorted(folder.glob("intel-rapl:*"))
        if not zones:
            raise NoMeter(f"no intel-rapl zone under {folder}")
        self._zones: dict[str, _Counter] = {}
        try:
            for zone in zones:
                name = (zone / "name").read_text(encoding="ascii").strip()
                # memory of two sockets has the same name twice
                rail = name if name not in self._zones else f"{name} ({zone.name.partition(':')[2]})"
                largest = int((zone / "max_energy_range_uj").read_text(encoding="ascii"))
                self._zones[rail] = _Counter(_NumberFile(zone / "energy_uj"), largest)
        except PermissionError as error:
            raise NoMeter(
                f"{error.filename} may be read by root alone: run as root, or give the group read access to it"
            ) from None
        except (OSError, ValueError, MeterGone) as error:
            raise NoMeter(f"{folder} cannot be read: {error}") from None
        self.total = tuple(rail for rail in self._zones if rail.startswith(("package", "dram")))
        if not self.total:
            raise NoMeter(f"neither a package nor memory is counted under {folder}")

    def read(self) -> Mapping[str, float]:
        """J by zone since the meter was opened; see Meter.read."""
        return {rail: counter.read() for rail, counter in self._zones.items()}

    def close(self) -> None:
        """Close the files."""
        for counter in self._zones.values():
            counter.file.close()


@dataclass(slots=True)
class _Counter:
    """A counter of microjoules that begins again at 0 after `largest`. read: J since it was made."""

    file: _NumberFile
    largest: int
    _last: int = field(init=False)
    _sum: int = 0

    def __post_init__(self) -> None:
        self._last = self.file.read()

    def read(self) -> float:
        """J so far; called more often than the counter takes to go round (a minute on a large machine)."""
        now = self.file.read()
        step = now - self._last
        self._sum += step if step >= 0 else step + self.largest
        self._last = now
        return 1e-6 * self._sum


def _hwmon_rails(driver: Path) -> dict[str, tuple[Path, Path]]:
    """Voltage (mV) and current (mA) files by rail: hwmon, kernel 5.10 and later."""
    rails = {}
    for label in sorted(driver.glob("*/hwmon/hwmon*/in[0-9]_label")):
        number = label.name.removeprefix("in").removesuffix("_label")
        volt, ampere = label.with_name(f"in{number}_input"), label.with_name(f"curr{number}_input")
        name = _label(label)
        if name not in _NOT_CONNECTED and volt.exists() and ampere.exists():  # the sum of shunts has no current
            rails[name] = (volt, ampere)
    return rails


def _iio_rails(driver: Path) -> dict[str, tuple[Path, Path]]:
    """The same where the driver is NVIDIA's own: iio, kernel 4.9."""
    rails = {}
    for label in sorted(driver.glob("*/iio:device*/rail_name_[0-9]")):
        number = label.name.removeprefix("rail_name_")
        volt, ampere = label.with_name(f"in_voltage{number}_input"), label.with_name(f"in_current{number}_input")
        name = _label(label)
        if name not in _NOT_CONNECTED and volt.exists() and ampere.exists():
            rails[name] = (volt, ampere)
    return rails


def _label(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
