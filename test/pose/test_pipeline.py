import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.frame import Frame
from rt_gait_ros.pose.budget import Budget
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.pose.pipeline import PosePipeline
from rt_gait_ros.serving.inference import InferenceError

DETECTOR, PERSON = PoseConfig().detector, PoseConfig().person_model


def models(client):
    return [model for model, _ in client.requests]


def test_a_person_is_reported_in_the_first_image(client, play):
    client.people = [(300, 240, 200)]
    frame = play(PosePipeline(client))
    (person,) = frame.people
    assert (frame.width, frame.height, frame.layout, frame.frame_id) == (640, 480, "trt_pose", "camera")
    assert person.keypoints.shape == (18, 3)
    np.testing.assert_allclose(person.keypoints[[11, 12], :2].mean(axis=0), (300, 243), atol=4)
    np.testing.assert_allclose(person.box, (276, 146, 48, 200), atol=4)
    assert person.confidence > 0.9
    assert person.gait_frame.shape == (64, 64)
    assert person.quality > 0.9


def test_nobody_needs_no_person_network(client, play):
    pipeline = PosePipeline(client)
    for _ in range(3):
        assert play(pipeline).people == []
    assert models(client) == [DETECTOR] * 3


def test_whole_image_runs_come_once_a_period_while_everybody_is_followed(client, play):
    client.people = [(150, 240, 200), (500, 240, 180)]
    pipeline = PosePipeline(client, PoseConfig(detector_period=5))
    for n in range(11):
        client.people = [(150 + 4 * n, 240, 200), (500 - 2 * n, 240, 180)]
        assert len(play(pipeline).people) == 2
    assert models(client).count(DETECTOR) == 3  # images 1, 6 and 11
    assert client.requests[-1] == (PERSON, 2)


def test_somebody_lost_makes_it_look_around_at_once(client, play):
    client.people = [(150, 240, 200), (500, 240, 180)]
    pipeline = PosePipeline(client, PoseConfig(detector_period=100))
    play(pipeline)
    client.people = client.people[:1]
    assert len(play(pipeline).people) == 1
    client.requests.clear()
    play(pipeline)
    assert DETECTOR in models(client)
    client.requests.clear()
    play(pipeline)
    assert DETECTOR not in models(client)


def test_a_newcomer_is_found_within_a_period(client, play):
    client.people = [(200, 240, 200)]
    pipeline = PosePipeline(client, PoseConfig(detector_period=4))
    play(pipeline)
    client.people.append((450, 240, 200))
    assert [len(play(pipeline).people) for _ in range(4)] == [1, 1, 1, 2]


def test_after_one_look_that_shows_nobody_somebody_is_looked_at_again_in_the_next_image(client, play):
    client.people = [(300, 240, 200)]
    pipeline = PosePipeline(client, PoseConfig(detector_period=100))
    play(pipeline)
    client.seen_by_detector, client.blind = [], True
    assert play(pipeline).people == []  # what was not seen is not reported
    assert pipeline.rates == []
    client.blind = False
    people = play(pipeline).people
    assert [person.gait_frame is None for person in people] == [False]
    assert len(pipeline.rates) == 1


def test_somebody_whom_looks_do_not_show_is_looked_for_a_quarter_of_a_second(client, play):
    client.people = [(300, 240, 200)]
    pipeline = PosePipeline(client, PoseConfig(detector_period=100))
    play(pipeline)
    client.seen_by_detector, client.blind, client.requests[:] = [], True, []
    assert [play(pipeline).people for _ in range(10)] == [[]] * 10
    looks = [batch for model, batch in client.requests if model == PERSON]
    assert looks == [1] * 8  # 0.25 s of 25 images a second, and the one after which that was over


def test_two_followers_never_stay_on_one_person(client, play):
    client.people = [(300, 240, 200)]
    client.seen_by_detector = [(300, 240, 200), (302, 243, 205)]
    assert len(play(PosePipeline(client)).people) == 1


def test_at_most_max_people_the_largest_first(client, play):
    client.people = [(100, 240, 100), (300, 240, 200), (500, 240, 150)]
    people = play(PosePipeline(client, PoseConfig(max_people=2))).people
    assert sorted(round(float(person.box[3]), -1) for person in people) == [150, 200]


def test_what_the_detector_keeps_missing_is_dropped(client, play):
    client.people = [(300, 240, 200)]
    pipeline = PosePipeline(client, PoseConfig(detector_period=1, max_missed_detections=3))
    play(pipeline)
    client.seen_by_detector = []
    assert [len(play(pipeline).people) for _ in range(4)] == [1, 1, 0, 0]


def test_a_person_who_leaves_has_no_gait_frame_and_then_is_gone(client, play):
    pipeline = PosePipeline(client)
    cut = []
    for x in range(600, 700, 8):
        client.people = [(x, 240, 200)]
        cut += [person.gait_frame is None for person in play(pipeline).people]
    assert not cut[0]
    assert cut[-1]
    assert play(pipeline).people == []


@pytest.mark.parametrize("model", [DETECTOR, PERSON])
def test_an_outage_loses_images_and_nothing_else(client, play, model):
    client.people = [(300, 240, 200)]
    pipeline = PosePipeline(client, PoseConfig(detector_period=1))
    play(pipeline)
    client.down = {model}
    for _ in range(3):
        with pytest.raises(InferenceError):
            play(pipeline)
    client.down = set()
    assert len(play(pipeline).people) == 1


def test_a_server_that_is_late_is_waited_for(client, play):
    client.people = [(300, 240, 200)]
    client.down = {DETECTOR, PERSON}
    pipeline = PosePipeline(client)
    with pytest.raises(InferenceError):
        play(pipeline)
    client.down = set()
    assert len(play(pipeline).people) == 1


def test_a_looped_video_starts_afresh(client):
    client.people = [(100, 240, 200)]
    pipeline = PosePipeline(client, PoseConfig(detector_period=100))
    pipeline.process(Frame(client.image(), 10_000_000_000))
    client.people = [(500, 240, 200)]
    (person,) = pipeline.process(Frame(client.image(), 1_000_000_000)).people
    assert person.box[0] > 400


def test_who_was_nobody_before_a_video_began_again_is_looked_at_in_turn(client):
    client.seen_by_detector = [(100, 240, 200)]
    pipeline = PosePipeline(client, PoseConfig(max_people=1))
    assert pipeline.process(Frame(client.image(), 10_000_000_000)).people == []
    client.people, client.seen_by_detector = [(100, 240, 200), (400, 240, 150)], None
    (person,) = pipeline.process(Frame(client.image(), 1_000_000_000)).people
    assert person.box[0] < 200  # the larger


def test_the_same_images_give_the_same_people(client):
    results = []
    for _ in range(2):
        pipeline = PosePipeline(client)
        for n in range(8):
            client.people = [(200 + 5 * n, 240, 200), (420, 240, 150)]
            frame = pipeline.process(Frame(client.image(), n * 40_000_000))
        results.append(np.stack([person.keypoints for person in frame.people]))
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(
    "image",
    [np.zeros((0, 640, 3), np.uint8), np.zeros((480, 640), np.uint8), np.zeros((480, 640, 3), np.float32)],
    ids=["empty", "grey", "float"],
)
def test_an_unusable_image_is_refused(client, image):
    with pytest.raises(GaitError, match="must be uint8"):
        PosePipeline(client).process(Frame(image, 1))


@pytest.mark.parametrize(
    "field", [{"detector_size": 8}, {"detector_period": 0}, {"presence": 1.5}, {"gait_frame_kind": "shadow"}]
)
def test_a_setting_out_of_its_range_is_refused_by_its_name(field):
    with pytest.raises(GaitError, match=next(iter(field))):
        PoseConfig(**field)


@pytest.mark.parametrize(("kind", "shape"), [("silhouette", (64, 64)), ("skeleton", (64, 44, 2)), ("", None)])
def test_gait_frames_of_each_kind(client, play, kind, shape):
    client.people = [(300, 240, 200)]
    frame = play(PosePipeline(client, PoseConfig(gait_frame_kind=kind)))
    (person,) = frame.people
    assert frame.gait_frame_kind == kind
    assert (None if person.gait_frame is None else person.gait_frame.shape) == shape


def test_small_people_in_a_large_image_are_found_in_tiles_within_a_second(client, play):
    client.size = (1920, 1080)
    client.people = [(80, 500, 42), (700, 300, 44), (1240, 640, 60), (1830, 900, 300)]
    pipeline = PosePipeline(client)
    assert len(play(pipeline).people) == 4  # with time for all: in the first image
    client.people.append((400, 800, 42))
    found = [len(play(pipeline).people) for _ in range(25)]
    assert found[-1] == 5
    assert pipeline.windows > 4


def test_a_least_height_of_none_searches_the_whole_image_alone(client, play):
    client.size, client.people = (1920, 1080), [(700, 300, 44), (1240, 640, 400)]
    pipeline = PosePipeline(client, PoseConfig(least_height=0))
    assert [round(float(person.box[3]), -2) for person in play(pipeline).people] == [400]
    assert pipeline.windows == 1


@pytest.mark.parametrize("size", [(8, 8), (16000, 100), (100, 16000), (1, 1)])
def test_images_of_odd_shapes_are_searched_and_hold_nobody(client, play, size):
    client.size = size
    pipeline = PosePipeline(client)
    for _ in range(3):
        assert play(pipeline).people == []


def test_a_detector_that_sees_a_thousand_people_stops_nothing(client, play):
    client.people = [(300, 240, 200)]
    client.seen_by_detector = [(300, 240, 200)] + [(n % 40 * 16.0, n // 40 * 18.0, 30.0) for n in range(1000)]
    pipeline = PosePipeline(client, budget=Budget(0.05))
    people = [play(pipeline).people for _ in range(12)][-1]
    assert any(abs(float(person.box[3]) - 200) < 10 for person in people)
    assert max(batch for model, batch in client.requests if model == PERSON) <= 8
