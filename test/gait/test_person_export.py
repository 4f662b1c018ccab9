import json
import stat

import cv2
import numpy as np
import pytest

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.person_export import export_person
from rt_gait_ros.gait.scene_keeping import FolderScenes
from rt_gait_ros.gallery.frames_on_disk import FramesOnDisk
from rt_gait_ros.gallery.gallery import UnknownPerson
from rt_gait_ros.gallery.person import GalleryError

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


@pytest.fixture
def scenes(gallery):
    return FolderScenes(scene_file.folder_of(gallery.path))


def test_everything_stored_of_a_person_is_in_a_folder_of_their_own(gallery, scenes, template, tmp_path):
    frames = np.zeros((12, 64, 64), np.uint8)
    frames[11] = 255
    dan = gallery.add("Dan", [template(90, frames), template(95)], **SILHOUETTE, consent="signed")
    gallery.rename("Dan", "Daniel")
    folder = tmp_path / "Daniel"
    seen = scene_file.Record("angle", "hall", np.ones((3, 1, 2), np.float32), np.ones(3, np.int64),
                             (dan.person_id, f"p0 {dan.person_id}", ""))  # fmt: skip
    path = scene_file.file_of(scene_file.folder_of(gallery.path), "angle", "hall")
    with scene_file.locked(path):
        scene_file.write(path, seen)
    assert export_person(gallery, scenes, "Daniel", folder).person_id == dan.person_id
    record = json.loads((folder / "person.json").read_text())
    assert (record["name"], record["consent"], record["gait_model"]) == ("Daniel", "signed", "angle")
    assert record["walks_counted_for_scenes"] == {"hall": 2}
    assert [change["what"] for change in record["changes"]] == ["enrol", "rename"]
    assert [walk["gait_frames"] for walk in record["walks"]] == [12, 0]
    np.testing.assert_array_equal(np.load(folder / record["walks"][0]["frames"]), frames)
    np.testing.assert_allclose(np.load(folder / "walk_2.npy"), template(95).embedding, atol=1e-3)
    picture = cv2.imread(str(folder / "walk_1.png"), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (128, 640)
    assert picture[64:, 64:128].all()
    assert picture.sum() == 64 * 64 * 255
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    assert "Ada" not in (folder / "person.json").read_text()


def test_a_folder_that_is_there_is_not_touched(gallery, scenes, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="there already"):
        export_person(gallery, scenes, "Ada", tmp_path / "there")
    with pytest.raises(UnknownPerson):
        export_person(gallery, scenes, "Zoe", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_export_that_broke_off_says_that_the_folder_is_not_whole(gallery, scenes, template, tmp_path, monkeypatch):
    gallery.add("Dan", [template(90, np.zeros((12, 64, 64), np.uint8))], **SILHOUETTE)
    monkeypatch.setattr(FramesOnDisk, "__array__", lambda *_: (_ for _ in ()).throw(GalleryError("frames are gone")))
    folder = tmp_path / "Dan"
    with pytest.raises(GaitError, match=f"folder {folder} is not whole: frames are gone: delete it and try again"):
        export_person(gallery, scenes, "Dan", folder)
