"""How much generated people differ from each other and from walk to walk, beside real people of CASIA-B."""

import argparse
from collections.abc import Callable
from pathlib import Path

from rt_gait_ros.datasets import casia_b
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.evaluation.silhouette_spread import BANDS, Spread, generated_widths, real_widths
from rt_gait_ros.training.cohorts import ALIKE, Generation

SUMMARY = "how much silhouettes differ between and within generated people, and CASIA-B's"
VIEWS = ("000", "036", "090", "162")  # front, oblique from the front, side, oblique from behind
WALKS = 4  # of each generated person in each view
REAL = "the real people"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="CASIA-B: NNN/nm-01/090/*.pkl or *.png")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="first person to compare with (1)")
    parser.add_argument("--last", type=int, default=74, metavar="N", help="last one (74: the usual training set)")
    parser.add_argument("--people", type=int, default=40, metavar="N", help="generated people of each kind (40)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Compare deviations of the widths of rows of mean silhouettes, in pixels of a height of 64.

    Rows: `between_BAND` and `within_BAND` of people who are nearly alike (ALIKE, `rt-gait train gait --alike`), with
    `_default` of those that a network is trained on otherwise. Raises UsageError.
    """
    people = casia_b.find(arguments.folder, range(arguments.first, arguments.last + 1))
    real = Spread.of(real_widths(people, VIEWS))
    progress(f"{len(people)} real people read")
    rows = []
    for ending, kind in (("", ALIKE), ("_default", Generation())):
        widths = generated_widths(kind.shape, kind.manner, kind.nuisances, arguments.people, WALKS, VIEWS, progress)
        made = Spread.of(widths)
        for name in ("between", "within"):
            mine, theirs = getattr(made, name), getattr(real, name)
            rows += [Row(f"{name}_{band}{ending}", mine[band], "px", REAL, theirs[band]) for band in BANDS]
    return rows
