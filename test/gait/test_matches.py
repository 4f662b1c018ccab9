import pytest

from rt_gait_ros.gait.identity import Candidate, Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.gait.matches import Match, Matches, confidence_of

SECOND = 1_000_000_000


def named(body_id, person_id="ada", distance=0.1):
    nearest = (Candidate(person_id, person_id, 0.9, distance),)
    return Identity(body_id, IdentityStatus.IDENTIFIED, 1, person_id=person_id, candidates=nearest)


def say(matches, stamp, *identities):
    return matches.update(IdentityFrame(stamp, "camera", "m", list(identities)), accept_line=0.2)


def test_a_match_is_said_and_said_again_after_a_while():
    matches = Matches()
    assert say(matches, 0, named("aaaaa"), Identity("bbbbb", IdentityStatus.UNKNOWN, 1)) == [
        Match("aaaaa", "ada", 0.75)
    ]
    assert say(matches, SECOND // 2, named("aaaaa")) == []
    assert say(matches, SECOND, named("aaaaa")) == [Match("aaaaa", "ada", 0.75)]
    assert say(matches, 0, named("aaaaa"))  # the clock was set back


@pytest.mark.parametrize("status", [IdentityStatus.COLLECTING, IdentityStatus.UNKNOWN, IdentityStatus.AMBIGUOUS])
def test_a_name_that_goes_is_withdrawn_once(status):
    matches = Matches()
    say(matches, 0, named("aaaaa"))
    assert say(matches, 1, Identity("aaaaa", status, 1)) == [Match("aaaaa", "ada", 0.0)]
    assert say(matches, 2, Identity("aaaaa", status, 1)) == []


def test_another_name_withdraws_the_one_before():
    matches = Matches()
    say(matches, 0, named("aaaaa"))
    assert say(matches, 1, named("aaaaa", "bob")) == [Match("aaaaa", "ada", 0.0), Match("aaaaa", "bob", 0.75)]


def test_a_body_that_left_and_the_end_withdraw_what_was_said():
    matches = Matches()
    say(matches, 0, named("aaaaa"), named("bbbbb", "bob"))
    assert say(matches, 1, named("bbbbb", "bob")) == [Match("aaaaa", "ada", 0.0)]
    assert matches.withdraw() == [Match("bbbbb", "bob", 0.0)]
    assert matches.withdraw() == []


@pytest.mark.parametrize(("distance", "confidence"), [(0.0, 1.0), (0.1, 0.75), (0.2, 0.5), (0.21, 0.5)])
def test_the_accept_line_is_one_half(distance, confidence):
    assert confidence_of(named("aaaaa", distance=distance), 0.2) == pytest.approx(confidence)


def test_without_candidates_a_name_is_just_accepted():
    identity = Identity("aaaaa", IdentityStatus.IDENTIFIED, 1, person_id="ada")
    assert confidence_of(identity, 0.2) == 0.5
    assert confidence_of(identity, 0.0) == 0.5
