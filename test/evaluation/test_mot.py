import numpy as np
import pytest

from rt_gait_ros.datasets.mot_challenge import Boxes, read_tracks, read_truth
from rt_gait_ros.evaluation.mot import Tracks, prepared, score
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

    @pytest.mark.parametrize("benchmark", ["MOT15", "MOT17", "MOT20"])
    def test_as_trackeval_scores_the_same_files(self, tmp_path, benchmark):
        """Vehicles and static people beside the pedestrians, a box that does not count, tracks on all of them."""
        truth, tracks = sequence_files(tmp_path, benchmark)
        pairs = prepared(read_truth(truth, 20, mot20=benchmark == "MOT20"), read_tracks(tracks, 20))
        result = score([pairs])
        theirs = trackeval_of(tmp_path, benchmark)
        assert 0 < result.hota < 1
        assert result.hota == pytest.approx(np.mean(theirs["HOTA"]["HOTA"]))
        assert result.idf1 == pytest.approx(theirs["Identity"]["IDF1"])
        assert result.mota == pytest.approx(theirs["CLEAR"]["MOTA"])


def sequence_files(folder, benchmark):
    """Ground truth and results in the folders in which TrackEval looks for them; MOT15 has world coordinates."""
    random = np.random.default_rng(5)
    truth, tracks = [], []
    for n in range(1, 21):
        for number, (counts, kind) in enumerate([(1, 1), (1, 1), (0, 1), (1, 7), (1, 6), (1, 3)], start=1):
            box = np.array([10 + 110 * number + 3 * n, 50 + n, 40, 100], float)
            more = f"{0.1 * n:.4f},{number}.5,0" if benchmark == "MOT15" else f"{kind},1"
            truth.append(f"{n},{number},{','.join(map(str, box))},{counts},{more}\n")
            if random.random() < 0.8:
                left, top = box[:2] + random.normal(0, 4, 2)
                tracks.append(f"{n},{number if n < 12 else 7 - number},{left:.2f},{top:.2f},40,100,0.9,-1,-1,-1\n")
    paths = folder / "gt" / "A" / "gt" / "gt.txt", folder / "tracks" / "ours" / "data" / "A.txt"
    for path, lines in zip(paths, (truth, tracks), strict=True):
        path.parent.mkdir(parents=True)
        path.write_text("".join(lines))
    return paths


def trackeval_of(folder, benchmark):
    """What TrackEval's own reading of the files and its preparation give."""
    from trackeval import datasets, metrics

    files = datasets.MotChallenge2DBox({
        "GT_FOLDER": str(folder / "gt"), "TRACKERS_FOLDER": str(folder / "tracks"), "SEQ_INFO": {"A": 20},
        "BENCHMARK": benchmark, "SKIP_SPLIT_FOL": True, "PRINT_CONFIG": False,
    })  # fmt: skip
    data = files.get_preprocessed_seq_data(files.get_raw_seq_data("ours", "A"), "pedestrian")
    told = {"THRESHOLD": 0.5, "PRINT_CONFIG": False}
    return {m.get_name(): m.eval_sequence(data) for m in (metrics.HOTA(), metrics.Identity(told), metrics.CLEAR(told))}
