"""Looking at running nodes from outside. test/cli/test_doctor_running.py has real ones."""

from types import SimpleNamespace

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from rt_gait_ros.nodes import live_system
from rt_gait_ros.nodes.live_system import look


@pytest.fixture(scope="module", autouse=True)
def ros(domain):
    """None of the test's own: `look` joins the graph."""


@pytest.mark.parametrize(
    ("said", "listens_at"),
    [
        ([], 1 + live_system.PATIENCE / live_system.STEP),  # nobody is there: then we do not wait for ever
        (["r1/pose_node"], 1 + live_system.PATIENCE / live_system.STEP),  # the gait node never says anything
        (["r1/pose_node", "r1/gait_node"], 2),
    ],
)
def test_topics_are_listened_to_once_every_node_that_is_there_is_known(monkeypatch, said, listens_at):
    """On a busy machine diagnostics come late, and the pose node's images would not be looked at, without a word."""
    turns, listened = [], []
    there = [SimpleNamespace(node_namespace="/r1", node_name=name) for name in ("pose_node", "gait_node", "driver")]

    def spin(observer, seconds):
        turns.append(seconds)
        if len(turns) == 2:
            status = [DiagnosticStatus(name=name, hardware_id="rt_gait_ros") for name in said]
            observer._on_diagnostics(DiagnosticArray(status=status))

    observer = live_system._Observer
    monkeypatch.setattr(observer, "spin", spin)
    monkeypatch.setattr(observer, "listen", lambda observer: listened.append(len(turns)))
    monkeypatch.setattr(observer, "get_publishers_info_by_topic", lambda observer, topic: there if said else [])
    monkeypatch.setattr(observer, "result", lambda observer: observer._seen)
    assert look(7.0).nodes.keys() == set(said)
    assert listened == [listens_at]
    assert turns[-1] == 7.0


def test_what_a_pose_node_hears_of_names_is_not_taken_for_its_images(monkeypatch):
    topics = {"/image_raw": "sensor_msgs/msg/Image", "/person_tracks": "rt_gait_ros/msg/PersonTrackArray"}
    taker = SimpleNamespace(node_namespace="/", node_name="pose_node")
    observer = live_system._Observer
    monkeypatch.setattr(observer, "_topics", lambda observer: {name: {kind} for name, kind in topics.items()})
    monkeypatch.setattr(observer, "get_subscriptions_info_by_topic", lambda observer, topic: [taker])
    heard = []

    def spin(observer, seconds):
        status = [DiagnosticStatus(name="pose_node", hardware_id="rt_gait_ros")]
        observer._on_diagnostics(DiagnosticArray(status=status))
        observer.create_subscription = lambda kind, topic, *rest, **more: heard.append(topic)

    monkeypatch.setattr(observer, "spin", spin)
    monkeypatch.setattr(observer, "get_publishers_info_by_topic", lambda observer, topic: [taker])
    monkeypatch.setattr(observer, "result", lambda observer: observer._seen)
    assert look(1.0).images == heard == ["/image_raw"]
