import pickle

import cv2
import numpy as np
import pytest

from rt_gait_ros.datasets.casia_b import Person
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.evaluation.casia_b import MOVED, OFF, OTHERS, SHIPPED, EmbedPerson, evaluate, find_people
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.gait.views import ViewMoments

MODEL = GaitModel("m", "silhouette", (64, 64), 1, 100, (1, 2))


def at(degrees: float) -> np.ndarray:
    """An embedding of one part: a point on the circle."""
    return np.array([[np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]], np.float32)


def embedded(places):
    """What the jobs give: {person: {sequence/view: angle}}."""
    counted = {"damaged": np.array(0), "refused": np.array([], np.str_)}
    return {who: {name: at(angle) for name, angle in walks.items()} | counted for who, walks in places.items()}


def people(places, more=0):
    """Who was looked for. more: sequences of the first that are there, but have no embedding."""
    found = [Person(name, dict.fromkeys(walks, ())) for name, walks in places.items()]
    found[0].sequences.update({f"lost/{n}": () for n in range(more)})
    return found


def test_rank_1_is_the_mean_over_pairs_of_different_views():
    places = {
        "075": {"nm-01/000": 0, "nm-01/090": 20, "nm-05/000": 1, "nm-05/090": 21},
        "076": {"nm-01/000": 40, "nm-01/090": 60, "nm-05/000": 41, "nm-05/090": 61},
    }
    report = evaluate(embedded(places), people(places), "m").to_json()
    # 000 in 090: 1 is nearer 20 (right), 41 is nearer 60 by 19 than 20 by 21 (right);
    # 090 in 000: 21 is nearer 40 by 19 than 0 by 21 (wrong), 61 is nearer 40 (right)
    summary = report["summary"]["NM"]
    assert summary["without_identical_view"] == pytest.approx(0.75)
    assert summary["by_probe_view"] == {"000": 1.0, "090": 0.5}
    # of the four pairs of views, the two identical ones are right throughout
    assert summary["with_identical_view"] == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert summary["one_walk_by_enrolled_view"] == {"000": 0.5, "090": 1.0}
    assert summary["probes"] == 4
    rows = {(row["gallery"], row["probe"]): row for row in report["rows"]}
    assert len(rows) == 4
    assert rows["000", "090"]["condition"] == "NM"
    assert (rows["000", "090"]["rank1"], rows["000", "090"]["probes"]) == (0.5, 2)
    assert rows["000", "090"]["ci95"] == pytest.approx([0.0945, 0.9055], abs=1e-3)
    assert [rows["090", view]["identical_view"] for view in ("000", "090")] == [False, True]
    assert (report["sequences"], report["missing"], report["lost"]) == (8, 212, 0)


def test_one_walk_is_the_mean_over_single_walks():
    places = {
        "001": {"nm-01/000": 0, "nm-02/000": 30, "nm-05/090": 31},
        "002": {"nm-01/000": 34, "nm-02/000": 90, "nm-05/090": 80},
    }
    summary = evaluate(embedded(places), people(places), "m").to_json()["summary"]["NM"]
    # all four enrolled: 31 is nearest to 30, 80 to 90. With nm-01 alone: 31 to 34 (wrong), 80 to 34. nm-02: both right
    assert summary["without_identical_view"] == 1.0
    assert summary["one_walk_enrolled"] == pytest.approx(0.75)


def test_lost_sequences_are_counted_and_are_no_probes():
    places = {
        "001": {"nm-01/000": 0, "nm-01/090": 1, "cl-01/000": 2},
        "002": {"nm-02/000": 90, "nm-02/090": 91, "cl-02/090": 89},
        "003": {"cl-02/090": 50},  # not enrolled
    }
    result = evaluate(embedded(places), people(places, more=3), "m")
    report = result.to_json()
    assert report["lost"] == 3
    assert list(report["summary"]) == ["CL"]
    assert (report["summary"]["CL"]["probes"], report["summary"]["CL"]["without_identical_view"]) == (2, 1.0)
    assert report["open_set"]["CL"]["eer"] == 0.0


@pytest.mark.parametrize(
    "places",
    [
        {"001": {"nm-01/000": 0, "nm-05/090": 1}},
        {"001": {"nm-01/000": 0, "nm-05/000": 1}, "002": {"nm-01/000": 9}},
        {"001": {"nm-01/000": 0}, "002": {"nm-01/090": 9}},
        {"001": {}, "002": {}},
    ],
    ids=["one person", "one view", "no probes", "nothing"],
)
def test_too_little_is_refused(places):
    with pytest.raises(UsageError, match="nothing to compare"):
        evaluate(embedded(places), people(places), "m")


@pytest.fixture
def crowd():
    """Twelve people who look more like others from the same view than like themselves from another."""
    random = np.random.default_rng(5)
    views = {"000": random.normal(0, 3, (1, 2, 8)), "090": random.normal(0, 3, (1, 2, 8))}
    made = {}
    for number in range(1, 13):
        person = random.normal(0, 1, (2, 8))
        walks = {
            f"{sequence}/{view}": (person + shift[0] + random.normal(0, 0.3, (2, 8))).astype(np.float32)
            for sequence in ("nm-01", "nm-02", "nm-05")
            for view, shift in views.items()
        }
        made[f"{number:03d}"] = walks | {"damaged": np.array(0), "refused": np.array([], np.str_)}
    return made


def test_views_are_taken_out_by_others_and_by_what_the_model_ships(crowd):
    looked_for = [Person(name, {key: () for key in walks if "/" in key}) for name, walks in crowd.items()]
    all_walks = [(key[-3:], walks[key]) for walks in crowd.values() for key in walks if "/" in key]
    prior = ViewMoments.of(
        np.stack([look for _, look in all_walks]), np.array([int(view == "090") for view, _ in all_walks]), 2
    ).prior()
    result = evaluate(crowd, looked_for, "m", (OFF, OTHERS, SHIPPED), prior)
    report = result.to_json()
    rates = {each["view_centring"]: each["summary"]["NM"]["without_identical_view"] for each in report["variants"]}
    assert rates[OFF] < 0.6
    assert rates[OTHERS] > 0.9
    assert rates[SHIPPED] > 0.9
    assert [each["views_right"] for each in report["variants"]] == [None, 1.0, None]
    assert report["view_centring"] == SHIPPED, "what the recogniser does stands first"
    assert report["summary"]["NM"]["without_identical_view"] == rates[SHIPPED]
    assert evaluate(crowd, looked_for, "m", (OFF, OTHERS)).to_json()["view_centring"] == OFF
    assert evaluate(crowd, looked_for, "m", (OTHERS,)).to_json()["view_centring"] == OTHERS


def test_views_that_a_model_ships_are_moved_by_others_of_the_scene(crowd):
    """The camera adds to everybody what the model has never seen."""
    looked_for = [Person(name, {key: () for key in walks if "/" in key}) for name, walks in crowd.items()]
    looks = [(key[-3:], walks[key]) for walks in crowd.values() for key in walks if "/" in key]
    views = np.array([int(view == "090") for view, _ in looks])
    prior = ViewMoments.of(np.stack([look for _, look in looks]), views, 2).prior()
    mark = np.random.default_rng(1).normal(0, 2, (2, 8)).astype(np.float32)
    elsewhere = {
        name: {key: value + mark if "/" in key else value for key, value in walks.items()}
        for name, walks in crowd.items()
    }
    result = evaluate(elsewhere, looked_for, "m", (SHIPPED, MOVED), prior)
    plain = evaluate(elsewhere, looked_for, "m", (OFF,), prior).variants[0]
    off, shipped, moved = (
        each.conditions["NM"].summary()["without_identical_view"] for each in (plain, *result.variants)
    )
    assert off < 0.6
    assert min(shipped, moved) > 0.8
    assert result.to_json()["view_centring"] == MOVED
    few = dict(list(elsewhere.items())[:7])
    with pytest.raises(UsageError, match="7 people are too few to move views by"):
        evaluate(few, looked_for[:7], "m", (MOVED,), prior)


def test_too_few_people_tell_no_views(crowd):
    few = {name: crowd[name] for name in list(crowd)[:7]}
    looked_for = [Person(name, {key: () for key in walks if "/" in key}) for name, walks in few.items()]
    with pytest.raises(UsageError, match="7 people are too few to know the views by"):
        evaluate(few, looked_for, "m", (OTHERS,))


def sequence(folder, frames, *, pickled=False):
    folder.mkdir(parents=True)
    shown = np.zeros((frames, 64, 64), np.uint8)
    shown[:, :, 20:40] = 255
    if pickled:
        (folder / f"{folder.name}.pkl").write_bytes(pickle.dumps(shown))
    for number in range(0 if pickled else frames):
        cv2.imwrite(str(folder / f"{number:03}.png"), shown[number])


def embed(frames):
    return at(len(frames))


def test_one_good_frame_is_enough_unless_the_model_says_otherwise(tmp_path, embedder_of):
    sequence(tmp_path / "nm-01" / "090", 1)
    files = list(tmp_path.rglob("*.png"))
    np.testing.assert_allclose(EmbedPerson()(files, embedder_of(embed, MODEL))["nm-01/090"], at(1), atol=1e-3)
    wants_two = GaitModel("m", "silhouette", (64, 64), 2, 100, (1, 2))
    assert "nm-01/090" not in EmbedPerson()(files, embedder_of(embed, wants_two))


def test_pictures_and_pickles_of_a_person_are_embedded_and_the_unusable_counted(tmp_path, embedder_of):
    sequence(tmp_path / "nm-01" / "090", 5)
    sequence(tmp_path / "nm-02" / "090", 7, pickled=True)
    (tmp_path / "nm-03" / "090").mkdir(parents=True)
    (tmp_path / "nm-03" / "090" / "090.pkl").write_bytes(pickle.dumps({"frames": 3}))
    (tmp_path / "nm-01" / "090" / "004.png").write_bytes(b"")
    files = sorted(path for path in tmp_path.rglob("*.*") if path.is_file())
    made = EmbedPerson(frames=6)(files, embedder_of(embed, MODEL))
    assert sorted(made) == ["damaged", "nm-01/090", "nm-02/090", "refused"]
    np.testing.assert_allclose(made["nm-01/090"], at(4), atol=1e-3)
    np.testing.assert_allclose(made["nm-02/090"], at(6), atol=1e-3)
    assert int(made["damaged"]) == 1
    assert "it holds dict" in made["refused"][0]


def test_an_embedding_that_cannot_be_kept_is_refused(tmp_path, embedder_of):
    sequence(tmp_path / "nm-01" / "090", 1)
    with pytest.raises(GaitError, match="beyond 65504"), np.errstate(over="ignore"):
        EmbedPerson()(list(tmp_path.rglob("*.png")), embedder_of(lambda frames: at(0) * 1e6, MODEL))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["nm-01/090", "nm-05/090/1.bmp"], "NM 1-4 of 0 people; 2 at least"),
        (["nm-01/090/1.jpg", "nm-05/090/1.jpg"], "NM 1-4 of 0 people"),
        (["nm-05/090/1.png"], "NM 1-4 of 0 people"),
        (["nm-01/090/1.png", "nm-02/090/1.png"], "NM 5-6, BG 1-2, CL 1-2 of 0 people; 1 at least"),
        (["nm-01/1.png", "nm-05/1.png"], "is not CASIA-B"),
    ],
)
def test_a_folder_of_another_layout_is_refused_before_anything_is_computed(tmp_path, files, says):
    for person in ("001", "002", "003"):
        for name in files:
            path = tmp_path / person / name
            (path.parent if path.suffix else path).mkdir(parents=True, exist_ok=True)
            if path.suffix:
                path.write_bytes(b"")
    with pytest.raises(UsageError, match=says):
        find_people(tmp_path, range(1, 125))


def test_one_person_is_refused(tmp_path):
    (tmp_path / "001" / "nm-01" / "000").mkdir(parents=True)
    with pytest.raises(UsageError, match="has 1 of the people asked for"):
        find_people(tmp_path, range(1, 125))
