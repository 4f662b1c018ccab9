"""Walkers before a gait node, and goals that it is asked for."""

import time
from functools import cached_property

import cv2
import numpy as np
from action_msgs.msg import GoalStatus
from pacing import Stepping
from rclpy.action import ActionClient
from tracks import walking_track

from rt_gait_ros.action import EnrollPerson
from rt_gait_ros.msg import PersonTrackArray
from rt_gait_ros.nodes.conversions import tracks_to_message
from rt_gait_ros.tracking.facing import upright
from rt_gait_ros.tracking.track import TrackFrame

# Of a gait node that names whoever is enrolled, however unlike they look.
NAMES_ANYBODY = {"accept_distance": "1000.0", "margin": "0.0", "beyond_calibration": "true"}
UPRIGHT = upright(np.array([0.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.0]))


class Asked:
    """A goal sent to an action of the gait node, and what came of it."""

    def __init__(self, ears, turn, kind, action, /, **fields) -> None:
        self._turn = turn
        self._client = ActionClient(ears, kind, f"/gait_node/{action}")
        turn(self._client.server_is_ready)
        self.feedback = []
        take = lambda message: self.feedback.append(message.feedback)  # noqa: E731
        sending = self._client.send_goal_async(kind.Goal(**fields), feedback_callback=take)
        turn(sending.done)
        self._handle = sending.result()
        self._answer = self._handle.get_result_async()

    def cancel(self) -> None:
        """Returns once that has been granted."""
        self._turn(self._handle.cancel_goal_async().done)

    @cached_property
    def result(self):
        self._turn(self._answer.done)
        self._client.destroy()
        return self._answer.result().result


def silhouette(number: int, width: int) -> np.ndarray:
    """A walker of a given breadth, whose legs swing."""
    picture = np.zeros((64, 64), np.uint8)
    cv2.ellipse(picture, (32, 24), (width, 20), 0, 0, 360, 255, -1)
    swing = int(8 * np.sin(number / 4))
    for foot in (32 - swing, 32 + swing):
        cv2.line(picture, (32, 40), (foot, 63), 255, 4)
    return picture


class Walkers(Stepping):
    """Publishes tracks at every turn; `widths` says who is there."""

    def __init__(self, ears) -> None:
        self.widths = {"aaaaa": 6}
        self.position: np.ndarray | None = None
        self.apart = 0.0  # pixels from one to the next
        self._ears = ears
        self._number = 0
        self._publisher = ears.create_publisher(PersonTrackArray, "person_tracks", 10)

    def step(self) -> None:
        self._number += 1
        tracks = [
            walking_track(
                body_id,
                box=np.array([10 + self.apart * place, 10, 50, 100], np.float32),
                gait_frame=silhouette(self._number, width),
                age=self._number,
                position=self.position,
                position_covariance=None if self.position is None else np.eye(3),
                orientation=None if self.position is None else UPRIGHT,
            )
            for place, (body_id, width) in enumerate(self.widths.items())
        ]
        frame = TrackFrame(time.time_ns(), "front", 640, 480, tracks=tracks)
        self._publisher.publish(tracks_to_message(frame))


def enroll(ears, gait, *, between=lambda feedback: None, **fields):
    client = ActionClient(ears, EnrollPerson, "/gait_node/enroll_person")
    gait.until(client.server_is_ready)
    feedback = []
    sending = client.send_goal_async(EnrollPerson.Goal(**fields), feedback_callback=feedback.append)
    ears.until(sending.done)
    if sending.result().status < GoalStatus.STATUS_SUCCEEDED:
        between(feedback)
    answer = sending.result().get_result_async()
    gait.until(answer.done)
    client.destroy()
    return answer.result().result, [message.feedback for message in feedback]
