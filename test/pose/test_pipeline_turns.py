"""Whom the pose stage looks at where there is not time for everybody, or an answer is late."""

import numpy as np
import pytest

from rt_gait_ros.frame import Frame
from rt_gait_ros.pose.budget import Budget
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.pose.pipeline import PosePipeline
from rt_gait_ros.serving.inference import InferenceError
from rt_gait_ros.tracking.track import TrackState
from rt_gait_ros.tracking.tracker import Tracker

DETECTOR, PERSON = PoseConfig().detector, PoseConfig().person_model


def models(client):
    return [model for model, _ in client.requests]


def crowd(n):
    return [(60 + 74 * k, 240, 64) for k in range(n)]


def test_with_less_time_than_people_everybody_is_looked_at_in_turn(client, play):
    client.people = crowd(8)
    budget = Budget(1.0)
    pipeline = PosePipeline(client, PoseConfig(least_height=0, detector_period=1000), budget)
    assert len(play(pipeline).people) == 8
    looks = np.zeros(8)
    for _ in range(40):
        budget._limit = 3.5 * budget.cost("person")
        frame = play(pipeline)
        assert len(frame.people) == 8  # nobody is dropped for it
        looked_at = np.array([np.isfinite(person.keypoints[:, 0]).any() for person in frame.people])
        assert 1 <= looked_at.sum() < 8
        looks += looked_at
        for person, seen in zip(frame.people, looked_at, strict=True):
            assert (person.gait_frame is not None) == seen
            assert np.isfinite(person.box).all()
    assert looks.min() >= 8
    assert min(pipeline.rates) > 0


def test_who_has_no_name_as_the_gait_stage_says_is_looked_at_more_often(client, play):
    client.people = crowd(8)
    budget = Budget(1.0)
    pipeline = PosePipeline(client, PoseConfig(least_height=0, detector_period=1000), budget)
    named = [n % 2 == 0 for n in range(8)]
    looks = np.zeros(8)
    for number in range(60):
        if number == 1:
            assert not pipeline.hurried  # there was time for all
        budget._limit = 1.0 if number < 6 else 3.5 * budget.cost("person")
        frame = play(pipeline)
        pipeline.hear_names(np.array([person.box for person in frame.people]), named, frame.stamp * 1e-9)
        looks += [np.isfinite(person.keypoints[:, 0]).any() for person in frame.people]
    assert pipeline.hurried
    looks -= 6
    assert looks[1::2].sum() > 1.4 * looks[::2].sum()
    assert looks.min() > 5


def test_whom_there_is_no_time_for_is_expected_further_on(client, play):
    client.people = crowd(4)
    budget = Budget(1.0)
    pipeline = PosePipeline(client, PoseConfig(smoothing=False, detector_period=1000), budget)
    for n in range(12):
        client.people = [(x + 4 * n, y, h) for x, y, h in crowd(4)]
        play(pipeline)
    for n in range(12, 24):
        budget._limit = 1e-6  # one look an image
        client.people = [(x + 4 * n, y, h) for x, y, h in crowd(4)]
        frame = play(pipeline)
        for person, (x, _, _) in zip(frame.people, client.people, strict=True):
            assert abs(float(person.box[0] + person.box[2] / 2) - x) < 12


@pytest.mark.parametrize("pace", [5, -5])
def test_whoever_walked_on_while_there_was_no_time_for_them_is_nobody_new(client, play, monkeypatch, pace):
    budget = Budget(1.0)
    monkeypatch.setattr(budget, "spent", lambda runs, seconds: budget.charge(runs))  # whatever the machine's speed
    pipeline = PosePipeline(client, PoseConfig(least_height=0, detector_period=1), budget)
    for n in range(36):
        client.people = [(320 - 18 * pace + pace * n + 75 * (k - 2.5), 240, 64) for k in range(6)]
        if n == 12:  # their speeds are known: from now on one search and one look in an image
            budget._limit = budget.cost("search") / 0.35
            budget._costs["person"] = 0.6 * budget._limit
        assert len(play(pipeline).people) == 6
        asked = [model for model, _ in client.requests]
        assert n == 0 or asked.count(PERSON) <= 1  # nobody is looked at more closely as a newcomer
        client.requests.clear()


def test_where_cameras_have_no_time_for_one_look_an_image_it_is_saved_up_for(client, play):
    client.people = crowd(2)
    budget = Budget(cores=0.5)
    budget._limit = 1.0
    pipeline = PosePipeline(client, PoseConfig(least_height=0, detector_period=1000), budget)
    for _ in range(6):
        play(pipeline)
    looked_at = []
    for _ in range(40):
        budget._limit = 0.5 * budget.cost("person")
        frame = play(pipeline)
        assert len(frame.people) == 2  # in every image
        looked_at.append([bool(np.isfinite(person.keypoints[:, 0]).any()) for person in frame.people])
    assert np.sum(looked_at, axis=1).max() == 1
    assert 10 <= np.sum(looked_at) <= 30  # what a look costs is measured meanwhile
    assert np.sum(looked_at, axis=0).min() >= 4


def test_newcomers_have_their_first_looks_at_once_however_little_time_there_is(client, play):
    client.people = crowd(1)
    budget = Budget(cores=0.5)
    budget._limit = 1e-9
    pipeline = PosePipeline(client, PoseConfig(least_height=0, detector_period=1000), budget)
    first = [bool(np.isfinite(play(pipeline).people[0].keypoints[:, 0]).any()) for _ in range(4)]
    assert first == [True] * 4
    later = [bool(np.isfinite(play(pipeline).people[0].keypoints[:, 0]).any()) for _ in range(20)]
    assert sum(later) == 2  # one in 0.4 s
    alone = PosePipeline(client, PoseConfig(least_height=0, detector_period=1000), Budget(1e-9, cores=1.0))
    assert all(np.isfinite(play(alone).people[0].keypoints[:, 0]).any() for _ in range(10))


def test_an_image_that_waited_for_its_turn_passes_without_looks_and_nobody_is_forgotten_for_it(
    client, play, monkeypatch
):
    client.people = crowd(3)
    budget = Budget(cores=2)
    monkeypatch.setattr(budget, "spent", lambda runs, seconds: budget.charge(runs))  # whatever the machine's speed
    pipeline = PosePipeline(client, PoseConfig(least_height=0, detector_period=1000), budget)

    def looked_at(waited):
        budget.taken(10.0, 10.0 - waited)
        people = play(pipeline).people
        assert len(people) == 3
        return [bool(np.isfinite(person.keypoints[:, 0]).any()) for person in people]

    for _ in range(10):
        play(pipeline)
    assert any(looked_at(0.0))
    assert looked_at(0.06) == [False] * 3
    assert any(looked_at(0.0))
    assert np.sum([looked_at(0.06) for _ in range(40)], axis=0).min() >= 3  # each once in 0.4 s


def test_where_time_is_scarce_an_empty_scene_is_searched_within_the_budget(client, play, monkeypatch):
    budget = Budget(cores=0.33)
    monkeypatch.setattr(budget, "spent", lambda runs, seconds: budget.charge(runs))  # whatever the machine's speed
    pipeline = PosePipeline(client, PoseConfig(least_height=0), budget)
    for _ in range(100):
        play(pipeline)
    most = 100 * budget.seconds / budget.cost("search")
    assert 0.5 * most <= models(client).count(DETECTOR) <= most + 1


def test_late_answers_cost_the_budget_what_they_are_known_to_cost(client, play):
    client.people = crowd(2)
    budget = Budget(1.0)
    pipeline = PosePipeline(client, PoseConfig(least_height=0, detector_period=1), budget)
    play(pipeline)
    costs = {kind: budget.cost(kind) for kind in ("search", "person")}
    client.late = {PERSON, DETECTOR}
    before = min(budget.left, 1.0) + 1.0
    with pytest.raises(InferenceError, match="late"):
        play(pipeline)
    assert budget.left == pytest.approx(before - costs["search"] - 2 * costs["person"])
    assert {kind: budget.cost(kind) for kind in costs} == costs


@pytest.mark.parametrize("down", [{PERSON}, {DETECTOR, PERSON}])
def test_networks_that_fail_cost_the_budget_what_they_are_known_to_cost(client, play, down):
    client.people = crowd(2)
    budget = Budget(1.0)
    pipeline = PosePipeline(client, PoseConfig(least_height=0, detector_period=1), budget)
    play(pipeline)
    costs = {kind: budget.cost(kind) for kind in ("search", "person")}
    client.down = down
    before = min(budget.left, 1.0) + 1.0
    with pytest.raises(InferenceError):
        play(pipeline)
    assert budget.left == pytest.approx(before - costs["search"] - 2 * costs["person"])
    assert {kind: budget.cost(kind) for kind in costs} == costs


def test_looks_at_newcomers_that_fail_cost_the_budget_what_they_are_known_to_cost(client, play):
    budget = Budget(1.0)
    pipeline = PosePipeline(client, PoseConfig(least_height=0, detector_period=1), budget)
    play(pipeline)
    client.people, client.down = crowd(2), {PERSON}
    before, cost, spent = min(budget.left, 1.0) + 1.0, budget.cost("person"), budget.cost("search")
    with pytest.raises(InferenceError):
        play(pipeline)
    assert budget.left == pytest.approx(before - spent - 2 * cost)


def test_a_budget_of_no_time_at_all_still_sees_everybody(client, play):
    client.people = crowd(3)
    pipeline = PosePipeline(client, budget=Budget(1e-9))
    frames = [play(pipeline) for _ in range(60)]
    assert len(frames[-1].people) == 3


def test_a_late_search_loses_no_image_in_which_somebody_is_followed(client, play):
    client.people = crowd(2)
    pipeline = PosePipeline(client, PoseConfig(detector_period=1))
    play(pipeline)
    client.late = {DETECTOR}
    assert len(play(pipeline).people) == 2
    assert pipeline.late == 1


def test_people_are_expected_further_on_while_the_person_network_is_late_and_lost_when_it_stays_so(client, play):
    client.people = crowd(2)
    pipeline = PosePipeline(client, PoseConfig(detector_period=1))
    play(pipeline)
    client.late = {PERSON}
    frame = play(pipeline)
    assert len(frame.people) == 2
    assert not any(np.isfinite(person.keypoints[:, 0]).any() for person in frame.people)
    left = [len(play(pipeline).people) for _ in range(30)]
    assert left[-1] == 0
    client.late = set()
    assert len(play(pipeline).people) == 2


def test_an_image_for_which_every_answer_is_late_is_lost(client, play):
    client.people = crowd(2)
    pipeline = PosePipeline(client, PoseConfig(detector_period=1))
    play(pipeline)
    client.late = {PERSON, DETECTOR}
    with pytest.raises(InferenceError, match="late"):
        play(pipeline)
    client.late = set()
    assert len(play(pipeline).people) == 2


def test_stamps_that_stand_still_change_nothing(client):
    client.people = crowd(2)
    pipeline = PosePipeline(client, budget=Budget())
    assert [len(pipeline.process(Frame(client.image(), 10**9)).people) for _ in range(12)] == [2] * 12


def test_the_tracker_keeps_everybody_whom_there_is_no_time_to_look_at(client, play):
    client.people = crowd(6)
    budget, tracker = Budget(1.0), Tracker()
    pipeline = PosePipeline(client, budget=budget)
    ids = set()
    for n in range(40):
        if n == 10:
            budget._limit = 2.5 * budget.cost("person")
        client.people = [(x + 2 * n, y, h) for x, y, h in crowd(6)]
        tracks = tracker.update(play(pipeline)).tracks
        if n >= 10:
            ids |= {track.body_id for track in tracks}
            assert [track.state for track in tracks] == [TrackState.CONFIRMED] * 6
    assert len(ids) == 6
