import stat
from dataclasses import replace

import cv2
import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.evaluation.casia_b import EmbedPerson
from rt_gait_ros.evaluation.embedding_jobs import EmbeddingJob, embed_all, network_fingerprint

MODEL = "gait_energy_image"


@pytest.fixture
def jobs(tmp_path):
    """One person of one sequence."""
    path = tmp_path / "nm-01" / "090" / "1.png"
    path.parent.mkdir(parents=True)
    cv2.imwrite(str(path), np.full((64, 64), 255, np.uint8))
    return [EmbeddingJob("a", (path,), EmbedPerson())]


def test_what_is_kept_is_private_and_used_again(jobs, tmp_path, model_repository):
    work, lines = tmp_path / "cache" / "embeddings", []
    first = embed_all(jobs, model_repository, MODEL, work, 1, lines.append)
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    (kept,) = work.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert lines == ["1/1 a"]
    again = embed_all(jobs, model_repository, MODEL, work, 1, lines.append)
    np.testing.assert_array_equal(first["a"]["nm-01/090"], again["a"]["nm-01/090"])
    assert lines == ["1/1 a"]
    kept.write_bytes(kept.read_bytes()[:50])  # what a broken disk leaves
    embed_all(jobs, model_repository, MODEL, work, 1, lines.append)
    assert len(lines) == 2


def test_a_place_that_cannot_be_written_is_one_line(jobs, tmp_path, model_repository):
    (tmp_path / "file2").write_bytes(b"")
    with pytest.raises(GaitError, match="cannot be made"):
        embed_all(jobs, model_repository, MODEL, tmp_path / "file2" / "work", 1, print)


def test_the_network_and_its_description_alone_tell_what_is_kept(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "model.onnx").write_bytes(b"1")
    (tmp_path / "config.pbtxt").write_text("a")
    before = network_fingerprint(tmp_path)
    (tmp_path / "calibration.json").write_text("{}")
    assert network_fingerprint(tmp_path) == before
    (tmp_path / "1" / "model.onnx").write_bytes(b"2")
    assert network_fingerprint(tmp_path) != before


def test_another_network_that_a_job_asks_for_tells_what_is_kept(jobs, tmp_path, model_repository):
    work = tmp_path / "embeddings"
    embed_all(jobs, model_repository, MODEL, work, 1, print)
    with_pose = [replace(job, networks=("movenet_multipose",)) for job in jobs]
    embed_all(with_pose, model_repository, MODEL, work, 1, print)
    assert len(list(work.iterdir())) == 2
