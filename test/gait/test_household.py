"""Names in a household while people come and go, and are enrolled; what one look costs, and what is learnt."""

from dataclasses import replace

import crossings
import numpy as np
import pytest
from test_company import LOOKS, NAMES, NUMBERS, PARTS, Home
from test_learning import Passage

from rt_gait_ros.evaluation.household_clips import KIND, PERIOD, LooksClient, settings, track_of
from rt_gait_ros.gait import company
from rt_gait_ros.gait.calibration import Calibration, Curve, load
from rt_gait_ros.gait.household import Household
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gallery import search
from rt_gait_ros.gallery.person import Template
from rt_gait_ros.tracking.track import TrackFrame


class Room:
    """Where people of a home are seen, each from a side of their own. here: their views, by number, of who is there."""

    def __init__(self, home):
        self.home, self.here, self.images = home, {}, 0
        self.contradicted, self.names = [], {}
        self._looks = []
        self._recognizer = GaitRecognizer(self, home.gallery, settings("m", home.calibration))

    def describe(self, model, *, deadline=None):
        return LooksClient(np.zeros((1, PARTS, NUMBERS)), "m").describe("m")

    def submit(self, *arguments, **options):
        return LooksClient(np.array(self._looks, np.float32), "m").submit(*arguments, **options)

    def close(self):
        pass

    def show(self, images=8):
        """Who is there has a look in each of so many images. Returns the names by number."""
        for _ in range(images):
            tracks = []
            for place, (number, view) in enumerate(self.here.items()):
                tracks.append(track_of(f"b{number}", place, len(self._looks)))
                self._looks.append(self.home.looks[LOOKS * number + self.images % LOOKS] + view)
            self.images += 1
            shown = TrackFrame(self.images * PERIOD, "camera", 3000, 480, gait_frame_kind=KIND, tracks=tracks)
            answer = self._recognizer.update(shown)
            self.contradicted += answer.contradicted
            self.names = {int(each.body_id[1:]): each.name for each in answer.identities}
        return self.names


@pytest.fixture
def room(tmp_path):
    return Room(Home(tmp_path))


def sides(seed):
    """Two sides that are as far apart as the one from behind is from that of the enrolment."""
    return np.random.default_rng(seed).normal(0.0, 2.0 * np.sqrt(1.0 / NUMBERS), (2, PARTS, NUMBERS))


MEMBERS = dict(enumerate(NAMES))


@pytest.mark.parametrize("seed", range(4))
def test_who_comes_from_another_side_takes_no_name_away(room, seed):
    """All looks that are compared anew with the middle of all seven contradict names of every second one of these."""
    first, second = sides(seed)
    room.here = dict.fromkeys(range(4), first)
    assert room.show() == MEMBERS
    room.here |= dict.fromkeys((4, 5, 6), second)
    for _ in range(12):
        names = room.show(1)
        assert {number: names[number] for number in MEMBERS} == MEMBERS
    assert not room.contradicted


@pytest.mark.parametrize("seed", range(4))
def test_who_goes_takes_no_name_away(room, seed):
    room.here = dict.fromkeys((0, 1, 2, 3, 4, 5), sides(seed)[0])
    names = room.show()
    assert [names[number] for number in range(4)] == list(NAMES)
    room.here = {0: room.here[0]}
    for _ in range(12):
        assert room.show(1) == {0: "Ada"}
    assert not room.contradicted


@pytest.mark.parametrize(("enrolled", "view"), [(2, 0.0), (8, 1.0)], ids=["the third", "the ninth"])
def test_who_is_enrolled_takes_no_name_away(tmp_path, enrolled, view):
    """With three people, and with nine, those who are seen first from now on are compared otherwise."""
    home = Home(tmp_path)
    for number in range(4, enrolled):
        home.gallery.add(f"person {number}", [Template(home.templates[number], 1)], model="m", gait_frame_kind=KIND)
    for name in NAMES[enrolled:]:
        home.gallery.forget(home.gallery.find(name).person_id)
    room, side = Room(home), view * home.behind
    room.here = dict.fromkeys(range(2), side)
    if view:
        room.here |= dict.fromkeys(range(2, 4), side)
    names = room.show()
    assert (names[0], names[1]) == ("Ada", "Bob")
    new = np.random.default_rng(9).normal(0.0, np.sqrt(0.5 / NUMBERS), (PARTS, NUMBERS)).astype(np.float32)
    home.gallery.add("new", [Template(new, 1)], model="m", gait_frame_kind=KIND)
    for _ in range(12):
        assert room.show(1) == names
    assert not room.contradicted
    if view:
        room.here = {0: side}
        room.show(1)
        room.here = {}
        room.show(1)
        room.here = dict.fromkeys(range(2), side)
        assert room.show() == {0: "", 1: ""}, "nine are compared plainly from the beginning"


def test_no_look_at_others_makes_looks_be_compared_anew(room, monkeypatch):
    counts = {"directions": 0, "plain": 0, "households": 0}

    def counting(what, function, queries=lambda *arguments: len(arguments[0])):
        def counted(*arguments, **options):
            counts[what] += queries(*arguments)
            return function(*arguments, **options)

        return counted

    monkeypatch.setattr(
        Household, "distances", counting("directions", Household.distances, lambda _self, queries, *_: len(queries))
    )
    monkeypatch.setattr(search, "nearest", counting("plain", search.nearest))
    monkeypatch.setattr(
        company.Household, "of", counting("households", Household.of, lambda embeddings, *_: len(embeddings))
    )
    room.here = dict.fromkeys(range(4), room.home.behind)
    room.show()
    room.here |= dict.fromkeys(range(4, 8), room.home.behind)
    room.show()
    # of six looks at whoever has no name, of one then
    named, unnamed = 1 + 2 + 3 + 5 + 8, 1 + 2 + 3 + 4 + 5 + 6 + 6 + 6
    assert counts == {"directions": 4 * (named + unnamed), "plain": 4 * (named + unnamed), "households": 4}


def test_nothing_is_learnt_by_directions_alone(monkeypatch):
    """Three who were enrolled from both sides come towards the camera: directions name them, plain distances do not."""
    monkeypatch.setattr(crossings, "OWN_SIDE", 0.02)
    world = crossings.World(3)
    members = [world.newcomer() for _ in range(3)]
    household = crossings.Household(world, members)
    known = Calibration("crossings", 80.0, 66.7, 0.834, 0.0433, 0.02, 10, 10, "", company=Curve(160.0, 146.7))
    config = replace(crossings.CONFIG, calibration=known)
    watch = crossings.Watch(world, household, config)
    walkers = [crossings.Walker(world, who, 5.0 * n - 5.0, 14.0, [(99.0, 0.0)]) for n, who in enumerate(members)]
    for _ in range(50):
        for each in walkers:
            each.step()
        answer = watch.show(*(each.track(f"b{n}") for n, each in enumerate(walkers)))
    assert [answer[f"b{n}"].name for n in range(3)] == ["person 0", "person 1", "person 2"]
    assert not household.learnt

    passage = Passage(config)  # she is sure by plain distances as well, before she turns
    passage.go(7.5)
    assert [person_id for person_id, _ in passage.household.learnt] == ["p0"]


def test_templates_that_a_standing_name_was_given_by_keep_their_middles(room):
    home = room.home
    before = Household.of(home.templates[:3], np.arange(3))
    after = Household.of(home.templates[:4], np.arange(4), before)
    anew = Household.of(home.templates[:4], np.arange(4))
    np.testing.assert_array_equal(after.middles[:3], before.middles)
    np.testing.assert_allclose(after.directions[:3], before.directions, atol=1e-6)
    np.testing.assert_array_equal(after.middles[3], anew.middles[3])
    assert not np.allclose(anew.middles[:3], before.middles)


def test_no_shipped_model_compares_by_directions(model_repository):
    """It names more strangers on people that it was not chosen by (docs/rules.md)."""
    files = sorted(model_repository.glob("*/calibration.json"))
    assert files
    for path in files:
        assert load(path, path.parent.name).company is None
