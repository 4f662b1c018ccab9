import pytest

from rt_gait_ros.datasets.kth import find_videos
from rt_gait_ros.errors import UsageError


def test_videos_are_found_by_name(tmp_path):
    for name in ("person01_d1.avi", "person01_d4.avi", "person02_d1.avi", "person02_d2.avi", "notes.txt"):
        (tmp_path / name).touch()
    assert list(find_videos(tmp_path)) == [("01", "d1"), ("01", "d4"), ("02", "d1")]


@pytest.mark.parametrize("names", [[], ["person01_d1.avi", "person02_d1.avi"], ["person01_d1.avi", "person01_d4.avi"]])
def test_another_layout_is_refused(tmp_path, names):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match="personNN_dK"):
        find_videos(tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        find_videos(tmp_path / "none")
