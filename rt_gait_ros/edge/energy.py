"""Energy between two moments: a meter that is read all the time, whatever runs beside it."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

from rt_gait_ros.edge.meters import Meter, MeterGone
from rt_gait_ros.evaluation.bench import Row


@dataclass(frozen=True, slots=True)
class Energy:
    """What was taken during some seconds. joules: by rail. total: of the rails that are the whole, J."""

    joules: Mapping[str, float]
    total: float
    seconds: float

    @property
    def watts(self) -> float:
        """Mean power of the whole."""
        return self.total / self.seconds if self.seconds else 0.0

    def since(self, start: "Energy") -> "Energy":
        """What was taken after `start`, of the same recorder."""
        joules = {rail: value - start.joules.get(rail, 0.0) for rail, value in self.joules.items()}
        return Energy(joules, self.total - start.total, self.seconds - start.seconds)

    def millijoules_per(self, count: float) -> float:
        """mJ of each of `count` things that were done meanwhile, whatever else the machine did included."""
        return 1e3 * self.total / count


class Recorder:
    """Reads a meter in a thread of its own while it is open, and adds up.

    Power is integrated by the trapezoidal rule between the moments at which it was really read, so that a late reading
    costs resolution and no energy. What a benchmark did is told by `spent`.
    """

    def __init__(self, meter: Meter, clock: Callable[[], float] = time.monotonic) -> None:
        """meter: closed with the recorder. clock: seconds. The meter is read once here. Raises MeterGone."""
        self.meter = meter
        self._spent: dict[str, tuple[float, float]] = {}  # J, and how many were done with them
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._problem = ""
        self._begun = self._read = clock()
        self._last = dict(meter.read())
        self._joules = dict.fromkeys(self._last, 0.0)
        self._readings = 1
        self._thread = threading.Thread(target=self._run, name="energy", daemon=True)

    def now(self) -> Energy:
        """Everything so far, the meter read once more for it. Raises MeterGone."""
        with self._lock:
            self._take()
            total = sum(self._joules[rail] for rail in self.meter.total)
            return Energy(dict(self._joules), total, self._read - self._begun)

    def reading(self) -> Energy | None:
        """As `now`; None where the meter is lost, which `rows` will say."""
        try:
            return self.now()
        except MeterGone:
            return None

    def spent(self, what: str, number: float, energy: Energy) -> None:
        """Tell that so many of something ("inference") were done while that energy was taken."""
        with self._lock:
            joules, before = self._spent.get(what, (0.0, 0.0))
            self._spent[what] = joules + energy.total, before + number

    def rows(self) -> list[Row]:
        """Energy and mean power of everything so far, each rail's, and the energy of each thing that was told of.

        Raises MeterGone.
        """
        energy = self.now()
        rows = [Row("energy", energy.total, "J"), Row("power", energy.watts, "W")]
        if len(energy.joules) > 1:
            rows += [Row(f"energy {rail}", joules, "J") for rail, joules in energy.joules.items()]
        rows += [
            Row(f"energy_per_{what}", 1e3 * joules / number, "mJ")
            for what, (joules, number) in self._spent.items()
            if number > 0
        ]
        return [*rows, Row("energy_readings", float(self._readings), "readings")]

    def __enter__(self) -> "Recorder":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.meter.close()

    def _run(self) -> None:
        while not self._stop.wait(self.meter.interval):
            try:
                with self._lock:
                    self._take()
            except MeterGone:
                return  # whoever asks next is told

    def _take(self) -> None:
        """Read the meter once, under the lock."""
        if self._problem:
            raise MeterGone(self._problem)
        try:
            values = dict(self.meter.read())
            lost = self._last.keys() - values.keys()
            if lost:
                raise MeterGone(f"it does not give {', '.join(sorted(lost))} any longer")
        except MeterGone as error:
            passed = self._clock() - self._begun
            self._problem = f"the meter {self.meter.name} was lost after {passed:.1f} s, energy is unknown: {error}"
            raise MeterGone(self._problem) from None
        now = self._clock()
        for rail, before in self._last.items():
            after = values[rail]
            step = after - before if self.meter.counts else 0.5 * (before + after) * (now - self._read)
            self._joules[rail] += step
        self._last, self._read = values, now
        self._readings += 1
