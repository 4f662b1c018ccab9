"""Who is said to walk while there is no time to look at them in every image: rows of the benchmark `walking`."""

from collections.abc import Callable

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.synthesis.activities import ACTIVITIES
from rt_gait_ros.synthesis.sightings import Sighting, looked_at, sighting
from rt_gait_ros.synthesis.strollers import make_stroller
from rt_gait_ros.training.walking import WALKS

RATE, SECONDS, PIXELS = 25.0, 7.0, 100.0  # images a second; of each sighting; body height
SETTLED = 1.0  # seconds after which it counts what is said
MOST = 25  # images from one look to the next: one second
# Rows of walkers: where they go, degrees (0 is away from the camera), and whether the camera drives and turns.
WALKERS = {"side": (90.0, False), "oblique": (45.0, False), "away": (0.0, False), "away_followed": (0.0, True)}
OTHERS = "others"

Flags = Callable[[list[Sighting]], tuple[np.ndarray, np.ndarray]]  # (T, N) bool by both rules


def read_every(text: str) -> tuple[int, ...]:
    """Numbers of images from one look to the next, from "1,3,6,10"; none from "". Raises UsageError."""
    try:
        every = tuple(int(word) for word in text.split(",") if word.strip())
    except ValueError:
        every = (0,)
    if not all(1 <= number <= MOST for number in every):
        raise UsageError(f"--every {text}: give whole numbers of images from 1 to {MOST}, as 1,3,6,10")
    return every


def shares(every: int, people: int, random: np.random.Generator, flags: Flags) -> dict[str, list[tuple[float, float]]]:
    """By row, for each person in which share of the images they are said to walk, by both rules.

    every: images from one look to the next. people: of each row of walkers, and as many of those who do not walk, at
    least one of each activity.
    """
    found = {}
    for name, (azimuth, moving) in WALKERS.items():
        crowd = [_seen(WALKS, azimuth, moving, every, random) for _ in range(people)]
        found[f"{name}_every_{every}"] = _said(crowd, flags)
    kinds = [kind for kind in ACTIVITIES if kind != WALKS]
    crowd = [
        _seen(kinds[n % len(kinds)], float(random.uniform(0.0, 360.0)), bool(n // len(kinds) % 2), every, random)
        for n in range(max(people, len(kinds)))
    ]
    found[f"{OTHERS}_every_{every}"] = _said(crowd, flags)
    return found


def _seen(kind: str, azimuth: float, moving: bool, every: int, random: np.random.Generator) -> Sighting:
    """Somebody whom the pose stage looks at in every `every`th image; in the others it expects them further on."""
    seconds = np.arange(0.0, SECONDS, 1.0 / RATE)
    who = make_stroller(int(random.integers(2_000_000, 3_000_000)), 1.0, 1.0)  # nobody who was learned from
    seen = sighting(kind, who, PIXELS, azimuth, seconds, random, moving=moving)
    return looked_at(seen, np.arange(len(seconds)) % every == 0)


def _said(crowd: list[Sighting], flags: Flags) -> list[tuple[float, float]]:
    ours, before = (said[round(SETTLED * RATE) :].mean(axis=0) for said in flags(crowd))
    return list(zip(ours.tolist(), before.tolist(), strict=True))
