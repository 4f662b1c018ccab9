import json

import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation import kth
from rt_gait_ros.evaluation.kth import Pass
from rt_gait_ros.evaluation.walks import VideoWalks, Walk


def point(value):
    return np.array([[float(value), 0.0]], np.float32)


def test_figures_of_a_set_read_by_eye():
    passes = [
        Pass("01", "d1", point(0)),
        Pass("02", "d1", point(10)),
        Pass("01", "d4", point(1)),
        Pass("01", "d4", point(7)),  # alone nearer to 02; together with the first one 01's
        Pass("02", "d4", point(11)),
        Pass("03", "d4", point(5)),  # not in d1: not asked for there
    ]
    result = kth.evaluate(passes, 2, "m")
    rows = {(row["gallery"], row["probe"]): row for row in result.to_json()["rows"]}
    assert set(rows) == {("d1", "d4"), ("d4", "d1")}
    row = rows["d1", "d4"]
    assert (row["probes"], row["people"]) == (3, 2)
    assert row["rank1"] == pytest.approx(2 / 3)
    assert row["rank1_person"] == 1.0
    assert row["floor"] == 0.609
    assert row["ci95"][0] < row["rank1"] < row["ci95"][1]
    report = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert (report["protocol"], report["model"], report["lost"], report["passes"]) == ("kth", "m", 2, 8)
    assert set(report["open_set"]) >= {"eer", "fnir_at_fpir_1"}


def test_passes_are_embedded_and_lost_ones_counted():
    frames = np.full((30, 64, 64), 3, np.uint8)
    video = VideoWalks((Walk("aaaaa", np.arange(30), frames),), ((0, 40), (60, 90)))
    passes, lost = kth.embed_passes({("01", "d1"): video}, lambda frames: point(frames.mean()))
    assert lost == 1
    assert [(p.person, p.condition, p.embedding[0, 0]) for p in passes] == [("01", "d1", 3.0)]


def test_videos_are_found_by_name(tmp_path):
    for name in ("person01_d1.avi", "person01_d4.avi", "person02_d1.avi", "person02_d2.avi", "notes.txt"):
        (tmp_path / name).touch()
    assert list(kth.find_videos(tmp_path)) == [("01", "d1"), ("01", "d4"), ("02", "d1")]


@pytest.mark.parametrize("names", [[], ["person01_d1.avi", "person02_d1.avi"], ["person01_d1.avi", "person01_d4.avi"]])
def test_another_layout_is_refused(tmp_path, names):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match="personNN_dK"):
        kth.find_videos(tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        kth.find_videos(tmp_path / "none")


def test_people_without_a_second_condition_are_nothing_to_evaluate():
    with pytest.raises(UsageError, match="nothing to evaluate"):
        kth.evaluate([Pass("01", "d1", point(0)), Pass("02", "d4", point(0))], 0, "m")
