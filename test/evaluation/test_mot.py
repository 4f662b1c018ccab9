import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.mot import Boxes, Tracks, read_mot, score, write_mot
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.tracking import Tracker


def walk(*people):
    """Boxes by image number: for every person a function of the number to (id, left), or None."""
    images = {}
    for number in range(1, 11):
        seen = [found for person in people if (found := person(number))]
        images[number] = Boxes.of([i for i, _ in seen], [(x, 0, 40, 100) for _, x in seen])
    return images


def left(n):
    return 1, 10 * n


def right(n):
    return 2, 500 - 10 * n


def test_a_file_gives_back_what_was_written(tmp_path):
    images = walk(left, right)
    write_mot(tmp_path / "out.txt", images)
    again = read_mot(tmp_path / "out.txt")
    assert again.keys() == images.keys()
    for number, boxes in images.items():
        np.testing.assert_array_equal(again[number].ids, boxes.ids)
        np.testing.assert_allclose(again[number].boxes, boxes.boxes)


def test_of_a_ground_truth_only_people_that_count_are_read(tmp_path):
    (tmp_path / "gt.txt").write_text("1,1,0,0,9,9,1,1,0.5\n1,2,0,0,9,9,0,1,1\n1,3,0,0,9,9,1,7,1\n")
    assert read_mot(tmp_path / "gt.txt")[1].ids.tolist() == [1]


@pytest.mark.parametrize("text", ["a,b,c\n", "1,2,3\n", "1,2,3,4,5,6,7\n1,2\n"])
def test_what_is_no_such_file(tmp_path, text):
    (tmp_path / "det.txt").write_text(text)
    with pytest.raises(UsageError, match="no MOTChallenge file"):
        read_mot(tmp_path / "det.txt")


def test_a_missing_file(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_mot(tmp_path / "det.txt")


def test_only_confirmed_tracks_are_results():
    tracker, tracks = Tracker(), Tracks()
    box = np.array([100, 100, 40, 100], np.float32)
    people = [PersonPose(np.empty((0, 3), np.float32), box, 0.9)]
    found = [tracks.boxes(tracker.update(PoseFrame(k * 40_000_000, "c", 640, 480, people=people))) for k in range(4)]
    assert [boxes.ids.tolist() for boxes in found] == [[], [], [1], [1]]


@pytest.mark.parametrize(("unseen", "reported"), [(2, 2), (0, 0), (5, 5)])
def test_who_is_missed_for_a_moment_is_a_result_and_then_no_more(unseen, reported):
    tracker, tracks = Tracker(), Tracks(unseen)
    somebody = [PersonPose(np.empty((0, 3), np.float32), np.array([100, 100, 40, 100], np.float32), 0.9)]
    images = [somebody] * 10 + [[]] * 10
    found = [
        tracks.boxes(tracker.update(PoseFrame(k * 40_000_000, "c", 640, 480, people=people)))
        for k, people in enumerate(images)
    ]
    assert [len(boxes.ids) for boxes in found[10:]] == [1] * reported + [0] * (10 - reported)


class TestScore:
    @pytest.fixture(autouse=True)
    def _library(self):
        pytest.importorskip("trackeval")

    def test_perfect(self):
        truth = walk(left, right)
        result = score([(truth, truth)])
        assert (result.hota, result.idf1, result.mota, result.switches) == pytest.approx((1, 1, 1, 0))

    def test_two_who_are_swapped_half_way(self):
        tracks = walk(lambda n: (1 if n <= 5 else 2, 10 * n), lambda n: (2 if n <= 5 else 1, 500 - 10 * n))
        result = score([(walk(left, right), tracks)])
        # All is found: DetA 1. Of the pairs (person, track) each is 5 of 15 images: AssA 1/3 (Luiten et al. 2020).
        assert (result.deta, result.assa, result.hota) == pytest.approx((1, 1 / 3, 3**-0.5))
        assert result.idf1 == pytest.approx(0.5)
        assert result.switches == 2
        assert result.mota == pytest.approx(1 - 2 / 20)

    def test_one_of_two_is_missed(self):
        result = score([(walk(left, right), walk(left))])
        assert (result.deta, result.assa) == pytest.approx((0.5, 1))
        assert result.idf1 == pytest.approx(2 / 3)

    def test_sequences_count_together(self):
        truth = walk(left, right)
        assert score([(truth, truth), (truth, walk(left))]).mota == pytest.approx(0.75)

    def test_nobody_found(self):
        result = score([(walk(left), {})])
        assert (result.hota, result.idf1, result.switches) == (0, 0, 0)
