import cv2
import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation import casia_b
from rt_gait_ros.evaluation.casia_b import embed_person, evaluate, find_people, read_silhouette
from rt_gait_ros.gait.model import GaitModel

MODEL = GaitModel("m", "silhouette", (64, 64), 1, 100, (1, 2))


def at(degrees: float) -> np.ndarray:
    """An embedding of one part: a point on the circle."""
    return np.array([[np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]], np.float32)


def embedded(places):
    """What the jobs give: {person: {sequence/view: angle}}."""
    return {
        person: {name: at(angle) for name, angle in sequences.items()} | {"damaged": np.array(0)}
        for person, sequences in places.items()
    }


def test_rank_1_is_the_mean_over_pairs_of_different_views():
    people = {
        "075": {"nm-01/000": 0, "nm-01/090": 20, "nm-05/000": 1, "nm-05/090": 21},
        "076": {"nm-01/000": 40, "nm-01/090": 60, "nm-05/000": 41, "nm-05/090": 61},
    }
    (row,) = evaluate(embedded(people), 8, "m").to_json()["rows"]
    # 000 in 090: 1 is nearer 20 (right), 41 is nearer 60 by 19 than 20 by 21 (right);
    # 090 in 000: 21 is nearer 40 by 19 than 0 by 21 (wrong), 61 is nearer 40 (right)
    assert row["rank1"] == pytest.approx(0.75)
    assert row["by_view"] == {"000": 1.0, "090": 0.5}
    # of the four pairs of views, the two identical ones are right throughout
    assert row["rank1_identical"] == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert (row["gallery"], row["probe"], row["probes"]) == ("NM#1-4", "NM#5-6", 4)


def test_lost_sequences_are_counted_and_are_no_probes():
    people = {
        "001": {"nm-01/000": 0, "nm-01/090": 1, "cl-01/000": 2},
        "002": {"nm-02/000": 90, "nm-02/090": 91, "cl-02/090": 89},
    }
    result = evaluate(embedded(people), 9, "m")
    assert result.lost == 3
    assert [(row.probe, row.probes, row.rank1) for row in result.rows] == [("CL#1-2", 2, 1.0)]
    assert result.to_json()["open_set"]["eer"] == 0.0


@pytest.mark.parametrize(
    "people",
    [
        {"001": {"nm-01/000": 0, "nm-05/090": 1}},
        {"001": {"nm-01/000": 0, "nm-05/000": 1}, "002": {"nm-01/000": 9}},
        {"001": {"nm-01/000": 0}, "002": {"nm-01/090": 9}},
    ],
    ids=["one person", "one view", "no probes"],
)
def test_too_little_is_refused(people):
    with pytest.raises(UsageError, match="nothing to compare"):
        evaluate(embedded(people), 9, "m")


def picture(height=240, width=320, value=255):
    mask = np.zeros((height, width), np.uint8)
    mask[height // 6 : height - height // 6, width // 2 - width // 16 : width // 2 + width // 16] = value
    return mask


@pytest.mark.parametrize("size", [(240, 320), (64, 64)], ids=["raw", "cut"])
def test_both_forms_of_the_set_are_read(tmp_path, size):
    path = tmp_path / "001-nm-01-090-001.png"
    cv2.imwrite(str(path), picture(*size))
    silhouette = read_silhouette(path)
    assert silhouette.shape == (64, 64)
    if size == (64, 64):
        np.testing.assert_array_equal(silhouette, picture(64, 64))
    else:
        assert silhouette[[0, 63]].any(axis=1).all()


@pytest.mark.parametrize("spoil", ["cut off", "empty file", "no picture", "black", "black cut"])
def test_unusable_pictures_are_counted_and_a_sequence_of_them_is_lost(tmp_path, spoil):
    sequence = tmp_path / "nm-01" / "090"
    sequence.mkdir(parents=True)
    path = sequence / "1.png"
    cv2.imwrite(
        str(path), picture(64, 64, 0) if spoil == "black cut" else picture(value=0 if spoil == "black" else 255)
    )
    content = {"cut off": path.read_bytes()[:-30], "empty file": b"", "no picture": b"IEND\xaeB`\x82"}
    path.write_bytes(content.get(spoil, path.read_bytes()))
    made = embed_person([path], lambda frames: at(len(frames)), MODEL)
    assert made == {"damaged": np.array(1)}


def test_one_good_frame_is_enough_unless_the_model_says_otherwise(tmp_path):
    (tmp_path / "nm-01" / "090").mkdir(parents=True)
    path = tmp_path / "nm-01" / "090" / "1.png"
    cv2.imwrite(str(path), picture())
    np.testing.assert_array_equal(embed_person([path], lambda f: at(len(f)), MODEL)["nm-01/090"], at(1))
    wants_two = GaitModel("m", "silhouette", (64, 64), 2, 100, (1, 2))
    assert "nm-01/090" not in embed_person([path], lambda f: at(len(f)), wants_two)


def test_the_split_leaves_the_people_after_the_training(tmp_path):
    for person in ("001", "024", "025", "074", "075", "124"):
        for view in ("000", "090"):
            (tmp_path / person / "nm-01" / view).mkdir(parents=True)
    counts = {training: [job.name for job in find_people(tmp_path, training)[0]] for training in casia_b.TRAINING}
    assert counts[74] == ["075", "124"]
    assert counts[24] == ["025", "074", "075", "124"]
    assert len(counts[0]) == 6
    assert find_people(tmp_path, 74)[1] == 4


@pytest.mark.parametrize("layout", ["missing", "empty", "flat", "view first"])
def test_another_layout_is_refused(tmp_path, layout):
    folder = tmp_path / "set"
    if layout != "missing":
        folder.mkdir()
    if layout == "flat":
        (folder / "001-nm-01-090.png").write_bytes(b"")
    if layout == "view first":
        (folder / "090" / "001").mkdir(parents=True)
    with pytest.raises(UsageError, match="is not CASIA-B"):
        find_people(folder, 0)


def test_a_set_without_test_people_is_refused(tmp_path):
    (tmp_path / "001" / "nm-01" / "000").mkdir(parents=True)
    with pytest.raises(UsageError, match="--training"):
        find_people(tmp_path, 74)
