import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.kth_flow import evaluate
from rt_gait_ros.evaluation.tum_gaid import Video


def video(person: str, condition: str, *degrees: float) -> Video:
    """A video of windows on the circle."""
    angles = np.radians(degrees)
    return Video(person, condition, np.stack([np.cos(angles), np.sin(angles)], axis=-1)[:, None].astype(np.float32))


def test_each_condition_is_searched_in_each_other_by_votes():
    videos = [
        video("01", "d1", 0, 1, 2, 3),
        video("01", "d3", 0, 1, 44, 43),  # two windows for each: the first one that is named
        video("02", "d1", 40, 41, 42, 43),
        video("02", "d3", 1, 2, 43, 0),
        video("03", "d3", 90),  # who is not in d1 is no probe there
    ]
    result = evaluate(videos, "m", 1)
    rows = result.to_json()["rows"]
    assert [(row["gallery"], row["probe"], row["probes"]) for row in rows] == [("d1", "d3", 2), ("d3", "d1", 2)]
    assert (rows[0]["rank1"], rows[0]["rank1_samples"]) == (0.5, 3 / 8)
    assert (result.protocol, result.people, result.lost) == ("kth-flow", 3, 1)


def test_what_cannot_be_compared_is_refused():
    alone = [video("01", "d1", 0), video("01", "d4", 1), video("02", "d4", 9)]
    assert [row.gallery for row in evaluate(alone, "m", 0).rows] == ["d4"]
    for videos in ([], alone[:2], [video("01", "d1", 0), video("02", "d1", 9)]):
        with pytest.raises(UsageError, match="nothing to compare: of two people or more"):
            evaluate(videos, "m", 0)
