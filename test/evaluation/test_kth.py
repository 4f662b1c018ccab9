import json

import numpy as np
import pytest

from rt_gait_ros.datasets.video_walks import GaitSequence, VideoWalks
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation import kth
from rt_gait_ros.evaluation.kth import Pass


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
    rows = {(row["gallery"], row["probe"]): row for row in result.rows}
    assert set(rows) == {("d1", "d4"), ("d4", "d1")}
    row = rows["d1", "d4"]
    assert (row["probes"], row["people"]) == (3, 2)
    assert row["rank1"] == pytest.approx(2 / 3)
    assert row["rank1_person"] == 1.0
    assert row["floor"] == 0.609
    assert row["ci95"][0] < row["rank1"] < row["ci95"][1]
    assert row["rank1_one_pass"] == pytest.approx(2 / 3)
    # pass with pass: three pairs of one person, and five of two
    assert sorted(result.walks.genuine.tolist()) == [1.0, 1.0, 7.0]
    assert sorted(result.walks.impostor.tolist()) == [3.0, 5.0, 5.0, 9.0, 11.0]
    # probes: 01's two and 02's in d1; 01's one and 02's in d4, where 03 is enrolled, too
    assert result.ranks() == {1: pytest.approx(4 / 5), 2: 1.0}
    names, shares = result.confusion()
    assert names == ["01", "02", "03"]
    np.testing.assert_allclose(shares[:2], [[2 / 3, 1 / 3, 0], [0, 1, 0]])
    assert np.isnan(shares[2]).all()
    report = json.loads(json.dumps(kth.to_json([result]), allow_nan=False))
    assert (report["protocol"], report["model"], report["lost"], report["passes"]) == ("kth", "m", 2, 8)
    assert set(report["open_set"]) >= {"eer", "fnir_at_fpir_1"}


def test_passes_are_embedded_and_lost_ones_counted():
    frames = np.full((30, 64, 64), 3, np.uint8)
    video = VideoWalks((GaitSequence("aaaaa", np.arange(30), frames),), ((0, 40), (60, 90)))
    passes, lost = kth.embed_passes({("01", "d1"): video}, lambda frames: point(frames.mean()))
    assert lost == 1
    assert [(p.person, p.condition, p.embedding[0, 0]) for p in passes] == [("01", "d1", 3.0)]


def test_people_without_a_second_condition_are_nothing_to_evaluate():
    with pytest.raises(UsageError, match="nothing to evaluate"):
        kth.evaluate([Pass("01", "d1", point(0)), Pass("02", "d4", point(0))], 0, "m")


@pytest.fixture
def crowd():
    """Eight people in two conditions; in d4 everybody looks like person 0 of d1."""
    random = np.random.default_rng(1)
    people = random.normal(0, 1, (8, 1, 16)).astype(np.float32)
    noise = random.normal(0, 0.1, (2, 8, 1, 16))
    passes = [Pass(f"{n}", "d1", people[n] + noise[0, n]) for n in range(8)]
    return passes + [Pass(f"{n}", "d4", people[n] + noise[1, n] + 8 * people[0]) for n in range(8)]


def test_without_the_scenes_people_are_found_again(crowd):
    plain = kth.evaluate(crowd, 0, "m")
    free = kth.evaluate(crowd, 0, "m", kth.compare(crowd, True), True)
    assert plain.rows[0]["rank1"] < 0.5
    assert [row["rank1"] for row in free.rows] == [1.0, 1.0]
    report = kth.to_json([plain, free])
    assert [row["scene_normalisation"] for row in report["rows"]] == [False, False, True, True]
    assert report["open_set"]["eer"] == report["scene_normalisation"][1]["eer"] == 0.0
    assert report["scene_normalisation"][0]["eer"] > 0.1


def test_two_few_people_are_no_scene(crowd):
    with pytest.raises(UsageError, match="walks of others"):
        kth.compare([p for p in crowd if p.person < "4"], True)


def test_two_models_together_find_whom_each_alone_does_not(crowd):
    between = kth.compare(crowd, True)
    blind = [between.copy(), between.copy()]
    for each, people in zip(blind, ("0123", "4567"), strict=True):
        rows = [n for n, p in enumerate(crowd) if p.person in people]
        each[rows] = np.where(np.isnan(each[rows]), np.nan, 1.4)  # everybody is as far as any other
    alone = [kth.evaluate(crowd, 0, "m", each, True).rows[0]["rank1"] for each in blind]
    together = kth.evaluate(crowd, 0, "m", kth.fused(100 * blind[0] + 7, blind[1], crowd), True)
    assert alone == [0.5, 0.5]
    assert together.rows[0]["rank1"] == 1.0
