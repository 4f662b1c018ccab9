"""Whether the tracker knows who walks: generated people who walk, from all sides and at all heights, and who do not.

Everybody is followed by the tracker's own filters, from joints with errors as measured. The former rule gets the same.
Rows `azimuth_A`, `height_FROM_TO`, `rate_R` and `hidden_PART`: share of walkers of whom it is said within a second of
their coming into view. Rows of activities: share of the time in which it is said of people who do not walk. Rows
`side_every_K`, `oblique_every_K`, `away_every_K`, `away_followed_every_K` and `others_every_K`: share of the time after
the first second in which it is said of walkers, and of the others, whom the pose stage looks at in every K-th image of
25 a second.
"""

import argparse
import itertools
from collections.abc import Callable

import numpy as np
from walking_reference import StepsAndTravel
from walking_seldom import read_every
from walking_seldom import shares as seldom_shares

from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.synthesis.activities import ACTIVITIES
from rt_gait_ros.synthesis.sightings import Sighting, sighting
from rt_gait_ros.synthesis.strollers import make_stroller
from rt_gait_ros.tracking.walking import ANKLES, Gaits
from rt_gait_ros.training.walking import LAYOUT, WALKS, followed

SUMMARY = "who is said to walk, by side, height in pixels, rate of images and activity, on generated people"
REFERENCE = "the former rule: ankles pass each other, or the box travels"
AZIMUTHS = (0, 45, 90, 135, 180, 225, 270, 315)  # degrees; 0 is away from the camera, 180 towards it
HEIGHTS = ((40, 60), (60, 100), (100, 200), (200, 300))  # pixels
RATES = (7.0, 10.0, 15.0, 25.0, 30.0)  # images a second
HIDDEN = ("feet", "legs", "cut")
SAID_WITHIN, WATCHED = 1.0, 4.0  # seconds: of walkers, of the others
TOGETHER = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--people", type=int, default=80, metavar="N", help="of each azimuth and height (80)")
    parser.add_argument("--every", default="1,3,6,10", metavar="K,K", help="images from look to look (1,3,6,10)")
    parser.add_argument("--only-every", action="store_true", help="only the rows of --every")
    parser.add_argument("--seed", type=int, default=1000, help="of everybody (1000)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Returns the rows, shares in percent. Raises UsageError."""
    every = read_every(arguments.every)
    people = max(arguments.people, 1)
    shares = {} if arguments.only_every else _in_every_image(people, arguments.seed, progress)
    random = np.random.default_rng((0xBE7D, arguments.seed))
    for number in every:
        seldom = seldom_shares(number, max(people // 4, 1), random, flags)
        progress(f"looked at in every {number}th image: " + ", ".join(f"{n} {_mean(s)}" for n, s in seldom.items()))
        shares.update(seldom)
    return [
        Row(name, 100 * float(np.mean([one for one, _ in said])), "%", REFERENCE,
            100 * float(np.mean([other for _, other in said])))
        for name, said in shares.items()
    ]  # fmt: skip


def _in_every_image(people: int, seed: int, progress: Callable[[str], None]) -> dict[str, list[tuple[float, float]]]:
    """By row, for each person whom every image shows, what is said of them by both rules."""
    random = np.random.default_rng((0xBE7C, seed))
    shares: dict[str, list[tuple[float, float]]] = {}
    for azimuth in AZIMUTHS:
        for (low, high), rate in itertools.product(HEIGHTS, RATES):
            said = _said(WALKS, max(people // len(RATES), 1), azimuth, (low, high), rate, "", random)
            for name in ("walks", f"azimuth_{azimuth}", f"height_{low}_{high}", f"rate_{rate:g}"):
                shares.setdefault(name, []).extend(said)
        progress(f"azimuth {azimuth}: {_mean(shares[f'azimuth_{azimuth}'])}")
    for hidden, azimuth in itertools.product(HIDDEN, AZIMUTHS):
        said = _said(WALKS, max(people // 4, 1), azimuth, (40, 300), 25.0, hidden, random)
        shares.setdefault(f"hidden_{hidden}", []).extend(said)
    for kind in [kind for kind in ACTIVITIES if kind != WALKS]:
        for rate, azimuth in itertools.product(RATES, AZIMUTHS):
            said = _said(kind, max(people // 10, 1), azimuth, (40, 300), rate, "", random)
            shares.setdefault(kind, []).extend(said)
            shares.setdefault("others", []).extend(said)
        progress(f"{kind}: {_mean(shares[kind])}")
    return shares


def _mean(said: list[tuple[float, float]]) -> str:
    ours, before = (100 * float(np.mean(side)) for side in zip(*said, strict=True))
    return f"{ours:.1f} % (former rule: {before:.1f} %)"


def _said(
    kind: str,
    people: int,
    azimuth: float,
    pixels: tuple[int, int],
    rate: float,
    hidden: str,
    random: np.random.Generator,
) -> list[tuple[float, float]]:
    """For each person: whether it was said in time, for walkers, or in which share of the images, by both rules."""
    found: list[tuple[float, float]] = []
    seconds = np.arange(0.0, (SAID_WITHIN if kind == WALKS else WATCHED) + 1e-6, 1.0 / rate)
    for first in range(0, people, TOGETHER):
        crowd = [
            sighting(
                kind,
                make_stroller(int(random.integers(2_000_000, 3_000_000)), 1.0, 1.0),  # nobody who was learned from
                float(np.exp(random.uniform(*np.log(pixels)))),
                azimuth + random.uniform(-22.5, 22.5),
                seconds,
                random,
                moving=bool(random.random() < 0.5),
                hidden=hidden,
            )
            for _ in range(min(TOGETHER, people - first))
        ]
        ours, before = flags(crowd)
        reduce = np.any if kind == WALKS else np.mean
        found += list(zip(reduce(ours, axis=0).astype(float), reduce(before, axis=0).astype(float), strict=True))
    return found


def flags(people: list[Sighting]) -> tuple[np.ndarray, np.ndarray]:
    """Who is said to walk in each of T images, (T, N) bool: by the tracker's rule, and by the former one."""
    everybody = np.arange(len(people))
    ours, before = [], []
    gaits = steps = None
    for points, elapsed, bank in followed(people):
        if gaits is None or steps is None:
            gaits, steps = Gaits.start(bank.mean), StepsAndTravel.start(bank.mean)
            gaits.begin(points, LAYOUT)
        else:
            gaits.update(everybody, points, LAYOUT, elapsed, bank)
            steps.update(everybody, points[:, ANKLES[LAYOUT]], elapsed, bank)
        ours.append(gaits.walking.copy())
        before.append(steps.walking.copy())
    return np.array(ours), np.array(before)
