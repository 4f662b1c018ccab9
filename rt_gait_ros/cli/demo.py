"""`rt-gait demo`: the whole pipeline on real people, with a report."""

import argparse
import math
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rt_gait_ros import private_file
from rt_gait_ros.cli.demo_session import ENROL_FRAMES, Outcome, run_session
from rt_gait_ros.cli.output import add_json_argument, emit, write_json
from rt_gait_ros.demo.footage import SIZE, STRANGERS_FROM, demo_footage
from rt_gait_ros.demo.render import render
from rt_gait_ros.demo.report import bodies, build_report, judge
from rt_gait_ros.demo.table import LiveTable
from rt_gait_ros.demo.video import Video, read_video
from rt_gait_ros.errors import UsageError
from rt_gait_ros.masking import readable
from rt_gait_ros.nodes.parameters import specifications
from rt_gait_ros.sources.source import SourceOptions

if TYPE_CHECKING:
    from rt_gait_ros.bags.writer import BagWriter

SUMMARY = "track and name people in real footage with four nodes over DDS and a Triton server"

_DESCRIPTION = """\
Plays real walking footage to four node processes over DDS, with the networks on a Triton server. In part one a walker
is enrolled, in part two the same walker comes back while strangers walk by. No display, camera or robot is needed.

Writes report.json, overlay.mp4, contact_sheet.png and the nodes' logs. The gallery is a new one that is deleted at the
end. Exit code 1: the walker was not recognised, or a stranger was given a name.

A computer that is too slow or too busy for the footage sees the walker in too few images. The footage is then played
again at half the pace, and at a quarter of it; the report says at which pace the walker was recognised.
"""

# What a report says of runs before the last.
KEPT = ("speed", "frames_in", "frames_processed", "walker_identified", "latency_ms")
# At which pace the footage is played, one after the other, until the walker is recognised.
SPEEDS = (1.0, 0.5, 0.25)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("output/demo"), metavar="DIR", help="where results go (output/demo)"
    )
    parser.add_argument("-s", "--source", type=Path, metavar="FILE", help="your own video instead of the footage")
    parser.add_argument(
        "--enroll-until", type=float, metavar="SECONDS", help="with --source: where part one of that video ends"
    )
    parser.add_argument("--name", default="Ada", help="name to enrol the walker under (Ada)")
    parser.add_argument(
        "--record", type=Path, metavar="DIR", help="also record what is published, as a bag for `rt-gait replay`"
    )
    parser.add_argument(
        "--speed",
        type=float,
        metavar="SHARE",
        help="pace at which the video is played, once: 0.5 takes twice its time, for a slow computer "
        "(default: 1; the footage again at 0.5 and 0.25 where the walker was not recognised)",
    )
    add_json_argument(parser, "the report")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo. Returns 0 when the walker was recognised and nobody else. Raises GaitError."""
    if arguments.speed is not None:
        SourceOptions(speed=arguments.speed)  # refuses what camera_node would
    if not arguments.name.strip():
        raise UsageError("--name is empty: give the name to enrol the walker under")
    if (arguments.source is None) != (arguments.enroll_until is None):
        raise UsageError("--source and --enroll-until go together: give both or none")
    output: Path = arguments.output
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{output} cannot be made a folder ({error.strerror}): name another with --output") from None
    if not os.access(output, os.W_OK):
        raise UsageError(f"{output} cannot be written: name another folder with --output")
    frames_wanted = specifications()["gait_node"]["min_frames"].default
    table = LiveTable(sys.stderr, frames_wanted)
    video, strangers_from, footage = _video(arguments, table)
    outcome, report = _play(video, strangers_from, footage, arguments, table)
    private_file.create(output / "report.json").close()  # it names people
    write_json(report, str(output / "report.json"))
    table.say("drawing overlay.mp4 and contact_sheet.png")
    render(video, outcome.recording, frames_wanted, output / "overlay.mp4", output / "contact_sheet.png")
    text = _summary(report, output)
    if arguments.record:
        again = f"rt-gait replay {arguments.record} --enroll {arguments.name} --enroll-frames {ENROL_FRAMES}"
        text += f"\nrecorded in {arguments.record}: {again}"
    emit(arguments, report, text)
    return 0 if report["passed"] else 1


def _play(
    video: Video, strangers_from: float, footage: dict[str, Any], arguments: argparse.Namespace, table: LiveTable
) -> tuple[Outcome, dict[str, Any]]:
    """Play the video, more slowly each time, until the walker is recognised; the last run and its report."""
    earlier: list[dict[str, Any]] = []
    for speed in _speeds(arguments):
        if earlier:
            table.say(f"{_shortfall(earlier[-1])}: playing the footage again at {speed:g} of its pace")
        with _recording(arguments.record) as bag:
            logs = arguments.output / "logs"
            outcome = run_session(video, arguments.name, logs, table.show, table.say, bag, speed)
        people = bodies(outcome.recording)
        verdict = judge(people, outcome.enrolment, video.enrol_until, strangers_from)
        about = {**outcome.surroundings, **footage, "earlier": [*earlier]}
        report = build_report(outcome.recording, people, outcome.enrolment, verdict, about)
        earlier.append({name: report[name] for name in KEPT})
        if verdict.passed or verdict.strangers_named:
            break
    return outcome, report


def _speeds(arguments: argparse.Namespace) -> Sequence[float]:
    """At which pace to play, one after the other. A bag is of one run, and somebody's own video may be long."""
    if arguments.speed is not None:
        return (arguments.speed,)
    return SPEEDS[:1] if arguments.source or arguments.record else SPEEDS


def _shortfall(report: dict[str, Any]) -> str:
    """Why a run was not enough, from its report."""
    answered = f"{report['frames_processed']} of {report['frames_in']} images were answered"
    return f"the walker was not recognised, {answered}"


def _recording(folder: Path | None) -> "AbstractContextManager[BagWriter | None]":
    """The bag to record into, if one is wanted."""
    if folder is None:
        return nullcontext()
    from rt_gait_ros.bags.writer import BagWriter  # needs the extra [bags]

    return BagWriter(folder)


def _video(arguments: argparse.Namespace, table: LiveTable) -> tuple[Video, float, dict[str, Any]]:
    """What to play, from which x in pixels on only strangers walk in part two, and where it is from."""
    if arguments.source is not None:
        return (
            read_video(arguments.source, arguments.enroll_until),
            math.inf,
            {"footage": [readable(str(arguments.source))]},
        )
    footage = demo_footage(table.progress)
    note = (
        f"{SIZE[0]}x{SIZE[1]}: both recordings are cropped and scaled and, in part two, stand side by side; "
        "each plays at the pace it was filmed"
    )
    about = {"footage": list(footage.sources), "footage_note": note}
    return read_video(footage.path, footage.enrol_until), STRANGERS_FROM, about


def _summary(report: dict[str, Any], output: Path) -> str:
    latency = report["latency_ms"]
    lines = [f"{'body':6} {'seen':>13}  {'who':12} {'sure':>5}"]
    for body in report["identities"]:
        who = body["name"] or body["status"].lower()
        sure = "" if body["confidence"] is None else f"{body['confidence']:.0%}"
        lines.append(f"{body['body_id']:6} {body['begin']:5.1f} - {body['end']:3.1f} s  {who:12} {sure:>5}")
    name, enrolled = report["enrolled"]["name"], report["enrolled"]
    pace = "" if report["speed"] == 1.0 else f", played at {report['speed']:g} of its pace"
    lines += [
        "",
        f"{report['frames_in']} images in{pace}, {report['frames_processed']} processed, "
        f"{report['frames_dropped']} dropped; "
        f"camera to identity p50 {latency['p50']} ms, p95 {latency['p95']} ms",
        f"over {report['rmw']} in {len(report['processes']) - 2} node processes; Triton {report['triton_version']}",
        f"{name} was enrolled" if enrolled["person_id"] else f"{name} was not enrolled: {enrolled['error']}",
        f"{name} was {'' if report['walker_identified'] else 'NOT '}recognised in part two"
        + ("" if report["walker_identified"] else "; --speed 0.5 gives a slow or busy computer twice the time"),
        f"strangers given a name: {', '.join(report['strangers_named']) or 'none'}",
        f"see {output}/overlay.mp4, {output}/contact_sheet.png, {output}/report.json",
    ]
    return "\n".join(lines)
