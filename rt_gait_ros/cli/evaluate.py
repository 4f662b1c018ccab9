"""`rt-gait evaluate`: recognition figures on the sets that the field measures itself with."""

import argparse
from dataclasses import asdict
from pathlib import Path

from rt_gait_ros.cli.evaluate_households import add_households
from rt_gait_ros.cli.evaluate_kth import add_kth
from rt_gait_ros.cli.evaluate_sets import add_casia_b, add_tum_gaid
from rt_gait_ros.cli.evaluate_virtual import add_virtual
from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.cli.subcommands import subcommand
from rt_gait_ros.datasets.mot_challenge import read_sequences, read_tracks, write_mot
from rt_gait_ros.errors import of_file
from rt_gait_ros.evaluation import mot

SUMMARY = "measure recognition on a data set"

_MOT = """\
Tracking on MOTChallenge sequences, from the detections that come with them: HOTA, IDF1, MOTA and switches.

  rt-gait evaluate mot MOT17/train --json       DIR holds NAME/{seqinfo.ini, det/det.txt, gt/gt.txt}
  rt-gait evaluate mot MOT17/train --out res    also write the tracks as res/NAME.txt
  rt-gait evaluate mot MOT17/train --tracks res score tracks of another tracker, or of `export tracks`

As in TrackEval, only pedestrians of the ground truth (class 1) are compared with the tracks; tracks on
distractors (classes 2, 7, 8, 12; in MOT20* also 6) count neither way. MOT15's ten columns have no classes.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare one subcommand per protocol."""
    parser.description = "Measure recognition on a data set. `rt-gait evaluate PROTOCOL --help` explains each."
    protocols = parser.add_subparsers(dest="protocol", metavar="PROTOCOL", required=True)
    add_kth(protocols)
    add_casia_b(protocols)
    add_households(protocols)
    add_tum_gaid(protocols)
    add_virtual(protocols)
    tracking = subcommand(protocols, "mot", "MOTChallenge: tracking, from given detections", _MOT)
    tracking.add_argument("folder", type=Path, metavar="DIR", help="the data set")
    tracking.add_argument("--out", type=Path, metavar="DIR", help="write the tracks of every sequence there")
    tracking.add_argument(
        "--tracks", type=Path, metavar="DIR", help="score the tracks in DIR/NAME.txt, not those of this tracker"
    )
    add_json_argument(tracking)
    tracking.set_defaults(action=_mot)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen protocol. Returns the exit code; raises GaitError for what a user can mend."""
    return int(arguments.action(arguments))


def _mot(arguments: argparse.Namespace) -> int:
    sequences = read_sequences(arguments.folder)
    given = arguments.tracks
    found = [read_tracks(given / f"{one.name}.txt", one.length) if given else mot.track(one) for one in sequences]
    if arguments.out:
        try:
            arguments.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise of_file(error, f"{arguments.out} cannot be made") from error
        for sequence, tracks in zip(sequences, found, strict=True):
            write_mot(arguments.out / f"{sequence.name}.txt", tracks)
    pairs = [mot.prepared(sequence.truth, tracks) for sequence, tracks in zip(sequences, found, strict=True)]
    scores = {sequence.name: mot.score([pair]) for sequence, pair in zip(sequences, pairs, strict=True)}
    scores["all"] = mot.score(pairs)
    rows = [{"sequence": name, **asdict(score)} for name, score in scores.items()]
    lines = [f"{'':20} HOTA %  DetA %  AssA %  IDF1 %  MOTA %  switches"]
    for name, s in scores.items():
        shares = "  ".join(f"{100 * share:6.1f}" for share in (s.hota, s.deta, s.assa, s.idf1, s.mota))
        lines.append(f"{name:20} {shares}  {s.switches:8}")
    emit(arguments, {"protocol": "mot", "rows": rows}, "\n".join(lines))
    return 0
