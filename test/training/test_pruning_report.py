import pickle

import numpy as np
import pytest
import torch

from rt_gait_ros.errors import UsageError
from rt_gait_ros.training.pruning_report import gait_accuracy


class Brightness(torch.nn.Module):
    """Tells people apart by how bright their silhouettes are."""

    def forward(self, frames):
        return frames.float().mean().reshape(1, 1, 1)


def put(folder, walks):
    """walks: brightness by "PERSON/SEQUENCE"; each is seen alike from two views."""
    for name, value in walks.items():
        for view in ("000", "090"):
            (folder / name / view).mkdir(parents=True)
            (folder / name / view / f"{view}.pkl").write_bytes(pickle.dumps(np.full((3, 64, 64), value, np.uint8)))


def test_a_walk_is_not_found_by_another_view_of_itself(tmp_path):
    put(tmp_path / "mixed", {"001/nm-01": 100, "001/nm-02": 200, "002/nm-01": 198, "002/nm-02": 102})
    assert gait_accuracy(tmp_path / "mixed", "silhouette")(Brightness()) == 0.0
    put(tmp_path / "clear", {"001/nm-01": 100, "001/nm-02": 104, "002/nm-01": 200, "002/nm-02": 204, "003/nm-01": 50})
    assert gait_accuracy(tmp_path / "clear", "silhouette")(Brightness()) == 1.0


def test_people_with_one_walk_cannot_be_asked_for(tmp_path):
    put(tmp_path, {"001/nm-01": 100, "002/nm-01": 200, "002/nm-02": 204})
    with pytest.raises(UsageError, match="two sequences"):
        gait_accuracy(tmp_path, "silhouette")
