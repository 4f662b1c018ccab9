import json

import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.pose.topology import Topology


def test_a_coco_category_becomes_links_with_channels_of_their_own(tmp_path):
    path = tmp_path / "hand.json"
    path.write_text(
        json.dumps({"name": "hand", "keypoints": ["wrist", "thumb", "index"], "skeleton": [[1, 2], [3, 1]]})
    )
    topology = Topology.load(path)
    assert topology.name == "hand"
    assert topology.parts == ("wrist", "thumb", "index")
    np.testing.assert_array_equal(topology.links, [[0, 1, 0, 1], [2, 3, 2, 0]])
    assert topology.field_channels == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "must be one COCO category"),
        ('{"skeleton": []}', '"keypoints"'),
        ('{"keypoints": ["a"]}', '"skeleton"'),
        ('{"keypoints": ["a", "b"], "skeleton": [[1, 3]]}', "skeleton\\[0\\]"),
        ('{"keypoints": ["a", "b"], "skeleton": [[1, 2], [0, 1]]}', "skeleton\\[1\\]"),
        ('{"keypoints": ["a", "b"], "skeleton": [[2, 2]]}', "two different"),
        ('{"keypoints": ["a", "b"], "skeleton": [1]}', "skeleton\\[0\\]"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path, text, message):
    path = tmp_path / "topology.json"
    path.write_text(text)
    with pytest.raises(GaitError, match=message) as error:
        Topology.load(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(GaitError, match="cannot read the topology"):
        Topology.load(tmp_path / "nothing.json")
