"""camera_node: frames of a video, a folder, a camera or a stream as Image and CameraInfo topics."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ament_index_python.packages import get_package_share_directory
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from rt_gait_ros.masking import readable
from rt_gait_ros.nodes import runner
from rt_gait_ros.nodes.conversions import frame_to_message
from rt_gait_ros.nodes.headers import to_header
from rt_gait_ros.nodes.image_conversion import frame_to_compressed
from rt_gait_ros.nodes.image_inlet import compressed_topic
from rt_gait_ros.nodes.links import Link
from rt_gait_ros.nodes.own_time import OwnTime
from rt_gait_ros.nodes.stage import Stage
from rt_gait_ros.sources import Frame, Source, open_source
from rt_gait_ros.sources.camera_calibration import CalibrationError, CameraCalibration, load_calibration, pinhole
from rt_gait_ros.sources.names import path_of, path_of_file_uri

NAME = "camera_node"
PURPOSE = "Publishes the frames of a video file, a folder of images, a V4L2 or CSI camera, or a network stream."
TOPICS = """
publishes
  image_raw     sensor_msgs/Image, bgr8
  image_raw/compressed  sensor_msgs/CompressedImage, JPEG; made while somebody subscribes
  camera_info   sensor_msgs/CameraInfo, with each image; K is zero where the camera is not calibrated
  /diagnostics  diagnostic_msgs/DiagnosticArray, once a second
"""
# REP-2003: drivers publish with the system's defaults, reliable and volatile, so that every subscriber matches. A late
# image is worth nothing: one is kept. CameraInfo is small, and whoever counts or pairs images needs each.
CAMERA_QOS, INFO_QOS = QoSProfile(depth=1), QoSProfile(depth=10)
AUDIENCE_PERIOD = 0.02  # seconds between looks whether enough have subscribed
CLOSE_TIMEOUT = 5.0


class CameraNode(Stage):
    """Plays a source in a thread of its own."""

    def __init__(self, **node_options: Any) -> None:
        self._source: Source | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._calibration: CameraCalibration | None = None
        super().__init__(NAME, **node_options)
        self.outlet: Link[Frame] = Link(self, Image, "image_raw", CAMERA_QOS, frame_to_message)
        self._compressed: Link[Frame] = Link(
            self, CompressedImage, compressed_topic(self, "image_raw"), CAMERA_QOS, self._to_compressed
        )
        self._info: Link[Frame] = Link(self, CameraInfo, "camera_info", INFO_QOS, self._to_info)

    def setup(self) -> None:
        """Read the calibration; refuse a source that cannot be played."""
        self._calibration = None
        if url := self.value("camera_info_url"):
            self._calibration = load_calibration(_local_path(url))
        self._open().close()

    def start(self) -> None:
        """Open the source and play it from its beginning."""
        self._stopping.clear()
        self._source = self._open()
        self._thread = threading.Thread(target=self._play, args=(self._source,), name=NAME, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let go of the source."""
        self._stopping.set()
        if self._source is not None:
            self._source.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(CLOSE_TIMEOUT)
        self._source = self._thread = None

    def check(self) -> None:
        """Tell of a camera that is away; go inactive when a recording has ended."""
        source = self._source
        if source is None:
            self.faults.clear("camera")
            return
        status = source.status()
        self.faults.tell("camera", status.detail if source.live and not status.connected else "")
        if self._thread is not None and not self._thread.is_alive() and not self.ended:
            self.get_logger().info(f"{source.uri} has ended after {status.read} frames")
            self.trigger_deactivate()

    def details(self) -> dict[str, str]:
        """What the source counts, and how well the lens is known."""
        lines = {"calibration": self._calibration.origin if self._calibration else self._guess()}
        if (source := self._source) is not None:
            status = source.status()
            lines |= {
                "source": source.uri,
                "source_state": status.detail,
                "nominal_fps": f"{source.fps:g}",
                "undecodable": str(status.skipped),
                "overwritten": str(status.overwritten),
                "stale": str(status.stale),
                "reconnects": str(status.reconnects),
            }
        return lines

    def _open(self) -> Source:
        return open_source(
            self.value("source"),
            width=self.value("width"),
            height=self.value("height"),
            fps=self.value("fps"),
            pace=self.value("pace"),
            speed=self.value("speed"),
            loop=self.value("loop"),
            frame_id=self.value("frame_prefix") + self.value("frame_id"),
            report=self._report,
        )

    def _report(self, line: str) -> None:
        # A camera's state is a fault, which check() raises and clears.
        if self._source is not None and not self._source.live:
            self.get_logger().warning(line)

    def _play(self, source: Source) -> None:
        try:
            wanted = self.value("wait_for_subscribers")
            while self.outlet.audience + self._compressed.audience < wanted:
                if self._stopping.wait(AUDIENCE_PERIOD):
                    return
            own_time = OwnTime(self.clock_now)
            for frame in source:
                begun = self.now()
                if self.value("use_sim_time"):
                    frame = own_time.of(frame)
                self.statistics.count("received")
                self._info.send(frame)
                self.outlet.send(frame)
                self._compressed.send(frame)
                self.statistics.handled(self.now() - begun, self.age_of(frame.stamp))
        except Exception as error:  # of whatever kind: the process ends with it, not this thread alone
            self.finish(error)
            return
        if self.value("exit_at_end") and not self._stopping.is_set():
            self.get_logger().info(f"{source.uri} has ended after {source.status().read} frames")
            self.finish()

    def _guess(self) -> str:
        return f"guessed from a field of view of {fov:g} degrees" if (fov := self.value("fov")) else "uncalibrated"

    def _to_compressed(self, frame: Frame) -> CompressedImage:
        return frame_to_compressed(frame, self.value("jpeg_quality"))

    def _to_info(self, frame: Frame) -> CameraInfo:
        calibration = self._lens(frame.image.shape[1], frame.image.shape[0])
        return CameraInfo(
            header=to_header(frame.stamp, frame.frame_id),
            width=calibration.width,
            height=calibration.height,
            distortion_model=calibration.distortion_model if calibration.D else "",
            d=calibration.D,
            k=calibration.K,
            r=calibration.R,
            p=calibration.P,
        )

    def _lens(self, width: int, height: int) -> CameraCalibration:
        if self._calibration is not None:
            try:
                calibration = self._calibration.scaled_to(width, height)
            except CalibrationError as error:
                self.faults.raise_("calibration", str(error))
                return CameraCalibration(width, height)
            self.faults.clear("calibration")
            return calibration
        return pinhole(width, height, self.value("fov")) if self.value("fov") else CameraCalibration(width, height)


def _local_path(url: str) -> Path:
    """The file behind a camera_info_url: a path, file://PATH or package://PACKAGE/PATH as in camera_info_manager."""
    if url.startswith("package://"):
        package, _, rest = url.removeprefix("package://").partition("/")
        try:
            return Path(get_package_share_directory(package), unquote(rest))
        except (LookupError, ValueError, OSError):  # not found, no name, no prefix is sourced
            raise CalibrationError(f"camera_info_url {url}: there is no package {package}") from None
    if url.lower().startswith("file:"):
        return path_of_file_uri(url)
    if "://" in url:
        raise CalibrationError(f"camera_info_url {readable(url)}: only a path, file:// or package:// can be read")
    return path_of(url)


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return runner.run(lambda: [CameraNode()], args, runner.help_text(NAME, PURPOSE, TOPICS, [NAME]))


if __name__ == "__main__":
    raise SystemExit(main())
