"""A ROS 2 node that lets a robot follow an enrolled person: from what the gait node sees to velocities on cmd_vel.

    ros2 launch rt_gait_ros gait.launch.py source:=0            # in one shell
    python3 examples/follower.py Ada                            # in another
    python3 examples/follower.py Ada --keep 1.5 --ros-args -r cmd_vel:=/base/cmd_vel

It turns towards the person and keeps a distance to them; without positions in metres it only turns. It stands still
while the person is out of view or the gait node says nothing, and ends when they have been away for 30 seconds, or the
gait node has been silent for 10. It sees no obstacles: on a robot that does not stop by itself, give the topic
followed_pose to a planner instead (examples/nav2).
"""

import argparse
import math
import sys
import time

import rclpy
from geometry_msgs.msg import Twist
from rclpy.action import ActionClient
from rclpy.node import Node

from rt_gait_ros import GaitError
from rt_gait_ros.action import FollowPerson
from rt_gait_ros.nodes.graph import join
from rt_gait_ros.signals import KeptSignals, on_ending

TURN, ADVANCE = 1.0, 0.6  # radians a second per radian, metres a second per metre
FASTEST_TURN, FASTEST = 0.8, 0.5  # radians and metres a second
STALE = 0.5  # seconds after which a velocity holds no longer: the gait node says ten times a second where the person is
PATIENCE = 10.0  # seconds without a word of the gait node; also for each answer when the robot takes leave
HALF_VIEW = 0.5  # radians from the middle of an image to its border, where nothing better is known


class Follower(Node):
    """Turns the feedback of FollowPerson into velocities."""

    def __init__(self, person: str, keep: float) -> None:
        super().__init__("follower")
        self.ended = ""
        self._sent = None
        self._leaving = False
        self._keep = keep
        self._velocities = self.create_publisher(Twist, "cmd_vel", 1)
        self._client = ActionClient(self, FollowPerson, "gait_node/follow_person")
        self._goal = FollowPerson.Goal(person=person, lost_timeout=30.0)
        self._begin = self.create_timer(0.1, self._ask)
        self._heard = math.inf  # when the gait node last said something, by time.monotonic(); inf: it need not
        self.create_timer(0.1, self._watch)
        print(f"follower: looking for {self.resolve_topic_name('gait_node/follow_person')}", file=sys.stderr)

    def _ask(self) -> None:
        if self._client.server_is_ready():
            self.destroy_timer(self._begin)
            self._sent = self._client.send_goal_async(self._goal, feedback_callback=self._hear)
            self._sent.add_done_callback(self._accepted)

    def _accepted(self, sent) -> None:
        self._heard = time.monotonic()
        sent.result().get_result_async().add_done_callback(self._done)

    def _watch(self) -> None:
        """Stop where the gait node is silent: a base goes on with the last velocity that it was given."""
        silent = time.monotonic() - self._heard
        if silent > STALE:
            self._velocities.publish(Twist())
        if silent > PATIENCE:
            self.ended = f"the gait node has said nothing for {PATIENCE:.0f} s"

    def _hear(self, message) -> None:
        self._heard = time.monotonic()
        if not self._leaving:
            self._velocities.publish(velocity_to(message.feedback, self._keep))

    def let_go(self) -> None:
        """Stop the robot and cancel the goal: nobody is followed any longer."""
        self._leaving = True
        self._velocities.publish(Twist())
        if self._sent is None:
            return
        # The gait node may have begun, and have told of it, while its answer is still under way.
        rclpy.spin_until_future_complete(self, self._sent, timeout_sec=PATIENCE)
        if self._sent.done() and self._sent.result().accepted:
            rclpy.spin_until_future_complete(self, self._sent.result().cancel_goal_async(), timeout_sec=PATIENCE)

    def _done(self, answer) -> None:
        self._velocities.publish(Twist())
        self.ended = answer.result().result.error_msg or "done"


def velocity_to(feedback: FollowPerson.Feedback, keep: float) -> Twist:
    """The velocity that leads to the person. keep: metres to stay away from them."""
    velocity = Twist()
    if feedback.lost > 0.0:
        return velocity
    bearing = feedback.bearing if math.isfinite(feedback.bearing) else -feedback.offset * HALF_VIEW
    if math.isfinite(bearing):
        velocity.angular.z = max(-FASTEST_TURN, min(FASTEST_TURN, TURN * bearing))
    if math.isfinite(feedback.distance):
        velocity.linear.x = max(0.0, min(FASTEST, ADVANCE * (feedback.distance - keep)))
    return velocity


def _metres(text: str) -> float:
    metres = float(text)
    if not 0.0 <= metres < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no distance: give 0 or more metres")
    return metres


def main() -> int:
    """Spin the node until the person is lost or it is interrupted. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("person", help="name or permanent id of whom to follow")
    parser.add_argument("--keep", type=_metres, default=1.2, help="metres to stay away (default: 1.2)")
    arguments, ros_arguments = parser.parse_known_args()
    if ros_arguments and ros_arguments[0] != "--ros-args":
        parser.error(f"unknown argument {ros_arguments[0]}: arguments of ROS begin with --ros-args")
    # Signals are kept until the robot has been stopped. Python's handler raises KeyboardInterrupt, which comes out of
    # rclpy's C code as another error, and ROS's own handlers close the topics.
    signals = KeptSignals()
    on_ending(signals.keep)
    try:
        join(ros_arguments)
        node = Follower(arguments.person, arguments.keep)
        while not node.ended and not signals.number:
            rclpy.spin_once(node, timeout_sec=0.5)
        if not node.ended:
            node.let_go()
            return 0
    except GaitError as error:
        print(f"follower: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        rclpy.try_shutdown()
    print(f"follower: {node.ended}", file=sys.stderr)
    return 0 if node.ended == "done" else 1


if __name__ == "__main__":
    sys.exit(main())
