"""The demo's own ROS node: it hears everything, starts the camera, and asks for the enrolment."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from rt_gait_ros.action import EnrollPerson
from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.demo.report import Enrolment
from rt_gait_ros.errors import GaitError
from rt_gait_ros.msg import GaitIdentityArray, PersonPoseArray, PersonTrackArray
from rt_gait_ros.nodes.conversions import identities_from_message, tracks_from_message
from rt_gait_ros.nodes.graph import CommandNode
from rt_gait_ros.nodes.headers import from_time
from rt_gait_ros.nodes.image_conversion import bgr_to_image
from rt_gait_ros.nodes.links import RESULT_QOS
from rt_gait_ros.signals import KeptSignals

if TYPE_CHECKING:
    from rt_gait_ros.bags.writer import BagWriter
    from rt_gait_ros.nodes.bag_recorder import BagRecorder

PATIENCE = 60.0  # seconds for the nodes to get ready: the first start compiles the part affinity field parser
WARM_UP_PERIOD = 0.5
# What `record` takes down: images compressed, for plain ones are ten times as many bytes.
RECORDED = {
    "image_raw/compressed": CompressedImage,
    "camera_info": CameraInfo,
    "person_poses": PersonPoseArray,
    "person_tracks": PersonTrackArray,
    "gait_identities": GaitIdentityArray,
}


class NotReady(GaitError):
    """The nodes do not answer."""


class DemoListener(CommandNode):
    """Records what the nodes of its namespace publish, with the time it took."""

    def __init__(
        self, signals: KeptSignals, namespace: str, times: np.ndarray, check: Callable[[], None], speed: float = 1.0
    ) -> None:
        """signals: as of CommandNode. times, speed: of the video that will be played, as of Recording.

        check: called while waiting; raises when waiting is of no use.
        """
        super().__init__(signals, "demo", namespace=namespace)
        self.recording = Recording(times, speed)
        self.enrolment: Enrolment | None = None
        self._check = check
        self._warm_up: set[int] = set()
        self._warm = False
        self._recorder: BagRecorder | None = None
        self._images = self.create_publisher(Image, "image_raw", 1)
        self._camera = self.create_client(ChangeState, "camera_node/change_state")
        self._enroll = ActionClient(self, EnrollPerson, "gait_node/enroll_person")
        self.create_subscription(CameraInfo, "camera_info", self._on_camera, RESULT_QOS)
        self.create_subscription(PersonTrackArray, "person_tracks", self._on_tracks, RESULT_QOS)
        self.create_subscription(GaitIdentityArray, "gait_identities", self._on_identities, RESULT_QOS)

    def warm_up(self, width: int, height: int) -> None:
        """Send empty images until one comes out at the other end: every node is up, connected, and has its networks.

        Raises NotReady.
        """
        black = np.zeros((height, width, 3), np.uint8)
        started = time.monotonic()
        while not self._warm:
            if time.monotonic() - started > PATIENCE:
                raise NotReady(f"no image came through the nodes within {PATIENCE:.0f} s: see the logs")
            self._check()
            stamp = time.time_ns()
            self._warm_up.add(stamp)
            self._images.publish(bgr_to_image(black, stamp, "camera"))
            self.spin(WARM_UP_PERIOD)
        self.destroy_publisher(self._images)

    def record(self, bag: "BagWriter") -> None:
        """Take everything that the nodes publish from now on into a bag, which whoever made it closes."""
        from rt_gait_ros.nodes.bag_recorder import BagRecorder  # needs the extra [bags]

        self._recorder = BagRecorder(self, bag, RECORDED, lambda stamp: stamp not in self._warm_up)

    def start_camera(self) -> None:
        """Configure and activate the camera node. Raises NotReady."""
        self._until(self._camera.service_is_ready, "camera_node is not there")
        for name, transition in (
            ("configure", Transition.TRANSITION_CONFIGURE),
            ("activate", Transition.TRANSITION_ACTIVATE),
        ):
            self.spin(WARM_UP_PERIOD)  # for the subscribers to find the camera's new topics
            future = self._camera.call_async(ChangeState.Request(transition=Transition(id=transition)))
            self._until(future.done, f"camera_node does not {name}")
            answer = future.result()
            if answer is None or not answer.success:
                raise NotReady(f"camera_node cannot {name}: see the logs")

    def enroll(self, body_id: str, name: str, frames: int, timeout: float) -> None:
        """Ask the gait node to enrol a track; `enrolment` holds the answer when it has come. Returns at once."""
        goal = EnrollPerson.Goal(body_id=body_id, name=name, frames=frames, timeout=timeout)

        def accepted(future: Any) -> None:
            handle = future.result()
            if handle.accepted:
                handle.get_result_async().add_done_callback(done)
            else:
                self.enrolment = Enrolment(name, body_id, error="the gait node refused the request")

        def done(future: Any) -> None:
            result = future.result().result
            self.enrolment = Enrolment(name, body_id, result.person_id, result.embeddings, result.error_msg)

        self._enroll.send_goal_async(goal).add_done_callback(accepted)

    def close(self) -> None:
        """Leave the graph."""
        self._enroll.destroy()
        if self._recorder is not None:
            self._recorder.close()
        super().close()

    def _until(self, condition: Callable[[], bool], complaint: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise NotReady(f"{complaint} after {PATIENCE:.0f} s: see the logs")
            self._check()
            self.spin(0.05)

    def _on_camera(self, message: CameraInfo) -> None:
        self.recording.camera.append(from_time(message.header.stamp))

    def _on_tracks(self, message: PersonTrackArray) -> None:
        stamp = from_time(message.header.stamp)
        if stamp not in self._warm_up:
            self.recording.tracks[stamp] = tracks_from_message(message)

    def _on_identities(self, message: GaitIdentityArray) -> None:
        now = time.time_ns()
        stamp = from_time(message.header.stamp)
        if stamp in self._warm_up:
            self._warm = True
            return
        self.recording.hear(identities_from_message(message), now)
