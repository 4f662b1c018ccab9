"""`rt-gait evaluate households`: who is named rightly, and wrongly, where a few people live."""

import argparse
import os
from pathlib import Path
from typing import Any

from rt_gait_ros.cli.evaluation_arguments import add_model_argument, embedded_walks, repository_of
from rt_gait_ros.cli.output import add_json_argument, emit, output_file, progress, write_csv
from rt_gait_ros.cli.subcommands import subcommand
from rt_gait_ros.datasets.casia_b import VIEWS, find, read_people
from rt_gait_ros.datasets.folders import absent
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation import households
from rt_gait_ros.evaluation.looks import jobs_of
from rt_gait_ros.gait import calibration

_DESCRIPTION = """\
Households of CASIA-B: a few people by chance are enrolled with 30 frames of one walk (nm-01) from one view or several.
Then they are seen together from every view, in the same clothes (NM), with a bag (BG) and in a coat (CL), with
strangers and without. The recogniser itself names them, by the calibration of the model: as on a robot, on the first
day. It knows from which side it sees each of them, as a robot does by where they walk.

  rt-gait evaluate households DIR --people 1-74                    households of four, enrolled from the front
  rt-gait evaluate households DIR --people 1-74 --views 0,90,180   some views only: quicker
  rt-gait evaluate households DIR --people 1-74 --enrolled-view 0,90      what a second side is worth
  rt-gait evaluate households DIR --people 1-74 --members 2 --enrolled-view 90 --json

DIR is as of `rt-gait evaluate casia-b`. "right" are members' tracks that have their own name at the end of the clip and
never had another; "wrong" had somebody else's name at any time; "nearest" are those whose nearest member is the right
one, whatever the accept line says. "named" are strangers' tracks that had any name at any time. "stated" is the mean
probability of all names at the end, and "true" how many of them are right, which ought to be as many.
"""


def add_households(protocols: Any) -> None:
    """Declare the subcommand."""
    parser = subcommand(protocols, "households", "CASIA-B: a few people enrolled, and strangers", _DESCRIPTION)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the data set")
    add_model_argument(parser)
    parser.add_argument("--people", required=True, metavar="LIST", help="these people, as 1-74 or 1-10,12")
    parser.add_argument("--members", type=int, default=4, metavar="N", help="people of a household (4)")
    parser.add_argument("--households", type=int, default=30, metavar="N", help="households drawn by chance (30)")
    parser.add_argument(
        "--enrolled-view", default="0", metavar="LIST", help="views of the enrolled walk, as 0,90 (0: the front alone)"
    )
    parser.add_argument("--views", metavar="LIST", help="views of the clips, as 0,90,180 (all eleven)")
    parser.add_argument(
        "--mixed",
        action="store_true",
        help="also groups in which half walk the opposite way (if --views has it), one wears a coat, or one comes late "
        "and leaves early",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which households chance draws (0)")
    parser.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where embeddings are kept (default: cache folder)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)")
    parser.add_argument("--csv", type=output_file, metavar="FILE", help="write the rows as CSV too")
    add_json_argument(parser)
    parser.set_defaults(action=_run, reliability=None)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.members < 2:
        raise UsageError(f"--members {arguments.members}: a household has 2 people at least")
    if arguments.households < 1 or arguments.seed < 0:
        raise UsageError("--households is 1 or more, and --seed 0 or more")
    enrolled = _views(arguments.enrolled_view, "--enrolled-view")
    views = _views(arguments.views, "--views") if arguments.views else list(VIEWS)
    numbers = read_people(arguments.people)
    people = find(arguments.folder, numbers)
    if line := absent(numbers, [person.name for person in people], arguments.folder):
        progress(line)
    stored = calibration.find(repository_of(arguments), arguments.model)
    if stored is None:
        raise UsageError(f"gait model {arguments.model} has no calibration: see `rt-gait calibrate`")
    wanted = [view for view in VIEWS if view in {*views, *enrolled}]
    jobs = jobs_of(people, households.SEQUENCES, wanted)
    result = households.evaluate(
        embedded_walks(arguments, jobs, "silhouette"),
        arguments.model,
        stored,
        members=arguments.members,
        households=arguments.households,
        enrolled_views=enrolled,
        views=views,
        mixed=arguments.mixed,
        seed=arguments.seed,
        progress=progress,
    )
    for line in result.refused[:3]:
        progress(line)
    if arguments.csv:
        write_csv(arguments.csv, result.rows)
    emit(arguments, result.to_json(), "\n".join(_lines(result)))
    return 0


def _views(text: str, option: str) -> list[str]:
    """Views of the set, as its folders are named, in the set's order."""
    names = []
    for name in map(str.strip, text.split(",")):
        names.append(name.zfill(3))
        if not name or names[-1] not in VIEWS:
            raise UsageError(f"{option} {name!r}: the views are {', '.join(str(int(view)) for view in VIEWS)}")
    return [view for view in VIEWS if view in names]


def _lines(result: households.Result) -> list[str]:
    parts: list[tuple[str, households.Table]] = [("all", result.everything)]
    left_out = ", ".join(f"{number} of {group!r}" for group, number in result.left_out.items()) or "none"
    for keys in (("condition",), ("view",), ("group",), ("condition", "view")):
        parts += [(" ".join(str(part) for part in key), table) for key, table in result.by(*keys).items()]
    enrolled = " and ".join(str(int(view)) for view in result.enrolled_views)
    lines = [
        f"Households of {result.members}, {result.model}: {result.households} of {result.people} people, enrolled from "
        f"{enrolled} degrees; {result.lost} sequences lost, {result.damaged} silhouettes unusable, "
        f"{len(result.refused)} pickles refused",
        f"Clips left out because too few have such a walk: {left_out}",
        "",
        f"{'':26}members  right %  wrong %  ambiguous %  unknown %  nearest %  strangers  named %"
        "    names  confidence %  accuracy %",
    ]
    for name, table in parts:
        lines.append(
            f"{name:26}{table.members:7}  {_share(table.right):>7}  {_share(table.wrong):>7}  "
            f"{_share(table.ambiguous):>11}  {_share(table.unknown):>9}  {_share(table.nearest):>9}  "
            f"{table.strangers:9}  {_share(table.named):>7}"
            f"  {table.names:7}  {_share(table.mean_confidence):>12}  {_share(table.accuracy):>10}"
        )
    return lines


def _share(value: float) -> str:
    return "-" if value != value else f"{100 * value:.1f}"
