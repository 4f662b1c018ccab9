"""`rt-gait export bag`: a recording as a bag of ROS 2."""

import argparse
from pathlib import Path
from typing import Any

from rt_gait_ros.bags.formats import STORAGES
from rt_gait_ros.cli.output import add_json_argument, emit, progress
from rt_gait_ros.cli.subcommands import subcommand
from rt_gait_ros.errors import UsageError
from rt_gait_ros.masking import readable
from rt_gait_ros.sources.opening import open_source

TELL_EVERY = 500  # images

_BAG = """\
Writes the images of a recording into a new bag, each with its own time, which `rt-gait replay` and `ros2 bag play`
read. Images are JPEGs on TOPIC/compressed, a tenth of the size, unless --raw is given.

  rt-gait export bag walk.mp4 walk                       a video, a folder of images, synthetic://…
  rt-gait export bag walk.mp4 walk --raw --storage sqlite3
  ros2 bag play walk --clock                             nodes with -p image_transport:=compressed -p use_sim_time:=true
"""


def add_bag(kinds: Any) -> None:
    """Declare the subcommand among those of `rt-gait export`."""
    bag = subcommand(kinds, "bag", "the images of a recording, as a bag of ROS 2", _BAG)
    bag.add_argument("source", metavar="SOURCE", help="a video, a folder of images, or synthetic://…")
    bag.add_argument("out", type=Path, metavar="OUT", help="folder of the new bag, which must not be there yet")
    bag.add_argument("--topic", default="/image_raw", help="topic of the plain images (default /image_raw)")
    bag.add_argument("--raw", action="store_true", help="plain images on TOPIC instead of JPEGs on TOPIC/compressed")
    bag.add_argument("--jpeg-quality", type=int, default=90, metavar="Q", help="of the JPEGs, 1 to 100 (default 90)")
    bag.add_argument("--storage", choices=tuple(STORAGES), default="mcap", help="file format (default mcap)")
    bag.add_argument("--frame-id", default="camera_optical_frame", help="frame of the images (camera_optical_frame)")
    bag.add_argument("--fps", type=float, default=0.0, help="images per second, where the recording does not say")
    add_json_argument(bag, "a summary")
    bag.set_defaults(action=_bag)


def _bag(arguments: argparse.Namespace) -> int:
    if not 1 <= arguments.jpeg_quality <= 100:
        raise UsageError(f"--jpeg-quality {arguments.jpeg_quality}: give 1 to 100")
    if not arguments.topic.startswith("/") or arguments.topic.endswith("/"):
        raise UsageError(f"--topic {readable(arguments.topic)}: give a full name, such as /image_raw")
    # the other kinds need neither ROS nor the extra [bags]
    from rt_gait_ros.bags.writer import BagWriter
    from rt_gait_ros.nodes.bag_output import BagOutput

    first = last = 0
    with open_source(
        arguments.source, fps=arguments.fps, pace=False, frame_id=arguments.frame_id, report=progress
    ) as source:
        if source.live:
            raise UsageError(f"{source.uri} has no end: record a camera with `ros2 bag record`")
        with BagWriter(arguments.out, arguments.storage) as bag:
            output = BagOutput(bag)
            for frame in source:
                output.write_image(arguments.topic, frame, 0 if arguments.raw else arguments.jpeg_quality)
                first, last = first or frame.stamp, frame.stamp
                if bag.count % TELL_EVERY == 0:
                    progress(f"{bag.count} images")
            if not bag.count:
                raise UsageError(f"{source.uri} holds no image")
    seconds = round((last - first) * 1e-9, 2)
    summary = {"source": source.uri, "bag": readable(str(arguments.out)), "images": bag.count, "seconds": seconds}
    emit(arguments, summary, f"{summary['bag']}: {bag.count} images, {seconds} s")
    return 0
