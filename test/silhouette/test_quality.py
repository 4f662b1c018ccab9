import numpy as np
import pytest

from rt_gait_ros.silhouette.quality import gait_quality, is_whole

WHOLE = (0, 0, 256, 256)


@pytest.fixture
def person():
    """Keypoints in the columns 110..150 and the mask around them."""
    keypoints = np.full((18, 3), 1.0, np.float32)
    keypoints[:, 0] = np.linspace(112, 148, 18)
    keypoints[:, 1] = np.linspace(40, 220, 18)
    mask = np.zeros((256, 256), np.uint8)
    mask[30:230, 105:155] = 255
    return keypoints, mask


def test_a_person_well_inside_is_whole_and_of_full_quality(person):
    assert is_whole(*person, WHOLE)
    assert gait_quality(*person, 1.0, 200.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "inside",
    [(130, 0, 256, 256), (0, 0, 130, 256), (0, 60, 256, 256), (0, 0, 256, 200), (0, 0, 0, 0)],
    ids=["left", "right", "head", "feet", "outside"],
)
def test_a_person_cut_off_is_not_whole(person, inside):
    assert not is_whole(*person, inside)


@pytest.mark.parametrize(("height", "quality"), [(31.0, 0.0), (32.0, 0.5), (64.0, 1.0), (500.0, 1.0)])
def test_size_counts_up_to_a_silhouettes_own_height(person, height, quality):
    assert gait_quality(*person, 1.0, height) == pytest.approx(quality)


def test_joints_off_the_mask_cost_quality(person):
    keypoints, mask = person
    mask[150:] = 0
    assert gait_quality(keypoints, mask, 1.0, 200.0) < 0.7
    assert gait_quality(keypoints * np.nan, mask, 1.0, 200.0) == 0.0


@pytest.mark.parametrize("seed", range(10))
def test_a_joint_looks_for_the_mask_in_a_window_that_the_border_cuts(seed):
    random = np.random.default_rng(seed)
    keypoints = np.full((18, 3), 1.0, np.float32)
    keypoints[:, :2] = random.choice([-0.5, 0.0, 3.7, 8.0, 128.2, 251.0, 255.99, 256.0], (18, 2))
    mask = np.where(random.random((256, 256)) < 0.01, np.uint8(255), np.uint8(0))
    held = 0
    for x, y in keypoints[[5, 6, 11, 12, 13, 14, 15, 16], :2].tolist():
        if 0 <= x < 256 and 0 <= y < 256:
            held += bool(mask[max(int(y) - 4, 0) : int(y) + 5, max(int(x) - 4, 0) : int(x) + 5].any())
    assert gait_quality(keypoints, mask, 1.0, 200.0) == held / 8
