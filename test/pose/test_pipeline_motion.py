"""What the pose pipeline tells of motion: flow as gait frames, and how the camera moves."""

import cv2
import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.frame import Frame
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.pose.pipeline import PosePipeline
from rt_gait_ros.serving.inference import InferenceError

PATTERN = np.random.default_rng(4).integers(0, 255, (25, 6)).astype(np.uint8)


def patterned(client):
    """The image of one person of height 200, whose clothes have a pattern.

    That tells their motion all over, by every version of OpenCV; a plain bar tells it by its edges alone, if at all.
    """
    image = client.image()
    ((x, _, _),) = client.people
    left = round(x - 24)
    image[146:346, left : left + 48, :2] = cv2.resize(PATTERN, (48, 200), interpolation=cv2.INTER_CUBIC)[..., None]
    return image


def test_flow_frames_show_how_a_person_moves(client):
    pipeline = PosePipeline(client, PoseConfig(gait_frame_kind="flow"))
    seen = []
    for number, x in enumerate((300, 306)):
        client.people = [(x, 240, 200)]
        seen.append(pipeline.process(Frame(patterned(client), number * 40_000_000, "camera")))
    first, frame = seen
    assert (first.people[0].gait_frame, first.people[0].quality) == (None, 0.0)  # flow needs two images
    (person,) = frame.people
    assert (frame.gait_frame_kind, person.gait_frame.shape, person.gait_frame.dtype) == ("flow", (60, 60, 2), np.int16)
    assert person.quality > 0.9
    # hundredths of a pixel of 480 rows, which are 1.3 heights of the person
    middle = person.gait_frame[20:40, 28:32]
    np.testing.assert_allclose(np.median(middle, axis=(0, 1)), (6 * 100 * 480 / (1.3 * 200), 0), rtol=0.05, atol=10)


def test_flow_does_not_reach_over_a_pause(client):
    client.people = [(300, 240, 200)]
    pipeline = PosePipeline(client, PoseConfig(gait_frame_kind="flow"))
    seen = []
    for stamp in (1_000_000_000, 1_040_000_000, 5_000_000_000, 5_040_000_000):
        (person,) = pipeline.process(Frame(client.image(), stamp)).people
        seen.append(person.gait_frame is not None)
    assert seen == [False, True, False, True]


@pytest.mark.parametrize(("rate", "every"), [(25, 1), (30, 1), (60, 2), (120, 4)])
def test_flow_is_of_images_as_far_apart_as_the_networks_learned(client, rate, every):
    pipeline = PosePipeline(client, PoseConfig(gait_frame_kind="flow"))
    speeds = []
    for number in range(17):
        seconds = number / rate
        client.people = [(300 + 150 * seconds, 240, 200)]
        (person,) = pipeline.process(Frame(patterned(client), 10**9 + round(seconds * 1e9))).people
        if person.gait_frame is not None:
            speeds.append(np.median(person.gait_frame[20:40, 28:32, 0]))
    assert len(speeds) == 16 // every
    # hundredths of a pixel of 480 rows, which are 1.3 heights of the person
    assert np.median(speeds) == pytest.approx(150 * every / rate * 100 * 480 / (1.3 * 200), rel=0.05)


@pytest.mark.parametrize(("setting", "moved"), [("image", True), ("off", False)])
def test_the_motion_of_the_camera_is_told_where_it_is_asked_for(client, setting, moved):
    pipeline = PosePipeline(client, PoseConfig(camera_motion=setting))
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    room = np.repeat(np.repeat(noise, 12, axis=0), 12, axis=1)
    motions = [
        pipeline.process(Frame(room[:480, left : left + 640], (left + 1) * 2_000_000, "camera")).camera_motion
        for left in (0, 20, 40)
    ]
    assert motions[0] is None
    for motion in motions[1:]:
        assert (motion is not None) == moved
        if moved:
            np.testing.assert_allclose(motion, [[1, 0, -20], [0, 1, 0]], atol=0.2)


def test_the_motion_leads_over_an_image_that_was_lost(client):
    pipeline = PosePipeline(client, PoseConfig(camera_motion="image"))
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    room = np.repeat(np.repeat(noise, 12, axis=0), 12, axis=1)
    pipeline.process(Frame(room[:480, :640], 40_000_000, "camera"))
    client.down = {PoseConfig().detector}
    with pytest.raises(InferenceError):
        pipeline.process(Frame(room[:480, 10:650], 80_000_000, "camera"))
    client.down = set()
    motion = pipeline.process(Frame(room[:480, 20:660], 120_000_000, "camera")).camera_motion
    np.testing.assert_allclose(motion, [[1, 0, -20], [0, 1, 0]], atol=0.2)


def test_a_camera_motion_of_another_kind_is_refused():
    with pytest.raises(GaitError, match="camera_motion"):
        PoseConfig(camera_motion="odometry")
