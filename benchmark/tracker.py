"""Our tracker beside SORT, ByteTrack and OC-SORT: the same detections, in one run."""

import argparse
from collections.abc import Callable

import numpy as np
import tracker_peers
from tracker_scenes import HEIGHT, LEVELS, RATE, WIDTH, Seen, View, Walker, detect, walker
from tracker_sets import SETS
from tracker_swaps import swapped

from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.evaluation.mot import MotScore, score

SUMMARY = "HOTA, IDF1, switches and milliseconds of trackers on the same detections"

# Settings were chosen on the seeds below 100; figures are of these.
FIRST_SEED = 700
CROWDS = (20, 100)
PAIRS = 100
WRONG = (0.0, 0.05, 0.1)  # shares of the simulated gait stage's opinions that are wrong
HIGHER_IS_BETTER = {"hota": True, "idf1": True, "switches": False, "ms": False}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="sequences per set (5)")
    parser.add_argument(
        "--sets", nargs="+", choices=list(SETS), default=list(SETS), metavar="SET", help="some sets only"
    )


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Rows SET/hota, idf1, switches, ms, each beside the best of the others at that; crowds; crossing pairs."""
    peers = tracker_peers.peers()
    rows: list[Row] = []
    for name in arguments.sets:
        views = [SETS[name](FIRST_SEED + seed) for seed in range(max(arguments.seeds, 1))]
        figures = {who: _figures(views, run) for who, run in {"ours": tracker_peers.ours, **peers}.items()}
        for who, values in figures.items():
            progress(f"{name}, {who}: " + ", ".join(f"{kind} {value:.4g}" for kind, value in values.items()))
        rows += _beside_best(name, figures)
    rows += _crowds(peers, progress)
    return rows + _pairs(progress)


def _figures(sequences: list[list[View]], run: Callable[[list[View]], tracker_peers.Run]) -> dict[str, float]:
    results = [run(views) for views in sequences]
    truth = [{number: view.truth for number, view in enumerate(views)} for views in sequences]
    scored: MotScore = score((true, found) for true, (found, _) in zip(truth, results, strict=True))
    milliseconds = float(np.median(np.concatenate([times for _, times in results])))
    return {
        "hota": 100 * scored.hota,
        "idf1": 100 * scored.idf1,
        "switches": float(scored.switches),
        "ms": milliseconds,
    }


def _beside_best(name: str, figures: dict[str, dict[str, float]]) -> list[Row]:
    """One row per figure; the reference is the peer that is best at it."""
    rows = []
    for kind, value in figures["ours"].items():
        others = {who: values[kind] for who, values in figures.items() if who != "ours"}
        best = (max if HIGHER_IS_BETTER[kind] else min)(others, key=others.__getitem__)
        unit = {"hota": "%", "idf1": "%", "switches": "", "ms": "ms"}[kind]
        rows.append(Row(f"{name}/{kind}", value, unit, best, others[best]))
    return rows


def _crowds(peers: dict[str, Callable], progress: Callable[[str], None]) -> list[Row]:
    """Time per image with many people in sight."""
    rows = []
    for people in CROWDS:
        views = crowd(people)
        times = {
            who: float(np.median(run(views)[1][20:])) for who, run in {"ours": tracker_peers.ours, **peers}.items()
        }
        progress(f"{people} people: " + ", ".join(f"{who} {value:.2f} ms" for who, value in times.items()))
        fastest = min(peers, key=times.__getitem__)
        rows.append(Row(f"people_{people}/ms", times["ours"], "ms", fastest, times[fastest]))
    return rows


def crowd(people: int, images: int = 100) -> list[View]:
    """Many people who walk to and fro, every one of them found although some stand before others."""
    random = np.random.default_rng(people)

    def somebody(number: int) -> Walker:
        depth = 6 + 18 * number / people
        reach, speed, phase = 0.5 * depth, random.uniform(0.8, 1.4), random.uniform(0, 6.3)
        return walker(random, lambda s: (reach * np.sin(speed * s / reach + phase), depth))

    walkers = [somebody(number) for number in range(people)]
    views = []
    for second in np.arange(images) / RATE:
        looks = [somebody.look(second, 0.0) for somebody in walkers]
        seen = [Seen(number, look[1], 1.0, look[2]) for number, look in enumerate(looks, 1) if look]
        views.append(detect(seen, second, LEVELS["low"], (WIDTH, HEIGHT), random))
    return views


def _pairs(progress: Callable[[str], None]) -> list[Row]:
    """The same two people crossing at half a metre: pairs that end with swapped ids, and with other ids."""
    swaps, others = {}, {}
    for wrong in (None, *WRONG):
        ends = [swapped(seed, wrong) for seed in range(PAIRS)]
        swaps[wrong], others[wrong] = float(ends.count(True)), float(ends.count(None))
        told = "without identity feedback" if wrong is None else f"identity feedback, {wrong:.0%} of it wrong"
        progress(f"crossing pairs, {told}: {swaps[wrong]:.0f} swapped, {others[wrong]:.0f} with other ids")
    rows = []
    for wrong in WRONG:
        for kind, ends_of in (("swaps", swaps), ("other_ids", others)):
            name = f"crossing_pair_{wrong:.0%}_wrong/{kind}"
            rows.append(Row(name, ends_of[wrong], f"of {PAIRS}", "no identity feedback", ends_of[None]))
    return rows
