"""`rt-gait evaluate virtual`: generated people nobody trained on, from all around."""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from rt_gait_ros.cli.evaluation_arguments import (
    add_model_argument,
    add_protocol,
    add_scene_argument,
    check_common,
    embedded_walks,
    scene_variants,
)
from rt_gait_ros.cli.evaluation_pictures import draw, publish
from rt_gait_ros.cli.output import output_file
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation import virtual
from rt_gait_ros.evaluation.plots import beside, count_plot, matrix_plot
from rt_gait_ros.evaluation.virtual_people import FIRST, Cast
from rt_gait_ros.gait.scene import MIN_WALKERS

_DESCRIPTION = f"""\
Generated people whom no training used (numbers from {FIRST:_} on), seen from 11 azimuths (0 away from the camera, 90 to
the left, 180 towards it) and 3 camera heights, every walk in other clothes and under other errors of the masks. This
shows how a model depends on views and frames. Whether it tells real people apart is measured by `evaluate kth`.

  rt-gait evaluate virtual --model gaitset                      500 people: hours on a few cores
  rt-gait evaluate virtual --people 50 --plot virtual.png       fewer; matrix and frames as a picture
  rt-gait evaluate virtual --azimuths 0 90 --heights 1.2        only these cameras
  rt-gait evaluate virtual --scene-normalisation off --json     only plain embeddings; on: only with views taken out

A cell is rank-1 of the walks of one azimuth (row) in those of another (column), one walk of everybody in the gallery,
the mean over pairs of heights; the diagonal pairs different heights and is not part of the mean. Open-set figures
search each walk among those of all other azimuths at once. Frames: the first good ones of a walk on another day, from
the same view as the whole walks they are searched in. --strangers are other people, from whom the statistics of each
view are. Embeddings are kept (1 MB a person): an interrupted run continues, and more people are added to those that are
there.
"""


def add_virtual(protocols: Any) -> None:
    """Declare the subcommand."""
    summary = "generated people: 11 views, 3 camera heights, 1 to 60 frames"
    parser = add_protocol(protocols, "virtual", summary, _DESCRIPTION)
    usual = Cast()
    add_model_argument(parser)
    parser.add_argument("--people", type=int, default=usual.people, metavar="N", help=f"people ({usual.people})")
    parser.add_argument(
        "--strangers", type=int, default=usual.strangers, metavar="N", help=f"people not tested ({usual.strangers})"
    )
    parser.add_argument("--seed", type=int, default=usual.seed, metavar="N", help="other people for every number (0)")
    parser.add_argument("--azimuths", type=int, nargs="+", default=usual.azimuths, metavar="DEGREES")
    parser.add_argument("--heights", type=float, nargs="+", default=usual.heights, metavar="METRES")
    parser.add_argument("--frames", type=int, default=usual.frames, metavar="N", help=f"of a walk ({usual.frames})")
    add_scene_argument(parser, "view")
    parser.add_argument(
        "--plot", type=output_file, metavar="FILE", help="draw the matrix and rank-1 over frames (.png)"
    )
    parser.set_defaults(action=_virtual)


def _virtual(arguments: argparse.Namespace) -> int:
    check_common(arguments)
    variants = scene_variants(arguments)
    cast = Cast(
        arguments.people,
        arguments.strangers if True in variants else 0,
        tuple(arguments.azimuths),
        tuple(arguments.heights),
        arguments.frames,
        arguments.seed,
    )
    if True in variants and cast.strangers < MIN_WALKERS:
        raise UsageError(f"--strangers {cast.strangers}: scene normalisation takes {MIN_WALKERS:g} at least")
    embedded = embedded_walks(arguments, cast.jobs(), "silhouette")
    _report([virtual.evaluate(embedded, cast, arguments.model, normalised) for normalised in variants], arguments)
    return 0


def _report(results: Sequence[virtual.Result], arguments: argparse.Namespace) -> None:
    last = results[-1]
    report = virtual.to_json(results)
    said = f"{last.cast.people} virtual people, {last.model}: {last.walks} walks, {last.lost} of them lost"
    for result in results:
        said += f"\n{_table(result)}"
    figures = draw(arguments, last.comparison, f"virtual people, {last.model}")
    publish(arguments, report, report["rows"], said, figures, lambda: _picture(results))


def _picture(results: Sequence[virtual.Result]) -> np.ndarray:
    last = results[-1]
    names = [f"{azimuth:03d}" for azimuth in last.cast.azimuths]
    title = f"{last.model}: {last.cast.people} virtual people, scene normalisation {_switch(last)}"
    curves = {
        f"scene normalisation {_switch(result)}": {count: found.rate for count, found in result.by_frames.items()}
        for result in results
        if result.by_frames
    }
    matrix = matrix_plot(last.rank1, names, names, title)
    return beside(matrix, count_plot(curves, "frames", "same view, another day")) if curves else matrix


def _switch(result: virtual.Result) -> str:
    return "on" if result.normalised else "off"


def _table(result: virtual.Result) -> str:
    figures = result.summary()
    low, high = (100 * bound for bound in figures["ci95"])
    names = [f"{azimuth:03d}" for azimuth in result.cast.azimuths]
    heights = [f"{height:g} m" for height in result.cast.heights]
    lines = [
        "",
        f"scene normalisation {_switch(result)}",
        "",
        f"rank-1 {100 * result.mean:.1f} % ({low:.1f} .. {high:.1f}) across azimuths, {figures['probes']} probes",
        f"single walks across azimuths: EER {100 * figures['eer_pairs']:.1f} %",
        f"all other azimuths at once: EER {100 * figures['eer']:.1f} %, "
        f"FNIR at FPIR 1 % {100 * figures['fnir_at_fpir_1']:.1f} %",
        "",
        "rank-1 % by azimuth, probe down, gallery across",
        *_matrix(names, result.rank1),
        "",
        "rank-1 % by camera height, probe down, gallery across",
        *_matrix(heights, result.heights),
        "",
        "frames  rank-1 %  95 %          probes   (same view, another day)",
    ]
    for row in result.frame_rows():
        low, high = (100 * bound for bound in row["ci95"])
        lines.append(f"{row['frames']:6}  {100 * row['rank1']:8.1f}  {low:4.1f} .. {high:5.1f}  {row['probes']:6}")
    return "\n".join(lines)


def _matrix(names: Sequence[str], shares: np.ndarray) -> list[str]:
    lines = [f"{'':6}" + " ".join(f"{name:>5}" for name in names)]
    for name, row in zip(names, shares, strict=True):
        lines.append(f"{name:6}" + " ".join("    -" if np.isnan(share) else f"{100 * share:5.1f}" for share in row))
    return lines
