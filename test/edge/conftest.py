"""Kernel files of boards that are not here."""

from pathlib import Path

import pytest


def write(path: Path, text: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")
    return path


@pytest.fixture
def orin(tmp_path):
    """An Orin Nano of JetPack 6: three rails at hwmon, and the sum of the shunts, which has no current."""
    hwmon = tmp_path / "bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3"
    rails = {1: ("VDD_IN", 5000, 1200), 2: ("VDD_CPU_GPU_CV", 5000, 400), 3: ("VDD_SOC", 5000, 300)}
    for number, (name, millivolt, milliampere) in rails.items():
        write(hwmon / f"in{number}_label", name)
        write(hwmon / f"in{number}_input", millivolt)
        write(hwmon / f"curr{number}_input", milliampere)
    write(hwmon / "in7_label", "sum of shunt voltages")
    write(hwmon / "in7_input", 12)
    return tmp_path


@pytest.fixture
def laptop(tmp_path):
    """A processor with RAPL: a package of which the cores are a part, and memory."""
    zones = {"intel-rapl:0": ("package-0", 1_000_000), "intel-rapl:0:0": ("core", 500_000)}
    zones |= {"intel-rapl:0:1": ("dram", 100_000), "intel-rapl:1": ("psys", 9_000_000)}
    for folder, (name, microjoules) in zones.items():
        zone = tmp_path / "class/powercap" / folder
        write(zone / "name", name)
        write(zone / "energy_uj", microjoules)
        write(zone / "max_energy_range_uj", 10_000_000)
    return tmp_path
