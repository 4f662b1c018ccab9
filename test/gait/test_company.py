import numpy as np
import pytest

from rt_gait_ros.evaluation.household_clips import LooksClient, name_clip, settings
from rt_gait_ros.gait.calibration import Calibration, Curve
from rt_gait_ros.gait.company import MOST_IN_VIEW, PLAIN_ODDS, Company, Household
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.evidence import Evidence
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import Template
from rt_gait_ros.silhouette.lead_in import LeadIn
from rt_gait_ros.silhouette.thinning import Thinning
from rt_gait_ros.tracking.track import TrackState

# Between directions two people are about 1.4 apart, and one person 0.4 here: even at 1.0.
KNOWN = Calibration("m", 10.0, 10.0, 0.9, 0.1, 0.02, 10, 10, "", company=Curve(20.0, 20.0))
PARTS, NUMBERS, LOOKS = 2, 64, 4
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


def walker(mean, looks=1, state=TrackState.CONFIRMED):
    evidence = Evidence(RecognizerConfig("m", calibration=KNOWN))
    return Walker(evidence, state, Thinning(0.0), LeadIn(1), looks=looks, mean=mean)


def test_the_gallery_changes_with_who_is_in_view_and_with_their_looks(home):
    company, references = Company(), home.gallery.references
    first, second = home.looks[0], home.looks[LOOKS]
    seen = {"a": walker(first)}
    alone = company.references(references, seen, KNOWN)
    assert company.references(references, seen, KNOWN) is alone
    seen["b"] = walker(second, state=TrackState.OCCLUDED)
    assert company.references(references, seen, KNOWN) is alone, "who is hidden does not count"
    seen["b"].state = TrackState.CONFIRMED
    both = company.references(references, seen, KNOWN)
    np.testing.assert_allclose(both.middle, (first + second).ravel() / 2, atol=1e-6)
    seen["b"].looks += 1
    again = company.references(references, seen, KNOWN)
    assert len({references.version, alone.version, both.version, again.version}) == 4
    assert both.nearest(np.zeros((0, PARTS, NUMBERS))).shape == (0, 4)


def test_where_there_is_no_company_distances_are_plain(home):
    company, references, seen = Company(), home.gallery.references, {"a": walker(home.looks[0])}
    without = Calibration("m", 10.0, 10.0, 0.9, 0.1, 0.02, 10, 10, "")
    assert company.references(references, seen, without) is references
    assert company.references(references, seen, None) is references
    assert company.references(references, {}, KNOWN) is references
    assert company.references(references, {"a": walker(None, 0)}, KNOWN) is references
    crowd = {f"b{n}": walker(home.looks[n]) for n in range(MOST_IN_VIEW + 1)}
    assert company.references(references, crowd, KNOWN) is references
    for name in NAMES[2:]:
        home.gallery.forget(home.gallery.find(name).person_id)
    assert company.references(home.gallery.references, seen, KNOWN) is home.gallery.references, "two are no group"


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
    found = Company().references(home.gallery.references, {"a": walker(home.looks[0])}, KNOWN)
    assert home.gallery.references.slack == 1.0
    assert 0.9 * (1 + 0.1 * found.slack) == pytest.approx(float(KNOWN.equivalent(0.95 * 1.1, KNOWN.company)))


def test_somebody_who_stays_alone_is_named(home):
    client = LooksClient(home.looks.astype(np.float32), "m")
    said = name_clip(client, home.gallery, settings("m", KNOWN), [range(LOOKS)])
    assert said[0].status is IdentityStatus.IDENTIFIED
    assert said[0].said == {"Ada"}


def test_a_plain_distance_is_weaker_evidence(home):
    """Whoever looks exactly as enrolled is that person, however far the middle of those in view is."""
    crowd = {f"b{n}": walker(home.looks[-1] + 5.0) for n in range(4)} | {"a": walker(home.templates[0])}
    references = home.gallery.references
    found = Company().references(references, crowd, KNOWN).nearest(home.templates[:1])
    plain = references.nearest(home.templates[:1])
    assert found[0, 0] == pytest.approx(np.log(PLAIN_ODDS) / KNOWN.slope, abs=1e-3)
    assert (found <= plain + np.log(PLAIN_ODDS) / KNOWN.slope + 1e-9).all()
