"""A ROS 2 node that writes down who came in and who left, beside a door: one line of CSV for each visit.

    ros2 launch rt_gait_ros gait.launch.py source:=0            # in one shell
    python3 examples/door_log.py visits.csv                     # in another

A visit is a track, from the first image to the last; somebody who is recognised gets the body id of an earlier visit
back, and that is one visit. Who never got a name is written as unknown. Lines are appended: arrived and left (ISO 8601,
of the camera's clock), body_id, person_id, name, and the greatest confidence of the name.
"""

import argparse
import csv
import sys
from datetime import datetime, timezone
from pathlib import Path

import rclpy
from rclpy.node import Node

from rt_gait_ros import GaitError
from rt_gait_ros.msg import GaitIdentity, GaitIdentityArray
from rt_gait_ros.nodes.graph import join
from rt_gait_ros.signals import KeptSignals, on_ending

FIELDS = ("arrived", "left", "body_id", "person_id", "name", "confidence")


class DoorLog(Node):
    """Writes a line for each track that has ended."""

    def __init__(self, path: Path) -> None:
        super().__init__("door_log")
        self._path = path
        self._visits: dict[str, dict] = {}
        self._write(*() if path.exists() else (FIELDS,))  # also where there is no line yet: that it can be written
        self.create_subscription(GaitIdentityArray, "gait_identities", self._hear, 10)
        print(f"door_log: listening to {self.resolve_topic_name('gait_identities')}", file=sys.stderr)

    def _hear(self, message: GaitIdentityArray) -> None:
        now = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        for identity in message.identities:
            visit = self._visits.setdefault(identity.body_id, {"arrived": now, "name": "unknown", "confidence": 0.0})
            visit["left"] = now
            if identity.status == GaitIdentity.STATUS_IDENTIFIED:
                visit |= {"person_id": identity.person_id, "name": identity.name}
                visit["confidence"] = max(visit["confidence"], identity.confidence)  # NaN leaves it as it is
        present = {identity.body_id for identity in message.identities}
        for body_id in self._visits.keys() - present:
            if not self._goes_on(body_id, present):
                self._end(body_id)

    def _goes_on(self, body_id: str, present: set[str]) -> bool:
        """Whether the same person is there under another body id, whose visit this one then belongs to."""
        visit = self._visits[body_id]
        for other in (self._visits[each] for each in present):
            if "person_id" in visit and other.get("person_id") == visit["person_id"]:
                other["arrived"] = min(other["arrived"], visit["arrived"])
                other["confidence"] = max(other["confidence"], visit["confidence"])
                del self._visits[body_id]
                return True
        return False

    def end_all(self) -> None:
        """Write down who is still there."""
        for body_id in list(self._visits):
            self._end(body_id)

    def _end(self, body_id: str) -> None:
        visit = self._visits.pop(body_id)
        arrived, left = (_clock(visit[name]) for name in ("arrived", "left"))
        self._write((arrived, left, body_id, visit.get("person_id", ""), visit["name"], f"{visit['confidence']:.2f}"))

    def _write(self, *lines) -> None:
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")


def main() -> int:
    """Spin the node until it is interrupted. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="CSV file to append to")
    arguments, ros_arguments = parser.parse_known_args()
    if ros_arguments and ros_arguments[0] != "--ros-args":
        parser.error(f"unknown argument {ros_arguments[0]}: arguments of ROS begin with --ros-args")
    # Signals are kept: Python's handler raises KeyboardInterrupt, which comes out of rclpy's C code as another error.
    signals, node = KeptSignals(), None
    on_ending(signals.keep)
    try:
        join(ros_arguments)
        node = DoorLog(arguments.output)
        while not signals.number:
            rclpy.spin_once(node, timeout_sec=0.5)
    except GaitError as error:
        print(f"door_log: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"door_log: {arguments.output} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    finally:
        if node is not None:
            node.end_all()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
