from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.evaluation.household_clips import KIND, PERIOD, LooksClient, name_clip, settings, track_of, where
from rt_gait_ros.gait.calibration import Calibration, Curve
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.gait.searching import Searching
from rt_gait_ros.gait.sided import with_sides
from rt_gait_ros.gait.translation import Translation
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import Template
from rt_gait_ros.tracking.track import TrackFrame

UNKNOWN = np.nan
# Ada and Bob are 1.0 apart on one side; from the other side of a quarter turn everybody is 1.0 farther away.
ADA, BOB, ASIDE = (np.eye(3, 4)[n][None].astype(np.float32) * scale for n, scale in enumerate((0.7, 0.7, 1.0)))
FRAMES = np.zeros((10, 64, 64), np.uint8)
KNOWN = Calibration("m", 10.0, 5.0, 0.5, 0.05, 0.02, 10, 10, "", sides=0.9)


@pytest.fixture
def gallery(tmp_path):
    made = Gallery(tmp_path / "people.gallery")
    made.add("Ada", [Template(ADA, 1, view=0.0)], model="m", gait_frame_kind=KIND)
    made.add("Bob", [Template(BOB + ASIDE, 1, view=90.0)], model="m", gait_frame_kind=KIND)
    return made


def compared(gallery, look, degrees, allowance=0.9):
    """Distances that names go by, and those that are learnt by."""
    references = with_sides(gallery.references, allowance)
    return references.compared(look[None].astype(np.float32), np.array([degrees]))[0]


def test_what_another_side_does_to_a_distance_is_taken_off(gallery):
    from_the_side = ADA + ASIDE
    plain = gallery.references.nearest(from_the_side[None])[0]
    assert plain == pytest.approx([1.0, 0.7 * 2**0.5], abs=1e-3), "Bob, who was seen from this side, is nearer"
    found, learnt = compared(gallery, from_the_side, 90.0)
    assert found == pytest.approx([plain[0] - 0.9, plain[1]])
    np.testing.assert_array_equal(learnt, plain)


@pytest.mark.parametrize(
    ("degrees", "off"),
    [(0.0, 0.0), (180.0, 0.0), (360.0, 0.0), (90.0, 0.9), (270.0, 0.9), (45.0, 0.45), (315.0, 0.45), (120.0, 0.6)],
)
def test_front_and_back_are_one_side_and_so_are_left_and_right(gallery, degrees, off):
    plain = gallery.references.nearest(ADA[None])[0]
    assert compared(gallery, ADA, degrees)[0] == pytest.approx(np.maximum(plain - np.array([off, 0.9 - off]), 0.0))


def test_nobody_is_nearer_than_at_no_distance(gallery):
    assert compared(gallery, ADA, 5.0)[0, 0] == 0.0


def test_nothing_is_taken_off_where_a_side_is_not_known(gallery, tmp_path):
    plain = gallery.references.nearest(ADA[None])[0]
    np.testing.assert_array_equal(compared(gallery, ADA, UNKNOWN), [plain, plain])
    other = Gallery(tmp_path / "other.gallery")
    other.add("Ada", [Template(ADA, 1, view="view 3 of 5")], model="m", gait_frame_kind=KIND)
    found = compared(other, ADA + ASIDE, 90.0)
    np.testing.assert_array_equal(found[0], found[1])


def test_what_was_enrolled_here_has_the_allowance_when_a_scene_is_taken_out_of_the_rest(gallery, tmp_path):
    """Before, nobody had it once eight had walked by, and who was named from another side was named no more."""
    known = replace(KNOWN, scene=Curve(20.0, 5.0))
    scenes = Scenes(tmp_path / "people.gallery.scenes", known)
    for walk in np.random.default_rng(0).normal(0.0, 0.6, (40, *ADA.shape)):
        scenes.vote("yard", walk.astype(np.float32))
    gallery.add("Cyd", [Template(ASIDE, 1, scene="hall", view=0.0)], model="m", gait_frame_kind=KIND)
    search = Searching(gallery, scenes, "m", None)
    search.scene = "yard"
    references = search.references(settings("m", known))
    found, learnt = references.compared((ADA + ASIDE)[None], np.array([90.0]))[0]
    np.testing.assert_allclose(found, learnt - [0.9, 0.0, 0.0])
    np.testing.assert_array_equal(learnt[:2], gallery.references.nearest((ADA + ASIDE)[None])[0, :2])
    assert search.directions(settings("m", known)).startswith("not used")


def test_a_camera_that_sees_another_scene_is_compared_by_that_one(gallery, tmp_path):
    """Before, the allowance stayed on top of the gallery as the first scene had it, until somebody walked by."""
    known = replace(KNOWN, scene=Curve(20.0, 5.0))
    scenes = Scenes(tmp_path / "people.gallery.scenes", known)
    for name in ("yard", "hall"):
        for walk in np.random.default_rng(len(name)).normal(0.0, 0.6, (40, *ADA.shape)):
            scenes.vote(name, walk.astype(np.float32) + (name == "hall"))
        gallery.add(f"From the {name}", [Template(ASIDE, 1, scene=name)], model="m", gait_frame_kind=KIND)
    search = Searching(gallery, scenes, "m", None)
    found = []
    for search.scene in ("yard", "hall", "yard"):
        found.append(search.references(settings("m", known)))
        expected = scenes.references(gallery.references, search.scene).nearest(ADA[None])
        np.testing.assert_array_equal(found[-1].nearest(ADA[None]), expected)
    assert found[0].version != found[1].version


def test_an_empty_gallery_has_nobody(tmp_path):
    nobody = Gallery(tmp_path / "nobody.gallery")
    assert compared(nobody, ADA, 90.0).shape == (2, 0)


def test_a_network_that_the_gallery_was_not_made_by_has_the_allowance_of_its_own_calibration(tmp_path):
    """Before, it had none."""
    gallery = Gallery(tmp_path / "framed.gallery")
    gallery.add("Ada", [Template(ADA, 1, frames=FRAMES, view=0.0)], model="m", gait_frame_kind=KIND)
    search = Searching(gallery, None, "m", None)
    search.translation = Translation("light", lambda frames: ADA)
    search.translation.make(gallery.references)
    settings_of_light = settings("light", replace(KNOWN, model="light"))
    references = search.references(settings_of_light)
    found, learnt = references.compared((ADA + ASIDE)[None], np.array([90.0]))[0]
    assert found == pytest.approx(learnt - 0.9)
    assert search.references(settings_of_light) is references, "it is made once"


@pytest.mark.parametrize(("sides", "names"), [(0.9, ["Ada"]), (0.0, [""])])
def test_somebody_is_named_from_a_side_that_nothing_was_stored_from(gallery, sides, names):
    client = LooksClient(np.tile(ADA + ASIDE, (8, 1, 1)), "m")
    config = settings("m", replace(KNOWN, sides=sides))
    assert [each.name for each in name_clip(client, gallery, config, [range(8)], views=[90.0])] == names
    assert [each.name for each in name_clip(client, gallery, config, [range(8)])] == [""], "the side is not known"


# In images, five a second, each with a look. Its side is told by the seven newest; the first three are too few.
NAMED, BEFORE = 6, 10
ADA_ASIDE, STRANGER_ASIDE = ADA + ASIDE, 1.2 * np.eye(4)[3][None].astype(np.float32) + ASIDE


def turned_round(image):
    return where(90.0, image if image < BEFORE else 2 * BEFORE - image)


def stopped(image):
    return where(90.0, min(image, BEFORE))


def uncertain(image):
    """Nothing tells where somebody is whose box leaves the picture, and has no metres."""
    return where(90.0, image) if image < BEFORE else None


def names(gallery, places, looks, sides=0.9):
    """What one track is named in each image. places: (3,) or None, by image. looks: (L, P, C), of each image."""
    recognizer = GaitRecognizer(LooksClient(looks, "m"), gallery, settings("m", replace(KNOWN, sides=sides)))
    found = []
    for image, place in enumerate(places):
        track = track_of("b0000", 0, image)
        track.position = place
        if place is None:
            track.box[1] = 0.0
        frame = TrackFrame((image + 1) * PERIOD, "yard", 640, 480, gait_frame_kind=KIND, tracks=[track])
        (identity,) = recognizer.update(frame).identities
        found.append(identity.name)
    return found


@pytest.mark.parametrize("way", [turned_round, stopped, uncertain])
def test_who_is_named_from_another_side_keeps_the_name_while_the_side_is_not_known(gallery, way):
    """Before, three looks whose side was not known contradicted it, though nobody else was there."""
    images = BEFORE + 9
    said = names(gallery, [way(image) for image in range(images)], np.tile(ADA_ASIDE, (images, 1, 1)))
    assert set(said[NAMED:]) == {"Ada"}


def test_a_side_that_is_not_known_for_longer_than_ten_looks_is_no_side(gallery):
    images = BEFORE + 25
    said = names(gallery, [uncertain(image) for image in range(images)], np.tile(ADA_ASIDE, (images, 1, 1)))
    assert said[BEFORE + 9] == "Ada"
    assert said[-1] == ""


@pytest.mark.parametrize("way", [turned_round, stopped, uncertain])
def test_a_stranger_loses_the_name_as_soon_as_from_a_side_that_is_known(gallery, way):
    images = BEFORE + 8
    looks = np.concatenate([np.tile(ADA_ASIDE, (BEFORE, 1, 1)), np.tile(STRANGER_ASIDE, (8, 1, 1))])
    known = names(gallery, [where(90.0, image) for image in range(images)], looks)
    assert known.index("", NAMED) < BEFORE + 4
    assert names(gallery, [way(image) for image in range(images)], looks) == known


def test_nobody_gets_a_name_by_a_side_that_is_not_known_any_more(gallery):
    """Of two looks the side is known, and three have to agree."""
    known = range(5)
    places = [where(90.0, image) if image in known else None for image in range(12)]
    assert set(names(gallery, places, np.tile(ADA_ASIDE, (12, 1, 1)))) == {""}


def test_whoever_follows_on_a_track_gets_no_name_by_the_side_of_whom_it_was_before(gallery):
    """Before, the looks that took Ada's name away named Cyd at once, by the side that Ada was seen from last."""
    cyd = np.eye(4)[3][None].astype(np.float32) * 0.7
    gallery.add("Cyd", [Template(cyd, 1, view=0.0)], model="m", gait_frame_kind=KIND)
    looks = np.concatenate([np.tile(ADA_ASIDE, (BEFORE, 1, 1)), np.tile(cyd + ASIDE, (20, 1, 1))])
    places = [uncertain(image) for image in range(len(looks))]
    said = names(gallery, places, looks)
    assert said[BEFORE] == "Ada"
    assert "Cyd" not in said
    places[-14:] = [where(90.0, image) for image in range(14)]
    assert names(gallery, places, looks)[-1] == "Cyd"


def test_a_side_without_a_template_is_said_of_whom_the_allowance_names(gallery):
    """Before, it was said of those alone from whom a view may be learnt, and nobody is so by the allowance."""
    recognizer = GaitRecognizer(LooksClient(np.tile(ADA_ASIDE, (9, 1, 1)), "m"), gallery, settings("m", KNOWN))
    said = []
    for image in range(9):
        track = track_of("b0000", 0, image)
        track.position = where(90.0, image)
        recognizer.update(TrackFrame((image + 1) * PERIOD, "yard", 640, 480, gait_frame_kind=KIND, tracks=[track]))
        said.append(recognizer.unseen)
    assert said[NAMED - 1 :] == ["none", *["Ada: side right"] * (9 - NAMED)]
