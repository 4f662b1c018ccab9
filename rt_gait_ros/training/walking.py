"""Teaching the tracker who walks, with generated people: those who walk, and those who do anything else.

The people of `synthesis.activities` are seen as `synthesis.sightings` says, from all sides, at all sizes and rates,
with hidden and cut-off legs, by cameras that stand or move. Their boxes go through the tracker's own filters. Those of
whom the network for seldom looks learns are looked at as the pose stage does where there is no time for everybody.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from rt_gait_ros.paths import replace_file
from rt_gait_ros.synthesis.activities import ACTIVITIES
from rt_gait_ros.synthesis.sightings import Sighting, looked_at, sighting
from rt_gait_ros.synthesis.strollers import make_stroller
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.kalman import KalmanBank
from rt_gait_ros.tracking.walking import Gaits
from rt_gait_ros.tracking.walking_signs import Weights

WALKS, LAYOUT = "walks", "trt_pose"
RATES = (7.0, 10.0, 15.0, 20.0, 25.0, 30.0)  # images a second
PIXELS = (36.0, 330.0)  # of body height
HIDDEN = ("", "", "", "", "feet", "legs", "cut")
WALK_TIME, OTHER_TIME = 1.3, 3.0  # seconds of each
# The same of people who are looked at seldom: the longer window, and a second more. Seconds between two looks, the
# deviation of each from what is usual, as a share of it, and images of newcomers that follow each other.
SELDOM_RATES = RATES[1:]
SELDOM_WALK_TIME, SELDOM_OTHER_TIME = 2.6, 4.0
BETWEEN, UNEVEN, FIRST_LOOKS = (0.12, 0.8), 0.4, 4
# Share of people who are looked at in every image but for some breaks, and how long they are and lie apart, seconds.
BROKEN, BREAK, APART = 0.25, (0.2, 0.8), (0.1, 1.0)
TOGETHER = 100  # people who are followed at a time
MOMENTS = 12  # that are learned from of each person, about
HIDDEN_UNITS = 16
DECAY = 3e-4  # of weights
STEADY = 0.15  # variance of boxes that the tracker has learned, over the configured one


@dataclass(frozen=True, slots=True)
class Examples:
    """N moments of people. signs: (N, F). walks: (N,) bool."""

    signs: np.ndarray
    walks: np.ndarray


def examples(
    people: int, seed: int, progress: Callable[[str], None] = lambda line: None, *, seldom: bool = False
) -> Examples:
    """Moments of so many walkers and as many others; seldom: of people who are looked at seldom."""
    random = np.random.default_rng((0x5E1D if seldom else 0x3A1C, seed))
    others = [kind for kind in ACTIVITIES if kind != WALKS]
    signs, walks = [], []
    for first in range(0, people, TOGETHER):
        rate = float(random.choice(SELDOM_RATES if seldom else RATES))
        for kinds in ([WALKS], others):
            crowd = [_sighting(str(random.choice(kinds)), rate, random, seldom=seldom) for _ in range(TOGETHER)]
            found = np.concatenate(list(moments(crowd, seldom=seldom)))
            chosen = random.permutation(len(found))[: MOMENTS * TOGETHER]
            signs.append(found[chosen])
            walks.append(np.full(len(chosen), kinds == [WALKS]))
        progress(f"{first + TOGETHER} of {people} walkers seen")
    return Examples(np.concatenate(signs), np.concatenate(walks))


def moments(people: Sequence[Sighting], *, seldom: bool = False) -> Iterator[np.ndarray]:
    """Signs (R, F) of everybody who was seen for long enough, image after image. people: seen in as many images.

    seldom: only the moments in which the tracker would judge them as people who are looked at seldom.
    """
    everybody = np.arange(len(people))
    gaits = None
    for points, elapsed, bank in followed(people):
        if gaits is None:
            gaits = Gaits.start(bank.mean)
            gaits.begin(points, LAYOUT)
            continue
        known = gaits.observe(everybody, points, LAYOUT, elapsed, bank)
        if seldom:
            known = known[gaits.seldom_looked_at(known)]
        if len(known):
            yield gaits.signs(known, bank, seldom=seldom)


def followed(people: Sequence[Sighting]) -> Iterator[tuple[np.ndarray, np.ndarray, KalmanBank]]:
    """Image after image: joints (R, 18, 3) of all R people, seconds (R,) since the last, and their boxes' filters."""
    boxes = np.stack([seen.boxes for seen in people]).astype(float)
    boxes[..., :2] += boxes[..., 2:] / 2
    stamps = np.stack([seen.stamps for seen in people])
    points = np.stack([seen.keypoints for seen in people]).astype(float)
    config, everybody = TrackerConfig(), np.arange(len(people))
    noise = STEADY * np.repeat((config.box_noise * boxes[:, 0, 3:4]) ** 2, 4, axis=1)
    bank = KalmanBank.start(boxes[:, 0], noise)
    for number in range(stamps.shape[1]):
        elapsed = (stamps[:, number] - stamps[:, max(number - 1, 0)]) / 1e9
        if number:
            bank.predict(elapsed[:, None], config.acceleration)
            bank.update(everybody, boxes[:, number], noise)
        yield points[:, number], elapsed, bank


def fit(learned: Examples, seed: int = 0) -> Weights:
    """The network that tells them apart; of the same examples the same."""
    random = np.random.default_rng(seed)
    mean, deviation = np.nanmean(learned.signs, axis=0), np.nanstd(learned.signs, axis=0) + 1e-3
    usual = np.nan_to_num((learned.signs - mean) / deviation, nan=0.0).clip(-5.0, 5.0)
    size = usual.shape[1]
    walks = learned.walks.astype(float)
    weight = np.where(learned.walks, 0.5 / walks.mean(), 0.5 / (1.0 - walks.mean())) / len(walks)

    def cut(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        first, rest = flat[: size * HIDDEN_UNITS].reshape(size, HIDDEN_UNITS), flat[size * HIDDEN_UNITS :]
        return first, rest[:HIDDEN_UNITS], rest[HIDDEN_UNITS:-1], float(rest[-1])

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        first, bias, second, line = cut(flat)
        inner = np.tanh(usual @ first + bias)
        said = inner @ second + line
        error = weight * (1.0 / (1.0 + np.exp(-said.clip(-30.0, 30.0))) - walks)
        back = error[:, None] * second * (1.0 - inner**2)
        gradient = [(usual.T @ back).ravel(), back.sum(axis=0), inner.T @ error, [error.sum()]]
        value = (weight * (np.logaddexp(0.0, said) - walks * said)).sum() + DECAY * (flat**2).sum() / 2.0
        return float(value), np.concatenate(gradient) + DECAY * flat

    start = random.normal(0.0, 1.0 / np.sqrt(size), size * HIDDEN_UNITS + 2 * HIDDEN_UNITS + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 400}).x
    return Weights(mean, deviation, *cut(found))


def write(weights: Weights, path: Path) -> None:
    """As `walking_signs.weights` reads them; of that very name, and whole or not at all. Raises OSError."""
    arrays: Any = {name: np.asarray(getattr(weights, name), np.float32) for name in Weights.__dataclass_fields__}
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    replace_file(path, content.getvalue())


def _sighting(kind: str, rate: float, random: np.random.Generator, *, seldom: bool = False) -> Sighting:
    """Somebody, from some side, at this rate of images."""
    walk, other = (SELDOM_WALK_TIME, SELDOM_OTHER_TIME) if seldom else (WALK_TIME, OTHER_TIME)
    count = round((walk if kind == WALKS else other) * rate) + 1
    seconds = np.arange(count) / rate
    seconds[1:-1] += random.uniform(-0.1, 0.1, count - 2) / rate
    seen = sighting(
        kind,
        make_stroller(int(random.integers(1_000_000)), 1.0, 1.0),
        float(np.exp(random.uniform(*np.log(PIXELS)))),
        float(random.uniform(0.0, 360.0)),
        seconds,
        random,
        moving=bool(random.random() < 0.5),
        hidden=str(random.choice(HIDDEN)),
    )
    return looked_at(seen, _looks(seconds, random)) if seldom else seen


def _looks(seconds: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """In which of the images at `seconds` (T,) somebody is looked at, (T,) bool: a few looks first, and then seldom."""
    looks = np.zeros(len(seconds), dtype=bool)
    looks[: random.integers(1, FIRST_LOOKS + 1)] = True
    last, broken = seconds[looks][-1], bool(random.random() < BROKEN)
    usual, uneven = float(np.exp(random.uniform(*np.log(BETWEEN)))), random.uniform(0.0, UNEVEN)
    start, stop = last + random.uniform(*APART), 0.0
    due = last + usual * random.uniform(0.3, 1.0)
    for image, now in enumerate(seconds):
        if broken:
            if now >= start:
                stop = now + random.uniform(*BREAK)
                start = stop + random.uniform(*APART)
            looks[image] |= now >= stop
        elif now >= due and not looks[image]:
            looks[image] = True
            due = now + usual * max(0.2, 1.0 + uneven * random.standard_normal())
    return looks
