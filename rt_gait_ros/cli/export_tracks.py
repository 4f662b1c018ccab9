"""`rt-gait export tracks`: a recording's tracks as a MOTChallenge file."""

import argparse
import os
import time
from pathlib import Path
from typing import Any

from rt_gait_ros.cli.output import add_json_argument, emit, output_file, progress
from rt_gait_ros.cli.subcommands import subcommand
from rt_gait_ros.datasets.mot_challenge import write_mot
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.track_export import export_tracks, numbered, recording_of
from rt_gait_ros.masking import readable
from rt_gait_ros.pipeline.tracking import TrackingPipeline
from rt_gait_ros.pose.config import CAMERA_MOTIONS, PoseConfig
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.sources.opening import open_source

_TRACKS = """\
Runs the pose pipeline and the tracker on every image of a recording, here and without a server, and writes the tracks
as MOTChallenge does: image, id, left, top, width, height, confidence, -1, -1, -1; images and ids count from 1.

  rt-gait export tracks walk.mp4 --out walk.txt                      a video, a folder of images
  rt-gait export tracks MOT17/train/MOT17-02-FRCNN --out res/MOT17-02-FRCNN.txt
  rt-gait evaluate mot MOT17/train --tracks res                      what they are worth
  rt-gait export tracks walk.mp4 --out walk.txt --detections det.txt the people before they were tracked, too
"""


def add_tracks(kinds: Any) -> None:
    """Declare the subcommand among those of `rt-gait export`."""
    tracks = subcommand(kinds, "tracks", "the tracks of a recording, as a MOTChallenge file", _TRACKS)
    tracks.add_argument(
        "source", metavar="SOURCE", help="a video, a folder of images, or a MOTChallenge sequence with its images"
    )
    tracks.add_argument("--out", type=output_file, required=True, metavar="FILE", help="where to write the tracks")
    tracks.add_argument(
        "--detections", type=output_file, metavar="FILE", help="write the people found there, too (id -1)"
    )
    tracks.add_argument("--fps", type=float, default=0.0, help="images per second, where the recording does not say")
    tracks.add_argument("--images", type=int, default=0, metavar="N", help="stop after so many images")
    tracks.add_argument(
        "--camera-motion", choices=CAMERA_MOTIONS, default="off", help="image: the camera moves, follow it (off)"
    )
    tracks.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    add_json_argument(tracks, "a summary")
    tracks.set_defaults(action=_tracks)


def _tracks(arguments: argparse.Namespace) -> int:
    if arguments.images < 0:
        raise UsageError(f"--images {arguments.images}: give a number of images, or 0 for all")
    for path in filter(None, (arguments.out, arguments.detections)):
        if not path.absolute().parent.is_dir():
            raise UsageError(f"{path} cannot be written: {path.parent} is not there")
    name, fps = arguments.source, arguments.fps
    if os.path.isfile(os.path.join(name, "seqinfo.ini")):
        images, rate = recording_of(Path(name))
        name, fps = str(images), fps or rate
    begun = time.monotonic()
    client = OnnxClient(arguments.repository or resource("model_repository"), timeout=60.0)
    try:
        with open_source(name, fps=fps, pace=False, report=progress) as source:
            pose = PoseConfig(gait_frame_kind="", camera_motion=arguments.camera_motion)
            pipeline = TrackingPipeline(client, pose, seed=0)
            export = export_tracks(
                numbered(source), pipeline, arguments.images, lambda number: progress(f"{number} images")
            )
            rate = 0.0 if source.live else source.fps
    finally:
        client.close()
    write_mot(arguments.out, export.tracks)
    if arguments.detections:
        write_mot(arguments.detections, export.people)
    summary = {
        "source": readable(arguments.source),
        "file": str(arguments.out),
        "images": export.images,
        "fps": rate,
        "width": export.width,
        "height": export.height,
        "tracks": export.bodies,
        "boxes": sum(len(boxes.ids) for boxes in export.tracks.values()),
        "people": sum(len(boxes.ids) for boxes in export.people.values()),
        "seconds": round(time.monotonic() - begun, 1),
    }
    text = f"{arguments.out}: {summary['tracks']} tracks, {summary['boxes']} boxes in {export.images} images"
    emit(arguments, summary, text)
    return 0
