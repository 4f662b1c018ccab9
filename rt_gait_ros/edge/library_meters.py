"""Meters behind libraries: jetson-stats on a Jetson, NVIDIA's management library (NVML) for a discrete GPU."""

from collections.abc import Mapping
from typing import Any

from rt_gait_ros.edge.meters import MeterGone, NoMeter
from rt_gait_ros.pip_packages import extra

# jtop's service hands out figures every half second unless it is asked for others, and 0.1 s at the least.
_JTOP_INTERVAL = 0.1
# The driver writes a GPU's energy counter every 20 to 100 ms, depending on the card.
_NVML_INTERVAL = 0.05


class JetsonStats:
    """The rails as the service of jetson-stats tells them: for boards whose rails are read by root alone."""

    name = "jetson-stats"
    counts = False
    total: tuple[str, ...] = ("total",)
    interval = _JTOP_INTERVAL

    def __init__(self, jtop: Any) -> None:
        """jtop: a started `jtop.jtop`."""
        self._jtop = jtop

    def read(self) -> Mapping[str, float]:
        """W by rail; see Meter.read."""
        try:
            if not self._jtop.ok():
                raise MeterGone("the service of jetson-stats (jtop.service) does not answer any longer")
            power = self._jtop.power
            rails = {rail: 1e-3 * float(entry["power"]) for rail, entry in power["rail"].items()}
            return {**rails, "total": 1e-3 * float(power["tot"]["power"])}
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise MeterGone(f"jetson-stats gives no power any longer: {error}") from None

    def close(self) -> None:
        """End the connection."""
        self._jtop.close()


class Nvml:
    """The energy counters of NVIDIA's discrete GPUs (Volta and later), each card's board as a whole.

    What the processor beside it takes is in none of them.
    """

    name = "NVML"
    counts = True
    interval = _NVML_INTERVAL

    def __init__(self, library: Any) -> None:
        """library: the module pynvml, initialised. Raises NoMeter."""
        self._library = library
        self._cards: dict[str, Any] = {}
        for number in range(library.nvmlDeviceGetCount()):
            card = library.nvmlDeviceGetHandleByIndex(number)
            name = library.nvmlDeviceGetName(card)
            self._cards[f"{name if isinstance(name, str) else name.decode()} ({number})"] = card
        if not self._cards:
            raise NoMeter("no NVIDIA GPU")
        self.total = tuple(self._cards)
        try:
            self._start = self._energy()
        except library.NVMLError as error:
            raise NoMeter(f"the GPU does not count its energy: {error}") from None

    def read(self) -> Mapping[str, float]:
        """J by card since the meter was opened; see Meter.read."""
        try:
            return {rail: energy - self._start[rail] for rail, energy in self._energy().items()}
        except self._library.NVMLError as error:
            raise MeterGone(f"the GPU gives no energy any longer: {error}") from None

    def close(self) -> None:
        """Let the library go."""
        self._library.nvmlShutdown()

    def _energy(self) -> dict[str, float]:
        total = self._library.nvmlDeviceGetTotalEnergyConsumption  # millijoules since the driver was loaded
        return {rail: 1e-3 * total(card) for rail, card in self._cards.items()}


def open_jetson_stats() -> JetsonStats:
    """Ask the service of jetson-stats. Raises NoMeter where it is not installed or not running."""
    try:
        from jtop import jtop
    except ImportError:
        raise NoMeter("not installed; on a Jetson: sudo pip3 install jetson-stats") from None
    client = jtop(interval=_JTOP_INTERVAL)
    try:
        client.start()
    except Exception as error:  # jtop raises its own class, which has moved between releases, and OSError
        raise NoMeter(f"its service does not answer: {error}") from None
    return JetsonStats(client)


def open_nvml() -> Nvml:
    """Open NVIDIA's management library. Raises NoMeter where there is no driver, or no binding."""
    try:
        import pynvml
    except ImportError:
        raise NoMeter(f"nvidia-ml-py is not installed: {extra('energy')}") from None
    try:
        pynvml.nvmlInit()
        return Nvml(pynvml)
    except pynvml.NVMLError as error:
        raise NoMeter(str(error)) from None
