"""`rt-gait evaluate casia-b` and `tum-gaid`: the field's data sets by the field's protocols."""

import argparse
from pathlib import Path
from typing import Any

from rt_gait_ros.cli.evaluation_arguments import add_model_argument, add_protocol, check_common, require_kind
from rt_gait_ros.cli.evaluation_pictures import draw
from rt_gait_ros.cli.output import emit, progress, write_csv
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation import casia_b, tum_gaid
from rt_gait_ros.evaluation.jobs import Arrays, Job, run_jobs
from rt_gait_ros.gait.model import describe
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.serving.onnx_client import OnnxClient

_CASIA_B = """\
CASIA-B (124 people, 11 views; NM normal, BG bag, CL coat): NM 5-6, BG 1-2 and CL 1-2 are searched in NM 1-4, view by
view. DIR is GaitDatasetB-silh or the 64x64 cut of it: ID/SEQUENCE/VIEW/*.png, as 001/nm-01/090/001-nm-01-090-001.png.

  rt-gait evaluate casia-b DIR --model gaitset                      the people that GaitSet's split leaves: 75 to 124
  rt-gait evaluate casia-b DIR --training 24                        ... of the split with 24 people for training
  rt-gait evaluate casia-b DIR --csv rows.csv --det det.png --json  every figure, by view too, and a DET curve

rank-1 is the mean over all pairs of different views, as papers print it; "identical" counts pairs of one view as well.
A sequence without enough good silhouettes is lost and is no probe. Embeddings are kept: a broken-off run goes on.
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
    parser.add_argument("folder", type=Path, metavar="DIR")
    add_model_argument(parser)
    parser.add_argument(
        "--training", type=int, choices=casia_b.TRAINING, default=74, help="people the model was trained on (74)"
    )
    parser.set_defaults(action=_casia_b)


def add_tum_gaid(protocols: Any) -> None:
    """Declare the subcommand."""
    parser = add_protocol(protocols, "tum-gaid", "TUM-GAID: optical flow, backpacks and coating shoes", _TUM_GAID)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--model", required=True, metavar="NAME", help="gait model that eats optical flow")
    parser.add_argument("--people", type=Path, metavar="FILE", help="evaluate these people alone, one a line")
    parser.set_defaults(action=_tum_gaid)


def _casia_b(arguments: argparse.Namespace) -> int:
    jobs, total = casia_b.find_people(arguments.folder, arguments.training)
    embedded = _embed(arguments, jobs, "silhouette")
    result = casia_b.evaluate(embedded, total, arguments.model)
    report = result.to_json()
    lines = [
        f"CASIA-B, {result.model}: {result.people} people, {total} sequences, {result.lost} of them lost, "
        f"{result.damaged} pictures unusable",
        "",
        "gallery  probe   rank-1 %  95 %         probes  identical %  rank-5 %",
    ]
    for row in report["rows"]:
        rank5 = "" if row["rank5"] is None else f"{100 * row['rank5']:.1f}"
        lines.append(f"{_start(row)}  {100 * row['rank1_identical']:11.1f}  {rank5:>8}")
    lines += ["", "rank-1 % by view of the probe, its own view not in the gallery"]
    lines.append(f"{'':7} " + " ".join(f"{view:>5}" for view in casia_b.VIEWS))
    for row in report["rows"]:
        shares = [row["by_view"].get(view) for view in casia_b.VIEWS]
        lines.append(f"{row['probe']:7} " + " ".join("    -" if s is None else f"{100 * s:5.1f}" for s in shares))
    return _report(arguments, result, lines)


def _tum_gaid(arguments: argparse.Namespace) -> int:
    jobs = tum_gaid.find_videos(arguments.folder)
    if arguments.people:
        wanted = _people(arguments.people)
        jobs = [job for job in jobs if job.name.split("/")[1] in wanted]
    embedded = _embed(arguments, jobs, "flow")
    result = tum_gaid.evaluate(embedded, arguments.model)
    lines = [
        f"TUM-GAID, {result.model}: {result.people} people, {len(jobs)} videos, {result.lost} of them lost",
        "",
        "gallery  probe   rank-1 %  95 %         videos  windows %  rank-5 %",
    ]
    for row in result.to_json()["rows"]:
        lines.append(f"{_start(row)}  {100 * row['rank1_samples']:9.1f}  {100 * row['rank5']:8.1f}")
    return _report(arguments, result, lines)


def _people(path: Path) -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--people {path} cannot be read: name a text file with one person a line") from error
    numbers = [line.removeprefix("p") for line in lines]
    if not all(number.isdecimal() for number in numbers):
        raise UsageError(f"--people {path}: every line must be a person's number, as p001 or 1")
    return {f"p{int(number):03}" for number in numbers}


def _embed(arguments: argparse.Namespace, jobs: list[Job], kind: str) -> dict[str, Arrays]:
    """Run the jobs with the model, which must eat gait frames of this kind."""
    check_common(arguments)
    repository = arguments.repository or resource("model_repository")
    client = OnnxClient(repository, timeout=60.0)
    try:
        require_kind(describe(client, arguments.model), kind)
    finally:
        client.close()
    work = arguments.work or cache_folder() / "embeddings"
    return run_jobs(jobs, repository, arguments.model, work, arguments.workers, progress)


def _start(row: dict[str, Any]) -> str:
    low, high = (100 * bound for bound in row["ci95"])
    share = 100 * row["rank1"]
    return f"{row['gallery']:7}  {row['probe']:7}  {share:7.1f}  {low:4.1f} .. {high:5.1f}  {row['probes']:6}"


def _report(arguments: argparse.Namespace, result: casia_b.Result | tum_gaid.Result, lines: list[str]) -> int:
    report = result.to_json()
    if arguments.csv:
        write_csv(arguments.csv, report["rows"])
    report |= draw(arguments, result.comparison, f"{result.protocol.upper()}, {result.model}")
    figures = report["open_set"]
    lines += ["", f"EER {100 * figures['eer']:.1f} %, FNIR at FPIR 1 % {100 * figures['fnir_at_fpir_1']:.1f} %"]
    emit(arguments, report, "\n".join(lines))
    return 0
