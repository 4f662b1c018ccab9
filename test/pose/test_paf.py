import numpy as np
import paf_reference
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.pose.layouts import NECK, OPENPOSE_THIN, RIGHT_SHOULDER, TRT_POSE
from rt_gait_ros.pose.paf import PafParser
from rt_gait_ros.pose.topology import Topology


@pytest.fixture(scope="module")
def parser():
    parser = PafParser(TRT_POSE)
    parser.warm_up()
    return parser


@pytest.fixture(scope="module")
def bounded_parser():
    return PafParser(TRT_POSE, bounded_centroids=True)


def two_parts(values):
    """Two parts and one link; values: list of (part, row, column, confidence)."""
    topology = Topology("pair", ("a", "b"), np.array([[0, 1, 0, 1]], np.int32))
    cmap, paf = np.zeros((2, 20, 20), np.float32), np.zeros((2, 20, 20), np.float32)
    for part, row, column, confidence in values:
        cmap[part, row, column] = confidence
    return topology, cmap, paf


def test_scenes_are_parsed_as_trt_pose_parses_them(parser, shared):
    golden = np.load(shared / "data" / "golden" / "paf_scenes.npz")
    for cmap, paf, people, keypoints in zip(
        golden["cmap"], golden["paf"], golden["people"], golden["keypoints"], strict=True
    ):
        found = parser(cmap.astype(np.float32), paf.astype(np.float32)).keypoints
        assert len(found) == people
        np.testing.assert_allclose(found[..., [1, 0]], keypoints[:people], atol=1e-5)


@pytest.mark.parametrize("block", range(6))
def test_agrees_with_the_plain_reference_on_random_scenes(parser, bounded_parser, block):
    # 300 in all, after which crowd, noise, drop, plateaus and bounds come together as before
    for seed in range(50 * block, 50 * block + 50):
        random = np.random.default_rng(seed)
        people = 45 if seed % 25 == 0 else int(random.integers(0, 15))
        cmap, paf = paf_reference.scene(
            random, people, TRT_POSE, noise=(0.0, 0.01, 0.02)[seed % 3], drop=(0.0, 0.2, 0.5, 0.9)[seed % 4]
        )
        if seed % 5 == 0:  # plateaus: equal neighbours, equal scores
            cmap = np.round(cmap * 8) / 8
        bounded = seed % 2 == 1
        found = (bounded_parser if bounded else parser)(cmap, paf).keypoints
        expected = paf_reference.parse(cmap, paf, TRT_POSE, bounded_centroids=bounded)
        assert found.shape == expected.shape, f"seed {seed}"
        np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=f"seed {seed}")


@pytest.mark.parametrize("topology", [TRT_POSE, OPENPOSE_THIN], ids=lambda topology: topology.name)
def test_one_clean_person_is_one_person_in_every_topology(topology):
    cmap, paf = paf_reference.scene(np.random.default_rng(3), 1, topology)
    people = PafParser(topology)(cmap, paf)
    assert len(people.keypoints) == 1
    assert np.isfinite(people.keypoints).all()
    assert 0.5 < people.confidence[0] <= 1.0


def test_empty_maps_hold_nobody(parser):
    people = parser(np.zeros((18, 56, 56), np.float32), np.zeros((42, 56, 56), np.float32))
    assert people.keypoints.shape == (0, 18, 3)
    assert people.confidence.shape == (0,)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_maps_that_are_not_finite_are_refused(parser, value, which):
    maps = [np.zeros((18, 56, 56), np.float32), np.zeros((42, 56, 56), np.float32)]
    maps[which][3, 20, 20] = value
    with pytest.raises(GaitError, match="NaN or infinite"):
        parser(*maps)


@pytest.mark.parametrize(
    ("cmap", "paf", "message"),
    [
        ((17, 56, 56), (42, 56, 56), "topology needs"),
        ((18, 56, 56), (41, 56, 56), "topology needs"),
        ((56, 56), (42, 56, 56), "topology needs"),
        ((18, 56, 56), (42, 56, 64), "must be equal"),
        ((18, 2, 56), (42, 2, 56), "smaller than the window"),
    ],
)
def test_maps_of_another_size_are_refused(parser, cmap, paf, message):
    with pytest.raises(GaitError, match=message):
        parser(np.zeros(cmap, np.float32), np.zeros(paf, np.float32))


def test_a_plateau_is_refused_instead_of_hanging(parser):
    with pytest.raises(GaitError, match="more than 400 peaks"):
        parser(np.full((18, 56, 56), 0.5, np.float32), np.zeros((42, 56, 56), np.float32))


def test_a_hundred_and_twenty_people_stay_a_hundred_and_twenty():
    spots = [(0, 4 + 8 * (n // 12), 4 + 8 * (n % 12), 0.9) for n in range(120)]
    topology, _, _ = two_parts([])
    cmap = np.zeros((2, 100, 100), np.float32)
    for part, row, column, confidence in spots:
        cmap[part, row, column] = confidence
    assert len(PafParser(topology)(cmap, np.zeros_like(cmap)).keypoints) == 120


def test_separate_keeps_two_people_apart_that_one_link_joins():
    cmap, paf = paf_reference.scene(np.random.default_rng(1), 0, TRT_POSE)
    a, b, c = TRT_POSE.links[16:19, 3]  # neck -> nose, neck -> shoulders
    assert {int(b), int(c)} == {5, 6}
    for part, row, column in ((NECK, 10, 10), (a, 4, 10), (NECK, 10, 40), (a, 4, 40), (RIGHT_SHOULDER, 10, 16)):
        cmap[part, row, column] = 0.9
    triangle = Topology("loop", TRT_POSE.parts, np.array([[0, 1, 17, 0], [2, 3, 17, 6], [4, 5, 6, 0]], np.int32))
    paf = np.zeros((6, 56, 56), np.float32)
    paf[0] = -1.0  # up: neck -> nose
    paf[3] = 0.3  # right: neck -> shoulder
    paf[5] = 1.0  # right: shoulder -> nose, of the other person
    joined = PafParser(triangle)(cmap, paf)
    apart = PafParser(triangle, separate=True)(cmap, paf)
    assert len(joined.keypoints) == 1
    assert len(apart.keypoints) == 2
    assert np.isfinite(apart.keypoints[:, [0, NECK], 0]).all()


def test_min_parts_leaves_fragments_out():
    topology, cmap, paf = two_parts([(0, 5, 5, 0.9), (1, 5, 15, 0.8), (0, 15, 10, 0.7)])
    paf[1] = 1.0
    assert len(PafParser(topology)(cmap, paf).keypoints) == 2
    (person,) = PafParser(topology, min_parts=2)(cmap, paf).keypoints
    np.testing.assert_allclose(person[:, :2], [[5.5 / 20, 5.5 / 20], [15.5 / 20, 5.5 / 20]], atol=1e-6)
    np.testing.assert_allclose(person[:, 2], [0.9, 0.8])


def test_a_centroid_lies_where_trt_pose_has_it_unless_it_is_bounded():
    """Of a peak of 0.5 and -0.4 beside it, the centroid is 0.5 * 10 - 0.4 * 12 over 0.1: eight cells to the left."""
    topology, cmap, paf = two_parts([(0, 10, 10, 0.5), (0, 10, 12, -0.4)])
    for bounded, column in ((False, 2), (True, 10)):
        (person,) = PafParser(topology, bounded_centroids=bounded)(cmap, paf).keypoints
        np.testing.assert_allclose(person[0, :2], [(column + 0.5) / 20, 10.5 / 20], atol=1e-5)


@pytest.mark.parametrize("around", [-0.5, -0.75])
def test_weights_that_cancel_leave_the_peak(around):
    """Nothing can be divided by no weight at all; of less than none trt_pose's centroid lies opposite."""
    topology, cmap, paf = two_parts([(0, 10, 10, 0.5), (0, 10, 11, around)])
    columns = {-0.5: (10, 10), -0.75: (13, 10)}[around]
    for bounded, column in zip((False, True), columns, strict=True):
        (person,) = PafParser(topology, bounded_centroids=bounded)(cmap, paf).keypoints
        np.testing.assert_allclose(person[0, :2], [(column + 0.5) / 20, 10.5 / 20], atol=1e-5)


@pytest.mark.parametrize("setting", [{"threshold": 0.0}, {"window": 4}, {"samples": 1}])
def test_settings_without_meaning_are_refused(setting):
    with pytest.raises(GaitError):
        PafParser(TRT_POSE, **setting)
