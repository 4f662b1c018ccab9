"""pose_node: camera images in, people with keypoints and gait frames out. The only subscriber of the image."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rt_gait_ros.errors import GaitError
from rt_gait_ros.frame import Frame
from rt_gait_ros.lines import one_line
from rt_gait_ros.msg import PersonPoseArray
from rt_gait_ros.nodes import runner
from rt_gait_ros.nodes.conversions import poses_to_message
from rt_gait_ros.nodes.image_inlet import ImageInlet
from rt_gait_ros.nodes.links import RESULT_QOS, Link
from rt_gait_ros.nodes.name_feedback import NameFeedback
from rt_gait_ros.nodes.parameters import settings
from rt_gait_ros.nodes.processing import Arrived, NetworkStage
from rt_gait_ros.pipeline.naming import tell_names
from rt_gait_ros.pose.budget import Budget
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.pose.pipeline import PosePipeline
from rt_gait_ros.serving.backends import open_client
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.serving.triton_client import TritonClient

NAME = "pose_node"
PURPOSE = (
    "Finds people in camera images: keypoints, and the small gait frame that recognition needs. Networks run on Triton."
)
TOPICS = """
subscribes
  image_raw     sensor_msgs/Image, any QoS; three may wait, and where images take longer than they come, only the newest
                is used; others are dropped and counted
  image_raw/compressed  sensor_msgs/CompressedImage, instead of it where image_transport is compressed
  person_tracks  rt_gait_ros/PersonTrackArray, once there was no time for everybody in an image: who is where
  gait_identities  rt_gait_ros/GaitIdentityArray, with it: who has no name yet, and is looked at more often
publishes
  person_poses  rt_gait_ros/PersonPoseArray, once per image used, empty ones too
  /diagnostics  diagnostic_msgs/DiagnosticArray, once a second
"""


PATIENCE = 2.0  # seconds of compiling that need no word
COMPILING = "compiling, as at the first start after an installation: this takes a minute or two on a slow computer"


class PoseNode(NetworkStage[Frame, PoseFrame]):
    """Runs a PosePipeline on every image there is time for."""

    # What holds the node up for a moment, on a machine with other work, loses no image: with time for fewer looks it
    # catches up. Where it never can, only the newest counts.
    depth = 3

    def __init__(self, **node_options: Any) -> None:
        self._pipeline: PosePipeline | None = None
        self._budget: Budget | None = None
        super().__init__(NAME, **node_options)
        self.inlet = ImageInlet(self, self.accept, self.finish)
        self.outlet = Link(self, PersonPoseArray, "person_poses", RESULT_QOS, poses_to_message, as_bytes=True)
        self.names = NameFeedback(self)
        self._warm_up()

    def _warm_up(self) -> None:
        """Compile, which takes seconds the first time, before anything is subscribed: nobody plays to a node not ready.

        The node is in the graph by then, so that whoever waits for it sees that it is there.
        """
        slow = threading.Timer(PATIENCE, self.get_logger().info, [COMPILING])
        slow.daemon = True
        slow.start()
        try:
            PosePipeline.warm_up()
        except BaseException:  # a signal, too: the graph is left in order
            self.destroy_node()
            raise
        finally:
            slow.cancel()

    def make_client(self) -> InferenceClient:
        """As NetworkStage.make_client; images are large enough to be shared."""
        return open_client(
            self.value("inference"),
            self.value("triton_url"),
            self.repository,
            timeout=self.value("deadline"),
            shared_memory=self.value("shared_memory"),
        )

    def setup(self) -> None:
        """Check the settings."""
        super().setup()
        self._config = settings(self, PoseConfig)
        milliseconds, cores = self.value("budget"), self.value("cores")
        self._budget = None if milliseconds < 0.0 else Budget(milliseconds * 1e-3 or None, cores or None)

    def open_processor(self) -> Callable[[Frame], PoseFrame]:
        """A pipeline."""
        self._pipeline = PosePipeline(self.client, self._config, self._budget)
        return partial(self._look, self._pipeline)

    def _look(self, pipeline: PosePipeline, frame: Frame) -> PoseFrame:
        """The worker's turn: it alone touches the pipeline."""
        try:
            if (heard := self.names.read(self.now())) is not None:
                tell_names(pipeline, *heard)
                self.faults.clear("names")
        except GaitError as error:
            self.statistics.count("malformed")
            self.faults.raise_("names", f"skipped what was said of who is there: {error}")
        return pipeline.process(frame)

    def stop(self) -> None:
        """Stop listening and end the worker."""
        super().stop()
        self.names.close()

    def check(self) -> None:
        """Also hear who has a name, from the first image on in which there was no time for everybody."""
        super().check()
        if self.phase == "active" and self._pipeline is not None and self._pipeline.hurried:
            self._listen_for_names()

    def _listen_for_names(self) -> None:
        try:
            self.names.open()
        except RuntimeError as error:  # of which rcl's errors are made: a keystore of a policy that lacks the topics
            self.faults.raise_(
                "listening", f"who has a name is guessed, for it cannot be heard: {one_line(str(error))}"
            )
            return
        self.faults.clear("listening")
        self.names.look()

    def accept(self, arrival: Any) -> None:
        """As ProcessingStage.accept; every image that arrives tells of the camera's rate."""
        if self._budget is not None:
            self._budget.arrived(self.now())
        super().accept(arrival)

    def newest_alone(self) -> bool:
        """As ProcessingStage.newest_alone: always without a budget, which may take any time for an image."""
        return self._budget is None or self._budget.hopeless

    def take_turn(self, arrived: Arrived) -> None:
        """As ProcessingStage.take_turn; the budget learns how long it takes."""
        if self._budget is None:
            super().take_turn(arrived)
            return
        self._budget.taken(self.now(), arrived.when)
        super().take_turn(arrived)
        self._budget.done(self.now())

    def details(self) -> dict[str, str]:
        """Add what the budget allows, and what each person gets of it."""
        pipeline, budget = self._pipeline, self._budget
        lines = super().details()
        if self._client_open and isinstance(self.client, TritonClient):
            lines["images_go"] = self.client.inputs_go
        if pipeline is None:
            return lines
        rates = list(pipeline.rates)
        lines["gait_frames_per_person_hz"] = " ".join(f"{rate:.0f}" for rate in rates) or "nobody"
        lines["windows"] = str(pipeline.windows)
        lines["late"] = str(pipeline.late)
        if budget is not None:
            lines["budget_ms"] = f"{budget.seconds * 1e3:.1f}"
            costs = {kind: budget.cost(kind) for kind in ("person", "search")} | {"rest": budget.rest}
            lines["cost_ms"] = ", ".join(f"{kind} {seconds * 1e3:.1f}" for kind, seconds in costs.items())
        return lines


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return runner.run(lambda: [PoseNode()], args, runner.help_text(NAME, PURPOSE, TOPICS, [NAME]))


if __name__ == "__main__":
    raise SystemExit(main())
