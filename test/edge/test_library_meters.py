"""jetson-stats and NVML by their documented interfaces: neither runs without its hardware."""

import builtins
import sys
from types import SimpleNamespace

import pytest

from rt_gait_ros.edge.library_meters import JetsonStats, Nvml, open_jetson_stats, open_nvml
from rt_gait_ros.edge.meters import MeterGone, NoMeter

POWER = {"rail": {"VDD_CPU": {"power": 1500}, "VDD_GPU": {"power": 500}}, "tot": {"power": 4000}}


def test_jetson_stats_gives_the_rails_and_the_whole_in_watts():
    meter = JetsonStats(SimpleNamespace(ok=lambda: True, power=POWER))
    assert meter.read() == {"VDD_CPU": 1.5, "VDD_GPU": 0.5, "total": 4.0}
    assert meter.total == ("total",)


@pytest.mark.parametrize(
    ("service", "said"),
    [
        (SimpleNamespace(ok=lambda: False, power=POWER), "does not answer any longer"),
        (SimpleNamespace(ok=lambda: True, power={}), "gives no power any longer"),
    ],
)
def test_a_service_that_ends_is_said(service, said):
    with pytest.raises(MeterGone, match=said):
        JetsonStats(service).read()


class GpuLost(Exception):
    pass


class FakeNvml:
    """Two cards; millijoules as the driver counts them."""

    NVMLError = GpuLost

    def __init__(self, *cards):
        self.energy = dict(enumerate(cards))

    def nvmlInit(self):
        pass

    def nvmlShutdown(self):
        pass

    def nvmlDeviceGetCount(self):
        return len(self.energy)

    def nvmlDeviceGetHandleByIndex(self, number):
        return number

    def nvmlDeviceGetName(self, card):
        return b"Card"

    def nvmlDeviceGetTotalEnergyConsumption(self, card):
        if self.energy[card] is None:
            raise GpuLost("GPU is lost")
        return self.energy[card]


def test_cards_count_their_energy_from_the_opening_on():
    library = FakeNvml(1000, 5000)
    meter = Nvml(library)
    library.energy = {0: 3500, 1: 5100}
    assert meter.read() == pytest.approx({"Card (0)": 2.5, "Card (1)": 0.1})
    assert meter.total == ("Card (0)", "Card (1)")
    library.energy[1] = None
    with pytest.raises(MeterGone, match="GPU is lost"):
        meter.read()


def test_no_card_and_a_card_that_does_not_count_are_no_meters(monkeypatch):
    with pytest.raises(NoMeter, match="no NVIDIA GPU"):
        Nvml(FakeNvml())
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(None))
    with pytest.raises(NoMeter, match="does not count its energy: GPU is lost"):
        open_nvml()


@pytest.mark.parametrize(
    ("opener", "module", "said"),
    [
        (open_nvml, "pynvml", r"nvidia-ml-py is not installed: pip install 'rt-gait-ros\[energy\]'"),
        (open_jetson_stats, "jtop", "not installed; on a Jetson: sudo pip3 install jetson-stats"),
    ],
)
def test_a_library_that_is_not_there_is_named(monkeypatch, opener, module, said):
    real = builtins.__import__

    def without(name, *rest, **keywords):
        if name == module:
            raise ImportError(name)
        return real(name, *rest, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(NoMeter, match=said):
        opener()


def test_a_service_that_does_not_run_is_said(monkeypatch):
    class Away:
        def __init__(self, interval):
            pass

        def start(self):
            raise RuntimeError("The jtop.service is not active")

    monkeypatch.setitem(sys.modules, "jtop", SimpleNamespace(jtop=Away))
    with pytest.raises(NoMeter, match=r"its service does not answer: The jtop\.service is not active"):
        open_jetson_stats()
