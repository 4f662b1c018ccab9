"""How like real people generated walkers are: the views of both, as a gait network sees them, on CASIA-B."""

import argparse
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from rt_gait_ros.datasets.casia_b import VIEWS
from rt_gait_ros.evaluation import casia_b
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.evaluation.embedding_jobs import embed_all
from rt_gait_ros.evaluation.generated_views import AZIMUTHS, generated_view_prior
from rt_gait_ros.gait.views import ViewMoments
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.serving.onnx_client import OnnxClient

SUMMARY = "similarity of generated walkers and real people, by CASIA-B's views"
HALF = "the other half of the real people"
PLAIN = "views left in"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="CASIA-B: NNN/nm-01/090/*.pkl or *.png")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="first person to compare with (1)")
    parser.add_argument("--last", type=int, default=74, metavar="N", help="last one (74: the usual training set)")
    parser.add_argument("--model", default="gaitset_small_v5", metavar="NAME", help="gait network (gaitset_small_v5)")
    parser.add_argument("--people", type=int, default=150, metavar="N", help="generated people (150)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Compare centres of views, and search with them taken out.

    Rows: `centre_VIEW` and `centres`, how far generated centres are from real ones, where 1 is how far the centres of
    neighbouring real views are from each other; `told`, share of real walks whose view generated centres tell right,
    or a neighbouring one; `rank1_CONDITION`, other views only, with generated centres taken out; and with those of
    other real people, `rank1_CONDITION_real`. Raises GaitError.
    """
    people = casia_b.find_people(arguments.folder, range(arguments.first, arguments.last + 1))
    repository, cores = resource("model_repository"), len(os.sched_getaffinity(0))
    embedded = embed_all(
        casia_b.jobs_of(people), repository, arguments.model, cache_folder() / "embeddings", cores, progress
    )
    with closing(OnnxClient(repository, timeout=60.0)) as client:
        generated, _, _ = generated_view_prior(client, arguments.model, arguments.people, progress)
    walks = casia_b.Walks.of(embedded)
    views = np.searchsorted(VIEWS, walks.views)
    odd = np.unique(walks.persons, return_inverse=True)[1] % 2 == 1
    real, half = (ViewMoments.of(walks.embeddings[mine], views[mine], len(VIEWS)).prior() for mine in (odd | ~odd, odd))
    step = float(np.mean(np.diag(distances(real.centres, real.centres), 1)))
    # CASIA-B's 0 degrees look the walker in the face; the generator's 0 degrees are walked away from the camera
    facing = [AZIMUTHS.index(180 - int(view)) for view in VIEWS]
    apart = np.diag(distances(generated.centres[facing], real.centres)) / step
    by_half = np.diag(distances(half.centres, real.centres)) / step
    rows = [
        Row(f"centre_{view}", float(value), "", HALF, float(known))
        for view, value, known in zip(VIEWS, apart, by_half, strict=True)
    ]
    told = np.abs(np.asarray(facing)[views] - generated.nearest(walks.embeddings)) <= 1
    rows = [Row("centres", float(apart.mean()), "", HALF, float(by_half.mean())), *rows]
    rows.append(Row("told", 100.0 * float(told.mean()), "%"))
    variants = casia_b.OFF, casia_b.SHIPPED, casia_b.OTHERS
    plain, with_generated, with_real = casia_b.evaluate(embedded, people, arguments.model, variants, generated).variants
    for name, condition in plain.conditions.items():
        base = 100.0 * condition.summary()["without_identical_view"]
        for ending, variant in (("", with_generated), ("_real", with_real)):
            share = 100.0 * variant.conditions[name].summary()["without_identical_view"]
            rows.append(Row(f"rank1_{name}{ending}", share, "%", PLAIN, base))
    return rows
