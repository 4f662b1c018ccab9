import logging
from types import SimpleNamespace

import rclpy.logging

from rt_gait_ros.nodes.runner import RosHandler


def test_what_a_domain_room_logs_reaches_ros_whole_and_in_one_line(monkeypatch):
    """Before, it was cut off after 260 characters, and with it what to do."""
    said = []
    monkeypatch.setattr(rclpy.logging, "get_logger", lambda name: SimpleNamespace(warning=said.append))
    text = f"{'x' * 300}\nrtsp://me:Geheim@camera does not answer: look at its cable"
    RosHandler().emit(logging.LogRecord("rt_gait_ros.sources", logging.WARNING, "", 0, text, None, None))
    assert said[0].endswith(r"x\nrtsp://me:***@camera does not answer: look at its cable")
