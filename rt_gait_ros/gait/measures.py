"""What scaling a silhouette throws away: stature, step length and cadence, where the tracker gives metres.

Each is measured over many images, with the standard deviation of the result, and held against what was measured with a
person's templates as a likelihood ratio: both are noisy, a person differs from day to day, and people differ.
"""

import math
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gallery.person import Measure, Person
from rt_gait_ros.gallery.references import References
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState
from rt_gait_ros.tracking.walking import ANKLES

STATURE, STEP, CADENCE = "stature", "step_length", "cadence"  # m, m, steps per second
# Mean and deviation between adults. Stature: men and women of ANSUR II (2012) together. Step length and cadence: the
# normal ranges of 18 to 64 years in Whittle, Gait Analysis (half of a stride of 1.06 to 1.85 m, 91 to 138 steps a
# minute), taken as two deviations to either side.
PEOPLE = {STATURE: (1.70, 0.10), STEP: (0.72, 0.10), CADENCE: (1.90, 0.18)}
# Deviation of one person from day to day: shoes, hair, and where the edges of a box are set; the pace.
DAYS = {STATURE: 0.03, STEP: 0.05, CADENCE: 0.12}
# Share of measures that are wrong altogether: a box that holds a bag on a head, ankles taken for each other.
WRONG = 0.02
BATCH = 0.5  # seconds of which the errors of successive images are taken to be alike
BATCHES = 4  # of them for a stature
LONGEST = 300  # images that are remembered
STRIDES = 2.2  # cycles of the ankles for a cadence
HERTZ = np.arange(0.55, 1.41, 0.01)  # strides a second: 66 to 169 steps a minute
EXPLAINED = 0.6  # share of the ankles' movement that one frequency explains, of those who walk evenly
LEAST_STATURE, LEAST_CADENCE = 0.005, 0.02  # deviations that no number of images goes below


class Gauge:
    """The measures of one track."""

    def __init__(self) -> None:
        self._images: deque[tuple[float, ...]] = deque(maxlen=LONGEST)
        self.count = 0

    def add(self, track: Track, stamp: int, layout: str) -> None:
        """Take one image; one without metres says nothing."""
        if track.position is None or not track.walking:
            return
        if self._images and stamp <= self._images[-1][0]:
            self._images.clear()  # the clock was set back
        apart: tuple[float, ...] = (math.nan, math.nan)
        if track.keypoints is not None and layout in ANKLES and len(track.keypoints) > max(ANKLES[layout]):
            left, right = (track.keypoints[joint, :2] for joint in ANKLES[layout])
            apart = tuple(float(value) for value in (left - right) / track.box[3])
        tall, place = (math.nan, math.nan), (math.nan, math.nan)
        if track.stature is not None:  # otherwise the metres may be of a stature that was told to the tracker
            tall, place = track.stature, (float(track.position[0]), float(track.position[2]))
        self._images.append((stamp, *tall, *apart, *place))
        self.count += 1

    def measures(self) -> Mapping[str, Measure]:
        """What is known by now, in SI units; what is not known is not there."""
        if len(self._images) < 2:
            return MappingProxyType({})
        images = np.array(self._images, float)
        times = (images[:, 0] - images[0, 0]) / 1e9
        found = {
            STATURE: _stature(times, images[:, 1:3]),
            CADENCE: (cadence := _cadence(times, images[:, 3:5])),
            STEP: None if cadence is None else _step(times, images[:, 5:7], cadence),
        }
        return MappingProxyType({name: measure for name, measure in found.items() if measure is not None})


class Measuring:
    """The measures of all tracks of one recogniser, and what they say of everybody enrolled. Not thread-safe."""

    def __init__(self) -> None:
        self._gauges: dict[str, Gauge] = {}
        self._ratios: dict[str, tuple[int, tuple[int, ...], np.ndarray]] = {}
        self._version: tuple[int, ...] = ()
        self._known: dict[str, np.ndarray] = {}

    def observe(self, tracks: TrackFrame) -> None:
        """Take all tracks of one image."""
        live = [track for track in tracks.tracks if track.state != TrackState.LOST]
        for track in live:
            if track.former_id in self._gauges:
                self._gauges[track.body_id] = self._gauges.pop(track.former_id)
                self._ratios.pop(track.former_id, None)
            self._gauges.setdefault(track.body_id, Gauge()).add(track, tracks.stamp, tracks.layout)
        for body_id in self._gauges.keys() - {track.body_id for track in live}:
            del self._gauges[body_id]
            self._ratios.pop(body_id, None)

    def gauge(self, body_id: str) -> Gauge:
        """Of a live track."""
        return self._gauges.setdefault(body_id, Gauge())

    def start_again(self, body_id: str) -> None:
        """A track has passed to another person."""
        self._gauges[body_id] = Gauge()

    def shift(self, body_id: str, references: References, config: RecognizerConfig) -> np.ndarray | None:
        """What stature and steps add to distances, (N,): a distance is evidence by the calibration's slope."""
        if config.calibration is None or not config.measures:
            return None
        ratio = self.log_ratio(body_id, references, config.refresh_every)
        return None if ratio is None else -ratio / config.calibration.slope

    def log_ratio(self, body_id: str, references: References, every: int) -> np.ndarray | None:
        """Logarithm of P(measures | person) / P(measures | somebody else), (N,); 0 where one of both has none.

        None where nobody has any. Looked at anew after `every` images.
        """
        if references.version != self._version:
            self._known, self._version = _known(references.persons), references.version
        gauge = self._gauges.get(body_id)
        if not self._known or gauge is None or not gauge.count:
            return None
        cached = self._ratios.get(body_id)
        if cached is None or cached[1] != self._version or gauge.count - cached[0] >= every or gauge.count < cached[0]:
            cached = gauge.count, self._version, log_ratio(gauge.measures(), self._known)
            self._ratios[body_id] = cached
        return cached[2]


def log_ratio(seen: Mapping[str, Measure], known: Mapping[str, np.ndarray]) -> np.ndarray:
    """As Measuring.log_ratio. known: by name (N, 2) of each person's value and variance, its days included, or NaN.

    Two noisy measures of one person share what that person is; those of two people share nothing (Gaussian, as in
    probabilistic linear discriminant analysis: Ioffe, ECCV 2006). Pace moves step length and cadence together, which
    DAYS allows for; between people the three are taken as independent.
    """
    count = len(next(iter(known.values())))
    total = np.zeros(count)
    for name, measure in seen.items():
        if name not in known:
            continue
        mean, spread = PEOPLE[name]
        shared = spread**2
        first = shared + known[name][:, 1]
        second = shared + DAYS[name] ** 2 + measure.deviation**2
        a, b = known[name][:, 0] - mean, measure.value - mean
        determinant = first * second - shared**2
        same = -0.5 * np.log(determinant) - 0.5 * (second * a**2 - 2 * shared * a * b + first * b**2) / determinant
        other = -0.5 * np.log(first * second) - 0.5 * (a**2 / first + b**2 / second)
        ratio = np.log((1 - WRONG) * np.exp(np.minimum(same - other, 50.0)) + WRONG)
        total += np.where(np.isfinite(ratio), ratio, 0.0)
    return total


def _known(persons: tuple[Person, ...]) -> dict[str, np.ndarray]:
    """By name (N, 2) of each person's value and its variance, from all their walks; NaN for who has none."""
    known: dict[str, np.ndarray] = {}
    for row, person in enumerate(persons):
        for name in PEOPLE:
            walks = {template.measures[name] for template in person.templates if name in template.measures}
            if walks:  # the templates of one walk have one measure
                weights = np.array([1.0 / (walk.deviation**2 + DAYS[name] ** 2) for walk in walks])
                values = np.array([walk.value for walk in walks])
                table = known.setdefault(name, np.full((len(persons), 2), np.nan))
                table[row] = weights @ values / weights.sum(), 1.0 / weights.sum()
    return known


def _stature(times: np.ndarray, statures: np.ndarray) -> Measure | None:
    """From statures (T, 2) and the deviation of what stays the same in them."""
    good = np.isfinite(statures).all(axis=1)
    if not good.any():
        return None
    batches = (times[good] / BATCH).astype(int)
    means = np.array([np.median(statures[good, 0][batches == batch]) for batch in np.unique(batches)])
    if len(means) < BATCHES:
        return None
    jitter = float(means.std(ddof=1)) / math.sqrt(len(means))
    return Measure(float(means.mean()), math.hypot(max(jitter, LEAST_STATURE), float(statures[good, 1].mean())))


def _cadence(times: np.ndarray, apart: np.ndarray) -> Measure | None:
    """From how far the left ankle is from the right one (T, 2) in box heights: it swings once a stride."""
    good = np.isfinite(apart).all(axis=1)
    times, apart = times[good], apart[good]
    if len(times) < 12 or (times[-1] - times[0]) * HERTZ[0] < STRIDES * 0.6:
        return None
    centred = apart - apart.mean(axis=0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    swing = centred @ axis
    phases = 2 * np.pi * HERTZ[:, None] * times
    design = np.stack([np.cos(phases), np.sin(phases), np.ones_like(phases)], axis=2)
    solved = np.linalg.solve(
        design.transpose(0, 2, 1) @ design + 1e-9 * np.eye(3), (design.transpose(0, 2, 1) @ swing)[..., None]
    )
    residue = np.square(swing - (design @ solved)[..., 0]).mean(axis=1)
    best = int(residue.argmin())
    explained = 1.0 - residue[best] / max(float(np.square(swing).mean()), 1e-12)
    span, hertz = float(times[-1] - times[0]), float(HERTZ[best])
    if explained < EXPLAINED or best in (0, len(HERTZ) - 1) or span * hertz < STRIDES:
        return None
    # the least error of a sine's frequency (Rife and Boorstyn, 1974), with one look at each swing independent
    ratio = explained / max(1.0 - explained, 1e-3)
    error = math.sqrt(6.0 / (ratio * max(span * hertz * 2, 1.0))) / (math.pi * span)
    return Measure(2.0 * hertz, math.hypot(2.0 * error, LEAST_CADENCE))


def _step(times: np.ndarray, places: np.ndarray, cadence: Measure) -> Measure | None:
    """From places (T, 2) on the floor, metres or NaN, of somebody who walks straight at this cadence."""
    good = np.isfinite(places).all(axis=1)
    times, places = times[good], places[good]
    if len(times) < 4:
        return None
    spans = [slice(None), slice(None, len(times) // 2), slice(len(times) // 2, None)]
    lines = [_line(times[span], places[span]) for span in spans]
    speeds = [float(np.hypot(*velocity)) for velocity, _ in lines]
    if min(speeds) < 0.3:
        return None
    turn = float(lines[1][0] @ lines[2][0]) / (speeds[1] * speeds[2])
    if turn < math.cos(math.radians(30.0)):
        return None
    step = speeds[0] / cadence.value
    error = math.hypot(lines[0][1] / speeds[0], cadence.deviation / cadence.value)
    return Measure(step, step * error)


def _line(times: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, float]:
    """Velocity (2,) of a straight walk and its standard deviation, m/s; the errors within BATCH are one."""
    centred = times - times.mean()
    square = float(centred @ centred)
    velocity = centred @ (places - places.mean(axis=0)) / square
    residue = places - places.mean(axis=0) - centred[:, None] * velocity
    alike = max(BATCH * len(times) / max(float(times[-1] - times[0]), 1e-9), 1.0)
    return velocity, math.sqrt(float(np.square(residue).sum(axis=1).mean()) / square * alike)
