"""Bags written by the library itself, as the nodes' input."""

import pytest

pytest.importorskip("rosbags", reason="the extra [bags] is not installed")
from rt_gait_ros.bags import BagError, BagReader, BagWriter
from rt_gait_ros.nodes.bag_input import BagInput, choose_topic
from rt_gait_ros.nodes.conversions import poses_to_message
from rt_gait_ros.nodes.message_bytes import to_bytes
from rt_gait_ros.pose.person import PoseFrame

PERIOD = 40_000_000  # ns
BEGIN = 1_700_000_000 * 10**9


@pytest.fixture
def write(tmp_path):
    """write(numbers): a bag of poses without people, stamped with these numbers of periods."""

    def make(numbers):
        with BagWriter(tmp_path / "bag") as bag:
            for place, number in enumerate(numbers):
                frame = PoseFrame(BEGIN + number * PERIOD, "camera", 1280, 720)
                data = to_bytes(poses_to_message(frame))
                bag.write("/person_poses", "rt_gait_ros/msg/PersonPoseArray", BEGIN + place * PERIOD, data)
        return tmp_path / "bag"

    return make


@pytest.mark.parametrize("whole", [0, 3, 8])
def test_what_was_read_before_the_damage_is_given(write, monkeypatch, whole):
    records = BagReader.records

    def damaged(bag, topics):
        for number, record in enumerate(records(bag, topics)):
            if number == whole:
                raise BagError(f"{bag.name} is damaged after {number} messages")
            yield record

    monkeypatch.setattr(BagReader, "records", damaged)
    given = []

    def take(bag):
        for frame in BagInput(bag, choose_topic(bag)):
            given.append(frame.stamp)

    with BagReader(write(range(12))) as bag, pytest.raises(BagError, match=f"damaged after {whole} messages"):
        take(bag)
    assert given == [BEGIN + number * PERIOD for number in range(whole)]


def test_messages_out_of_order_are_told_once_and_not_as_two_senders(write):
    numbers = list(range(150))
    for place in range(3, 148, 7):
        numbers[place : place + 2] = place + 1, place
    with BagReader(write(numbers)) as bag:
        source = BagInput(bag, choose_topic(bag))
        for _ in source:
            pass
    (problem,) = source.problems
    assert problem.startswith("21 of 150 messages on /person_poses are out of order")
