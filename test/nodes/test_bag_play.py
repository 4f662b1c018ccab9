"""A bag played to real nodes as `ros2 bag play --clock` does it: looped and paused. (ros2 bag is in no registry.)"""

import time

import pytest
import yaml
from pacing import walker
from rosgraph_msgs.msg import Clock

pytest.importorskip("rosbags", reason="the extra [bags] is not installed")
from rt_gait_ros.bags import BagReader, BagWriter
from rt_gait_ros.msg import GaitIdentityArray, PersonPoseArray, PersonTrack, PersonTrackArray
from rt_gait_ros.nodes.conversions import from_time, poses_to_message, to_time
from rt_gait_ros.nodes.message_bytes import to_bytes
from rt_gait_ros.nodes.parameters import specifications
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.resources import resource

PERIOD = 40_000_000  # ns
BEGIN = 1_700_000_000 * 10**9  # years ago: nothing may go by the system's time
COUNT = 60


class Player:
    """Publishes what a bag holds, with the time of recording on /clock."""

    def __init__(self, ears, path):
        with BagReader(path) as bag:
            self._records = list(bag.records(["/person_poses"]))
        self._poses = ears.create_publisher(PersonPoseArray, "person_poses", 10)
        self._clock = ears.create_publisher(Clock, "/clock", 10)
        self._next, self._due, self.loops = 0, 0.0, 0
        self.ready = lambda: self._poses.get_subscription_count() and self._clock.get_subscription_count() >= 2

    def step(self):
        """The next message, when its time has come."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + PERIOD * 1e-9
        record = self._records[self._next]
        self._clock.publish(Clock(clock=to_time(record.received)))
        self._poses.publish(record.data)
        self._next = (self._next + 1) % len(self._records)
        self.loops += self._next == 0


@pytest.fixture
def bag(tmp_path):
    with BagWriter(tmp_path / "bag") as written:
        for number in range(COUNT):
            stamp = BEGIN + number * PERIOD
            frame = PoseFrame(stamp, "front", 1280, 720, people=[walker(number, 6)])
            kind = "rt_gait_ros/msg/PersonPoseArray"
            written.write("/person_poses", kind, stamp, to_bytes(poses_to_message(frame)))
    return tmp_path / "bag"


def confirmed(messages):
    return {t.body_id for m in messages for t in m.tracks if t.state == PersonTrack.STATE_CONFIRMED}


@pytest.mark.slow
def test_a_bag_in_a_loop_and_paused_is_followed_by_its_own_time(launch, ears, bag, tmp_path):
    tracks = ears.listen(PersonTrackArray, "person_tracks")
    identities = ears.listen(GaitIdentityArray, "gait_identities")
    player = Player(ears, bag)
    sim = {"use_sim_time": "true"}
    nodes = [
        launch("tracker_node", sim),
        launch("gait_node", sim | {"inference": "onnxruntime", "gallery": str(tmp_path / "people.gallery")}),
    ]
    ears.until(player.ready)
    ears.until(lambda: player.step() or (player.loops >= 1 and confirmed(tracks)))
    first = confirmed(tracks)
    heard = len(tracks)
    # the second time round: another track, and recognition goes on
    ears.until(lambda: player.step() or confirmed(tracks[heard:]) - first)
    seen = len(identities)
    ears.until(lambda: player.step() or any(i.frames_used for m in identities[seen:] for i in m.identities))
    stamps = [from_time(message.header.stamp) for message in tracks]
    assert all(BEGIN <= stamp < BEGIN + COUNT * PERIOD for stamp in stamps)

    # paused: the clock stands, which is said, and nobody is blamed for silence
    def message(name):
        return ears.diagnosis(name).get("message", "")

    ears.until(lambda: all("/clock stands still" in message(node) for node in ("tracker_node", "gait_node")))
    end = time.monotonic() + 6.0  # longer than a silence that is a fault
    ears.until(lambda: time.monotonic() > end)
    assert "/clock stands still" in message("tracker_node")
    ears.until(lambda: player.step() or all(message(node) == "active" for node in ("tracker_node", "gait_node")))
    for node in nodes:
        # before discovery has found the clock, a node may say that nobody publishes it
        said = [line for line in node.said.splitlines() if "nobody publishes /clock" not in line]
        assert not [line for line in said if "[ERROR]" in line], node.said
        assert node.end() == 0, node.said


def test_the_aggregator_puts_each_node_into_one_group():
    """config/diagnostics.yaml by diagnostic_aggregator's rule: an item belongs where its name contains the text."""
    content = yaml.safe_load(resource("config", "diagnostics.yaml").read_text())
    group = content["analyzers"]["ros__parameters"]["people"]
    assert group["type"] == "diagnostic_aggregator/AnalyzerGroup"
    analyzers = group["analyzers"].values()
    for name in specifications().keys() - {"composed_node"}:
        for full in (name, f"robot1/{name}"):
            holders = [a["path"] for a in analyzers if any(text in full for text in a["contains"])]
            assert len(holders) == 1, (full, holders)
