from dataclasses import replace

import numpy as np
import pytest
from crossings import CONFIG, Household, Walker, Watch, World, crossing

from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import LEARNT, GalleryError, Template
from rt_gait_ros.tracking.track import TrackState

ACROSS, TOWARDS, AWAY = 90.0, 0.0, 180.0


class Passage:
    """Ada, enrolled from both sides, walks across the picture, and then towards the camera."""

    def __init__(self, config=CONFIG):
        self.world = World(3)
        self.ada = self.world.newcomer()
        self.household = Household(self.world, [self.ada, self.world.newcomer(), self.world.newcomer()])
        self.watch = Watch(self.world, self.household, config)
        self.walker = Walker(self.world, self.ada, -3.0, 7.0, [(5.0, ACROSS), (99.0, TOWARDS)])

    def go(self, seconds, change=lambda clock: {}, others=lambda clock: ()):
        """Show her for a while. change(clock): fields of her track. Returns the last answer about it."""
        for _ in range(round(seconds / 0.16)):
            self.walker.step()
            track = self.walker.track("aaaaa")
            for name, value in change(self.walker.clock).items():
                setattr(track, name, value)
            answer = self.watch.show(track, *others(self.walker.clock))
        return answer.get(track.body_id)


def test_somebody_who_turns_is_learnt_from_the_new_side_and_keeps_the_name():
    passage = Passage()
    assert passage.go(5.0).name == "person 0"
    identity = passage.go(2.5)
    ((person_id, template),) = passage.household.learnt
    assert (person_id, template.origin, template.scene, len(template.frames)) == ("p0", LEARNT, "camera", 8)
    assert min(template.view, 360 - template.view) < 20
    assert (identity.status, identity.name) == (IdentityStatus.IDENTIFIED, "person 0")

    again = Watch(passage.world, passage.household)  # from the front, in other clothes
    walker = Walker(passage.world, passage.ada, 0.5, 7.0, [(99.0, TOWARDS)])
    for _ in range(15):
        walker.step()
        answer = again.show(walker.track("bbbbb"))
    assert answer["bbbbb"].name == "person 0"


def test_frames_are_not_kept_where_none_are_to_be():
    passage = Passage(replace(CONFIG, keep_gait_frames=False))
    passage.go(7.5)
    assert passage.household.learnt[0][1].frames is None


@pytest.mark.parametrize("changes", [{"learn": False}, {"learn_limit": 0}, {"learn_after": 60.0}])
def test_nothing_is_learnt_that_the_settings_do_not_allow(changes):
    passage = Passage(replace(CONFIG, **changes))
    passage.go(5.0)
    identity = passage.go(2.5)
    assert not passage.household.learnt
    assert identity.name == ""


def test_a_side_without_a_template_is_said_until_it_has_one():
    passage = Passage(replace(CONFIG, learn_limit=1))
    passage.go(5.0)
    assert passage.watch.recognizer.unseen == "none"
    said = set()
    for _ in range(16):
        passage.go(0.16)
        said.add(passage.watch.recognizer.unseen)
    assert said == {"none", "person 0: side front"}
    assert passage.watch.recognizer.unseen == "none"


def beside(passage):
    """Somebody stands where she passes shortly before she turns."""
    box = passage.walker.track("ccccc").box
    stranger = passage.world.newcomer()
    other = Walker(passage.world, stranger, *passage.walker.place, [(99.0, TOWARDS)])
    other.side = 0
    return other.track("ccccc", box=box, walking=False)


@pytest.mark.parametrize(
    "change",
    [
        {"state": TrackState.OCCLUDED, "missed": 1, "gait_frame": None},
        {"former_id": "zzzzz"},
        {"missed": 1},
    ],
    ids=["occluded", "re-attached", "missed"],
)
def test_a_break_shortly_before_the_turn_prevents_it(change):
    passage = Passage()
    passage.go(7.5, lambda clock: change if 4.5 < clock < 4.7 else {})
    assert not passage.household.learnt


def test_somebody_near_shortly_before_the_turn_prevents_it():
    passage = Passage()
    passage.go(7.5, others=lambda clock: (beside(passage),) if 4.5 < clock < 4.7 else ())
    assert not passage.household.learnt


def test_looks_that_are_somebody_elses_are_not_learnt():
    """The new side is that of another person, enrolled from there: the name is contradicted instead."""
    passage = Passage()
    other = passage.household.truths["p1"]
    passage.household.learn("p1", passage.world.template(other, TOWARDS), 8)
    passage.household.learnt.clear()
    passage.go(5.0)
    passage.walker.number = passage.world.walk(other)
    assert passage.go(2.5).name != "person 0"
    assert not passage.household.learnt


def test_a_side_is_also_told_by_the_models_own_views():
    """Without any direction: the picture has no size and there are no metres."""
    passage = Passage()
    centres = passage.world.side[:, None].astype(np.float32)
    prior = ViewPrior(centres, np.ones_like(centres))
    watch = passage.watch
    watch.recognizer._learner._views = prior
    passage.go(7.5, lambda clock: {"position": None, "box": np.array([300, 0, 100, 719], np.float32)})
    ((_, template),) = passage.household.learnt
    assert template.view == ""
    assert prior.nearest(template.embedding[None])[0] == 0


@pytest.mark.slow
def test_of_a_thousand_crossings_no_stranger_creeps_in():
    """Half of them are mixed up by the tracker as they meet, and nothing but the gait could tell."""
    right = [right for seed in range(1000) for right in crossing(seed, swap=seed % 4 < 2)]
    assert len(right) > 100
    assert all(right)


class TestGallery:
    """What was learnt in the file."""

    @pytest.fixture
    def learnt(self, gallery, template):
        """Ada learnt from two sides, Bob from one."""
        ada, bob = gallery.find("Ada").person_id, gallery.find("Bob").person_id
        for person_id, view in ((ada, 0.0), (ada, 180.0), (bob, 0.0)):
            gallery.learn(person_id, replace(template(50), view=view), 2)
        return Gallery(gallery.path)

    def test_it_is_marked_and_undone_for_one_or_all(self, learnt):
        assert [t.origin for t in learnt.find("Ada").templates] == ["enrolled", LEARNT, LEARNT]
        assert learnt.unlearn("Ada") == 2
        assert [len(person.templates) for person in learnt.persons] == [1, 2, 1]
        assert learnt.unlearn() == 1
        assert learnt.unlearn() == 0

    def test_it_is_bounded_and_one_side_is_learnt_once(self, learnt, gallery, template):
        ada, bob = gallery.find("Ada").person_id, gallery.find("Bob").person_id
        gallery.learn(ada, replace(template(50), view=90.0), 2)
        gallery.learn(bob, replace(template(50), view=10.0), 2)
        gallery.learn("p000000000", replace(template(50), view=90.0), 2)  # was forgotten meanwhile
        assert [len(person.templates) for person in gallery.persons] == [3, 2, 1]

    def test_a_person_of_nothing_else_stays(self, tmp_path, template):
        gallery = Gallery(tmp_path / "learnt")
        only = Template(template(20).embedding, 1, origin=LEARNT)
        gallery.add("Ada", [only], model="angle", gait_frame_kind="silhouette")
        with pytest.raises(GalleryError, match="forget"):
            gallery.unlearn("Ada")
