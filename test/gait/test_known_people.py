"""Gallery, scenes and recogniser change together."""

import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.calibration import FILE_NAME, SAME_SHARE, Calibration, Curve, save
from rt_gait_ros.gait.enrollment import EnrollError
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.known_people import KnownPeople
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.gallery.gallery import Gallery, UnknownPerson

KNOWN = Calibration("angle", 5.0, 0.1 / SAME_SHARE, 0.2, 0.1, 0.01, 10, 10, "", Curve(2.0, 0.95))
NAMED_AFTER = 20


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "repository" / "angle").mkdir(parents=True)
    save(tmp_path / "repository" / "angle" / FILE_NAME, KNOWN)
    return tmp_path / "repository"


@pytest.fixture
def people(gallery, repository, config):
    people = KnownPeople(gallery, repository)
    people.configure(replace(config, calibration=KNOWN))
    yield people
    people.close()


@pytest.fixture
def view(people, client, watch):
    """What the camera of these people sees."""
    return watch(people.start(client))


@pytest.fixture
def other(tmp_path, template):
    """A second gallery: Dan walks at 20 degrees there."""
    other = Gallery(tmp_path / "other" / "people.gallery")
    other.add("Dan", [template(20)], model="angle", gait_frame_kind="silhouette")
    return other


def bytes_below(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_another_gallery_brings_its_own_scenes(people, view, other, walk, gallery, tmp_path):
    """A walk that ends after the change counts beside the gallery in use then, and forgetting looks there."""
    view.show(walk("aaaaa", 20), images=NAMED_AFTER)
    people.use(other.path)
    assert view.show(walk("aaaaa", 20))["aaaaa"].name == "Dan"
    view.show()
    people.scenes.save()
    assert not scene_file.files(scene_file.folder_of(gallery.path))
    (votes,) = scene_file.files(scene_file.folder_of(other.path))
    raw = scene_file.read(votes).votes.tobytes()
    assert raw in bytes_below(tmp_path / "other")
    forgotten = people.forget("Dan")
    assert forgotten.cleared.votes == 1
    assert raw not in bytes_below(tmp_path / "other")
    assert scene_file.read(votes).votes.shape[0] == 0


def test_walks_that_the_former_gallery_saw_are_stored_beside_it(people, view, other, walk, gallery):
    view.show(walk("aaaaa", 20), images=NAMED_AFTER)
    view.show()
    people.use(other.path)
    assert len(scene_file.files(scene_file.folder_of(gallery.path))) == 1


def test_a_gallery_that_is_refused_changes_nothing(people, view, tmp_path, walk, gallery, template):
    scenes = people.scenes
    foreign = Gallery(tmp_path / "foreign")
    foreign.add("Dan", [template(20)], model="gaitset", gait_frame_kind="silhouette")
    (tmp_path / "thesis").write_bytes(b"%PDF")
    for path in (foreign.path, tmp_path / "thesis"):
        with pytest.raises(GaitError):
            people.use(path)
        assert (people.gallery, people.scenes, people.recognizer.gallery) == (gallery, scenes, gallery)
    assert view.show(walk("aaaaa", 20), images=NAMED_AFTER)["aaaaa"].name == "Ada"


def test_a_gallery_chosen_while_the_server_is_asked_is_the_one_searched(people, client, other, watch, walk):
    asked, go_on = threading.Event(), threading.Event()
    describe = client.describe

    def slow(model, *, deadline=None):
        asked.set()
        assert go_on.wait(300)
        return describe(model)

    client.describe = slow
    made: Future = Future()
    threading.Thread(target=lambda: made.set_result(people.start(client))).start()
    assert asked.wait(300)
    people.use(other.path)
    go_on.set()
    seen = watch(made.result(300)).show(walk("aaaaa", 20), images=NAMED_AFTER)["aaaaa"]
    assert (seen.status, seen.name) == (IdentityStatus.IDENTIFIED, "Dan")
    assert people.recognizer.gallery is people.gallery


def test_who_is_forgotten_is_in_no_file_and_no_walk_of_now_counts(people, view, walk, gallery, tmp_path):
    person = gallery.find("Ada")
    for number in range(3):
        view.show(walk(f"a{number}", 19 + number), images=NAMED_AFTER)
        view.show()
    people.scenes.save()
    view.show(walk("aaaaa", 20), images=NAMED_AFTER)
    (votes,) = scene_file.files(scene_file.folder_of(gallery.path))
    traces = [vote.tobytes() for vote in scene_file.read(votes).votes]
    traces += [person.person_id.encode(), person.templates[0].embedding.tobytes()]
    assert all(trace in bytes_below(tmp_path / "gallery") for trace in traces)
    people.forget("Ada")
    view.show()  # the track ends: what it showed before counts for no scene
    people.close()
    assert not [trace for trace in traces if trace in bytes_below(tmp_path / "gallery")]


@pytest.mark.parametrize("by", ["this node", "another process"])
def test_who_is_forgotten_does_not_come_back_by_an_enrolment_under_way(people, view, walk, gallery, repository, by):
    both = walk("aaaaa", 20), walk("bbbbb", 120)
    view.show(*both, images=5)
    hers = people.enroll("aaaaa", "Ada", extend=True, frames=20)
    his = people.enroll("bbbbb", "Dan", frames=20)
    view.show(*both, images=5)
    if by == "this node":
        people.forget("Ada")
    else:
        KnownPeople(Gallery(gallery.path), repository).forget("Ada")
        settle(people, lambda: hers.done)
    view.show(*both, images=20)
    settle(people, lambda: his.done)
    assert "'Ada' is not known any more" in hers.message
    assert his.message == ""
    assert [person.name for person in people.gallery.persons] == ["Bob", "Cyd", "Dan"]


@pytest.mark.parametrize("by", ["this node", "another process"])
@pytest.mark.parametrize("what", ["renamed", "merged"])
def test_a_walk_reaches_whom_it_was_begun_for_whatever_they_are_called_by_then(
    people, view, walk, gallery, repository, by, what
):
    ada, bob = gallery.find("Ada"), gallery.find("Bob")
    view.show(walk("aaaaa", 21), images=5)
    hers = people.enroll("aaaaa", "Ada", extend=True, frames=20)
    view.show(walk("aaaaa", 21), images=5)
    changing = people if by == "this node" else KnownPeople(Gallery(gallery.path), repository)
    if what == "renamed":
        changing.rename("Ada", "Countess")
        changing.rename("Bob", "Ada")
    else:
        changing.merge("Bob", "Ada")
    after = {"Countess": 3, "Ada": 1, "Cyd": 1} if what == "renamed" else {"Bob": 4, "Cyd": 1}
    settle(people, lambda: {person.name for person in people.gallery.persons} == set(after))
    view.show(walk("aaaaa", 21), images=20)
    settle(people, lambda: hers.done)
    wanted = ada if what == "renamed" else bob
    assert (hers.message, hers.person_id) == ("", wanted.person_id)
    assert {person.name: len(person.templates) for person in Gallery(gallery.path).persons} == after


def test_walks_of_scenes_stay_with_who_was_merged_by_another_process(people, view, walk, gallery, repository):
    ada, bob = gallery.find("Ada").person_id, gallery.find("Bob").person_id
    view.show(walk("aaaaa", 20), images=NAMED_AFTER)
    view.show()  # her walk counts for the scene, in memory only
    KnownPeople(Gallery(gallery.path), repository).merge("Bob", "Ada")
    settle(people, lambda: ada not in people._seen)
    people.close()  # waits for what is under way
    (votes,) = scene_file.files(scene_file.folder_of(gallery.path))
    owners = " ".join(scene_file.read(votes).owners).split()
    assert bob in owners
    assert ada not in owners


def test_forgetting_without_a_recogniser_does_the_same(gallery, repository):
    """As the command line does it, beside a node that has gone."""
    scenes = Scenes(scene_file.folder_of(gallery.path), KNOWN)
    scenes.vote("hall", gallery.find("Ada").templates[0].embedding)
    scenes.vote("hall", gallery.find("Bob").templates[0].embedding)
    scenes.save()
    forgotten = KnownPeople(gallery, repository).forget("Ada")
    assert forgotten.cleared.votes == 1
    assert "Ada" in forgotten.lines[0]
    with pytest.raises(UnknownPerson):
        gallery.find("Ada")


def test_a_damaged_calibration_does_not_keep_anybody_from_being_forgotten(gallery, repository):
    scenes = Scenes(scene_file.folder_of(gallery.path), KNOWN)
    scenes.vote("hall", gallery.find("Ada").templates[0].embedding)
    scenes.save()
    (repository / "angle" / FILE_NAME).write_text("{")
    assert len(KnownPeople(gallery, repository).forget("Ada").cleared.files) == 1
    assert not scene_file.files(scene_file.folder_of(gallery.path))


def test_an_enrolment_is_stored_beside_recognition(people, view, walk, gallery, monkeypatch):
    """Images go on being answered while the disk takes its time; whoever cancels then comes too late."""
    storing, go_on = threading.Event(), threading.Event()
    add = gallery.add

    def slow(*arguments, **options):
        storing.set()
        assert go_on.wait(300)
        return add(*arguments, **options)

    monkeypatch.setattr(gallery, "add", slow)
    view.show(walk("eeeee", 120))
    enrollment = people.enroll("eeeee", "Eve", frames=10)
    while not storing.is_set():
        view.show(walk("eeeee", 120))
    answers = view.show(walk("eeeee", 120), walk("aaaaa", 20), images=2 * NAMED_AFTER)
    assert (answers["aaaaa"].name, enrollment.done) == ("Ada", False)
    cancelling = threading.Thread(target=lambda: enrollment.fail(EnrollError.EMBEDDING, "cancelled"))
    cancelling.start()
    go_on.set()
    cancelling.join(300)
    assert (enrollment.done, enrollment.error, enrollment.embeddings) == (True, EnrollError.NONE, 1)
    assert gallery.find("Eve").person_id == enrollment.person_id


def test_nobody_can_be_enrolled_before_the_network_has_answered(people):
    assert people.enroll("aaaaa", "Eve") is None
    with pytest.raises(ValueError, match="configure"):
        KnownPeople(people.gallery, people._repository).start(None)


def test_a_merge_takes_the_walks_of_scenes_along(people, gallery, tmp_path):
    ada, bob = gallery.find("Ada"), gallery.find("Bob")
    far = np.full((1, 2), 5.0, np.float32)
    people.scenes.vote("hall", far, bob.person_id)
    people.scenes.save()
    people.merge("Ada", "Bob")
    (file,) = scene_file.files(scene_file.folder_of(gallery.path))
    assert scene_file.read(file).owners == (ada.person_id,)
    assert people.forget("Ada").cleared.votes == 1
    assert far.tobytes() not in bytes_below(tmp_path / "gallery")


def settle(people, condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        people.tick()
        time.sleep(0.01)


def test_whose_time_is_over_is_forgotten_by_the_clock(people, gallery, template):
    gallery.add("Dan", [template(90)], model="angle", gait_frame_kind="silhouette", retention=1)
    person_id = gallery._loaded.content.persons[-1].person_id.encode()
    settle(people, lambda: person_id not in gallery.path.read_bytes())
    assert people.problem == ""


@pytest.mark.parametrize("how", ["with another change", "by another process"])
def test_who_leaves_the_gallery_leaves_what_scenes_have_stored(people, gallery, template, repository, how, monkeypatch):
    """Before, it stayed of whose time was over when something else was changed, and of what was stored meanwhile."""
    dan = gallery.add("Dan", [template(90)], model="angle", gait_frame_kind="silhouette", retention=10**15)
    settle(people, lambda: dan.person_id in people._seen)
    his = template(90).embedding
    people.scenes.vote("hall", his)
    if how == "with another change":
        people.scenes.save()
        monkeypatch.setattr(gallery, "_clock", lambda: time.time_ns() + 2 * 10**15)
        people.rename("Bob", "Rob")
    else:
        other = KnownPeople(Gallery(gallery.path), repository)
        clear = other._clear

        def meanwhile(persons):
            cleared = clear(persons)
            people.scenes.save()
            return cleared

        monkeypatch.setattr(other, "_clear", meanwhile)
        other.forget("Dan")
    settle(people, lambda: dan.person_id not in people._seen)
    people.close()
    assert [len(scene_file.read(file).votes) for file in scene_file.files(scene_file.folder_of(gallery.path))] == [0]


CHANGES = {
    "rename": ("Bob", "Rob"),
    "merge": ("Ada", "Bob"),
    "note": ("Bob",),
    "strip": (),
    "unlearn": (),
    "rebuild": ("angle", "silhouette", None),
    "forget": ("Bob",),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whose_time_is_over_leaves_the_scenes_with_any_change(gallery, template, repository, change, monkeypatch):
    """As `rt-gait gallery` makes them, where no node is there that could see to it."""
    gallery.add("Dan", [template(90)], model="angle", gait_frame_kind="silhouette", retention=10**15)
    path = scene_file.file_of(scene_file.folder_of(gallery.path), "angle", "hall")
    with scene_file.locked(path):
        scene_file.write(path, scene_file.Record("angle", "hall", template(90).embedding[None], np.ones(1, np.int64)))
    monkeypatch.setattr(gallery, "_clock", lambda: time.time_ns() + 2 * 10**15)
    gallery.refresh()
    people = KnownPeople(gallery, repository)
    with suppress(GaitError):  # no gait frames are kept, from which embeddings could be made anew
        getattr(people, change)(*CHANGES[change])
    assert len(gallery._loaded.content.persons) < 4
    assert len(scene_file.read(path).votes) == 0


def test_whom_another_process_forgot_does_not_come_back(people, view, walk, gallery, repository, tmp_path):
    """Neither by walks that were not stored yet, nor by a track that is still in view."""
    ada = gallery.find("Ada")
    view.show(walk("aaaaa", 20), images=NAMED_AFTER)
    view.show()
    view.show(walk("bbbbb", 20), images=NAMED_AFTER)
    settle(people, lambda: True)
    KnownPeople(Gallery(gallery.path), repository).forget("Ada")
    view.show(walk("bbbbb", 20))
    settle(people, lambda: ada.person_id not in people._seen)
    view.show()
    people.close()
    assert all(len(scene_file.read(file).votes) == 0 for file in scene_file.files(scene_file.folder_of(gallery.path)))


@pytest.mark.parametrize("started", [True, False], ids=["while no image comes", "before the network has answered"])
def test_what_another_process_did_to_the_gallery_is_followed(people, client, gallery, started):
    if started:
        people.start(client)
    Gallery(gallery.path).forget("Ada")
    people.tick()
    assert [person.name for person in people.gallery.persons] == ["Bob", "Cyd"]
    Gallery(gallery.path).forget("Bob")
    people.follow_gallery()  # as list_persons does, which does not wait for the next tick
    assert [person.name for person in people.gallery.persons] == ["Cyd"]
    whole = gallery.path.read_bytes()
    gallery.path.write_bytes(whole[:-1])
    people.tick()
    people.tick()
    assert str(gallery.path) in (people.recognizer.problem if started else people.problem)
    gallery.path.write_bytes(whole)
    people.tick()
    assert (people.recognizer.problem if started else people.problem) == ""


def test_what_cannot_be_stored_is_said(people, gallery, monkeypatch):
    monkeypatch.setattr("rt_gait_ros.gait.scenes.SAVE_EVERY", -1.0)
    people.scenes.vote("hall", gallery.find("Ada").templates[0].embedding)
    scene_file.folder_of(gallery.path).write_bytes(b"a file where a folder should be")
    settle(people, lambda: people.problem)
    assert "scene" in people.problem


@pytest.mark.parametrize(
    ("share", "normalise", "shared"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_scenes_are_shared_where_both_settings_say_so(people, config, share, normalise, shared):
    store = people.gallery.store
    people.use_config(replace(config, calibration=KNOWN, share_scenes=share, scene_normalisation=normalise))
    assert store.share_scenes is shared
