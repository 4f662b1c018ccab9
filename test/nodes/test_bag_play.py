"""A bag played to real nodes as `ros2 bag play --clock` does it: looped, paused, and ended."""

import time

import pytest
import yaml
from gait_goals import NAMES_ANYBODY
from pacing import Stepping, walker
from rclpy.action import ActionClient
from rosgraph_msgs.msg import Clock

pytest.importorskip("rosbags", reason="the extra [bags] is not installed")
from rt_gait_ros.action import EnrollPerson
from rt_gait_ros.bags import BagReader, BagWriter
from rt_gait_ros.msg import GaitIdentityArray, PersonPoseArray, PersonTrack, PersonTrackArray
from rt_gait_ros.nodes.conversions import poses_to_message
from rt_gait_ros.nodes.headers import from_time, to_time
from rt_gait_ros.nodes.message_bytes import to_bytes
from rt_gait_ros.nodes.parameters import specifications
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.resources import resource

PERIOD = 40_000_000  # ns
BEGIN = 1_700_000_000 * 10**9  # years ago: nothing may go by the system's time
COUNT = 150
NODES = ("tracker_node", "gait_node")


class Player(Stepping):
    """Publishes what a bag holds, with the time of recording on /clock; each message after the answer to the former."""

    def __init__(self, ears, path):
        with BagReader(path) as bag:
            self._records = list(bag.records(["/person_poses"]))
        self._ears, self._following, self.loops = ears, 0, 0
        self._answers = ears.listen(GaitIdentityArray, "gait_identities")
        self._open()

    def _open(self):
        self._poses = self._ears.create_publisher(PersonPoseArray, "person_poses", 10)
        self._clock = self._ears.create_publisher(Clock, "/clock", 10)
        self._ears.until(lambda: self._poses.get_subscription_count() and self._clock.get_subscription_count() >= 2)

    def step(self):
        record = self._records[self._following]
        self._sent = record.received
        self._clock.publish(Clock(clock=to_time(record.received)))
        self._poses.publish(record.data)
        self._following = (self._following + 1) % len(self._records)
        self.loops += self._following == 0

    def end(self):
        """As the process that plays the bag ends."""
        self._ears.destroy_publisher(self._poses)
        self._ears.destroy_publisher(self._clock)

    def begin_again(self):
        self._following = 0
        self._open()


def test_in_a_new_round_a_message_waits_for_its_own_answer():
    """The newest answer's stamp is the highest of all when a bag begins again, in a loop or anew."""
    player = Player.__new__(Player)
    player._sent, player._answers = BEGIN + PERIOD, []
    answer = GaitIdentityArray()
    for stamp, answered in ((BEGIN + COUNT * PERIOD, False), (BEGIN, False), (BEGIN + PERIOD, True)):
        answer.header.stamp = to_time(stamp)
        player._answers = [answer]
        assert player._answered() == answered


@pytest.fixture
def bag(tmp_path):
    with BagWriter(tmp_path / "bag") as written:
        for number in range(COUNT):
            stamp = BEGIN + number * PERIOD
            frame = PoseFrame(stamp, "front", 1280, 720, people=[walker(number, 6)])
            kind = "rt_gait_ros/msg/PersonPoseArray"
            written.write("/person_poses", kind, stamp, to_bytes(poses_to_message(frame)))
    return tmp_path / "bag"


@pytest.mark.slow
def test_a_bag_in_a_loop_paused_and_ended_is_followed_by_its_own_time(launch, ears, bag, tmp_path):
    tracks = ears.listen(PersonTrackArray, "person_tracks")
    identities = ears.listen(GaitIdentityArray, "gait_identities")
    sim = {"use_sim_time": "true"}
    names = {"inference": "onnxruntime", "gallery": str(tmp_path / "gallery"), **NAMES_ANYBODY}
    nodes = [launch("tracker_node", sim), launch("gait_node", sim | names)]
    player = Player(ears, bag)

    def confirmed(since=0):
        return {t.body_id for m in tracks[since:] for t in m.tracks if t.state == PersonTrack.STATE_CONFIRMED}

    def named(since):
        """Bodies that were told to be Ada's in messages after that many."""
        return {i.body_id for message in identities[since:] for i in message.identities if i.name == "Ada"}

    def says(text):
        return all(text in ears.diagnosis(node).get("message", "") for node in NODES)

    def told(node, text, since):
        """Whether a node has said that in diagnostics after so many, whatever it says by now."""
        arrays = ears.heard["/diagnostics"][since:]
        return any(each.name == node and text in each.message for array in arrays for each in array.status)

    player.until(confirmed)
    client = ActionClient(ears, EnrollPerson, "/gait_node/enroll_person")
    ears.until(client.server_is_ready)
    player.until(lambda: player.loops >= 1)  # so that a whole loop is left to enrol in
    sending = client.send_goal_async(EnrollPerson.Goal(name="Ada", frames=30))
    player.until(sending.done)
    answer = sending.result().get_result_async()
    player.until(answer.done)
    client.destroy()
    assert answer.result().result.error_msg == ""

    # in a loop: everybody is somebody new, and known again
    for _ in range(2):
        loops, before = player.loops, confirmed()
        player.until(lambda: player.loops > loops)  # noqa: B023
        heard, seen = len(tracks), len(identities)
        player.until(lambda: named(seen) & confirmed(heard) - before)  # noqa: B023

    # paused: the clock stands, which is said, and nobody is blamed for silence
    ears.until(lambda: says("/clock stands still: the bag is paused"))
    end = time.monotonic() + 10.0  # longer than a silence that is a fault
    ears.until(lambda: time.monotonic() > end)
    assert says("/clock stands still: the bag is paused")
    since = len(ears.heard["/diagnostics"])
    player.until(lambda: all(told(node, "active", since) for node in NODES))

    # it has ended: as a pause; and is played again from its beginning
    player.end()
    ears.until(lambda: says("nobody publishes it any more: the bag or the simulator has ended"))
    before, heard, seen, again = confirmed(), len(tracks), len(identities), len(ears.heard["/diagnostics"])
    player.begin_again()
    player.until(lambda: named(seen) & confirmed(heard) - before)
    player.until(lambda: all(told(node, "active", again) for node in NODES))

    stamps = [from_time(message.header.stamp) for message in tracks]
    assert all(BEGIN <= stamp < BEGIN + COUNT * PERIOD for stamp in stamps)
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
