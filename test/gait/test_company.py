from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.evaluation.household_clips import KIND, PERIOD, LooksClient, name_clip, settings, track_of
from rt_gait_ros.gait.calibration import Calibration, Curve
from rt_gait_ros.gait.company import PLAIN_ODDS, Company
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.direction import Bearing, Seen
from rt_gait_ros.gait.evidence import Evidence
from rt_gait_ros.gait.household import Household
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import Template
from rt_gait_ros.silhouette.lead_in import LeadIn
from rt_gait_ros.silhouette.thinning import Thinning
from rt_gait_ros.tracking.track import TrackFrame, TrackState

# Between directions two people are about 1.4 apart, and one person 0.4 here: even at 1.0.
KNOWN = Calibration("m", 10.0, 10.0, 0.9, 0.1, 0.02, 10, 10, "", company=Curve(20.0, 20.0))
PARTS, NUMBERS, LOOKS = 2, 64, 4
UNKNOWN = Seen()
NAMES = ("Ada", "Bob", "Cyd", "Dan")


class Home:
    """Four people and four strangers, of a length that puts any two 1 apart. A view moves everybody by twice that."""

    def __init__(self, folder, calibration=KNOWN):
        random = np.random.default_rng(3)
        scale = np.sqrt(0.5 / NUMBERS)
        people = random.normal(0.0, scale, (8, PARTS, NUMBERS))
        self.behind = random.normal(0.0, 2.0 * np.sqrt(1.0 / NUMBERS), (PARTS, NUMBERS))
        self.calibration = calibration
        walks = people[:, None] + random.normal(0.0, 0.2 * scale, (8, LOOKS + 1, PARTS, NUMBERS))
        self.templates = walks[:, 0].astype(np.float32)
        self.looks = walks[:, 1:].reshape(-1, PARTS, NUMBERS)
        self.gallery = Gallery(folder / "people.gallery")
        for name, template in zip(NAMES, self.templates, strict=False):
            self.gallery.add(name, [Template(template, 1)], model="m", gait_frame_kind="silhouette")

    def names(self, *who, view=0.0):
        """What these walkers are named as who are seen together from there."""
        client = LooksClient((self.looks + view).astype(np.float32), "m")
        walks = [range(LOOKS * n, LOOKS * (n + 1)) for n in who]
        return [each.name for each in name_clip(client, self.gallery, settings("m", self.calibration), walks)]


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def test_a_household_is_named_from_a_view_that_nobody_was_enrolled_from(home, tmp_path):
    assert home.names(0, 1, 2, 3) == list(NAMES)
    assert home.names(0, 1, 2, 3, view=home.behind) == list(NAMES)
    assert home.names(2, 0, 3, view=home.behind) == ["Cyd", "Ada", "Dan"], "not everybody has to be there"
    (tmp_path / "plain").mkdir()
    plain = Home(tmp_path / "plain", Calibration("m", 10.0, 10.0, 0.9, 0.1, 0.02, 10, 10, ""))
    assert plain.names(0, 1, 2, 3) == list(NAMES)
    assert plain.names(0, 1, 2, 3, view=plain.behind) == [""] * 4


def test_strangers_among_them_get_no_name(home):
    for view in (0.0, home.behind):
        assert home.names(0, 1, 2, 4, view=view) == ["Ada", "Bob", "Cyd", ""]
        assert home.names(0, 1, 2, 3, 5, view=view) == [*NAMES, ""]
        assert home.names(4, 5, 6, 7, view=view) == [""] * 4
        assert home.names(6, view=view) == [""]


def walker(*looks, state=TrackState.CONFIRMED, seen=UNKNOWN):
    found = Walker(Evidence(RecognizerConfig("m", calibration=KNOWN)), state, Thinning(0.0), LeadIn(1))
    for each in looks:
        found.look(each, seen, 2)
    return found


def middle_for(home, *walkers, company=None):
    """The middle that the first of these is compared with, and the weight of it."""
    references = home.gallery.references
    found = (company or Company()).references(references, walkers[0], walkers, KNOWN, stands=False)
    return found.middles.view, found.middles.weight


def test_the_middle_is_of_the_newest_looks_at_those_in_view(home):
    first, second = home.looks[0], home.looks[LOOKS]
    one, other = walker(first), walker(second, state=TrackState.OCCLUDED)
    np.testing.assert_allclose(middle_for(home, one, other)[0], first.ravel(), atol=1e-6)
    other.state = TrackState.CONFIRMED
    company, one = Company(), walker(first)
    middle, weight = middle_for(home, one, other, company=company)
    np.testing.assert_allclose(middle, (first + second).ravel() / 2, atol=1e-6)
    assert weight == pytest.approx(2 / 3)
    other.look(second + 1.0, Seen(), 2)
    assert middle_for(home, one, other, company=company)[0] is middle, "it is of when the look came"
    one.look(first, Seen(), 2)
    np.testing.assert_allclose(
        middle_for(home, one, other, company=company)[0], (first + second + 0.5).ravel() / 2, atol=1e-6
    )
    other.look(second + 1.0, Seen(), 2)
    one.look(first, Seen(), 2)
    np.testing.assert_allclose(
        middle_for(home, one, other, company=company)[0], (first + second + 1.0).ravel() / 2, atol=1e-6
    )


def test_who_is_seen_from_another_side_does_not_count(home):
    first, second = home.looks[0], home.looks[LOOKS]
    for mine, theirs, count in ((0.0, 20.0, 2), (350.0, 10.0, 2), (0.0, 90.0, 1), (None, 90.0, 2), (0.0, None, 2)):
        one, other = walker(first, seen=Seen(mine)), walker(second, seen=Seen(theirs))
        assert middle_for(home, one, other)[1] == pytest.approx(count / (count + 1)), (mine, theirs)
    assert middle_for(home, walker(first), walker(second, seen=Seen(turning=True)))[1] == pytest.approx(1 / 2)


def test_where_there_is_no_company_distances_are_plain(home):
    references = home.gallery.references

    def plain(one, calibration, references=references):
        return Company().references(references, one, [one], calibration, stands=False) is references

    one = walker(home.looks[0])
    assert plain(one, Calibration("m", 10.0, 10.0, 0.9, 0.1, 0.02, 10, 10, ""))
    assert plain(one, None)
    assert plain(walker(), KNOWN)
    assert not plain(one, KNOWN)
    for name in NAMES[2:]:
        home.gallery.forget(home.gallery.find(name).person_id)
    assert plain(one, KNOWN, home.gallery.references), "two are no group"


def test_distances_are_those_of_directions_from_the_middles(home):
    templates, looks = home.templates[:4].reshape(4, -1), home.looks[:6].reshape(6, -1)
    found = Household.of(home.templates[:4], np.arange(4)).distances(looks, looks.mean(axis=0), 0.75)
    centre = templates.mean(axis=0)
    directions = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (
        looks - 0.75 * looks.mean(axis=0) - 0.25 * centre,
        templates - centre,
    )]  # fmt: skip
    wanted = np.linalg.norm(directions[0][:, None] - directions[1][None], axis=2)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_a_template_has_the_middle_of_those_from_its_side(home):
    """Everybody is enrolled from two sides: nothing changes for either."""
    front, back = home.templates[:4], home.templates[:4] + home.behind.astype(np.float32)
    both = np.stack([front, back], axis=1).reshape(8, PARTS, NUMBERS)
    household = Household.of(both, np.arange(0, 8, 2))
    np.testing.assert_allclose(household.middles[::2], Household.of(front, np.arange(4)).middles, atol=1e-5)
    np.testing.assert_allclose(household.middles[1::2], Household.of(back, np.arange(4)).middles, atol=1e-5)


def test_a_name_stands_for_a_tenth_of_the_line_between_directions(home):
    """0.9 is as much evidence as 0.95 between directions, and a tenth of that as 0.19 of plain distance."""
    one = walker(home.looks[0])
    found = Company().references(home.gallery.references, one, [one], KNOWN, stands=False)
    assert home.gallery.references.slack == 1.0
    assert 0.9 * (1 + 0.1 * found.slack) == pytest.approx(float(KNOWN.equivalent(0.95 * 1.1, KNOWN.company)))


def test_somebody_who_stays_alone_is_named(home):
    client = LooksClient(home.looks.astype(np.float32), "m")
    said = name_clip(client, home.gallery, settings("m", KNOWN), [range(LOOKS)])
    assert said[0].status is IdentityStatus.IDENTIFIED
    assert said[0].said == {"Ada"}


def test_a_plain_distance_is_weaker_evidence(home):
    """Whoever looks exactly as enrolled is that person, however far the middle of those in view is."""
    one, references = walker(home.templates[0]), home.gallery.references
    seen = [one, *(walker(home.looks[-1] + 5.0) for _ in range(4))]
    compared = Company().references(references, one, seen, KNOWN, stands=False)
    found, plain = compared.nearest(home.templates[:1]), references.nearest(home.templates[:1])
    np.testing.assert_array_equal(compared.compared(home.templates[:1], np.zeros(1))[0], [found[0], plain[0]])
    assert compared.nearest(home.templates[:0]).shape == (0, 4)
    assert found[0, 0] == pytest.approx(np.log(PLAIN_ODDS) / KNOWN.slope, abs=1e-3)
    assert (found <= plain + np.log(PLAIN_ODDS) / KNOWN.slope + 1e-9).all()


def test_whether_directions_are_compared_follows_one_rule_that_is_said(home, monkeypatch):
    """And who does not compare them does not ask from which side anybody is seen."""
    asked = []
    monkeypatch.setattr(Bearing, "seen", lambda *span: asked.append(span) or Seen())

    def said(**changes):
        config = replace(settings("m", KNOWN), **changes)
        client = LooksClient(home.looks, "m")
        recognizer = GaitRecognizer(client, home.gallery, config)
        for image in range(2):
            tracks = [track_of("b0000", 0, image)]
            recognizer.update(TrackFrame((image + 1) * PERIOD, "home", 640, 480, gait_frame_kind=KIND, tracks=tracks))
        return recognizer.directions

    assert said() == "used"
    assert asked
    asked.clear()
    off = said(scene_normalisation=False)
    assert off == "not used: scene_normalisation is off"
    assert said(calibration=replace(KNOWN, company=None)) == "not used: no calibration of m has the curve `company`"
    assert not asked
    for _ in range(2):
        home.gallery.forget(home.gallery.persons[0].person_id)
    assert said() == "not used: 2 people are enrolled, and directions need 3 to 8"


def test_to_ask_whether_directions_are_compared_changes_nothing(home, tmp_path, monkeypatch):
    """Diagnostics ask once a second, and before the first image, when no scene is known."""
    calibration = replace(KNOWN, scene=Curve(20.0, 20.0))
    scenes = Scenes(tmp_path / "scenes", calibration)
    for passer_by in np.random.default_rng(4).normal(0.0, 1.0, (12, PARTS, NUMBERS)):
        scenes.vote("home", passer_by)
    searched = []
    search = scenes.references
    monkeypatch.setattr(scenes, "references", lambda *which: searched.append(which) or search(*which))
    home.gallery.add("Eve", [Template(home.templates[4], 1, scene="yard")], model="m", gait_frame_kind=KIND)
    recognizer = GaitRecognizer(LooksClient(home.looks, "m"), home.gallery, settings("m", calibration), scenes=scenes)
    assert recognizer.directions == "used"
    assert recognizer.problem == ""
    recognizer.update(TrackFrame(PERIOD, "home", 640, 480, gait_frame_kind=KIND, tracks=[track_of("b0000", 0, 0)]))
    searched.clear()
    assert recognizer.directions == "not used: the scene is taken out instead"
    assert not searched
