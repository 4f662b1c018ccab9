"""`rt-gait evaluate`: recognition figures on the sets that the field measures itself with."""

import argparse
import os
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from rt_gait_ros.cli.evaluate_sets import add_casia_b, add_tum_gaid
from rt_gait_ros.cli.output import add_json_argument, emit, write_csv
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.evaluation import kth, mot
from rt_gait_ros.evaluation.open_set import det_curve
from rt_gait_ros.evaluation.plots import det_plot, save_image
from rt_gait_ros.evaluation.walks import read_all
from rt_gait_ros.gait.embedder import read_embedding
from rt_gait_ros.gait.model import describe
from rt_gait_ros.gait.stream_embedder import embedder_for
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.serving.onnx_client import OnnxClient

SUMMARY = "measure recognition on a data set"

_KTH = """\
The KTH walking set, video in: the pose pipeline and the tracker find the walker, a gait model embeds every pass across
the picture, and every pass of one condition is searched among the passes of another (d1 outdoors, d3 in other clothes,
d4 indoors). What the pipeline finds is kept: a run that was broken off goes on, and another gait model is quick.

  rt-gait evaluate kth DIR                                DIR holds personNN_dK.avi
  rt-gait evaluate kth DIR --model gaitset --json         the same figures as JSON
  rt-gait evaluate kth DIR --csv rows.csv --det det.png   a table and a DET curve

rank-1 is over single passes with its 95 % interval; "person" takes all passes of a person together. "floor" is what
gait energy images reach on the set's 25 people without training. Lost passes count motion across the picture that gave
no embedding; they are no probes. Open-set figures search every probe with and without its person in the gallery.
"""


_MOT = """\
Tracking on MOTChallenge sequences, from the detections that come with them: HOTA, IDF1, MOTA and switches.

  rt-gait evaluate mot MOT17/train --json       DIR holds NAME/{seqinfo.ini, det/det.txt, gt/gt.txt}
  rt-gait evaluate mot MOT17/train --out res    the tracks, too, as res/NAME.txt

Only what the ground truth counts as a pedestrian is held against the tracks; boxes on distractors count as false.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare one subcommand per protocol."""
    parser.description = "Measure recognition on a data set. `rt-gait evaluate PROTOCOL --help` explains each."
    protocols = parser.add_subparsers(dest="protocol", metavar="PROTOCOL", required=True)
    walking = protocols.add_parser(
        "kth",
        help="KTH walking: 160x120 video, clothes and places change",
        description=_KTH,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    walking.add_argument("folder", type=Path, metavar="DIR")
    walking.add_argument("--model", default="gait_energy_image", metavar="NAME", help="gait model (gait_energy_image)")
    walking.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    walking.add_argument("--work", type=Path, metavar="DIR", help="where walks are kept (default: in the cache folder)")
    walking.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    add_json_argument(walking)
    walking.add_argument("--csv", type=Path, metavar="FILE", help="write the rows as CSV too")
    walking.add_argument("--det", type=Path, metavar="FILE", help="draw the DET curve into a picture (.png)")
    walking.set_defaults(action=_kth)
    add_casia_b(protocols)
    add_tum_gaid(protocols)
    tracking = protocols.add_parser(
        "mot",
        help="MOTChallenge: tracking, from given detections",
        description=_MOT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    tracking.add_argument("folder", type=Path, metavar="DIR")
    tracking.add_argument("--out", type=Path, metavar="DIR", help="write the tracks of every sequence there")
    add_json_argument(tracking)
    tracking.set_defaults(action=_mot)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen protocol. Returns the exit code; raises GaitError for what a user can mend."""
    return int(arguments.action(arguments))


def _kth(arguments: argparse.Namespace) -> int:
    if arguments.workers < 1:
        raise UsageError(f"--workers {arguments.workers}: at least one is needed")
    videos = kth.find_videos(arguments.folder)
    repository = arguments.repository or resource("model_repository")
    client = OnnxClient(repository, timeout=60.0)
    try:
        model = describe(client, arguments.model)
        if model.gait_frame_kind != "silhouette":
            raise UsageError(f"{model.name} eats {model.gait_frame_kind} frames; this protocol makes silhouettes")
        work = arguments.work or cache_folder() / "walks"
        walks = read_all(list(videos.values()), repository, work, arguments.workers, _progress)
        embedder = embedder_for(client, model, model.max_frames, deadline=60.0)

        def embed(frames: np.ndarray) -> np.ndarray:
            return read_embedding(embedder.embed(frames).result(), model)

        passes, lost = kth.embed_passes({key: walks[path] for key, path in videos.items()}, embed)
    finally:
        client.close()
    _report(kth.evaluate(passes, lost, model.name), arguments)
    return 0


def _mot(arguments: argparse.Namespace) -> int:
    sequences = mot.read_sequences(arguments.folder)
    found = [mot.track(sequence) for sequence in sequences]
    if arguments.out:
        try:
            arguments.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GaitError(f"{arguments.out} cannot be made: {error.strerror}") from error
        for sequence, tracks in zip(sequences, found, strict=True):
            mot.write_mot(arguments.out / f"{sequence.name}.txt", tracks)
    pairs = [(sequence.truth, tracks) for sequence, tracks in zip(sequences, found, strict=True)]
    scores = {sequence.name: mot.score([pair]) for sequence, pair in zip(sequences, pairs, strict=True)}
    scores["all"] = mot.score(pairs)
    rows = [{"sequence": name, **asdict(score)} for name, score in scores.items()]
    lines = [f"{'':20} HOTA %  DetA %  AssA %  IDF1 %  MOTA %  switches"]
    for name, s in scores.items():
        shares = "  ".join(f"{100 * share:6.1f}" for share in (s.hota, s.deta, s.assa, s.idf1, s.mota))
        lines.append(f"{name:20} {shares}  {s.switches:8}")
    emit(arguments, {"protocol": "mot", "rows": rows}, "\n".join(lines))
    return 0


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _report(result: kth.Result, arguments: argparse.Namespace) -> None:
    report = result.to_json()
    if arguments.csv:
        write_csv(arguments.csv, report["rows"])
    if arguments.det:
        genuine = np.concatenate([pair.genuine for pair in result.pairs])
        impostor = np.concatenate([pair.impostor for pair in result.pairs])
        save_image(arguments.det, det_plot(det_curve(genuine, impostor), f"KTH walking, {result.model}"))
    emit(arguments, report, _table(report))


def _table(report: dict) -> str:
    lines = [f"KTH walking, {report['model']}: {report['passes']} passes, {report['lost']} of them lost", ""]
    lines.append("gallery  probe  rank-1 %  95 %         probes  rank-5 %  person %  floor %")
    for row in report["rows"]:
        low, high = (100 * bound for bound in row["ci95"])
        floor = "" if row["floor"] is None else f"{100 * row['floor']:.1f}"
        lines.append(
            f"{row['gallery']:7}  {row['probe']:5}  {100 * row['rank1']:8.1f}  {low:4.1f} .. {high:4.1f}"
            f"  {row['probes']:6}  {100 * row['rank5']:8.1f}  {100 * row['rank1_person']:8.1f}  {floor:>7}"
        )
    figures = report["open_set"]
    lines += ["", f"EER {100 * figures['eer']:.1f} %, FNIR at FPIR 1 % {100 * figures['fnir_at_fpir_1']:.1f} %"]
    return "\n".join(lines)
