"""What a stage counts while it runs, and the faults it stands in; shown once a second on /diagnostics."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.errors import LONGEST
from rt_gait_ros.lines import one_line

HARDWARE = "rt_gait_ros"  # by which this package's diagnostics are told from others'
LATENCY_WINDOW = 300  # results that the shown percentiles stand on: ten seconds at 30 Hz
HEARSAY = 250  # characters of what is said of a message


def skipped(error: Exception) -> str:
    """That a message was of no use, and why: cut, for most of it may be what others wrote into the message."""
    return f"skipped what came in: {one_line(str(error), HEARSAY)}"


@dataclass(frozen=True, slots=True)
class Summary:
    """Rates since the last `Statistics.summary()` and totals since the start.

    latency, work: p50 and p95 in milliseconds, NaN when nothing was seen.
    """

    rate_in: float
    rate_out: float
    dropped_now: int
    totals: dict[str, int]
    latency: tuple[float, float]
    work: tuple[float, float]


class Statistics:
    """Thread-safe counters of one stage.

    Counters in use: received, handled, dropped (no time for it), malformed (message that makes no sense), failed (the
    network did not answer).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._totals: Counter[str] = Counter(received=0, handled=0, dropped=0, malformed=0, failed=0)
        self._latencies: deque[float] = deque(maxlen=LATENCY_WINDOW)
        self._works: deque[float] = deque(maxlen=LATENCY_WINDOW)
        self._before = Counter(self._totals)
        self._before_time = clock()

    def count(self, name: str, amount: int = 1) -> None:
        """Add `amount` to the counter `name`."""
        with self._lock:
            self._totals[name] += amount

    def total(self, name: str) -> int:
        """Value of the counter `name` since the start."""
        with self._lock:
            return self._totals[name]

    def handled(self, work: float, latency: float | None = None) -> None:
        """One item is done. work: seconds it took here. latency: seconds since the camera's stamp."""
        with self._lock:
            self._totals["handled"] += 1
            self._works.append(work)
            if latency is not None:
                self._latencies.append(latency)

    def summary(self) -> Summary:
        """Rates since the last call, totals, and p50 and p95 over the last results."""
        with self._lock:
            now = self._clock()
            seconds = max(now - self._before_time, 1e-9)
            new = {name: self._totals[name] - self._before[name] for name in self._totals}
            self._before, self._before_time = Counter(self._totals), now
            return Summary(
                rate_in=new["received"] / seconds,
                rate_out=new["handled"] / seconds,
                dropped_now=new["dropped"],
                totals=dict(self._totals),
                latency=_percentiles(self._latencies),
                work=_percentiles(self._works),
            )


@dataclass(slots=True)
class _Fault:
    """A fault that stands. said: what the log has of it, "" when it was kept quiet."""

    text: str
    said: str = ""


@dataclass(slots=True)
class _Voice:
    """What was said of one topic: the last texts, when, and how many others were kept quiet since."""

    lines: deque[tuple[float, str]]
    quiet: int = 0


class Faults:
    """What is wrong at this moment, by topic ("input", "network", …).

    Each fault is said once when it appears and once when it is over; one that comes and goes is then quiet for a while.
    A topic says no more than BURST different texts in that while, whatever messages from outside put into them; how
    many were kept quiet is said with the next one. All texts become one line each.
    """

    QUIET = 30.0  # seconds
    BURST = 3

    def __init__(
        self,
        say: Callable[[str], None],
        say_over: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._say_over = say_over
        self._clock = clock
        self._lock = threading.Lock()
        self._standing: dict[str, _Fault] = {}
        self._voices: dict[str, _Voice] = {}
        self.last = ""

    def raise_(self, topic: str, text: str) -> None:
        """A fault stands. It is said unless it stands already, was said a short while ago, or too many others were."""
        text = one_line(text, LONGEST)  # what to do stands at the end of a line
        with self._lock:
            fault = self._standing.get(topic)
            if fault is not None and fault.text == text:
                return
            line = self._line(topic, text)
            self._standing[topic] = _Fault(text, text if line else fault.said if fault else "")
            self.last = text
        if line:
            self._say(line)

    def clear(self, topic: str) -> None:
        """The fault of that topic, if there is one, is over. That is said when the fault was."""
        if topic not in self._standing:  # the hot path: called for every frame
            return
        with self._lock:
            fault = self._standing.pop(topic, _Fault(""))
        if fault.said:
            self._say_over(f"over: {fault.said}")

    def tell(self, topic: str, problem: str) -> None:
        """A fault of that topic stands, or, with "", none does."""
        if problem:
            self.raise_(topic, problem)
        else:
            self.clear(topic)

    def forget(self) -> None:
        """None stands any longer, for the work that they are about has ended; nothing is said of it."""
        with self._lock:
            self._standing.clear()

    def stands(self, topic: str) -> bool:
        """Whether there is a fault of that topic."""
        return topic in self._standing

    @property
    def standing(self) -> list[str]:
        """The faults that stand now."""
        with self._lock:
            return [fault.text for fault in self._standing.values()]

    def _line(self, topic: str, text: str) -> str:
        """What to say of a new text; "" for nothing."""
        now = self._clock()
        voice = self._voices.setdefault(topic, _Voice(deque()))
        while voice.lines and now - voice.lines[0][0] >= self.QUIET:
            voice.lines.popleft()
        if any(said == text for _, said in voice.lines):
            return ""
        if len(voice.lines) >= self.BURST:
            voice.quiet += 1
            return ""
        others, voice.quiet = voice.quiet, 0
        voice.lines.append((now, text))
        return f"{text} (and {others} others since that were not said)" if others else text


def _percentiles(seconds: deque[float]) -> tuple[float, float]:
    if not seconds:
        return float("nan"), float("nan")
    p50, p95 = np.percentile(seconds, (50, 95)) * 1e3
    return float(p50), float(p95)
