from rt_gait_ros.gait.gallery import Gallery
from rt_gait_ros.gait.gallery_store import FileStore

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


def test_a_path_is_a_file_of_this_machine(tmp_path, template):
    gallery = Gallery(tmp_path / "people")
    assert isinstance(gallery.store, FileStore)
    assert (gallery.path, gallery.name) == (tmp_path / "people", str(tmp_path / "people"))
    assert (gallery.problem, gallery.store.is_shared) == ("", False)


def test_a_gallery_asks_the_store_that_it_is_given(tmp_path, template):
    class Counting(FileStore):
        changes = 0

        def changing(self, held):
            self.changes += 1
            return super().changing(held)

    store = Counting(tmp_path / "people")
    gallery = Gallery(store)
    gallery.add("Ada", [template(20)], **SILHOUETTE)
    gallery.forget("Ada")
    assert store.changes == 2
    assert [entry.what for entry in store.audit()] == ["enrol", "forget"]
