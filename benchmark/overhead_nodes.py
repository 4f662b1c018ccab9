"""The processes of the overhead benchmark: the package's own nodes, with a client that answers at once for Triton."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, Pose, PoseArray, Quaternion
from overhead_walkers import IMAGES, draw_walkers
from rclpy.node import Node
from sensor_msgs.msg import Image

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.nodes import runner
from rt_gait_ros.nodes.camera_node import CameraNode
from rt_gait_ros.nodes.gait_node import GaitNode
from rt_gait_ros.nodes.headers import to_header
from rt_gait_ros.nodes.image_conversion import image_to_bgr
from rt_gait_ros.nodes.links import IMAGE_QOS, RESULT_QOS
from rt_gait_ros.nodes.pose_node import PoseNode
from rt_gait_ros.nodes.stage import Stage
from rt_gait_ros.nodes.tracker_node import TrackerNode
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.serving.inference import ModelSpec, Sequence, Tensors, TensorSpec
from rt_gait_ros.sources import Frame, Source, SourceOptions, SourceStatus

WIDTH, HEIGHT, FPS = 640, 480, 25.0
BATCH = 8  # people of a request to the person network, at most
MODELS = {
    # of one size, which is searched as a whole: tiles would not tell whose boxes to give
    "nanodet": (("image", "uint8", (1, 192, 256, 3)), ("boxes", "float32", (1, 64, 5)), {"colour_order": "BGR"}),
    RecognizerConfig.model: (
        ("gait_frames", "uint8", (-1, -1, 64, 64)),
        ("embedding", "float32", (-1, 62, 256)),
        {"gait_frame_kind": "silhouette", "distance": "euclidean", "stream_window": "30"},
    ),
}


class InstantClient:
    """An InferenceClient whose networks cost nothing: people who stand in two rows and walk on the spot."""

    def __init__(self, people: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._people = people
        self._clock = clock
        self._walkers = draw_walkers(min(people, BATCH))
        self._presence = np.full((BATCH, 1), 0.95, np.float32)
        self._boxes = self._boxes_found()
        self._embedding = np.full((1, 62, 256), 256**-0.5, np.float32)
        self._frames: dict[int, int] = {}  # of each sequence so far

    def submit(
        self, model: str, inputs: Tensors, *, deadline: float | None = None, sequence: Sequence | None = None
    ) -> "Future[dict[str, np.ndarray]]":
        """As InferenceClient.submit."""
        future: Future[dict[str, np.ndarray]] = Future()
        if "crops" in inputs:
            future.set_result(self._read_people(len(inputs["crops"])))
        elif "gait_frames" in inputs:
            future.set_result({"embedding": self._embedding, "frames": self._count(inputs["gait_frames"], sequence)})
        else:
            future.set_result({"boxes": self._boxes})
        return future

    def _count(self, frames: np.ndarray, sequence: Sequence | None) -> np.ndarray:
        assert sequence is not None, "the default network keeps sets"
        before = 0 if sequence.start else self._frames[sequence.id]
        self._frames[sequence.id] = before + frames.shape[1]
        return np.array([[self._frames[sequence.id]]], np.int32)

    def describe(self, model: str, *, deadline: float | None = None) -> ModelSpec:
        """As InferenceClient.describe."""
        given, got, parameters = MODELS[model]
        return ModelSpec(model, (TensorSpec(*given),), (TensorSpec(*got),), parameters)

    def close(self) -> None:
        """As InferenceClient.close."""

    def _boxes_found(self) -> np.ndarray:
        boxes = np.zeros((1, self._people, 5), np.float32)
        for number in range(self._people):
            centre = np.array([60 + 130 * (number % 5), 120 + 240 * (number // 5)])
            points = centre + 180 * self._walkers.joints[0, number % BATCH]
            boxes[0, number] = *points.min(axis=0), *points.max(axis=0), 0.9
        boxes[..., :4] *= np.tile((256 / WIDTH, 192 / HEIGHT), 2)
        return boxes

    def _read_people(self, count: int) -> dict[str, np.ndarray]:
        image = int(self._clock() * FPS) % IMAGES  # as late as a camera's image would be, whatever was left out
        return {
            "landmarks": self._walkers.landmarks[image, :count],
            "presence": self._presence[:count],
            "mask": self._walkers.masks[image, :count],
        }


class Still(Source):
    """One image again and again, as a camera that takes no time to read."""

    live = True
    fps = FPS

    def status(self) -> SourceStatus:
        """As Source.status."""
        return SourceStatus(connected=True, detail="")

    def __iter__(self) -> Iterator[Frame]:
        """As Source.__iter__."""
        image = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        due = time.monotonic()
        while not self._closed.wait(max(due - time.monotonic(), 0.0)):
            yield Frame(image, time.time_ns(), "camera")
            due += 1 / FPS


class Camera(CameraNode):
    """The camera node on a still."""

    def _open(self) -> Source:
        return Still("still", SourceOptions())


def nested(frame: PoseFrame) -> PoseArray:
    """Keypoints as one message per joint."""
    joints = np.concatenate([person.keypoints for person in frame.people]) if frame.people else np.empty((0, 3))
    return PoseArray(
        header=to_header(frame.stamp, frame.frame_id),
        poses=[
            Pose(position=Point(x=float(x), y=float(y), z=float(c)), orientation=Quaternion()) for x, y, c in joints
        ],
    )


class PlainPublisher:
    """Sends nested keypoints besides what the pose node sends."""

    def __init__(self, node: PoseNode) -> None:
        self._publisher = node.create_publisher(PoseArray, "nested_poses", RESULT_QOS)
        node.outlet.add_listener(lambda frame: self._publisher.publish(nested(frame)))


class PlainSubscriber:
    """Reads the image and nested keypoints, as a node does that gets its input from them."""

    def __init__(self, node: Node) -> None:
        node.create_subscription(Image, "image_raw", image_to_bgr, IMAGE_QOS)
        node.create_subscription(PoseArray, "nested_poses", self._read, RESULT_QOS)

    @staticmethod
    def _read(message: PoseArray) -> Any:
        return np.array([(p.position.x, p.position.y, p.position.z) for p in message.poses], np.float32)


def build(role: str, people: int, plain: bool) -> list[Stage]:
    """The stages of a process. plain: with what the plain design does on top."""
    if role == "composed":
        camera, pose, tracker, gait = Camera(), PoseNode(), TrackerNode(), GaitNode()
        pose.inlet.link, tracker.inlet.link, gait.inlet.link = camera.outlet, pose.outlet, tracker.outlet
        tracker.feedback.link = gait.outlet  # as composed_node has it
        pose.names.tracks.link, pose.names.identities.link = tracker.outlet, gait.outlet
        pose.make_client = gait.make_client = lambda: InstantClient(people)  # type: ignore[method-assign]
        return [camera, pose, tracker, gait]
    stage = {"camera": Camera, "pose": PoseNode, "tracker": TrackerNode, "gait": GaitNode}[role]()
    if isinstance(stage, PoseNode | GaitNode):
        stage.make_client = lambda: InstantClient(people)  # type: ignore[method-assign]
    if plain and isinstance(stage, PoseNode):
        stage.plain = PlainPublisher(stage)  # type: ignore[attr-defined]
    elif plain and not isinstance(stage, Camera):
        stage.plain = PlainSubscriber(stage)  # type: ignore[attr-defined]
    return [stage]


if __name__ == "__main__":
    _, chosen, count, design, *ros = sys.argv
    sys.exit(runner.run_in_process(lambda: build(chosen, int(count), design == "plain"), ros))
