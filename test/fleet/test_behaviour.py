"""What a gallery does, whatever keeps it: the same tests for a file, a server, and a copy whose server is away."""

import numpy as np
import pytest

from rt_gait_ros.fleet.copy_store import CopyStore
from rt_gait_ros.fleet.opening import open_for_robot, open_gallery
from rt_gait_ros.gallery.gallery import DuplicateName, Gallery, GalleryModelMismatch, UnknownPerson
from rt_gait_ros.gallery.person import LEARNT, GalleryError, Measure, Template

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


@pytest.fixture(params=["file", "server", "copy"])
def again(request, tmp_path, monkeypatch, opened):
    """again() opens the same gallery, as another program would."""
    if request.param == "copy":
        pytest.importorskip("psycopg", reason="the extra [fleet] is not installed")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    if request.param == "file":
        place = tmp_path / "people"
    elif request.param == "copy":
        place = "postgresql://robot@127.0.0.1:1/people"  # nobody answers there
    else:
        server, site = request.getfixturevalue("postgres"), request.getfixturevalue("site")
        place = f"{server.owner}&site={site}"

    def make():
        opened.append(open_for_robot(place)[0] if request.param == "copy" else open_gallery(place))
        return opened[-1]

    return make


@pytest.fixture
def gallery(again, template):
    """Ada walks at 20 degrees, Bob at 60, Cyd at 64."""
    gallery = again()
    for name, angle in (("Ada", 20), ("Bob", 60), ("Cyd", 64)):
        gallery.add(name, [template(angle)], **SILHOUETTE)
    return gallery


def names(gallery):
    return [person.name for person in gallery.persons]


def test_what_is_stored_comes_back(again, template):
    frames = np.arange(30 * 64 * 64, dtype=np.uint8).reshape(30, 64, 64)
    looks = [
        Template(template(10).embedding, 7, frames, "hall", 90.0, LEARNT, 0, {"stature": Measure(1.7, 0.02)}),
        Template(template(20).embedding, 8, None, "", "front"),
    ]
    stored = again().add("Ada", looks, **SILHOUETTE, consent="asked", retention=10**18)
    gallery = again()
    (person,) = gallery.persons
    for field in ("person_id", "name", "enrolled", "updated", "consent", "expires", "tag"):
        assert getattr(person, field) == getattr(stored, field)
    assert (gallery.model, gallery.references.embeddings.shape) == ("angle", (2, 1, 2))
    for found, wanted in zip(person.templates, looks, strict=True):
        assert (found.stamp, found.scene, found.view, found.origin) == (
            wanted.stamp, wanted.scene, wanted.view, wanted.origin
        )  # fmt: skip
        assert found.measures == wanted.measures
        assert found.added
        assert found.robot == gallery.store.robot != ""
        np.testing.assert_allclose(found.embedding, wanted.embedding, atol=1e-3)
    np.testing.assert_array_equal(np.asarray(person.templates[0].frames), frames)
    assert len(person.templates[0].frames) == 30
    assert person.templates[1].frames is None


def test_everything_that_changes_a_person_is_kept(gallery, again, template):
    ada = gallery.find("Ada")
    gallery.rename("Ada", "Countess")
    gallery.note("Countess", consent="asked", retention=10**18)
    gallery.learn(ada.person_id, Template(template(25).embedding, 5, None, "", 180.0), 2)
    gallery.add("Bob", [template(61, np.ones((20, 64, 64), np.uint8))], extend=True, **SILHOUETTE)
    found = again()
    assert found.find(ada.person_id).name == "Countess"
    assert found.find("Countess").consent == "asked"
    assert [t.origin for t in found.find("Countess").templates] == ["enrolled", LEARNT]
    assert found.unlearn() == 1
    assert found.strip() == 1
    assert [t.frames for t in again().find("Bob").templates] == [None, None]
    assert gallery.refresh()
    assert [len(person.templates) for person in gallery.persons] == [1, 2, 1]


def test_merge_keeps_one_id_and_all_walks(gallery, again):
    kept = gallery.find("Bob").person_id
    gallery.merge("Bob", "Cyd")
    found = again()
    assert names(found) == ["Ada", "Bob"]
    assert (found.find("Bob").person_id, len(found.find("Bob").templates)) == (kept, 2)
    with pytest.raises(GalleryError, match="same person"):
        found.merge("Bob", "Bob")


def test_a_walk_goes_to_whom_it_was_meant_for_whatever_became_of_them(gallery, again, template):
    ada, bob, cyd = gallery.persons
    other = again()
    other.rename("Ada", "Countess")
    other.rename("Cyd", "Ada")
    assert gallery.add("Ada", [template(21)], to=ada, **SILHOUETTE).person_id == ada.person_id
    other.merge("Bob", ada.person_id)
    assert gallery.add("Ada", [template(22)], to=ada, **SILHOUETTE).person_id == bob.person_id
    other.forget("Bob")
    for person in (ada, bob):
        with pytest.raises(UnknownPerson, match="'Ada' is not known any more"):
            gallery.add("Ada", [template(23)], to=person, **SILHOUETTE)
    assert [(person.person_id, len(person.templates)) for person in again().persons] == [(cyd.person_id, 1)]


def test_who_is_forgotten_is_gone(gallery, again):
    assert gallery.forget("Ada").name == "Ada"
    assert names(again()) == ["Bob", "Cyd"]
    with pytest.raises(UnknownPerson):
        gallery.forget("Ada")


def test_a_name_belongs_to_one_person(gallery, again, template):
    other = again()
    gallery.add("Dan", [template(90)], **SILHOUETTE)
    with pytest.raises(DuplicateName, match="Dan"):  # it looks before it writes
        other.add("dan", [template(5)], **SILHOUETTE)
    with pytest.raises(DuplicateName, match="Ada"):
        other.rename("Bob", "Ada")
    assert names(again()) == ["Ada", "Bob", "Cyd", "Dan"]


def test_others_changes_are_seen(gallery, again, template):
    other = again()
    assert not gallery.refresh()
    other.add("Eve", [template(99)], **SILHOUETTE)
    assert gallery.changed
    assert gallery.refresh()
    assert not gallery.refresh()
    assert names(gallery) == ["Ada", "Bob", "Cyd", "Eve"]


def test_an_embedding_of_another_network_or_shape_is_refused(gallery, again, template):
    with pytest.raises(GalleryModelMismatch, match="angle, and gaitset"):
        gallery.add("Eve", [template(1)], model="gaitset", gait_frame_kind="silhouette")
    with pytest.raises(GalleryError, match="different shapes"):
        gallery.add("Eve", [Template(np.ones((2, 3), np.float32), 1)], **SILHOUETTE)
    with pytest.raises(GalleryError, match="NaN"):
        gallery.add("Eve", [Template(np.full((1, 2), np.nan, np.float32), 1)], **SILHOUETTE)
    assert names(gallery) == names(again()) == ["Ada", "Bob", "Cyd"]


def test_an_empty_gallery_belongs_to_no_model(gallery, again, template):
    for person in gallery.persons:
        gallery.forget(person.person_id)
    assert again().model == ""
    gallery.add("Eve", [template(1)], model="gaitset", gait_frame_kind="silhouette")
    assert again().model == "gaitset"


def test_rebuild_makes_every_embedding_anew_or_changes_nothing(again, template):
    gallery = again()
    gallery.add("Ada", [template(10, np.full((20, 64, 64), 7, np.uint8))], **SILHOUETTE)
    wide = np.arange(6, dtype=np.float32).reshape(2, 3)
    if isinstance(gallery.store, CopyStore):
        with pytest.raises(GalleryError, match="on its server"):
            gallery.rebuild("gaitset", "silhouette", lambda frames: wide)
        return
    assert gallery.rebuild("gaitset", "silhouette", lambda frames: wide * frames.mean()) == 1
    found = again()
    assert found.model == "gaitset"
    np.testing.assert_array_equal(found.persons[0].templates[0].embedding, wide * 7)
    found.add("Bob", [Template(wide, 1)], model="gaitset", gait_frame_kind="silhouette")
    with pytest.raises(GalleryError, match="Bob"):
        found.rebuild("angle", "silhouette", lambda frames: wide)
    assert again().model == "gaitset"


def test_whose_time_is_over_is_deleted(again, template):
    now = [1_800_000_000 * 10**9]
    gallery = Gallery(again().store, clock=lambda: now[0])
    gallery.add("Ada", [template(20)], **SILHOUETTE, retention=500)
    gallery.add("Bob", [template(60)], **SILHOUETTE)
    now[0] += 500
    gallery.refresh()
    assert names(gallery) == ["Bob"]
    assert [person.name for person in gallery.purge()] == ["Ada"]
    assert names(again()) == ["Bob"]


def test_large_embeddings_are_kept_as_precisely_as_float16_can(again):
    wide = np.random.default_rng(3).normal(size=(62, 256)).astype(np.float32)
    huge = wide * 1e6  # beyond float16
    gallery = again()
    gallery.add("Ada", [Template(wide, 1)], model="gaitset", gait_frame_kind="silhouette")
    gallery.add("Bob", [Template(huge, 1)], model="gaitset", gait_frame_kind="silhouette")
    ada, bob = again().persons
    np.testing.assert_allclose(ada.embeddings[0], wide, atol=1e-3 * np.abs(wide).max())
    np.testing.assert_array_equal(bob.embeddings[0], huge)


def test_the_audit_says_what_was_done_and_to_whom(gallery):
    tag = gallery.find("Ada").tag
    gallery.rename("Ada", "Countess")
    gallery.forget("Countess")
    entries = gallery.store.audit()
    assert [entry.what for entry in entries] == ["enrol", "enrol", "enrol", "rename", "forget"]
    assert [entry.tags for entry in entries[-2:]] == [(tag,), (tag,)]
