"""How much people's silhouettes differ: between people, and between the walks of one, in parts of the body.

A walk is described by the widths of the rows of its mean silhouette, seen from some view. That is little, but it can be
measured on real and on generated people alike, without a network that has learnt from either.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import cv2
import numpy as np

from rt_gait_ros.datasets.casia_b import Person
from rt_gait_ros.datasets.silhouettes import read_silhouettes
from rt_gait_ros.errors import UsageError
from rt_gait_ros.synthesis.clothes import draw_outfit
from rt_gait_ros.synthesis.strollers import make_stroller, stroller_silhouettes
from rt_gait_ros.synthesis.walks import Nuisances, random_scene

# Rows of a silhouette, which is 64 tall.
BANDS = {
    "head": (2, 8),
    "shoulders": (8, 14),
    "chest": (14, 22),
    "waist": (22, 30),
    "hips": (30, 38),
    "thighs": (38, 48),
    "shanks": (48, 58),
    "feet": (58, 63),
}
ONE_DAY = ("nm-01", "nm-02", "nm-03", "nm-04", "nm-05", "nm-06")  # walks in the same clothes
# Number of the first generated person; training numbers its people below, evaluation on virtual ones theirs above.
FIRST = 2_700_000_000
FRAMES, FEWEST = 30, 15  # of a walk, generated and at least
_NORMAL = 1.4826  # deviation of a normal distribution, in median absolute deviations


@dataclass(frozen=True, slots=True)
class Spread:
    """Deviations of a row's width by band, in pixels of a silhouette that is 64 tall.

    between: of what people are in the mean of their walks. within: of the walks of one person.
    """

    between: dict[str, float]
    within: dict[str, float]

    @classmethod
    def of(cls, widths: np.ndarray) -> "Spread":
        """From widths (people, walks, views, 64), NaN where a walk is not there.

        Deviations are robust: of each row and view by the median absolute difference of two people or two walks, so
        that the few with holes in their silhouettes count little. Raises UsageError where there is nobody to compare.
        """
        people, walks = widths.shape[:2]
        if people < 2 or walks < 2:
            raise UsageError(f"{people} people of {walks} walks cannot be compared: give two or more of each")
        within = _deviation(np.concatenate([widths[:, one] - widths[:, other] for one, other in _pairs(walks)]))
        means = np.nanmean(widths, axis=1)
        apart = _deviation(np.stack([means[one] - means[other] for one, other in _pairs(people)]))
        # the mean of few walks is not quite what somebody is like
        between = np.sqrt(np.maximum(apart**2 - within**2 / walks, 0.0))
        return cls(_by_band(between), _by_band(within))


def real_widths(people: Sequence[Person], views: Sequence[str]) -> np.ndarray:
    """Widths (people, walks, views, 64) of the walks of CASIA-B's people in the clothes of one day."""
    widths = np.full((len(people), len(ONE_DAY), len(views), 64), np.nan)
    for who, person in enumerate(people):
        for walk, sequence in enumerate(ONE_DAY):
            for view, name in enumerate(views):
                files = person.sequences.get(f"{sequence}/{name}", ())
                widths[who, walk, view] = _widths(read_silhouettes(files).frames) if files else np.nan
    return widths


def generated_widths(
    shape: float,
    manner: float,
    ranges: Nuisances,
    people: int,
    walks: int,
    views: Sequence[str],
    report: Callable[[str], None],
) -> np.ndarray:
    """Widths (people, walks, views, 64) of generated people, each in one outfit, before cameras as CASIA-B's are.

    shape, manner: as of make_stroller. ranges: clothes, noise, mood, backdrop and straying are used. views: names as
    CASIA-B's, 000 towards the camera.
    """
    cv2.setNumThreads(1)
    widths = np.full((people, walks, len(views), 64), np.nan)
    for number in range(people):
        who = make_stroller(FIRST + number, shape, manner)
        outfit = draw_outfit(np.random.default_rng((0x5B4EAD, number)), ranges.clothes)
        for view, name in enumerate(views):
            random = np.random.default_rng((0x5B4EAD, number, view))
            for walk in range(walks):
                scene = random_scene(_before_casia_b(ranges, name), random)
                frames = stroller_silhouettes(who, scene, FRAMES, ranges, random, outfit)
                widths[number, walk, view] = _widths(frames)
        if (number + 1) % 10 == 0:
            report(f"{number + 1}/{people} generated people walked past from {len(views)} sides")
    return widths


def _before_casia_b(ranges: Nuisances, view: str) -> Nuisances:
    """The same before a camera of CASIA-B: at 1.4 m and about 4.8 m away, and everybody walks one way."""
    return replace(ranges, heights=(1.3, 1.5), distances=(4.5, 5.0), views=(180.0 - int(view),), both_ways=False)


def _widths(frames: np.ndarray) -> np.ndarray:
    """Of the rows (64,) of the mean of silhouettes (S, 64, 64), pixels; NaN where they are too few."""
    if len(frames) < FEWEST:
        return np.full(64, np.nan)
    widths: np.ndarray = frames[:, :, 10:54].mean(axis=0, dtype=np.float64).sum(axis=1) / 255.0
    return widths


def _pairs(number: int) -> list[tuple[int, int]]:
    return list(combinations(range(number), 2))


def _deviation(differences: np.ndarray) -> np.ndarray:
    """Of what (N, views, 64) are differences of two of, (views, 64)."""
    deviation: np.ndarray = _NORMAL * np.nanmedian(np.abs(differences), axis=0) / np.sqrt(2.0)
    return deviation


def _by_band(deviation: np.ndarray) -> dict[str, float]:
    """The root of the mean square over rows and views of each band. deviation: (views, 64)."""
    return {name: float(np.sqrt((deviation[:, low:high] ** 2).mean())) for name, (low, high) in BANDS.items()}
