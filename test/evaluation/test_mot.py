import importlib.resources
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.evaluation.mot import mot_tracks, read_mot, score, write_mot
from rt_gait_ros.tracking import Track, TrackFrame, TrackState

TRUTH = np.array([[frame, person, 100 * person, 50, 40, 90, 1.0] for frame in range(1, 11) for person in (1, 2)])


@pytest.fixture
def tud() -> Path:
    pytest.importorskip("motmetrics", reason="the TUD sequences come with motmetrics")
    return Path(str(importlib.resources.files("motmetrics"))) / "data" / "TUD-Campus"


def renamed(tracks: np.ndarray, old: int, new: int, first: int) -> np.ndarray:
    """The tracks with an id changed from a frame on."""
    changed = tracks.copy()
    changed[(changed[:, 1] == old) & (changed[:, 0] >= first), 1] = new
    return changed


def test_file_comes_back_as_written(tmp_path: Path) -> None:
    write_mot(tmp_path / "tracks.txt", TRUTH[::-1])
    assert np.array_equal(read_mot(tmp_path / "tracks.txt"), TRUTH)


def test_ground_truth_rows_to_ignore_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,1,0,0,9,9,1,1,1\n1,2,0,0,9,9,0,1,1\n1,3,0,0,9,9,1,7,1\n")
    assert read_mot(path)[:, 1].tolist() == [1]


@pytest.mark.parametrize("text", ["1,2,3\n", "1,1,a,0,9,9\n", "\xff\n"])
def test_other_files_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gt.txt"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(GaitError, match=r"^[^\n]*gt\.txt is not a MOTChallenge file"):
        read_mot(path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GaitError):
        read_mot(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("result", "switches", "idf1", "mota"),
    [
        (TRUTH, 0, 1.0, 1.0),
        (renamed(TRUTH, 1, 3, 6), 1, 0.75, 0.95),
        (TRUTH[TRUTH[:, 1] == 1], 0, 2 / 3, 0.5),
        (TRUTH[:0], 0, 0.0, 0.0),
    ],
    ids=["same", "one switch", "one person missed", "nothing"],
)
def test_score(result: np.ndarray, switches: int, idf1: float, mota: float) -> None:
    pytest.importorskip("trackers")
    scores = score(TRUTH, result)
    assert scores.switches == switches
    assert scores.idf1 == pytest.approx(idf1)
    assert scores.mota == pytest.approx(mota)


def test_hota_of_one_switch_by_hand() -> None:
    # Every box is found; half of them lie in tracks that have half of their person's boxes: association 1/2, else 1.
    pytest.importorskip("trackers")
    scores = score(TRUTH, renamed(TRUTH, 1, 3, 6))
    assert scores.association == pytest.approx(0.75, abs=1e-6)
    assert scores.hota == pytest.approx(np.sqrt(0.75), abs=1e-6)


def test_score_agrees_with_motmetrics(tud: Path) -> None:
    pytest.importorskip("trackers")
    motmetrics = pytest.importorskip("motmetrics")
    truth, result = motmetrics.io.loadtxt(tud / "gt.txt"), motmetrics.io.loadtxt(tud / "test.txt")
    summary = motmetrics.metrics.create().compute(
        motmetrics.utils.compare_to_groundtruth(truth, result, "iou", distth=0.5), metrics=["idf1", "mota"]
    )
    scores = score(read_mot(tud / "gt.txt"), read_mot(tud / "test.txt"))
    assert scores.idf1 == pytest.approx(summary["idf1"].item(), abs=0.01)
    assert scores.mota == pytest.approx(summary["mota"].item(), abs=0.01)


def test_only_confirmed_tracks_are_exported() -> None:
    def track(body_id: str, state: TrackState) -> Track:
        box = np.array([1, 2, 3, 4], dtype=np.float32)
        zeros = np.zeros(2, dtype=np.float32)
        return Track(body_id, state, box, zeros, np.zeros((2, 2)), None, None, 0.0, 0.5, 1, 0, False)

    frames = [
        TrackFrame(0, "c", 9, 9, tracks=[track("aaaaa", TrackState.TENTATIVE), track("bbbbb", TrackState.CONFIRMED)]),
        TrackFrame(1, "c", 9, 9, tracks=[track("bbbbb", TrackState.OCCLUDED), track("ccccc", TrackState.CONFIRMED)]),
    ]
    assert mot_tracks(frames).tolist() == [[1, 1, 1, 2, 3, 4, 0.5], [2, 2, 1, 2, 3, 4, 0.5]]
