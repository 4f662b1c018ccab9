"""Who is in view of several cameras, heard from their gait nodes."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.identity import Identity
from rt_gait_ros.msg import GaitIdentityArray
from rt_gait_ros.nodes.conversions import identities_from_message
from rt_gait_ros.nodes.graph import CommandNode
from rt_gait_ros.nodes.links import RESULT_QOS
from rt_gait_ros.signals import KeptSignals

SILENCE = 2.0  # seconds after which what a camera's nodes said last is no longer so


class PeopleListener(CommandNode):
    """Hears `gait_identities` of each camera; spun by whoever asks it."""

    def __init__(self, signals: KeptSignals, namespaces: Mapping[str, str]) -> None:
        """signals: as of CommandNode. namespaces: of the cameras' nodes, by camera."""
        super().__init__(signals, "rt_gait_run", enable_rosout=False, start_parameter_services=False)
        self._newest: dict[str, tuple[float, list[Identity]]] = {camera: (0.0, []) for camera in namespaces}
        for camera, namespace in namespaces.items():
            topic = f"{namespace}/gait_identities"
            self.create_subscription(GaitIdentityArray, topic, partial(self._hear, camera), RESULT_QOS)

    def present(self) -> Sequence[tuple[str, Identity]]:
        """(camera, whom it sees) by camera."""
        now = time.monotonic()
        return [
            (camera, identity)
            for camera, (heard, identities) in self._newest.items()
            if now - heard < SILENCE
            for identity in identities
        ]

    def _hear(self, camera: str, message: GaitIdentityArray) -> None:
        with suppress(GaitError):  # of another sender: nodes count these, and say so
            self._newest[camera] = time.monotonic(), identities_from_message(message).identities
