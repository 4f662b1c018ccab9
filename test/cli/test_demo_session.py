import os
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from rt_gait_ros.bags import BagReader, BagWriter
from rt_gait_ros.cli import demo_session
from rt_gait_ros.cli.demo_session import run_session
from rt_gait_ros.demo.processes import NodeDied, NodeProcesses
from rt_gait_ros.demo.video import read_video
from rt_gait_ros.nodes import demo_listener as listener
from rt_gait_ros.nodes.bag_input import BagInput, choose_topic


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """The machine may be busy."""
    monkeypatch.setattr(listener, "PATIENCE", 600.0)


@pytest.fixture
def empty_scene(tmp_path):
    """Two seconds in which nobody walks by."""
    path = tmp_path / "scene.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 240))
    for _ in range(20):
        writer.write(np.full((240, 320, 3), 90, np.uint8))
    writer.release()
    return read_video(path, 1.0)


def children():
    """Processes of ours that run."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return set(file.read().split())


@pytest.mark.slow
def test_images_go_through_four_processes_and_nothing_stays(triton_installed, empty_scene, tmp_path):
    before = children()
    seen = []
    with BagWriter(tmp_path / "bag") as bag:
        outcome = run_session(
            empty_scene,
            "Ada",
            tmp_path / "logs",
            lambda recording, enrolment: seen.append(len(recording.camera)),
            seen.append,
            bag,
        )
    # how many of the twenty come through is the machine's affair; none is made up
    assert 0 < len(outcome.recording.camera) <= 20
    numbers = [outcome.recording.frame_number(stamp) for stamp in sorted(outcome.recording.identities)]
    assert numbers
    assert numbers == sorted(numbers)
    assert outcome.enrolment.error == "nobody walked before --enroll-until"
    pids = outcome.surroundings["processes"]
    assert len(set(pids.values())) == len(pids) == 6
    assert outcome.surroundings["triton_version"].startswith("2.")
    assert children() == before
    with BagReader(tmp_path / "bag") as recorded:
        topics = {"/camera_info", "/image_raw/compressed", "/person_poses", "/person_tracks", "/gait_identities"}
        assert recorded.topics.keys() == topics
        assert all(topic.count <= 20 for topic in recorded.topics.values())  # none of the images of the warm-up
        frames = list(BagInput(recorded, choose_topic(recorded)))
    assert 0 < len(frames) <= 20
    assert {frame.image.shape for frame in frames} == {(240, 320, 3)}


def session(scene, folder, **pose):
    """A run whose report nobody reads. pose: parameters of the pose node."""
    run_session(scene, "Ada", folder / "logs", lambda recording, enrolment: None, lambda line: None, **pose)


def test_a_node_that_cannot_start_is_told_at_once(triton_installed, empty_scene, tmp_path):
    before = children()
    with pytest.raises(NodeDied, match=r"pose_node ended with exit code 2: .*detector_period"):
        session(empty_scene, tmp_path, detector_period=-1)
    assert children() == before


def test_nodes_that_do_not_answer_are_not_waited_for_forever(triton_installed, empty_scene, tmp_path, monkeypatch):
    check = NodeProcesses.check

    def check_until_one_complains(nodes):
        check(nodes)
        if "gait_energy_image" in nodes.complaints():
            monkeypatch.setattr(listener, "PATIENCE", 0.0)

    monkeypatch.setattr(NodeProcesses, "check", check_until_one_complains)
    with pytest.raises(
        listener.NotReady, match=r"no image came through .*: see the logs in .*pose_node: .*gait_energy_image"
    ):
        session(empty_scene, tmp_path, detector="gait_energy_image")


@pytest.mark.parametrize(("name", "error"), [("", ""), ("Ada", "nobody walked before --enroll-until")])
def test_whoever_is_not_to_be_enrolled_is_no_error(empty_scene, name, error):
    recording = SimpleNamespace(frames_sent=empty_scene.frames, camera=[1])
    heard = SimpleNamespace(recording=recording, enrolment=None, spin=lambda seconds: None)
    enrolment = demo_session._play(empty_scene, name, heard, None, lambda recording, enrolment: None)
    assert (enrolment.name, enrolment.error) == (name, error)
