import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.mot_files import read_mot, write_mot
from rt_gait_ros.evaluation.track_export import export_tracks, recording_of
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.sources.frame import Frame

FPS = 25.0


class Pipeline:
    """Sees a walker in every image, and somebody unsure in the first."""

    def process(self, frame):
        number = round(frame.stamp * 1e-9 * FPS)
        unseen = np.tile(np.array([np.nan, np.nan, 0], np.float32), (18, 1))
        people = [PersonPose(unseen, np.array([100 + 4 * number, 50, 40, 100], np.float32), 0.9)]
        if number == 0:
            people.append(PersonPose(unseen, np.array([400, 50, 40, 100], np.float32), 0.2))
        return PoseFrame(frame.stamp, "camera", 640, 480, people=people)


def frames(*numbers):
    return [Frame(np.zeros((4, 4, 3), np.uint8), round(number / FPS * 1e9)) for number in numbers]


def test_a_recording_is_tracked_and_comes_back_from_its_file(tmp_path):
    told = []
    export = export_tracks(frames(*range(150)), Pipeline(), FPS, progress=told.append)
    assert (export.images, export.bodies, export.width, export.height, told) == (150, 1, 640, 480, [100])
    write_mot(tmp_path / "walk.txt", export.tracks)
    read = read_mot(tmp_path / "walk.txt")
    assert sorted(read) == list(range(3, 151))  # two images to be believed
    np.testing.assert_allclose(read[150].boxes, [[100 + 4 * 149, 50, 40, 100]], atol=2)
    write_mot(tmp_path / "det.txt", export.people)
    people = read_mot(tmp_path / "det.txt")
    assert [len(people[number].ids) for number in (1, 2)] == [2, 1]
    assert set(people[1].ids) == {-1}


def test_an_image_that_is_missing_leaves_a_gap():
    export = export_tracks(frames(0, 1, 2, 3, 6, 7), Pipeline(), FPS)
    assert list(export.tracks) == [1, 2, 3, 4, 7, 8]


def test_a_cameras_images_are_counted_and_it_ends_when_asked():
    export = export_tracks(iter(frames(0, 1, 2, 5, 6, 7, 8)), Pipeline(), 0.0, most=5)
    assert list(export.tracks) == [1, 2, 3, 4, 5]


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
