import pytest
from boxed_people import PERIOD, image, person, run

from rt_gait_ros.tracking import IdentityFeedback, Tracker, TrackState


@pytest.fixture
def tracker():
    """Two confirmed tracks, at 300 and 900; the last image is number 4."""
    tracker = Tracker(seed=0)
    run(tracker, [[person(300), person(900)]] * 5)
    return tracker


def at(tracker, number, *places):
    """Body ids of the confirmed tracks of one more image, from left to right, and of the LOST ones."""
    frame = tracker.update(image(number, [person(x) for x in places]))
    seen = sorted((t.box[0], t.body_id) for t in frame.tracks if t.state == TrackState.CONFIRMED)
    return [body for _, body in seen], [t.body_id for t in frame.tracks if t.state == TrackState.LOST]


def come_back(tracker, *places):
    """All leave, and after three seconds somebody is there; returns their ids and the last image's number."""
    tracker.update(image(80, []))
    for number in range(81, 84):
        ids, _ = at(tracker, number, *places)
    return ids, 83


def test_a_returning_person_gets_the_body_back(tracker):
    feedback = IdentityFeedback(tracker)
    (ada, _), _ = at(tracker, 5, 300, 900)
    feedback.take({ada: "p1"})
    (again,), last = come_back(tracker, 600)
    assert again != ada
    feedback.take({again: "p1"})
    assert at(tracker, last + 1, 600) == ([ada], [again])
    assert at(tracker, last + 2, 600) == ([ada], [])


def test_a_swapped_pair_is_split_and_comes_home(tracker):
    feedback, (ada, bob) = named(tracker)
    feedback.take({}, contradicted=[ada, bob])
    (left, right), lost = at(tracker, 6, 300, 900)
    assert len({left, right, ada, bob}) == 4
    assert set(lost) == {ada, bob}
    feedback.take({left: "p2", right: "p1"})
    assert at(tracker, 7, 300, 900)[0] == [bob, ada]


def test_names_that_changed_hands_are_enough(tracker):
    feedback, (ada, bob) = named(tracker)
    feedback.take({ada: "p2", bob: "p1"})
    (left, right), _ = at(tracker, 6, 300, 900)
    feedback.take({left: "p2", right: "p1"})
    assert at(tracker, 7, 300, 900)[0] == [bob, ada]


def named(tracker):
    """Two people of image 5 who are called p1 and p2: the feedback, and their ids."""
    feedback = IdentityFeedback(tracker)
    ids, _ = at(tracker, 5, 300, 900)
    feedback.take(dict(zip(ids, ("p1", "p2"), strict=True)))
    return feedback, ids


def test_a_fragment_is_merged_into_the_body(tracker):
    feedback, (ada, bob) = named(tracker)
    for number in range(6, 9):  # Ada vanishes at 300 and is somebody new at 640
        ids, _ = at(tracker, number, 640, 900)
    fragment = ids[0]
    feedback.take({fragment: "p1", bob: "p2"})
    ids, lost = at(tracker, 9, 640, 900)
    assert ids == [ada, bob]
    assert lost == [fragment]


def test_two_who_are_both_in_sight_are_never_merged(tracker):
    (ada, bob), _ = at(tracker, 5, 300, 900)
    assert not tracker.merge(ada, bob)
    assert at(tracker, 6, 300, 900)[0] == [ada, bob]


def test_what_is_late_or_unknown_does_nothing(tracker):
    feedback = IdentityFeedback(tracker)
    (ada, bob), _ = at(tracker, 5, 300, 900)
    feedback.take({ada: "p1", bob: "p2"}, stamp=5 * PERIOD)
    fresh = tracker.split(ada)
    feedback.take({fresh: "p2", "zzzzz": "p3", ada: "p2"}, contradicted=["yyyyy"], stamp=4 * PERIOD)
    assert at(tracker, 6, 300, 900)[0] == [fresh, bob]


@pytest.mark.parametrize("former", ["zzzzz", "", "not an id"])
def test_only_an_id_of_this_run_can_be_given_back(tracker, former):
    (ada, bob), _ = at(tracker, 5, 300, 900)
    assert not tracker.reattach(ada, former)
    assert not tracker.reattach(ada, bob)  # alive
    assert not tracker.reattach("zzzzz", ada)
    assert tracker.split("zzzzz") is None


def test_a_stranger_does_not_inherit(tracker):
    """Whoever has no name keeps the id that the tracker gave."""
    feedback = IdentityFeedback(tracker)
    (ada, bob), _ = at(tracker, 5, 300, 900)
    feedback.take({ada: "p1"})
    (stranger,), last = come_back(tracker, 300)
    feedback.take({})
    assert at(tracker, last + 1, 300)[0] == [stranger]
    assert stranger not in (ada, bob)


def former_ids(tracker, number, *places):
    """Former id by body id of the live tracks of one more image."""
    frame = tracker.update(image(number, [person(x) for x in places]))
    return {track.body_id: track.former_id for track in frame.tracks if track.state != TrackState.LOST}


def test_the_former_id_is_said_once_and_only_of_the_same_person(tracker):
    feedback = IdentityFeedback(tracker)
    (ada, bob), _ = at(tracker, 5, 300, 900)
    feedback.take({ada: "p1"})
    (again,), last = come_back(tracker, 600)
    feedback.take({again: "p1"})
    assert former_ids(tracker, last + 1, 600) == {ada: again}
    assert former_ids(tracker, last + 2, 600) == {ada: ""}
    feedback.take({}, contradicted=[ada])
    (fresh,) = former_ids(tracker, last + 3, 600).items()
    assert fresh[0] not in (ada, again, bob)
    assert fresh[1] == ""
    assert feedback.changes == {"reattached": 1, "split": 1, "merged": 0}


def test_a_fragment_that_goes_on_says_its_former_id(tracker):
    feedback = IdentityFeedback(tracker)
    (ada, _), _ = at(tracker, 5, 300, 900)
    feedback.take({ada: "p1"})
    for number in range(6, 9):
        ids, _ = at(tracker, number, 640, 900)
    fragment = ids[0]
    feedback.take({fragment: "p1"})
    assert former_ids(tracker, 9, 640, 900)[ada] == fragment


def test_a_contradicted_track_with_a_new_name_is_split_all_the_same(tracker):
    feedback = IdentityFeedback(tracker)
    (ada, _), _ = at(tracker, 5, 300, 900)
    feedback.take({ada: "p1"})
    feedback.take({ada: "p2"}, contradicted=[ada])
    (fresh, _), lost = at(tracker, 6, 300, 900)
    assert fresh != ada
    assert lost == [ada]
    feedback.take({fresh: "p2"})
    assert at(tracker, 7, 300, 900)[0][0] == fresh


def test_whoever_is_enrolled_anew_keeps_the_body(tracker):
    """Forgotten and enrolled again, or one of two gallery entries merged into the other: the track is the same."""
    feedback, (ada, bob) = named(tracker)
    feedback.take({ada: "p3", bob: "p2"})
    assert at(tracker, 6, 300, 900) == ([ada, bob], [])
    feedback.take({ada: "p3"})
    (again,), last = come_back(tracker, 600)
    feedback.take({again: "p3"})
    assert at(tracker, last + 1, 600)[0] == [ada]


class Opinions:
    """What a gait stage says of tracks that stay where they are, ten times a second; `number` counts the images."""

    def __init__(self, tracker, *places):
        self.feedback, self.ids = IdentityFeedback(tracker), at(tracker, 5, *places)[0]
        self._tracker, self._places, self._number = tracker, places, 5

    def say(self, seconds, *names, contradicted=(), probability=1.0):
        """Say so for a while; `names` from left to right. Returns the ids afterwards."""
        for turn in range(round(seconds / PERIOD * 1e9)):
            self._number += 1
            self.ids, _ = at(self._tracker, self._number, *self._places)
            named = {body: name for body, name in zip(self.ids, names, strict=False) if name}
            away = [self.ids[n] for n in contradicted] if turn == 0 else []
            self.feedback.take(named, away, image(self._number, []).stamp, dict.fromkeys(named, probability))
        return self.ids


@pytest.fixture
def opinions(tracker):
    return Opinions(tracker, 300, 900)


def test_an_opinion_that_is_wrong_for_a_moment_changes_nothing(opinions):
    ada, bob = opinions.say(2.0, "p1", "p2")
    opinions.say(0.4, "p2", "", contradicted=[0])  # mixed up for a look
    opinions.say(1.5, "", "p2", contradicted=[0])  # taken away; looked at anew
    assert opinions.say(3.0, "p1", "p2") == [ada, bob]
    assert not opinions.feedback.changes.total()


def test_a_name_that_does_not_come_back_takes_the_id_away(opinions):
    ada, bob = opinions.say(2.0, "p1", "p2")
    assert opinions.say(3.5, "", "p2", contradicted=[0]) == [ada, bob]
    stranger, same = opinions.say(1.0, "", "p2")
    assert (stranger != ada, same) == (True, bob)
    assert opinions.feedback.changes["split"] == 1


def test_a_pair_that_has_really_changed_places_is_told_after_agreement(opinions):
    ada, bob = opinions.say(2.0, "p1", "p2")
    assert opinions.say(0.8, "p2", "p1", contradicted=[0, 1]) == [ada, bob]
    assert opinions.say(1.0, "p2", "p1") == [bob, ada]


def test_a_wrong_name_that_stood_is_undone_by_the_right_one(opinions):
    ada, bob = opinions.say(2.0, "p1", "p2")
    for wrong, right in ((("p2", "p1"), (bob, ada)), (("p1", "p2"), (ada, bob))):
        assert tuple(opinions.say(3.0, *wrong, contradicted=[0, 1])) == right


def test_a_name_counts_by_its_probability(opinions):
    ada, bob = opinions.say(2.0, "p1", "p2")
    assert opinions.say(1.5, "p2", "p1", probability=0.5) == [ada, bob]
    assert opinions.say(1.0, "p2", "p1", probability=0.5) == [bob, ada]
