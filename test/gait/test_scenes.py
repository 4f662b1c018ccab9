import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rt_gait_ros.gait import scene_cleaning, scene_file, scenes
from rt_gait_ros.gait.calibration import SAME_SHARE, Calibration, Curve
from rt_gait_ros.gait.scene import MAX_AGE, MAX_VOTES, SceneError
from rt_gait_ros.gait.scene_cleaning import Cleared, expire_files, forget_near
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.gallery_file import Template

SHAPE = (2, 8)
# two tracks are one person's up to 2.0; two people are about 5.7 apart here
CALIBRATION = Calibration("m", 1.0, 2.0 / SAME_SHARE, 1.0, 0.1, 0.01, 10, 10, "", Curve(4.0, 3.0))


@pytest.fixture
def crowd():
    return np.random.default_rng(1).normal(0, 2, (12, *SHAPE)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "people.gallery.scenes"


@pytest.fixture
def opened(folder):
    """opened() is what a process knows that begins now."""
    return lambda calibration=CALIBRATION: Scenes(folder, calibration)


def votes(known, name, crowd):
    for embedding in crowd:
        known.vote(name, embedding)


@pytest.fixture
def gallery(tmp_path, crowd):
    """Two people enrolled in the hall, one nobody knows where."""
    gallery = Gallery(tmp_path / "people.gallery")
    for name, embedding, scene in (("Ada", crowd[0], "hall"), ("Bob", crowd[1], "hall"), ("Cyd", crowd[2], "")):
        template = Template(embedding, 1, None, scene)
        gallery.add(name, [template], model="m", gait_frame_kind="silhouette")
    return gallery


def test_a_restart_loses_nothing_that_was_saved(opened, crowd, folder):
    before = opened()
    votes(before, "hall", crowd[:9])
    before.save()
    before.vote("hall", crowd[9])  # the power fails before this one is written
    after = opened()
    assert after.walkers("hall") == pytest.approx(9)
    assert after.walkers("yard") == 0.0
    path = scene_file.file_of(folder, "m", "hall")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_saving_is_due_only_for_votes(opened, crowd, monkeypatch):
    monkeypatch.setattr(scenes, "SAVE_EVERY", -1.0)
    known = opened()
    assert not known.due
    known.vote("hall", crowd[0])
    assert known.due
    known.save()
    assert not known.due


def test_templates_and_queries_are_each_rid_of_their_own_scene(opened, crowd, gallery):
    mark = 4.0 * crowd[2]  # in the yard everybody looks like Cyd
    known = opened()
    votes(known, "hall", crowd)
    plain = gallery.references
    assert known.references(plain, "yard") is plain  # nobody has walked in the yard
    votes(known, "yard", crowd + mark)
    found = known.references(plain, "yard")
    assert found.version != plain.version
    queries = crowd[:2] + mark
    assert plain.nearest(queries).argmin(axis=1).tolist() == [2, 2]
    nearest = found.nearest(queries)
    assert nearest.argmin(axis=1).tolist() == [0, 1]
    apart = (CALIBRATION.log_odds(nearest[0, 0]), CALIBRATION.scene.offset)  # nothing is left between the two looks
    assert apart[0] == pytest.approx(apart[1], abs=1e-2)
    assert found.nearest(np.zeros((0, *SHAPE))).shape == (0, 3)


def test_what_was_enrolled_here_or_nobody_knows_where_is_compared_as_it_is(opened, crowd, gallery):
    """Before, its scene was taken out, too: in households of CASIA-B twice as many strangers had a name then."""
    known = opened()
    votes(known, "yard", crowd)
    gallery.add("Eve", [Template(crowd[3], 1, None, "yard")], model="m", gait_frame_kind="silhouette")
    plain = gallery.references
    found = known.references(plain, "yard")
    assert found.elsewhere.tolist() == [True, True, False, False]
    queries = crowd[:5]
    here, there = plain.nearest(queries), found.nearest(queries)
    np.testing.assert_array_equal(there[:, 2:], here[:, 2:])
    assert np.abs(there[:, :2] - here[:, :2]).min() > 0.1
    less = found.nearest_less(queries, np.full((1, 4), 0.25))
    np.testing.assert_allclose(less, there - [0.0, 0.0, 0.25, 0.25])
    gallery.add("Ada", [Template(crowd[4], 1, None, "yard")], model="m", gait_frame_kind="silhouette", extend=True)
    both = known.references(gallery.references, "yard").nearest(queries)
    np.testing.assert_allclose(both[:, 0], np.minimum(there[:, 0], gallery.references.nearest(queries)[:, 0]))
    assert both[4, 0] == pytest.approx(0.0, abs=1e-2)
    only_here = gallery.references
    for name in ("Ada", "Bob"):
        gallery.forget(name)
    assert known.references(gallery.references, "yard") is gallery.references
    assert known.references(only_here, "hall") is only_here, "nobody has walked in the hall"


def test_of_a_scene_with_too_few_walkers_a_template_is_rid_of_this_one(opened, crowd, gallery):
    known = opened()
    votes(known, "yard", crowd)
    found = known.references(gallery.references, "yard")
    treated = found.treatment(np.arange(3), found.embeddings)
    assert np.abs(distances(treated, found.query(crowd[:3])).diagonal()).max() < 2e-3  # stored in half precision


def test_references_are_made_anew_only_when_something_changed(opened, crowd, gallery):
    known = opened()
    votes(known, "yard", crowd)
    first = known.references(gallery.references, "yard")
    assert known.references(gallery.references, "yard") is first
    known.vote("yard", crowd[0] + 9)
    second = known.references(gallery.references, "yard")
    assert second.version != first.version
    gallery.forget("Ada")
    assert len(known.references(gallery.references, "yard").persons) == 2


def test_walks_of_another_network_of_that_name_are_said_and_not_taken_out(opened, folder, crowd, gallery):
    former = opened()
    votes(former, "yard", np.random.default_rng(2).normal(0, 2, (12, 3, 4)).astype(np.float32))
    with pytest.raises(SceneError, match=r"'yard'.*\[3, 4\].*\[2, 8\]"):
        former.references(gallery.references, "yard")
    former.save()
    prior = ViewPrior(np.ones((2, *SHAPE), np.float32), np.ones((2, *SHAPE), np.float32))
    shipped = Scenes(folder, CALIBRATION, prior)
    shipped.references(gallery.references, "yard")
    assert "[3, 4]" in shipped.problem


def test_votes_that_cannot_be_written_do_not_fill_the_memory(opened, folder, crowd):
    """As beside a gallery that is only read, or on a disk that is full, for weeks."""
    known = opened()
    for number in range(300):
        known.vote("hall", crowd[number % 12] + 0.001 * number)
    assert len(known._scenes["hall"].pending) == MAX_VOTES
    known.save()
    assert known._scenes["hall"].pending == []
    assert opened().walkers("hall") == pytest.approx(known.walkers("hall"))


def test_scenes_that_somebody_made_up_do_not_fill_the_memory(opened, crowd, gallery):
    """Also where nothing can be saved; those that people were enrolled in stay, and so do votes that no file has."""
    known = opened()
    votes(known, "hall", crowd[3:11])
    votes(known, "yard", crowd[3:11])
    known.references(gallery.references, "yard")
    for number in range(5 * scenes.MOST):
        known.walkers(f"made up {number}")
    assert known.walkers("yard") == pytest.approx(8)
    for number in range(5 * scenes.MOST):
        known.vote(f"made up {number}", crowd[0])
    assert len(known._scenes) <= scenes.MOST + 4
    assert {"hall", "yard"} <= known._scenes.keys()


def test_a_scene_that_was_let_go_of_is_known_again(opened, crowd):
    known = opened()
    votes(known, "hall", crowd[:9])
    known.save()
    for number in range(5 * scenes.MOST):
        known.walkers(f"made up {number}")
    assert "hall" not in known._scenes
    assert known.walkers("hall") == pytest.approx(9)


def test_processes_that_share_a_scene_add_up(opened, crowd, gallery, monkeypatch):
    monkeypatch.setattr(scenes, "LOOK_AGAIN", -1.0)
    one, other = opened(), opened()
    votes(one, "hall", crowd[:6])
    votes(other, "hall", crowd[6:])
    one.save()
    other.save()
    one.references(gallery.references, "hall")
    assert one.walkers("hall") == other.walkers("hall") == pytest.approx(12)
    scene_file.delete(one._scenes["hall"].path)
    other.vote("hall", crowd[0])
    for known, left in ((one, 0), (other, 1)):
        known.references(gallery.references, "hall")
        assert known.walkers("hall") == pytest.approx(left)


def test_statistics_of_another_model_or_scene_are_refused_and_left_alone(opened, crowd, folder, gallery):
    known = opened()
    votes(known, "hall", crowd)
    known.save()
    stolen = scene_file.file_of(folder, "m", "yard")
    stolen.write_bytes(scene_file.file_of(folder, "m", "hall").read_bytes())
    moved = scene_file.file_of(folder, "n", "hall")
    moved.parent.mkdir()
    moved.write_bytes(stolen.read_bytes())
    later = opened()
    votes(later, "yard", crowd)
    assert later.references(gallery.references, "yard") is gallery.references
    assert "'hall' as gait model m sees it, not 'yard'" in later.problem
    later.save()
    assert stolen.read_bytes() == moved.read_bytes()
    other = opened(Calibration("n", 1.0, 1.0, 1.0, 0.1, 0.01, 10, 10, "", Curve(1.0, 1.0)))
    assert other.walkers("hall") == 0.0
    assert "gait model m" in other.problem


@pytest.mark.parametrize("keep", [0, 10, 60, 200, -1])
def test_a_half_written_file_is_refused_and_can_be_started_anew(opened, crowd, folder, keep, gallery):
    known = opened()
    votes(known, "hall", crowd)
    known.save()
    path = scene_file.file_of(folder, "m", "hall")
    path.write_bytes(path.read_bytes()[:keep])
    damaged = path.read_bytes()
    later = opened()
    votes(later, "hall", crowd)
    later.save()
    assert path.read_bytes() == damaged
    assert later.references(gallery.references, "hall") is gallery.references
    assert "rt-gait scene forget" in later.problem
    scene_file.delete(path)
    fresh = opened()
    votes(fresh, "hall", crowd)
    fresh.save()
    assert (fresh.problem, opened().walkers("hall")) == ("", pytest.approx(12))


def test_nan_has_no_vote(opened, crowd):
    known = opened()
    with pytest.raises(SceneError, match="NaN"):
        known.vote("hall", np.full(SHAPE, np.nan))
    assert not known.due
    for name in ("", " ", "a\nb", "ü" * 50):
        with pytest.raises(SceneError, match="no name of a scene"):
            known.vote(name, crowd[0])
    known.vote("/robot/../front", crowd[0])
    known.save()
    assert opened().walkers("/robot/../front") == 1.0


def test_who_is_forgotten_alone_or_with_others_leaves_no_vote(opened, crowd, folder, monkeypatch):
    known = opened()
    votes(known, "hall", crowd)
    votes(known, "yard", crowd[:3])
    known.save()
    assert forget_near(folder, CALIBRATION, crowd[[0]] + 0.01) == Cleared(2)
    assert opened().walkers("hall") == pytest.approx(11)
    assert opened().walkers("yard") == pytest.approx(2)
    monkeypatch.setattr(scene_cleaning, "AT_ONCE", 2)
    assert forget_near(folder, CALIBRATION, [*(crowd[1:6] + 0.01)]) == Cleared(7)
    assert opened().walkers("hall") == pytest.approx(6)
    assert forget_near(folder / "none", CALIBRATION, crowd) == Cleared()


def test_a_forgotten_person_leaves_nothing_in_memory_either(opened, crowd):
    known = opened()
    votes(known, "hall", crowd)
    known.save()
    known.vote("yard", crowd[0])  # not saved yet
    assert known.forget(crowd[[0]]) == Cleared(2)
    assert (known.walkers("hall"), known.walkers("yard")) == (pytest.approx(11), 0.0)
    known.vote("hall", crowd[0] + 20)
    known.save()
    assert opened().walkers("hall") == pytest.approx(12)


def test_statistics_that_cannot_be_searched_for_somebody_who_is_forgotten_go_whole(opened, crowd, folder):
    """Those of another gait model, damaged ones, and all of them where no calibration says what is near."""
    other = opened(Calibration("n", 1.0, 1.0, 1.0, 0.1, 0.01, 10, 10, "", Curve(1.0, 1.0)))
    known = opened()
    for scenes_of in (known, other):
        votes(scenes_of, "hall", crowd)
        scenes_of.save()
    damaged = scene_file.file_of(folder, "m", "yard")
    damaged.write_bytes(b"rt_gait_ros scene, once")
    cleared = forget_near(folder, CALIBRATION, crowd[[0]])
    assert (cleared.votes, cleared.files) == (1, (damaged, scene_file.file_of(folder, "n", "hall")))
    (left,) = scene_file.files(folder)
    assert forget_near(folder, None, crowd[[0]]).files == (left,)
    assert not scene_file.files(folder)


def test_votes_end_by_the_clock_in_memory_and_in_the_file(folder, crowd, monkeypatch):
    """Also when nobody walks by any more."""
    monkeypatch.setattr(scenes, "SAVE_EVERY", -1.0)
    now = [10 * MAX_AGE]
    known = Scenes(folder, CALIBRATION, clock=lambda: now[0])
    votes(known, "hall", crowd[:9])
    known.save()
    path = scene_file.file_of(folder, "m", "hall")
    now[0] += MAX_AGE + 1
    assert known.walkers("hall") == 0.0
    assert known.due
    known.save()
    assert len(scene_file.read(path).votes) == 0
    assert crowd[0].tobytes() not in path.read_bytes()


def test_votes_that_are_too_old_are_not_read_and_go_from_files_nobody_opens(folder, crowd):
    now = 10 * MAX_AGE
    known = Scenes(folder, CALIBRATION, clock=lambda: now)
    votes(known, "hall", crowd[:9])
    known.save()
    later = Scenes(folder, CALIBRATION, clock=lambda: now + MAX_AGE + 1)
    assert later.walkers("hall") == 0.0
    assert expire_files(folder, now) == 0
    assert expire_files(folder, now + MAX_AGE + 1) == 9
    assert crowd[0].tobytes() not in scene_file.file_of(folder, "m", "hall").read_bytes()


def test_walks_that_were_named_go_with_the_person_however_far_they_are(opened, crowd, folder):
    known = opened()
    known.vote("hall", crowd[0], "p1")
    known.vote("hall", crowd[1], "p2")
    known.save()
    known.vote("yard", crowd[2], "p1")
    assert known.forget(crowd[[5]], {"p1"}) == Cleared(2)
    assert (known.walkers("hall"), known.walkers("yard")) == (1.0, 0.0)
    known.relabel("p2", "p3")
    assert scene_file.read(scene_file.file_of(folder, "m", "hall")).owners == ("p3",)
    assert known.forget_unsaved(crowd[[5]], {"p3"}) == 0  # it is in a file, where whoever forgets looks
    known.vote("yard", crowd[3], "p3")
    assert known.forget_unsaved(crowd[[5]], {"p3"}) == 1


def test_a_file_of_the_first_schema_is_read(opened, crowd, folder):
    """Its checksum was of the payload alone, and nobody was named in it."""
    known = opened()
    votes(known, "hall", crowd)
    known.save()
    path = scene_file.file_of(folder, "m", "hall")
    buffer = io.BytesIO()
    record = scene_file.read(path)
    np.savez(buffer, model="m", scene="hall", votes=record.votes, stamps=record.stamps)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    path.write_bytes(f"rt_gait_ros scene\nschema 1\nsha256 {digest}\n".encode() + buffer.getvalue())
    assert opened().walkers("hall") == pytest.approx(12)
    assert scene_file.read(path).owners == ("",) * 12
    path.write_bytes(path.read_bytes().replace(b"schema 1", b"schema 2"))
    with pytest.raises(SceneError, match="damaged"):
        scene_file.read(path)


class TestLargeGalleries:
    """Sketches of templates without their scenes are made beside recognition."""

    SHAPE = (2, 1024)

    @pytest.fixture
    def large(self, tmp_path, monkeypatch):
        monkeypatch.setattr(scenes, "LARGE", 1)
        random = np.random.default_rng(1)
        gallery = Gallery(tmp_path / "people.gallery")
        for number in range(20):
            template = Template(random.normal(0, 2, self.SHAPE).astype(np.float32), 1, None, "hall")
            gallery.add(f"Person {number}", [template], model="m", gait_frame_kind="silhouette")
        return gallery

    def test_what_scenes_learn_follows_and_who_comes_or_goes_counts_at_once(self, folder, large):
        random = np.random.default_rng(2)
        with ThreadPoolExecutor(1) as pool:
            known = Scenes(folder, CALIBRATION, background=pool)
            votes(known, "yard", random.normal(0, 2, (12, *self.SHAPE)))
            first = known.references(large.references, "yard")
            assert known.references(large.references, "yard") is first
            gone = large.forget("Person 3")
            second = known.references(large.references, "yard")
            assert gone not in second.persons
            assert len(second.sketches.values) == 19
            np.testing.assert_array_equal(second.sketches.values[0], first.sketches.values[0])
            fresh = random.normal(0, 2, self.SHAPE).astype(np.float32)
            large.add("Eve", [Template(fresh, 1, None, "hall")], model="m", gait_frame_kind="silhouette")
            assert known.references(large.references, "yard").nearest(fresh[None]).argmin() == 19
            known.vote("yard", np.ones(self.SHAPE))
            known.save()
            for _ in range(3):  # the job under way may be of before
                known.references(large.references, "yard")
                known._job.result(30)
            later = known.references(large.references, "yard")
        inline = Scenes(folder, CALIBRATION).references(large.references, "yard")
        np.testing.assert_allclose(later.sketches.values, inline.sketches.values, atol=1e-3)
