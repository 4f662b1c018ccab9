"""Files of scenes whose checksums are right and whose content is not: an attacker can make those, too."""

import io
import zipfile

import numpy as np
import pytest

from rt_gait_ros import private_file
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.calibration import Calibration, load
from rt_gait_ros.gait.scene import MAX_VOTES
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.resources import resource


@pytest.fixture(scope="module")
def known() -> Calibration:
    path = next(resource("model_repository").glob("*/calibration.json"))
    return load(path, path.parent.name)


def packed(known, **changes):
    arrays = {"model": known.model, "scene": "hall", "votes": np.ones((2, 1, 8), np.float32)}
    arrays |= {"stamps": np.full(2, 2**60), "owners": np.array(["", "p1"])} | changes
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def problem(tmp_path, known, payload):
    path = scene_file.file_of(tmp_path, known.model, "hall")
    path.parent.mkdir(exist_ok=True)
    private_file.replace(path, private_file.seal("scene", scene_file.SCHEMA, payload))
    scenes = Scenes(tmp_path, known, clock=lambda: 2**60)
    scenes.walkers("hall")
    return scenes.problem


def test_what_is_not_crafted_is_read(tmp_path, known):
    assert problem(tmp_path, known, packed(known)) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"votes": np.array([[["a"]], [["b"]]])},
        {"votes": np.ones((2, 1, 8), np.complex64)},
        {"votes": np.zeros((2, 1, 8), "i4,f4")},
        {"votes": np.ones((2, 1, 8), "M8[s]")},
        {"votes": np.array(1.0)},
        {"votes": np.full((2, 1, 8), np.nan, np.float32)},
        {"votes": np.zeros((MAX_VOTES + 1, 1, 1), np.float32), "stamps": np.zeros(MAX_VOTES + 1, np.int64)},
        {"stamps": np.array([np.nan, 1.0])},
        {"stamps": np.array(["a", "b"])},
        {"stamps": np.array(7)},
        {"owners": np.array(["p1"])},
        {"owners": np.array("p1")},
    ],
    ids=lambda changes: str({name: (array.dtype, array.shape) for name, array in changes.items()}),
)
def test_it_is_refused_in_one_line(tmp_path, known, changes):
    (line,) = problem(tmp_path, known, packed(known, **changes)).splitlines()
    assert "scene" in line


@pytest.mark.parametrize(("offset", "value"), [(6, 1), (8, 99)])
def test_an_archive_that_says_it_is_encrypted_or_packed_otherwise_is_refused(tmp_path, known, offset, value):
    """Both the local header and the directory say so: flags at 6, the way of packing at 8, there two bytes later."""
    payload = bytearray(packed(known))
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        place = archive.getinfo("votes.npy").header_offset
        directory = archive.start_dir
    while payload[directory : directory + 4] == b"PK\1\2":
        payload[directory + offset + 2] = value
        directory += 46 + sum(
            int.from_bytes(payload[directory + at : directory + at + 2], "little") for at in (28, 30, 32)
        )
    payload[place + offset] = value
    (line,) = problem(tmp_path, known, bytes(payload)).splitlines()
    assert "does not hold what it should" in line
