"""A ROS 2 node that greets the people whom the gait node recognises.

    ros2 launch rt_gait_ros gait.launch.py source:=0            # in one shell
    python3 examples/greeter.py                                 # in another

Everybody is greeted once, and again after five minutes without them (--pause 300). Remap gait_identities for a gait
node in a namespace: python3 examples/greeter.py --ros-args -r gait_identities:=/front/gait_identities
"""

import argparse
import sys

import rclpy
from rclpy.node import Node

from rt_gait_ros import GaitError
from rt_gait_ros.msg import GaitIdentity, GaitIdentityArray
from rt_gait_ros.nodes.graph import join
from rt_gait_ros.signals import KeptSignals, on_ending


class Greeter(Node):
    """Says hello to whoever is identified."""

    def __init__(self, pause: float) -> None:
        super().__init__("greeter")
        self._pause = pause
        self._seen: dict[str, float] = {}  # by person id, the time of the camera in seconds
        self.create_subscription(GaitIdentityArray, "gait_identities", self._hear, 10)
        print(f"greeter: listening to {self.resolve_topic_name('gait_identities')}", file=sys.stderr)

    def _hear(self, message: GaitIdentityArray) -> None:
        now = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        for identity in message.identities:
            if identity.status != GaitIdentity.STATUS_IDENTIFIED:
                continue
            last = self._seen.get(identity.person_id)
            self._seen[identity.person_id] = now
            if last is None or not 0 <= now - last < self._pause:
                print(f"Hello, {identity.name}!", flush=True)


def main() -> int:
    """Spin the node until it is interrupted. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pause", type=float, default=300.0, help="seconds without somebody (default: 300)")
    arguments, ros_arguments = parser.parse_known_args()
    if ros_arguments and ros_arguments[0] != "--ros-args":
        parser.error(f"unknown argument {ros_arguments[0]}: arguments of ROS begin with --ros-args")
    # Signals are kept: Python's handler raises KeyboardInterrupt, which comes out of rclpy's C code as another error.
    signals = KeptSignals()
    on_ending(signals.keep)
    try:
        join(ros_arguments)
        node = Greeter(arguments.pause)
        while not signals.number:
            rclpy.spin_once(node, timeout_sec=0.5)
    except GaitError as error:
        print(f"greeter: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
