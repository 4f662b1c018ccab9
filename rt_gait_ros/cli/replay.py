"""`rt-gait replay`: a bag through the whole chain, with nothing dropped, so that the answers are always the same."""

import argparse
import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from rt_gait_ros.bags.formats import STORAGES
from rt_gait_ros.bags.reader import BagReader
from rt_gait_ros.bags.writer import BagWriter
from rt_gait_ros.cli.output import add_json_argument, emit, progress
from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.demo.report import Body, bodies
from rt_gait_ros.errors import UsageError
from rt_gait_ros.fleet.address import is_address
from rt_gait_ros.fleet.opening import default_place, open_gallery
from rt_gait_ros.frame import Frame
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.enrollment import Enrollment
from rt_gait_ros.gait.gallery_copy import FILE, copy_gallery
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.walk_embedder import open_embedder
from rt_gait_ros.gallery.cipher import find_cipher
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.masking import readable
from rt_gait_ros.nodes.bag_input import BagInput, choose_topic
from rt_gait_ros.nodes.bag_output import BagOutput
from rt_gait_ros.nodes.bag_player import play
from rt_gait_ros.paths import expand
from rt_gait_ros.pipeline.gait_pipeline import GaitPipeline
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.repository import read_repository, why_not_there
from rt_gait_ros.tracking.track import TrackFrame

SUMMARY = "recognise the people of a ROS 2 bag, the same each time, with the gallery and network of your choice"
TELL_EVERY = 100  # images
FOR_RECOGNITION = ("model", "repository", "gallery", "enroll", "record")  # arguments
OURS = "rt_gait_ros/"  # how the types of this package's messages begin

_DESCRIPTION = """\
Reads a bag (rosbag2, sqlite3 or MCAP) and recognises the people in it, here and without a server. Every image is
used, however slow the machine is: the same bag, gallery and settings give the same names each time. Nothing is
published, unless --publish is given. The gallery is not changed: a copy of it is used, which is deleted at the end.

  rt-gait replay walk                                  images, plain or compressed, from a folder or a file
  rt-gait replay walk --topic /front/image_raw         where there are several cameras
  rt-gait replay walk --enroll Ada                     enrol the first who walks by, in an empty gallery
  rt-gait replay walk --record poses                   keep what was found: person_poses, person_tracks, gait_identities
  rt-gait replay poses --model gaitset_stream          try another gait network: person_poses alone are enough

With a --model that did not make the gallery's embeddings, the copy is computed anew from its stored gait frames.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.add_argument("bag", metavar="BAG", help="folder that was recorded, or a file of it (.mcap, .db3)")
    parser.add_argument("--topic", default="", help="topic to begin with (default: the only one of images or poses)")
    parser.add_argument("--poses", action="store_true", help="begin with person_poses where there are images, too")
    parser.add_argument("--model", default="", metavar="NAME", help="gait network (default: that of gait_node)")
    parser.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    parser.add_argument(
        "--gallery", metavar="FILE", help="who is known (default: the user's own; with --enroll nobody)"
    )
    parser.add_argument("--enroll", metavar="NAME", help="enrol the first who walks alone, as enroll_person does")
    parser.add_argument("--enroll-frames", type=int, default=0, metavar="N", help="gait frames of that (default 60)")
    parser.add_argument("--enroll-timeout", type=float, default=0.0, metavar="S", help="give up after so long (30 s)")
    parser.add_argument("--record", type=Path, metavar="DIR", help="write what was found into a new bag")
    parser.add_argument("--storage", choices=tuple(STORAGES), default="mcap", help="with --record (default mcap)")
    publish = parser.add_argument_group("publish it instead, for nodes that run (with -p use_sim_time:=true)")
    publish.add_argument(
        "--publish", action="store_true", help="publish images, transforms and /clock, or --topic, or --poses, over DDS"
    )
    publish.add_argument("--loop", action="store_true", help="begin again at the end")
    publish.add_argument("--rate", type=float, default=1.0, help="how many times as fast as it was recorded (1)")
    add_json_argument(parser, "who was there")


def run(arguments: argparse.Namespace) -> int:
    """Replay the bag. Returns 0; raises GaitError for a bag, a gallery or a network that cannot be used."""
    if arguments.enroll == "":
        raise UsageError("--enroll is empty: give the name of who is to be enrolled")
    if not arguments.enroll and (arguments.enroll_frames or arguments.enroll_timeout):
        raise UsageError("--enroll-frames and --enroll-timeout are for --enroll NAME")
    if arguments.publish:
        return _publish(arguments)
    if arguments.loop or arguments.rate != 1.0:
        raise UsageError("--loop and --rate are for --publish")
    repository = arguments.repository or resource("model_repository")
    model = arguments.model or RecognizerConfig.model
    if model not in (known := read_repository(repository)):
        raise UsageError(why_not_there(repository, readable(model), known))
    with ExitStack() as stack:
        bag = stack.enter_context(BagReader(arguments.bag))
        topic = choose_topic(bag, arguments.topic, poses=arguments.poses)
        for note in bag.notes:
            progress(note)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="rt_gait_replay_")))
        gallery = _gallery(arguments, folder)
        output = (
            BagOutput(stack.enter_context(BagWriter(arguments.record, arguments.storage))) if arguments.record else None
        )
        pipeline = stack.enter_context(
            GaitPipeline(gallery, model=arguments.model, model_repository=arguments.repository)
        )
        source = BagInput(bag, topic)
        recording, enrollment = _play(arguments, source, pipeline, output)
        report = _report(arguments, source, pipeline, recording, enrollment)
    for line in source.problems:
        progress(line)
    emit(arguments, report, _text(report))
    return 0


def _publish(arguments: argparse.Namespace) -> int:
    """Play it to others. Topics of this package are theirs to publish, unless one is asked for."""
    if useless := [f"--{name}" for name in FOR_RECOGNITION if getattr(arguments, name)]:
        raise UsageError(f"{', '.join(useless)}: --publish plays the bag to nodes, and recognises nobody itself")
    if not 0.01 <= arguments.rate <= 100.0:
        raise UsageError(f"--rate {arguments.rate:g}: give 0.01 to 100")
    with BagReader(arguments.bag) as bag:
        if arguments.topic or arguments.poses:
            topics = [choose_topic(bag, arguments.topic, poses=arguments.poses)]
        else:
            topics = [topic for topic in bag.topics.values() if topic.count and not topic.kind.startswith(OURS)]
        for note in bag.notes:
            progress(note)
        try:
            count = play(bag, topics, progress, rate=arguments.rate, loop=arguments.loop)
        except KeyboardInterrupt:
            if not arguments.loop:
                raise
            progress("ended")  # by a signal, as it is meant to
            return 0
    emit(arguments, {"bag": readable(str(arguments.bag)), "published": count}, f"{count} messages were published")
    return 0


def _play(
    arguments: argparse.Namespace, source: BagInput, pipeline: GaitPipeline, output: BagOutput | None
) -> tuple[Recording, Enrollment | None]:
    recording, enrollment = Recording(np.zeros(1)), None
    shift = 0  # ns
    for item in source:
        if isinstance(item, Frame):
            pipeline.process(item)
        else:
            pipeline.process_poses(item)
        if arguments.enroll and enrollment is None:
            enrollment = pipeline.enroll(
                "", arguments.enroll, frames=arguments.enroll_frames, timeout=arguments.enroll_timeout
            )
        poses, tracks, identities = pipeline.poses, pipeline.tracks, pipeline.identities
        assert poses is not None
        assert tracks is not None
        assert identities is not None
        known = recording.camera[-2:]
        if known and item.stamp + shift <= known[-1]:  # the rounds of a loop have the same stamps: each comes later
            shift = known[-1] + max(known[-1] - known[0], 1) - item.stamp
        at = item.stamp + shift
        recording.camera.append(at)
        recording.tracks[at], recording.identities[at] = _thin(tracks), identities
        if output is not None:
            output.write(poses, tracks, identities)
        if source.counts["read"] % TELL_EVERY == 0:
            progress(f"{source.counts['read']} of {source.topic.count} images")
    return recording, enrollment


def _thin(tracks: TrackFrame) -> TrackFrame:
    """Tracks without what is only for recognition: a bag may last for hours."""
    return replace(tracks, tracks=[replace(track, keypoints=None, gait_frame=None) for track in tracks.tracks])


def _gallery(arguments: argparse.Namespace, folder: Path) -> Gallery:
    """A gallery that nobody else has, in `folder`: a copy for the network, or an empty one."""
    cipher = find_cipher()
    place = arguments.gallery or ("" if arguments.enroll else default_place())
    if not place or (not is_address(place) and not arguments.gallery and not expand(place).exists()):
        return Gallery(folder / FILE, cipher)
    if not is_address(place) and not expand(place).exists():
        raise UsageError(f"gallery {readable(str(place))} is not there: name one that is, or leave --gallery out")
    original = open_gallery(place, cipher)
    try:
        copy = Gallery(copy_gallery(original, folder), cipher)
    finally:
        original.close()
    model = arguments.model or RecognizerConfig.model
    if copy.model not in ("", model):
        progress(f"gallery {original.name} was made with {copy.model}: its copy is computed anew with {model}")
        with open_embedder(arguments.repository or resource("model_repository"), model) as embedder:
            copy.rebuild(model, embedder.model.gait_frame_kind, embedder)
    return copy


def _report(
    arguments: argparse.Namespace,
    source: BagInput,
    pipeline: GaitPipeline,
    recording: Recording,
    enrollment: Enrollment | None,
) -> dict[str, Any]:
    enrolled: dict[str, Any] | None = None
    if enrollment is not None:
        why = enrollment.message or ("" if enrollment.done else "the bag ended before it was done")
        enrolled = {"name": enrollment.name, "body_id": enrollment.body_id, "error": why}
    frame = pipeline.identities
    reasons = {
        identity.body_id: identity.reason
        for said in recording.identities.values()
        for identity in said.identities
        if identity.status != IdentityStatus.IDENTIFIED
    }
    return {
        "bag": readable(str(arguments.bag)),
        "topic": source.topic.name,
        "type": source.topic.kind,
        "images": source.counts["read"],
        "left_out": source.counts["late"] + source.counts["unreadable"],
        "seconds": round(recording.seconds(recording.camera[-1]), 2),
        "model": frame.model if frame else "",
        "known": len(pipeline.persons),
        "enrolled": enrolled,
        "people": [_person(body, reasons) for body in bodies(recording)],
        "problems": source.problems,
    }


def _person(body: Body, reasons: Mapping[str, str]) -> dict[str, Any]:
    """A body's story, and why it has no name. reasons: the last ones, by body."""
    return asdict(body) | {"reason": "" if body.name else reasons.get(body.body_id, "")}


def _text(report: dict[str, Any]) -> str:
    lines = [f"{'body':6} {'seen':>15}  {'who':12} {'sure':>5}  why not"]
    for body in report["people"]:
        sure = "" if body["confidence"] is None or math.isnan(body["confidence"]) else f"{body['confidence']:.0%}"
        seen = f"{body['begin']:.1f} - {body['end']:.1f} s"
        who = body["name"] or body["status"].lower()
        lines.append(f"{body['body_id']:6} {seen:>15}  {who:12} {sure:>5}  {body['reason']}".rstrip())
    lines.append("")
    if (enrolled := report["enrolled"]) is not None:
        lines.append(
            f"{enrolled['name']} was " + (f"not enrolled: {enrolled['error']}" if enrolled["error"] else "enrolled")
        )
    lines.append(
        f"{report['images']} messages of {report['topic']} over {report['seconds']} s, {report['left_out']} left out; "
        f"network {report['model']}, {report['known']} known"
    )
    return "\n".join(lines)
