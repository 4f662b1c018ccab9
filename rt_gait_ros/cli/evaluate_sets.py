"""`rt-gait evaluate casia-b` and `tum-gaid`: the field's data sets by the field's protocols."""

import argparse
from pathlib import Path
from typing import Any

from rt_gait_ros.cli.evaluation_arguments import (
    add_model_argument,
    add_protocol,
    add_view_argument,
    embedded_walks,
    repository_of,
    view_variants,
)
from rt_gait_ros.cli.evaluation_pictures import draw, publish
from rt_gait_ros.cli.output import progress
from rt_gait_ros.datasets.casia_b import PEOPLE, VIEWS, read_people
from rt_gait_ros.datasets.folders import absent
from rt_gait_ros.datasets.tum_gaid import find_recordings
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation import casia_b, tum_gaid
from rt_gait_ros.gait.views import find_prior

_CASIA_B = """\
CASIA-B (124 people, 11 views; NM normal, BG bag, CL coat): NM 5-6, BG 1-2 and CL 1-2 are searched in NM 1-4, view by
view. DIR/001/nm-01/090 holds pictures (GaitDatasetB-silh, or the 64x64 cut of it) or one pickle, as OpenGait makes it.

  rt-gait evaluate casia-b DIR --model gaitset                      the people that GaitSet's split leaves: 75 to 124
  rt-gait evaluate casia-b DIR --people 1-74 --json                 these people; every figure, by pairs of views too
  rt-gait evaluate casia-b DIR --training 24                        ... of the split with 24 people for training
  rt-gait evaluate casia-b DIR --frames 30                          quicker: so many frames of each sequence
  rt-gait evaluate casia-b DIR --view-centring off                  only plain embeddings; on: only with views taken out

rank-1 is the mean over all pairs of different views, as papers print it; "identical" counts pairs of one view as well;
"one walk" enrols everybody with a single walk from one view, and searches from all others; "enrolled" enrols all walks
of all other views. EER and FNIR search each probe among all other views together.

View centring subtracts what people seen from one view have in common, and scales: "others" by statistics of people of
the set other than the two compared, "shipped" by those in the model's folder (view_prior.npz). The view is found from
the embedding, not from the name of the folder.

Sequences that are missing, or have no silhouette that can be used, are counted and are not probes. Only arrays are read
from pickles; others are refused and counted. Embeddings are kept: an interrupted run continues, and a second is quick.
"""

_TUM_GAID = """\
TUM-GAID (305 people from the side) by the protocol of Embedded-Gait: windows of 25 flow frames, 7 nearest neighbours
among those of N 1-4, a majority vote per video. DIR holds either of

  p001/n01/*.jpg                the set's images; our pose pipeline makes the flow. DIR/image/p001/n01 is found as well
  ..._N155_ft_of25_60x60/*.h5, ..._N155_test_n05-06_of25_60x60/*.h5, ..._b01-02_..., ..._s01-02_...
                                prepared samples, p001-n05-01.h5: person, sequence, number; data (60, 60, 50) int16

  rt-gait evaluate tum-gaid DIR --model flow2d --json
  rt-gait evaluate tum-gaid DIR --model flow2d --people test_ids.txt    only these people (p001 or 1, one a line)

Leave out the people whom the network was trained on. Videos without a window are lost. Embeddings are kept.
"""


def add_casia_b(protocols: Any) -> None:
    """Declare the subcommand."""
    parser = add_protocol(protocols, "casia-b", "CASIA-B: silhouettes, bags and coats, 11 views", _CASIA_B)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the data set")
    add_model_argument(parser)
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument(
        "--training", type=int, choices=casia_b.TRAINING, default=74, help="people the model was trained on (74)"
    )
    tested.add_argument("--people", metavar="LIST", help="test these people, as 1-74 or 1-10,12 (default: --training)")
    parser.add_argument(
        "--frames", type=int, default=0, metavar="N", help="of each sequence, evenly chosen (all that the model takes)"
    )
    add_view_argument(parser)
    parser.set_defaults(action=_casia_b)


def add_tum_gaid(protocols: Any) -> None:
    """Declare the subcommand."""
    parser = add_protocol(protocols, "tum-gaid", "TUM-GAID: optical flow, backpacks and coating shoes", _TUM_GAID)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the data set")
    parser.add_argument("--model", required=True, metavar="NAME", help="gait model that takes optical flow")
    parser.add_argument("--people", type=Path, metavar="FILE", help="evaluate only these people, one per line")
    parser.add_argument(
        "--ties",
        choices=tum_gaid.TIES,
        default=tum_gaid.TIES[0],
        help="who gets a window that several persons have equally many neighbours of: the lowest label, as in the "
        "authors' program (default), or whoever is nearest",
    )
    parser.set_defaults(action=_tum_gaid)


def _casia_b(arguments: argparse.Namespace) -> int:
    numbers = read_people(arguments.people) if arguments.people else range(arguments.training + 1, PEOPLE + 1)
    if arguments.frames < 0:
        raise UsageError(f"--frames {arguments.frames}: give 1 or more, or 0 for all")
    people = casia_b.find_people(arguments.folder, numbers)
    if line := absent(numbers, [person.name for person in people], arguments.folder):
        progress(line)
    prior = find_prior(repository_of(arguments), arguments.model)
    if arguments.reliability and prior is None and arguments.view_centring == "on":
        raise UsageError("--reliability is of what the recogniser compares, plain distances: leave --view-centring out")
    embedded = embedded_walks(arguments, casia_b.jobs_of(people, arguments.frames), "silhouette")
    result = casia_b.evaluate(embedded, people, arguments.model, view_variants(arguments, prior, len(people)), prior)
    for line in result.refused[:3]:
        progress(line)
    lines = [
        f"CASIA-B, {result.model}: {result.people} people, {result.sequences} sequences, {result.missing} missing, "
        f"{result.lost} lost, {result.damaged} silhouettes unusable, {len(result.refused)} pickles refused",
        *(line for variant in result.variants for line in _casia_b_table(variant)),
    ]
    figures = draw(
        arguments,
        result.stated.comparison,
        f"CASIA-B, {result.model}",
        {f"{result.model}, view centring {v.view_centring}": v.comparison for v in result.variants},
        result.stated.pairs,
    )
    centred = [(variant, row) for variant in result.variants for row in variant.rows]
    rows = [{"view_centring": variant.view_centring, **row} for variant, row in centred]
    publish(arguments, result.to_json(), rows, "\n".join(lines), figures)
    return 0


def _casia_b_table(variant: casia_b.Variant) -> list[str]:
    told = "" if variant.views_right is None else f" (view told right: {100 * variant.views_right:.0f} %)"
    lines = ["", f"view centring {variant.view_centring}{told}", ""]
    lines.append("probe  rank-1 %  95 %         probes  identical %  one walk %  enrolled %   EER %  FNIR@1 %")
    report = variant.to_json()
    for name, row in report["summary"].items():
        low, high = (100 * bound for bound in row["ci95"])
        one = row["one_walk_enrolled"]
        figures = report["open_set"][name]
        lines.append(
            f"{name:5}  {100 * row['without_identical_view']:8.1f}  {low:4.1f} .. {high:5.1f}  {row['probes']:6}"
            f"  {100 * row['with_identical_view']:11.1f}  {'-' if one is None else f'{100 * one:.1f}':>10}"
            f"  {100 * row['all_other_views_enrolled']:10.1f}  {100 * figures['eer']:6.1f}"
            f"  {100 * figures['fnir_at_fpir_1']:8.1f}"
        )
    for title, key in (
        ("rank-1 % by view of the probe, its own view not in the gallery", "by_probe_view"),
        ("one walk %, by the view that is enrolled", "one_walk_by_enrolled_view"),
    ):
        lines += ["", title, f"{'':5} " + " ".join(f"{view:>5}" for view in VIEWS)]
        for name, row in report["summary"].items():
            shares = [row[key].get(view) for view in VIEWS]
            lines.append(f"{name:5} " + " ".join("    -" if s is None else f"{100 * s:5.1f}" for s in shares))
    return lines


def _tum_gaid(arguments: argparse.Namespace) -> int:
    recordings = find_recordings(arguments.folder)
    if arguments.people:
        wanted = _people(arguments.people)
        recordings = [each for each in recordings if each.person in wanted]
    embedded = embedded_walks(arguments, tum_gaid.jobs_of(recordings), "flow")
    result = tum_gaid.evaluate(embedded, arguments.model, arguments.ties)
    title = f"TUM-GAID, {result.model}: {result.people} people, {len(recordings)} videos, {result.lost} of them lost"
    return report_votes(arguments, result, title)


def _people(path: Path) -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--people {path} cannot be read: name a text file with one person a line") from error
    numbers = [line.removeprefix("p") for line in lines]
    if not all(number.isdecimal() for number in numbers):
        raise UsageError(f"--people {path}: every line must be a person's number, as p001 or 1")
    return {f"p{int(number):03}" for number in numbers}


def report_votes(arguments: argparse.Namespace, result: tum_gaid.Result, title: str) -> int:
    """Print, draw and write what a vote of windows has found. title: first line of the table. Returns the exit code."""
    report = result.to_json()
    drawn = draw(arguments, result.comparison, f"{result.protocol.upper()}, {result.model}")
    lines = [title, "", "gallery  probe   rank-1 %  95 %         videos  windows %  rank-5 %"]
    for row in report["rows"]:
        low, high = (100 * bound for bound in row["ci95"])
        lines.append(
            f"{row['gallery']:7}  {row['probe']:7}  {100 * row['rank1']:7.1f}  {low:4.1f} .. {high:5.1f}"
            f"  {row['probes']:6}  {100 * row['rank1_samples']:9.1f}  {100 * row['rank5']:8.1f}"
        )
    figures = report["open_set"]
    lines += ["", f"EER {100 * figures['eer']:.1f} %, FNIR at FPIR 1 % {100 * figures['fnir_at_fpir_1']:.1f} %"]
    publish(arguments, report, report["rows"], "\n".join(lines), drawn)
    return 0
