"""The networks and cadences that the streaming benchmark compares, and what each does to recognition."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from streaming_load import WINDOW, Cadence

from rt_gait_ros.evaluation.recognition import rank_rate
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.serving.inference import Sequence
from rt_gait_ros.serving.repository import RepositoryModel
from rt_gait_ros.serving.streaming import StreamRequest, open_streaming
from rt_gait_ros.synthesis.people import person
from rt_gait_ros.synthesis.walks import Nuisances, random_scene, random_silhouettes

# One answer a second; and then every second frame to the network besides.
SECOND, HALF = Cadence(refresh=25), Cadence(refresh=25, stride=2)
# Channels of the first layer: GaitSet's 32, and half of it everywhere (a quarter of the work).
WIDTHS = {"gaitset": 32, "gaitset_small": 16}
# Generated people, and the walks of each: the first is enrolled, the others are asked for.
PEOPLE, WALKS = 40, 3


@dataclass(frozen=True, slots=True)
class Variant:
    """suffix: of its rows. network: its name in the repository, without _stream."""

    suffix: str
    network: str
    cadence: Cadence


DEFAULT = (
    Variant("_float32", "gaitset", Cadence()),
    Variant("", "gaitset_int8", Cadence()),
    Variant("_1hz", "gaitset_int8", SECOND),
    Variant("_1hz_half", "gaitset_int8", HALF),
    Variant("_small_float32", "gaitset_small", Cadence()),
    Variant("_small", "gaitset_small_int8", Cadence()),
    Variant("_small_25hz", "gaitset_small_int8", Cadence(refresh=1)),
    Variant("_small_1hz", "gaitset_small_int8", SECOND),
)


def variants(networks: list[str]) -> tuple[Variant, ...]:
    """What is measured: DEFAULT, or these networks at each cadence."""
    if not networks:
        return DEFAULT
    cadences = (("", Cadence()), ("_1hz", SECOND), ("_1hz_half", HALF))
    return tuple(Variant(f"_{name}{ending}", name, cadence) for name in networks for ending, cadence in cadences)


def write_random_networks(repository: Path, progress: Callable[[str], None]) -> None:
    """GaitSet in both widths with random weights, in float32 and int8: the time does not depend on weights."""
    # torch takes seconds to import and is there only with the extra [train]
    import torch

    from rt_gait_ros.networks.gait_export import export_network, write_gait
    from rt_gait_ros.networks.gait_quantisation import quantise_parts
    from rt_gait_ros.networks.set_networks import GaitSet
    from rt_gait_ros.networks.stream_graphs import stateful_graph

    cores = len(os.sched_getaffinity(0))
    calibration = [frames for walks in _walks(range(1000, 1008), 1) for frames in walks]
    for name, width in WIDTHS.items():
        progress(f"exporting {name}")
        torch.manual_seed(0)
        export = export_network("gaitset", GaitSet(width=width).eval(), WINDOW)
        write_gait(export, repository, name, threads=cores)
        parts = quantise_parts(export.parts, calibration)
        integers = replace(export, parts=parts, stateful=stateful_graph(parts, WINDOW))
        write_gait(integers, repository, f"{name}_int8", threads=cores)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of generated walkers in another walk. rank1: share (0..1) who are nearest to themselves. agreement: share whose
    nearest is the one of the reference."""

    rank1: float
    agreement: float


def accuracies(models: Mapping[str, RepositoryModel], chosen: tuple[Variant, ...]) -> dict[tuple[str, int], Accuracy]:
    """By network and stride; the reference is the first variant's network on every frame."""
    walks = _walks(range(PEOPLE), WALKS)
    reference = chosen[0].network, 1
    wanted = dict.fromkeys([reference, *((variant.network, variant.cadence.stride) for variant in chosen)])
    tables = {key: _table(models[f"{key[0]}_stream"], walks, key[1]) for key in wanted}
    truth = np.repeat(np.arange(PEOPLE), WALKS - 1)
    nearest = tables[reference].argmin(axis=1)
    return {
        key: Accuracy(rank_rate(table, truth).rate, float((table.argmin(axis=1) == nearest).mean()))
        for key, table in tables.items()
    }


def _table(model: RepositoryModel, walks: list[list[np.ndarray]], stride: int) -> np.ndarray:
    """Distances of every walk but the first to the first of each person, streamed, the window full."""
    network = open_streaming(model)
    embeddings = [[_embed(network.run, frames[::stride][-WINDOW:]) for frames in each] for each in walks]
    gallery = np.stack([each[0] for each in embeddings])
    return distances(np.stack([value for each in embeddings for value in each[1:]]), gallery)


def _embed(run: Callable, frames: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    (answer,) = run([StreamRequest(Sequence(1, start=True, end=True), frames, True)])
    return np.asarray(answer["embedding"][0])


def _walks(people: range, walks: int) -> list[list[np.ndarray]]:
    """Silhouettes of each person's walks past one camera, seen from the side: twice the window long, so that a window
    of every second frame is full, too."""
    ranges = Nuisances(views=(90.0,))
    scene = random_scene(ranges, np.random.default_rng(0))
    result: list[list[np.ndarray]] = []
    for seed in people:
        random = np.random.default_rng((seed, 1))
        result.append([random_silhouettes(person(seed), scene, 2 * WINDOW, ranges, random) for _ in range(walks)])
    return result
