import pickle

import numpy as np

from rt_gait_ros.datasets.casia_b import find
from rt_gait_ros.evaluation.looks import jobs_of
from rt_gait_ros.gait.model import GaitModel

MODEL = GaitModel("m", "silhouette", (64, 64), 1, 100, (1, 2))


def embed(frames):
    """How many frames there are, and the grey value in the corner of the first one."""
    return np.array([[len(frames), frames[0, 0, 0]]], np.float32)


def test_looks_are_of_whole_windows_of_the_walks_that_are_wanted(tmp_path, embedder_of):
    for sequence, view, length in (
        ("nm-01", "000", 55),
        ("nm-01", "090", 29),
        ("nm-01", "180", 40),
        ("nm-02", "000", 40),
    ):
        folder = tmp_path / "001" / sequence / view
        folder.mkdir(parents=True)
        frames = np.full((length, 64, 64), 255, np.uint8)
        frames[:, 0, 0] = np.arange(length) + 1
        (folder / f"{view}.pkl").write_bytes(pickle.dumps(frames))
    refused = tmp_path / "001/nm-01/000/001.pkl"
    refused.write_bytes(pickle.dumps({"frames": 3}))
    (job,) = jobs_of(find(tmp_path, [1]), ("nm-01",), ("000", "090"))
    made = job.compute(job.files, embedder_of(embed, MODEL))
    assert sorted(made) == ["damaged", "nm-01/000", "refused"], "a walk of 29 frames has no look"
    np.testing.assert_array_equal(made["nm-01/000"][:, 0], [[30, 1], [30, 11], [30, 21]])
    assert len(made["refused"]) == 1
