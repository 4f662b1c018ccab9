from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from rt_gait_ros.datasets.mot_challenge import read_mot, write_mot
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.track_export import export_tracks, numbered, recording_of
from rt_gait_ros.pipeline.tracking import TrackingPipeline
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.sources import Frame, open_source

FPS = 25.0


class Poses:
    """Sees a walker in every image, and somebody unsure in the first."""

    def __init__(self, client, config):
        pass

    def process(self, frame):
        number = round(frame.stamp * 1e-9 * FPS)
        unseen = np.tile(np.array([np.nan, np.nan, 0], np.float32), (18, 1))
        people = [PersonPose(unseen, np.array([100 + 4 * number, 50, 40, 100], np.float32), 0.9)]
        if number == 0:
            people.append(PersonPose(unseen, np.array([400, 50, 40, 100], np.float32), 0.2))
        return PoseFrame(frame.stamp, "camera", 640, 480, people=people)


@pytest.fixture
def pipeline(monkeypatch):
    monkeypatch.setattr("rt_gait_ros.pipeline.tracking.PosePipeline", Poses)
    return TrackingPipeline(None, seed=0)


def frames(*numbers):
    return [(1 + number, Frame(np.zeros((4, 4, 3), np.uint8), round(number / FPS * 1e9))) for number in numbers]


def test_a_recording_is_tracked_and_comes_back_from_its_file(tmp_path, pipeline):
    told = []
    export = export_tracks(frames(*range(150)), pipeline, progress=told.append)
    assert (export.images, export.bodies, export.width, export.height, told) == (150, 1, 640, 480, [100])
    write_mot(tmp_path / "walk.txt", export.tracks)
    read = read_mot(tmp_path / "walk.txt")
    assert sorted(read) == list(range(3, 151))  # two images to be believed
    np.testing.assert_allclose(read[150].boxes, [[100 + 4 * 149, 50, 40, 100]], atol=2)
    write_mot(tmp_path / "det.txt", export.people)
    people = read_mot(tmp_path / "det.txt")
    assert [len(people[number].ids) for number in (1, 2)] == [2, 1]
    assert set(people[1].ids) == {-1}


def test_an_image_that_is_missing_leaves_a_gap(pipeline):
    export = export_tracks(iter(frames(0, 1, 2, 3, 6, 7, 8)), pipeline, most=6)
    assert list(export.tracks) == [1, 2, 3, 4, 7, 8]


def test_images_are_numbered_as_they_lie_in_the_recording(tmp_path):
    for number in range(5):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((4, 4, 3), number, np.uint8))
    (tmp_path / "2.png").write_bytes(b"damaged")
    with open_source(str(tmp_path), pace=False, report=lambda line: None) as source:
        found = [(number, frame.image[0, 0, 0]) for number, frame in numbered(source)]
    assert found == [(1, 0), (2, 1), (4, 3), (5, 4)]


def test_each_image_of_an_uneven_video_has_a_number_of_its_own(tmp_path):
    times = [*range(0, 400, 40), *range(400, 2400, 200)]  # milliseconds
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time in times:
            image = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
            image.pts, image.time_base = time, Fraction(1, 1000)
            output.mux(stream.encode(image))
        output.mux(stream.encode())
    with open_source(str(tmp_path / "a.mkv"), pace=False) as source:
        found = list(numbered(source))
    assert [number for number, _ in found] == list(range(1, 21))
    assert [round((frame.stamp - found[0][1].stamp) * 1e-6) for _, frame in found] == times


def test_a_sequence_says_where_its_images_are(tmp_path):
    (tmp_path / "frames").mkdir()
    info = tmp_path / "seqinfo.ini"
    info.write_text("[Sequence]\nimDir=frames\nframeRate=14\n")
    assert recording_of(tmp_path) == (tmp_path / "frames", 14.0)
    for text, line in (
        ("[Sequence]\nframeRate=14\n", "img1 is not there"),
        ("[Sequence]\nframeRate=0\n", "images per second"),
        ("frameRate=14\n", r"no MOTChallenge seqinfo\.ini"),
    ):
        info.write_text(text)
        with pytest.raises(UsageError, match=line):
            recording_of(tmp_path)
