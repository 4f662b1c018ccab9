import pytest

from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.tracking.track import TrackState

NAMED_AFTER = 20


@pytest.fixture
def home(client, config, template, watch, tmp_path):
    """Bob walks at 60 degrees, Cyd at 68: somebody at 65 is 0.03 nearer to Cyd, and the margin is 0.1."""
    gallery = Gallery(tmp_path / "home")
    for name, angle in (("Bob", 60), ("Cyd", 68)):
        gallery.add(name, [template(angle)], model="angle", gait_frame_kind="silhouette")
    return watch(GaitRecognizer(client, gallery, config))


def test_somebody_like_two_people_is_the_one_who_does_not_walk_beside(home, walk):
    assert home.show(walk("aaaaa", 63), images=NAMED_AFTER)["aaaaa"].status == IdentityStatus.AMBIGUOUS
    answer = home.show(walk("aaaaa", 63), walk("bbbbb", 75), images=NAMED_AFTER)
    assert (answer["bbbbb"].name, answer["aaaaa"].name) == ("Cyd", "Bob")
    assert [c.name for c in answer["aaaaa"].candidates] == ["Bob"]
    assert answer["aaaaa"].margin > 0.1


def test_who_is_nearest_to_somebody_in_view_is_the_next_person(home, walk):
    answer = home.show(walk("aaaaa", 65), walk("bbbbb", 75), images=NAMED_AFTER)
    assert (answer["bbbbb"].name, answer["aaaaa"].name) == ("Cyd", "Bob")


def test_what_was_ruled_out_stays_so_when_the_other_has_left(home, walk):
    home.show(walk("aaaaa", 63), walk("bbbbb", 75), images=NAMED_AFTER)
    assert home.show(walk("aaaaa", 63), images=5)["aaaaa"].name == "Bob"


def test_a_second_track_of_one_body_does_not_get_the_next_name(home, walk):
    answer = home.show(walk("aaaaa", 75), walk("bbbbb", 74), images=NAMED_AFTER)
    assert sorted(answer[body].name for body in ("aaaaa", "bbbbb")) == ["", "Cyd"]


def test_a_track_out_of_view_rules_nobody_out(home, walk):
    home.show(walk("bbbbb", 75), images=NAMED_AFTER)
    hidden = walk("bbbbb", 75, state=TrackState.OCCLUDED, frame=False)
    answer = home.show(walk("aaaaa", 65), hidden, images=NAMED_AFTER)
    assert (answer["bbbbb"].name, answer["aaaaa"].status) == ("Cyd", IdentityStatus.AMBIGUOUS)


def test_a_contradiction_takes_back_what_rested_on_the_name(home, walk):
    home.show(walk("aaaaa", 63), walk("bbbbb", 75), images=NAMED_AFTER)
    home.show(walk("aaaaa", 63), walk("bbbbb", 150), images=40)
    assert home.show(walk("aaaaa", 63), walk("bbbbb", 150))["aaaaa"].status == IdentityStatus.AMBIGUOUS
