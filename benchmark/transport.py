"""Whether images get from the camera's process to the pose node's: VGA at 30 Hz, with our DDS profile and with none.

camera_node plays a made-up video; a process of its own subscribes as pose_node does, and notes what arrives and when.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.nodes.dds import PROFILE_VARIABLES

SUMMARY = "images that arrive, and their latency, from camera process to pose process: VGA at 30 Hz over DDS"
REFERENCE = "Fast DDS without a profile"
WIDTH, HEIGHT, FPS = 640, 480, 30
# Frames that are played before those that count, so that discovery and the page faults of new memory are over.
WARM_UP = 30
PATIENCE = 60.0  # seconds for the processes to come up

# What Fast DDS does on its own, said aloud: with no profile named our nodes would take ours.
NO_PROFILE = """<?xml version="1.0" encoding="UTF-8" ?>
<dds xmlns="http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles">
  <profiles>
    <participant profile_name="plain" is_default_profile="true"><rtps><name>plain</name></rtps></participant>
  </profiles>
</dds>
"""
CAMERA = "from rt_gait_ros.nodes.camera_node import main; raise SystemExit(main())"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--frames", type=int, default=300, metavar="N", help="images to send (300)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Both kinds of run. Returns the rows `delivered` (images) and `latency_p50` (ms). Raises GaitError."""
    frames = max(arguments.frames, 1)
    with tempfile.TemporaryDirectory(prefix="rt_gait_bench_") as folder:
        video = _write_video(Path(folder, "vga.avi"))
        plain = Path(folder, "plain.xml")
        plain.write_text(NO_PROFILE, encoding="utf-8")
        results = []
        for label, profile in (("our profile", ""), (REFERENCE, str(plain))):
            delivered, latency = _transport(video, profile, frames)
            progress(f"{label}: {delivered} of {frames} images, p50 {latency:.2f} ms")
            results.append((delivered, latency))
    (ours, our_latency), (theirs, their_latency) = results
    return [
        Row("delivered", float(ours), "images", REFERENCE, float(theirs)),
        Row("latency_p50", our_latency, "ms", REFERENCE, their_latency),
    ]


def _write_video(path: Path) -> Path:
    """One second of noise, which is cheap to decode and as hard to carry as any image."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, (WIDTH, HEIGHT))
    noise = np.random.default_rng(0)
    for _ in range(FPS):
        small = noise.integers(0, 256, (HEIGHT // 16, WIDTH // 16, 3), np.uint8)
        writer.write(cv2.resize(small, (WIDTH, HEIGHT)))
    writer.release()
    return path


def _transport(video: Path, profile: str, frames: int) -> tuple[int, float]:
    """Images that arrived of `frames`, and the median of their latencies in ms."""
    environment = {name: value for name, value in os.environ.items() if name not in PROFILE_VARIABLES}
    environment |= dict.fromkeys(PROFILE_VARIABLES, profile) if profile else {}
    environment |= {"ROS_DOMAIN_ID": str(random.randint(1, 101)), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    camera = [sys.executable, "-c", CAMERA, "--ros-args", "-p", f"source:={video}", "-p", "loop:=true"]
    camera += ["-p", "wait_for_subscribers:=1"]
    with subprocess.Popen(camera, env=environment, stderr=subprocess.DEVNULL) as sender:
        try:
            listener = subprocess.run(
                [sys.executable, __file__, str(frames)],
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE + (frames + WARM_UP) / FPS * 2,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise GaitError("no image arrives from camera_node: is another Fast DDS profile or RMW in force?") from None
        finally:
            sender.send_signal(signal.SIGINT)
    if listener.returncode:
        said = listener.stderr.strip().splitlines() or [f"exit code {listener.returncode}"]
        raise GaitError(f"the listening process failed: {said[-1]}")
    delivered, latency = json.loads(listener.stdout)
    return int(delivered), float(latency)


def _listen(frames: int) -> tuple[int, float]:
    """Subscribe to image_raw as pose_node does; count the images whose number is within `frames` after the warm-up."""
    import rclpy
    from sensor_msgs.msg import Image

    from rt_gait_ros.nodes.conversions import frame_from_message
    from rt_gait_ros.nodes.dds import apply_dds_profile
    from rt_gait_ros.nodes.links import IMAGE_QOS

    apply_dds_profile()
    rclpy.init()
    node = rclpy.create_node("listener")
    arrivals: dict[int, float] = {}
    stamps: list[int] = []

    def on_image(message: Image) -> None:
        now = time.time_ns()
        frame = frame_from_message(message)
        stamps.append(frame.stamp)
        number = round((frame.stamp - stamps[0]) * FPS / 1e9)
        arrivals[number] = (now - frame.stamp) / 1e6

    node.create_subscription(Image, "image_raw", on_image, IMAGE_QOS)
    while not arrivals or max(arrivals) < WARM_UP + frames:
        rclpy.spin_once(node, timeout_sec=0.1)
    node.destroy_node()
    rclpy.shutdown()
    counted = [latency for number, latency in arrivals.items() if WARM_UP <= number < WARM_UP + frames]
    return len(counted), float(np.median(counted)) if counted else float("nan")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_listen(int(sys.argv[1]))))
