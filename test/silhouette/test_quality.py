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
