"""Who is in view of several cameras, heard from their gait nodes."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from rt_gait_ros.gait.identity import Identity
from rt_gait_ros.msg import GaitIdentityArray
from rt_gait_ros.nodes.conversions import identities_from_message
from rt_gait_ros.nodes.links import RESULT_QOS

SILENCE = 2.0  # seconds after which what a camera's nodes said last is no longer so


@contextmanager
def listening(namespaces: Mapping[str, str]) -> Iterator["PeopleListener"]:
    """A PeopleListener, with ROS up as long as it is needed; the argument is PeopleListener's."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        listener = PeopleListener(namespaces)
        try:
            yield listener
        finally:
            listener.close()
    finally:
        rclpy.try_shutdown()


class PeopleListener(Node):
    """Hears `gait_identities` of each camera; spun by whoever asks it."""

    def __init__(self, namespaces: Mapping[str, str]) -> None:
        """namespaces: of the cameras' nodes, by camera."""
        super().__init__("rt_gait_run", enable_rosout=False, start_parameter_services=False)
        self._newest: dict[str, tuple[float, list[Identity]]] = {camera: (0.0, []) for camera in namespaces}
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)
        for camera, namespace in namespaces.items():
            topic = f"{namespace}/gait_identities"
            self.create_subscription(GaitIdentityArray, topic, partial(self._hear, camera), RESULT_QOS)

    def spin(self, seconds: float) -> None:
        """Hear what comes, at most so long."""
        self._executor.spin_once(seconds)

    def present(self) -> Sequence[tuple[str, Identity]]:
        """(camera, whom it sees) by camera."""
        now = time.monotonic()
        return [
            (camera, identity)
            for camera, (heard, identities) in self._newest.items()
            if now - heard < SILENCE
            for identity in identities
        ]

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self.destroy_node()

    def _hear(self, camera: str, message: GaitIdentityArray) -> None:
        self._newest[camera] = time.monotonic(), identities_from_message(message).identities
