"""Bags of made-up walkers, written by the library itself, through the real chain behind the pose stage."""

import argparse
import json
import signal
import sqlite3
import sys
import threading
import time

import cv2
import numpy as np
import pytest
import rclpy
from pacing import walker
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rosgraph_msgs.msg import Clock

pytest.importorskip("rosbags", reason="the extra [bags] is not installed")
from rt_gait_ros.bags import BagError, BagReader, BagWriter
from rt_gait_ros.cli import export, main, replay
from rt_gait_ros.errors import UsageError
from rt_gait_ros.frame import Frame
from rt_gait_ros.gallery import Gallery
from rt_gait_ros.msg import GaitIdentityArray, PersonPoseArray, PersonTrackArray
from rt_gait_ros.nodes.bag_output import BagOutput
from rt_gait_ros.nodes.conversions import poses_to_message
from rt_gait_ros.nodes.headers import from_time
from rt_gait_ros.nodes.message_bytes import from_bytes, to_bytes
from rt_gait_ros.pipeline import GaitPipeline
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.signals import Ended

PERIOD = 40_000_000  # ns
POSES = "rt_gait_ros/msg/PersonPoseArray"
ADA, BOB = 6, 12  # breadths of made-up walkers


def run(module, *words):
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([*map(str, words)]))


def poses(number, breadth):
    people = [walker(number, breadth)] if breadth else []
    return PoseFrame((number + 1) * PERIOD, "camera", 1280, 720, people=people)


def add_poses(bag, frames):
    for number, frame in enumerate(frames):
        bag.write("/person_poses", POSES, number * PERIOD, to_bytes(poses_to_message(frame)))


def content(record):
    kinds = {"PersonPoseArray": PersonPoseArray, "PersonTrackArray": PersonTrackArray}
    message = from_bytes(record.data, kinds.get(record.kind.rpartition("/")[2], GaitIdentityArray))
    if isinstance(message, GaitIdentityArray):
        for entry in [one for identity in message.identities for one in (identity, *identity.candidates)]:
            assert entry.name == ("Ada" if entry.person_id else "")
            entry.person_id = ""
    return record.topic, record.received, str(message)


@pytest.fixture(scope="module")
def walks(tmp_path_factory):
    """A bag of person_poses alone: Ada walks by, nobody, Ada again."""
    folder = tmp_path_factory.mktemp("bags") / "walks"
    with BagWriter(folder) as bag:
        add_poses(bag, [poses(n, 0 if 100 <= n < 170 else ADA) for n in range(270)])
    return folder


def replayed(capsys, *words):
    assert run(replay, *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_bag_of_poses_is_enough_and_gives_the_same_each_time(walks, tmp_path, capsys):
    """All that is found, not the names alone, but the permanent id of whoever is enrolled, which is drawn."""
    said = []
    for name in ("first", "second"):
        said.append(replayed(capsys, walks, "--enroll", "Ada", "--enroll-frames", "30", "--record", tmp_path / name))
    assert said[0] == said[1]
    first, second = said[0]["people"]
    assert said[0]["enrolled"] == {"name": "Ada", "body_id": first["body_id"], "error": ""}
    assert (said[0]["images"], said[0]["left_out"], said[0]["known"]) == (270, 0, 1)
    assert second["name"] == "Ada", second
    topics = ["/person_poses", "/person_tracks", "/gait_identities"]
    records = []
    for name in ("first", "second"):
        with BagReader(tmp_path / name) as bag:
            assert {topic: bag.topics[topic].count for topic in topics} == dict.fromkeys(topics, 270)
            records.append([content(record) for record in bag.records(topics)])
    assert records[0] == records[1]


def test_who_is_known_is_named_with_a_copy_of_the_gallery(walks, tmp_path, capsys):
    gallery = tmp_path / "people.gallery"
    source = Gallery(gallery)
    assert source.persons == ()
    before = gallery.read_bytes()
    report = replayed(capsys, walks, "--gallery", gallery)
    assert gallery.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if "scenes" in path.name] == []
    assert [person["name"] for person in report["people"]] == ["", ""]
    assert all(person["reason"] for person in report["people"])
    with pytest.raises(UsageError, match="is not there"):
        run(replay, walks, "--gallery", tmp_path / "nobody.gallery")


@pytest.mark.parametrize("more", [(), ("--model", "gait_energy_image")])
def test_a_gallery_with_people_is_copied_and_left_alone(walks, tmp_path, capsys, more):
    gallery = tmp_path / "people.gallery"
    with GaitPipeline(gallery) as pipeline:
        enrollment = pipeline.enroll("", "艾达 🙂", frames=30)
        for number in range(100):
            pipeline.process_poses(poses(number, ADA))
    assert (enrollment.done, enrollment.message) == (True, "")
    before = gallery.read_bytes()
    report = replayed(capsys, walks, "--gallery", gallery, *more)
    assert (report["known"], gallery.read_bytes()) == (1, before)
    if not more:
        assert [person["name"] for person in report["people"]] == ["艾达 🙂", "艾达 🙂"]


def test_another_network_is_tried_on_the_same_bag(walks, capsys):
    report = replayed(capsys, walks, "--enroll", "Ada", "--enroll-frames", "30", "--model", "gait_energy_image")
    assert report["model"] == "gait_energy_image"
    with pytest.raises(UsageError, match=r"no network 'no_such_network' in .*gait_energy_image"):
        run(replay, walks, "--model", "no_such_network")
    with pytest.raises(UsageError, match="no model repository: /nowhere is not a folder"):
        run(replay, walks, "--repository", "/nowhere")


def images(numbers):
    for number in numbers:
        picture = np.zeros((48, 64, 3), np.uint8)
        cv2.circle(picture, (number % 64, 24), 5, (255, 255, 255), -1)
        yield Frame(picture, (number + 1) * PERIOD, "camera")


def test_an_empty_name_enrols_nobody_in_silence(walks, capsys):
    assert main.main(["replay", str(walks), "--enroll", ""]) == 2
    assert capsys.readouterr().err == "rt-gait replay: --enroll is empty: give the name of who is to be enrolled\n"


@pytest.mark.parametrize("quality", [0, 90])
def test_images_are_replayed_plain_and_compressed(tmp_path, capsys, quality):
    with BagWriter(tmp_path / "bag", "sqlite3") as bag:
        output = BagOutput(bag)
        for frame in images(range(3)):
            output.write_image("/image_raw", frame, quality)
    report = replayed(capsys, tmp_path / "bag")
    assert report["topic"] == ("/image_raw/compressed" if quality else "/image_raw")
    assert (report["images"], report["people"], report["seconds"]) == (3, [], 0.08)


def test_the_topic_to_begin_with_is_the_one_that_can_be_meant(tmp_path, capsys):
    with BagWriter(tmp_path / "bag") as bag:
        output = BagOutput(bag)
        (frame,) = images([0])
        for topic, quality in (("/front", 0), ("/front", 90), ("/front/depth", 0)):
            output.write_image(topic, frame, quality)
        add_poses(bag, [poses(0, 0)])
    assert replayed(capsys, tmp_path / "bag")["topic"] == "/front"
    assert replayed(capsys, tmp_path / "bag", "--poses")["topic"] == "/person_poses"
    assert replayed(capsys, tmp_path / "bag", "--topic", "front/compressed")["topic"] == "/front/compressed"
    with pytest.raises(BagError, match="no message on /rear: it has /front"):
        run(replay, tmp_path / "bag", "--topic", "/rear")
    with BagWriter(tmp_path / "two") as bag:
        for topic in ("/left", "/right"):
            BagOutput(bag).write_image(topic, frame)
    with pytest.raises(BagError, match="images on /left, /right: choose one with --topic"):
        run(replay, tmp_path / "two")
    with BagWriter(tmp_path / "none") as bag:
        bag.write("/talk", "std_msgs/msg/String", 1, b"1234")
    with pytest.raises(BagError, match=r"neither images nor .*: it holds /talk \(std_msgs/msg/String\)"):
        run(replay, tmp_path / "none")
    with pytest.raises(BagError, match="/talk holds std_msgs/msg/String"):
        run(replay, tmp_path / "none", "--topic", "talk")


def test_what_is_wrong_with_a_recording_is_one_line_each(tmp_path, capsys):
    """Out of order, no message at all, a loop that was recorded: counted, said, and the rest is used."""
    with BagWriter(tmp_path / "bag") as bag:
        add_poses(bag, [poses(n, ADA) for n in (0, 1, 3, 2, 4, 5, 100, 101, 0, 1, 2)])
        bag.write("/person_poses", POSES, 10**9, b"\x00\x01\x00\x00" + b"\xff" * 40)
    report = replayed(capsys, tmp_path / "bag")
    assert (report["images"], report["left_out"]) == (10, 2)
    late, unreadable, jump = sorted(report["problems"])
    assert late.startswith("1 of 12 messages on /person_poses are out of order")
    assert "1 of 12 messages on /person_poses cannot be read" in unreadable
    assert "jump back by 4.04 s" in jump
    with BagWriter(tmp_path / "broken") as bag:
        bag.write("/person_poses", POSES, 10**9, b"\x00\x01\x00\x00" + b"\xff" * 40)
    with pytest.raises(BagError, match=r"nothing on /person_poses of .* can be read: 1 of 1"):
        run(replay, tmp_path / "broken")


def test_of_a_loop_that_was_recorded_every_round_is_told(tmp_path, capsys):
    with BagWriter(tmp_path / "bag") as bag:
        add_poses(bag, [poses(n % 60, ADA) for n in range(180)])
    report = replayed(capsys, tmp_path / "bag")
    assert (report["images"], report["seconds"]) == (180, pytest.approx(179 * PERIOD / 1e9))
    assert len(report["people"]) == 3
    for number, person in enumerate(report["people"]):
        assert person["begin"] == pytest.approx(number * 60 * PERIOD / 1e9, abs=0.5)
        assert person["end"] == pytest.approx((number + 1) * 60 * PERIOD / 1e9, abs=0.5)


@pytest.mark.parametrize(("stamp", "wrong"), [(0, "is 0"), (5 * 10**9, "does not advance")])
def test_stamps_that_are_none_are_replaced_by_the_times_of_recording(tmp_path, capsys, stamp, wrong):
    """From the first message on: after a jump of decades, an enrolment would have had no time."""
    with BagWriter(tmp_path / "bag") as bag:
        for number in range(40):
            frame = PoseFrame(stamp, "camera", 1280, 720, people=[walker(number, ADA)])
            bag.write(
                "/person_poses", POSES, 1_700_000_000 * 10**9 + number * PERIOD, to_bytes(poses_to_message(frame))
            )
    report = replayed(capsys, tmp_path / "bag", "--enroll", "Ada", "--enroll-frames", "20")
    assert [f"header.stamp on /person_poses {wrong}" in problem for problem in report["problems"]] == [True]
    assert (report["images"], report["left_out"]) == (40, 0)
    assert report["seconds"] == pytest.approx(39 * PERIOD / 1e9)
    assert report["enrolled"]["error"] == ""


def test_poses_of_another_version_are_refused(tmp_path):
    with BagWriter(tmp_path / "bag", "sqlite3") as bag:
        add_poses(bag, [poses(0, ADA)])
    with sqlite3.connect(tmp_path / "bag" / "bag.db3") as database:
        database.execute(
            "update message_definitions set encoded_message_definition = "
            "replace(encoded_message_definition, 'float32 quality', 'float64 quality')"
        )
    with pytest.raises(BagError, match=r"of another version of this package .PersonPose another quality"):
        run(replay, tmp_path / "bag")


def test_a_video_becomes_a_bag_and_is_replayed(tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, frame in enumerate(images(range(4))):
        cv2.imwrite(str(folder / f"{number}.png"), frame.image)
    for words, topic in ((("--raw", "--storage", "sqlite3"), "/image_raw"), ((), "/image_raw/compressed")):
        out = tmp_path / f"bag{len(words)}"
        assert run(export, "bag", folder, out, "--fps", "10", *words, "--json") == 0
        summary = json.loads(capsys.readouterr().out)
        assert (summary["images"], summary["seconds"]) == (4, 0.3)
        assert replayed(capsys, out)["topic"] == topic
    for words, line in (
        ((out,), "there already"),
        ((tmp_path / "new", "--topic", "image"), "give a full name"),
        ((tmp_path / "new", "--jpeg-quality", "0"), "give 1 to 100"),
    ):
        with pytest.raises(UsageError, match=line):
            run(export, "bag", folder, *words)
    assert not (tmp_path / "new").exists()


def test_a_bag_is_published_at_its_pace_with_its_time(domain, walks, capsys):
    """Heard by a real subscriber, who joins late: at ten times the pace, a clock that only goes forward."""
    context = Context()
    rclpy.init(context=context)
    ears, clocks, stamps = rclpy.create_node("ears", context=context), [], []
    ears.create_subscription(Clock, "/clock", lambda message: clocks.append(from_time(message.clock)), 1000)
    ears.create_subscription(
        PersonPoseArray, "/person_poses", lambda message: stamps.append(from_time(message.header.stamp)), 1000
    )
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(ears)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    try:
        assert run(replay, walks, "--publish", "--poses", "--rate", "10", "--json") == 0
        deadline = time.monotonic() + 300
        while not (stamps and stamps[-1] == 270 * PERIOD) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        executor.shutdown()
        thread.join(300)
        ears.destroy_node()
        rclpy.shutdown(context=context)
    assert json.loads(capsys.readouterr().out)["published"] == 270
    assert stamps == sorted(stamps)
    assert stamps[-1] == 270 * PERIOD
    assert clocks == sorted(clocks)
    assert clocks[-1] <= 269 * PERIOD
    with pytest.raises(BagError, match="nothing to publish"):
        run(replay, walks, "--publish")
    with pytest.raises(UsageError, match="--rate 0"):
        run(replay, walks, "--publish", "--rate", "0")
    with pytest.raises(UsageError, match="are for --publish"):
        run(replay, walks, "--loop")
    with pytest.raises(UsageError, match="--enroll, --record: --publish plays the bag to nodes"):
        run(replay, walks, "--publish", "--enroll", "Ada", "--record", walks)


def test_a_loop_lasts_until_a_signal_and_ends_well(walks, monkeypatch, capsys):
    def interrupted(*words, **more):
        raise Ended(signal.SIGTERM)

    monkeypatch.setattr(replay, "play", interrupted)
    assert run(replay, walks, "--publish", "--poses", "--loop") == 0
    with pytest.raises(Ended):  # so that it exits as a shell tells it: the bag was not played to its end
        run(replay, walks, "--publish", "--poses")


def test_without_the_library_for_bags_the_command_is_named_that_brings_it(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith(("rosbags", "rt_gait_ros.bags"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "rt_gait_ros.cli.replay")
    monkeypatch.setitem(sys.modules, "rosbags", None)
    assert main.main(["replay", "somewhere"]) == 1
    assert "pip install 'rt-gait-ros[bags]'" in capsys.readouterr().err
