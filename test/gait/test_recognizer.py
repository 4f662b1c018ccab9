import math
from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.calibration import SAME_SHARE, Calibration, Curve
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.gallery.gallery import Gallery, GalleryModelMismatch
from rt_gait_ros.gallery.person import Template
from rt_gait_ros.serving.inference import DeadlineExceeded, ModelMismatch, ServerUnavailable, TensorSpec
from rt_gait_ros.tracking.track import TrackState

COLLECTING, UNKNOWN, IDENTIFIED, AMBIGUOUS = IdentityStatus
NAMED_AFTER = 20  # images: 10 for the first look, 5 for each of two more


@pytest.mark.parametrize(
    ("angle", "status", "name"),
    [
        (20, IDENTIFIED, "Ada"),
        (28, IDENTIFIED, "Ada"),  # 0.14 away
        (35, UNKNOWN, ""),  # 0.26 away from Ada, 0.43 from Bob
        (62, AMBIGUOUS, ""),  # between Bob and Cyd
        (150, UNKNOWN, ""),
    ],
)
def test_a_walker_is_named_only_near_one_person_and_clear_of_the_next(scene, walk, angle, status, name):
    assert scene.show(walk("aaaaa", angle), images=NAMED_AFTER - 1)["aaaaa"].status == COLLECTING
    identity = scene.show(walk("aaaaa", angle))["aaaaa"]
    assert (identity.status, identity.name) == (status, name)
    assert identity.frames_used == 10
    assert bool(identity.person_id) == (status == IDENTIFIED)
    assert math.isnan(identity.confidence)  # no calibration
    distances = [candidate.distance for candidate in identity.candidates]
    assert distances == sorted(distances)
    assert identity.margin == pytest.approx(distances[1] - distances[0])


@pytest.mark.parametrize(
    "changes",
    [{"walking": False}, {"quality": 0.4}, {"quality": math.nan}, {"frame": False}],
    ids=["standing", "poor", "quality unknown", "no frame"],
)
def test_frames_that_say_nothing_of_gait_are_not_used(scene, client, walk, changes):
    identity = scene.show(walk("aaaaa", 20, **changes), images=50)["aaaaa"]
    assert (identity.status, identity.frames_used, client.asked) == (COLLECTING, 0, 0)


def test_somebody_who_stops_keeps_the_name(scene, walk):
    scene.show(walk("aaaaa", 20), images=NAMED_AFTER)
    assert scene.show(walk("aaaaa", 20, walking=False), images=200)["aaaaa"].name == "Ada"
    assert scene.show(walk("aaaaa", 20, state=TrackState.OCCLUDED, frame=False))["aaaaa"].name == "Ada"


def test_one_person_has_one_track_and_the_nearer_one_at_that(scene, walk):
    answer = scene.show(walk("aaaaa", 27), walk("bbbbb", 21), images=NAMED_AFTER)
    assert (answer["bbbbb"].name, answer["aaaaa"].status) == ("Ada", AMBIGUOUS)


def test_who_has_the_name_keeps_it_against_a_rival_as_near(scene, walk):
    scene.show(walk("aaaaa", 22), images=NAMED_AFTER)
    answer = scene.show(walk("aaaaa", 22), walk("bbbbb", 20), images=NAMED_AFTER)
    assert (answer["aaaaa"].name, answer["bbbbb"].status) == ("Ada", AMBIGUOUS)


def test_a_person_in_view_takes_the_name_from_a_track_out_of_view(scene, walk):
    scene.show(walk("aaaaa", 20), images=NAMED_AFTER)
    hidden = walk("aaaaa", 20, state=TrackState.OCCLUDED, frame=False)
    answer = scene.show(hidden, walk("bbbbb", 23), images=NAMED_AFTER)
    assert (answer["bbbbb"].name, answer["aaaaa"].status) == ("Ada", AMBIGUOUS)


def test_a_track_that_passes_to_another_person_loses_the_name_and_is_reported(scene, walk):
    scene.show(walk("aaaaa", 20), images=50)
    answers = [scene.answer(walk("aaaaa", 120)) for _ in range(40)]
    assert sum(answer.contradicted == ["aaaaa"] for answer in answers) == 1
    assert answers[-1].identities[0].status == UNKNOWN
    lost = next(n for n, answer in enumerate(answers) if answer.identities[0].status != IDENTIFIED)
    assert lost <= 10  # two looks of the new walk


def test_a_name_that_stands_has_wider_lines(scene, walk):
    between = 32  # 0.209 from Ada: beyond 0.2, within 0.2 and a tenth
    assert scene.show(walk("aaaaa", between), images=40)["aaaaa"].status == UNKNOWN
    scene.show(walk("bbbbb", 20), images=NAMED_AFTER)
    assert scene.show(walk("bbbbb", between), images=60)["bbbbb"].name == "Ada"


def test_other_lines_count_at_once_for_tracks_in_view(scene, config, walk):
    assert scene.show(walk("aaaaa", 35), images=NAMED_AFTER)["aaaaa"].status == UNKNOWN  # 0.26 away
    scene.recognizer.use_config(replace(config, accept_distance=0.3))
    assert scene.show(walk("aaaaa", 35))["aaaaa"].name == "Ada"
    scene.recognizer.use_config(replace(config, min_quality=0.9))
    before = scene.show(walk("aaaaa", 35, quality=0.8))["aaaaa"]
    assert scene.show(walk("aaaaa", 35, quality=0.8), images=20)["aaaaa"].stamp == before.stamp


def test_what_embeddings_were_made_with_cannot_be_changed(scene, config):
    with pytest.raises(UsageError, match="window cannot be changed"):
        scene.recognizer.use_config(replace(config, window=12))


def test_updates_do_not_wait_for_the_network(scene, client, walk):
    client.hold = True
    assert scene.show(walk("aaaaa", 20), images=60)["aaaaa"].status == COLLECTING
    assert client.asked == 1  # and no second question before the first is answered
    client.hold = False
    client.release()
    assert scene.show(walk("aaaaa", 20), images=15)["aaaaa"].status == IDENTIFIED


def test_an_outage_withdraws_names_after_a_grace_and_is_recovered_from(scene, client, walk):
    scene.show(walk("aaaaa", 20), images=NAMED_AFTER)
    client.error = ServerUnavailable("nobody listens")
    assert scene.show(walk("aaaaa", 20), images=30)["aaaaa"].status == IDENTIFIED
    assert scene.recognizer.problem == "nobody listens"
    assert scene.show(walk("aaaaa", 20), images=40)["aaaaa"].status == COLLECTING
    client.error = None
    assert scene.show(walk("aaaaa", 20), images=20)["aaaaa"].status == IDENTIFIED
    assert scene.recognizer.problem == ""


BROKEN = [np.full((1, 1, 2), value, np.float32) for value in (np.nan, np.inf, 1e30)]  # of the last squares are infinite


@pytest.mark.parametrize("broken", [*BROKEN, np.zeros((1, 3, 2), np.float32)])
def test_an_embedding_that_is_none_gives_no_name(scene, client, walk, broken):
    client.hold = True
    for _ in range(10):
        scene.show(walk("aaaaa", 20), images=5)
        for future, _frames in client.held:
            future.set_result({"embedding": broken})
        client.held = []
    assert scene.show(walk("aaaaa", 20))["aaaaa"].status == COLLECTING
    assert "angle" in scene.recognizer.problem


def test_a_lost_track_is_forgotten(scene, walk):
    scene.show(walk("aaaaa", 20), images=NAMED_AFTER)
    assert scene.show(walk("aaaaa", 20, state=TrackState.LOST)) == {}
    assert scene.show(walk("aaaaa", 20))["aaaaa"].status == COLLECTING


def test_a_track_that_gets_the_id_of_its_person_back_keeps_the_name(scene, client, walk):
    scene.show(walk("bbbbb", 20), images=NAMED_AFTER)
    asked = client.asked
    lost = walk("bbbbb", 20, state=TrackState.LOST)
    answer = scene.show(walk("aaaaa", 20, former_id="bbbbb"), lost)
    assert {body: identity.name for body, identity in answer.items()} == {"aaaaa": "Ada"}
    assert scene.show(walk("aaaaa", 20), images=5)["aaaaa"].name == "Ada"
    assert client.asked == asked + 1  # its frames went with it: the next look is due after five more


def test_of_two_tracks_that_become_one_the_renamed_ones_evidence_counts(scene, walk):
    hidden = walk("aaaaa", 62, state=TrackState.OCCLUDED, frame=False)  # between Bob and Cyd
    scene.show(walk("aaaaa", 62), walk("bbbbb", 20), images=NAMED_AFTER)
    assert scene.show(hidden, walk("bbbbb", 20))["aaaaa"].status == AMBIGUOUS
    answer = scene.show(walk("aaaaa", 20, former_id="bbbbb"), walk("bbbbb", 20, state=TrackState.LOST))
    assert [answer["aaaaa"].name, *answer] == ["Ada", "aaaaa"]


def test_a_former_id_that_nobody_knows_starts_clean(scene, walk):
    assert scene.show(walk("aaaaa", 20, former_id="zzzzz"), images=5)["aaaaa"].status == COLLECTING
    assert scene.show(walk("aaaaa", 20), images=NAMED_AFTER - 5)["aaaaa"].name == "Ada"


def test_an_enrolment_goes_with_the_track(scene, walk):
    scene.show(walk("bbbbb", 120), images=3)
    enrollment = scene.recognizer.enroll("bbbbb", "Dan", frames=10)
    scene.show(walk("bbbbb", 120), images=5)
    scene.show(walk("aaaaa", 120, former_id="bbbbb"), walk("bbbbb", 120, state=TrackState.LOST))
    scene.show(walk("aaaaa", 120), images=10)
    assert (enrollment.done, enrollment.message, enrollment.body_id) == (True, "", "aaaaa")


def test_changes_of_the_gallery_count_at_once(scene, gallery, walk, template):
    scene.show(walk("aaaaa", 20), walk("bbbbb", 120), images=NAMED_AFTER)
    elsewhere = Gallery(gallery.path)  # as another process would
    elsewhere.rename("Ada", "Ada L.")
    elsewhere.add("Dan", [template(120)], model="angle", gait_frame_kind="silhouette")
    answer = scene.show(walk("aaaaa", 20), walk("bbbbb", 120))
    assert (answer["aaaaa"].name, answer["bbbbb"].name) == ("Ada L.", "Dan")
    elsewhere.forget("Ada L.")
    assert scene.show(walk("aaaaa", 20))["aaaaa"].status == UNKNOWN


def test_a_gallery_that_is_damaged_under_way_is_said_and_the_known_one_used(scene, gallery, walk):
    scene.show(walk("aaaaa", 20), images=NAMED_AFTER)
    gallery.path.write_bytes(gallery.path.read_bytes()[:-1])
    assert scene.show(walk("aaaaa", 20))["aaaaa"].name == "Ada"
    assert "damaged" in scene.recognizer.problem


def test_with_one_person_the_margin_is_infinite_and_with_none_everybody_is_unknown(scene, gallery, walk):
    gallery.forget("Bob")
    gallery.forget("Cyd")
    assert scene.show(walk("aaaaa", 20), images=NAMED_AFTER)["aaaaa"].margin == math.inf
    gallery.forget("Ada")
    identity = scene.show(walk("aaaaa", 20))["aaaaa"]
    assert (identity.status, identity.candidates) == (UNKNOWN, ())
    assert math.isnan(identity.margin)


def test_the_gallery_of_another_model_is_refused_with_both_names(client, config, tmp_path, template):
    other = Gallery(tmp_path / "other")
    other.add("Ada", [template(20)], model="gaitset", gait_frame_kind="silhouette")
    with pytest.raises(GalleryModelMismatch, match="gaitset, and angle"):
        GaitRecognizer(client, other, config)


def test_a_gallery_by_another_network_of_that_name_is_said_until_it_is_made_anew(client, config, tmp_path, walk, watch):
    other = Gallery(tmp_path / "other")
    other.add("Ada", [Template(np.ones((3, 4), np.float32), 1)], model="angle", gait_frame_kind="silhouette")
    scene = watch(GaitRecognizer(client, other, config))
    answer = scene.show(walk("aaaaa", 20), images=NAMED_AFTER)["aaaaa"]
    assert answer.status == COLLECTING
    assert "[3, 4], and angle gives [1, 2]" in scene.recognizer.problem
    assert "rebuild" in answer.reason
    other.forget("Ada")
    assert scene.show(walk("aaaaa", 20))["aaaaa"].status == UNKNOWN
    assert not scene.recognizer.problem


def test_the_wrong_kind_of_frames_is_said(scene, client, walk):
    for _ in range(30):
        answer = scene.answer(walk("aaaaa", 20), kind="flow")
    assert (answer.identities[0].status, client.asked) == (COLLECTING, 0)
    assert "takes silhouette frames, and flow" in scene.recognizer.problem


def test_confidence_is_the_calibrated_probability_of_the_claim(client, gallery, config, walk, scene):
    calibration = Calibration("angle", 40.0, 10.0, 0.2, 0.1, 0.01, 100, 100, "made up")
    scene.recognizer = GaitRecognizer(client, gallery, replace(config, calibration=calibration))
    answer = scene.show(walk("aaaaa", 20), walk("bbbbb", 150), walk("ccccc", 62), images=NAMED_AFTER)
    # one third of the even odds for each of three persons, and one for nobody
    genuine = math.exp(10.0) / 3
    assert answer["aaaaa"].confidence == pytest.approx(genuine / (1 + genuine), abs=1e-3)
    assert answer["bbbbb"].confidence == pytest.approx(1.0, abs=1e-3)
    assert 0.99 < answer["ccccc"].confidence <= 1.0  # surely one of the two
    assert sum(c.confidence for c in answer["ccccc"].candidates) <= 1.0 + 1e-9
    assert answer["ccccc"].candidates[0].confidence == pytest.approx(0.5, abs=0.01)


def test_a_model_that_is_no_gait_model_is_refused(client, gallery, config):
    client.spec = replace(client.spec, outputs=(TensorSpec("logits", "float32", (-1, 5)),))
    with pytest.raises(ModelMismatch, match="embedding"):
        GaitRecognizer(client, gallery, config)


def test_a_slow_network_is_a_problem_for_one_look_only(scene, client, walk):
    client.error = DeadlineExceeded("too slow")
    scene.show(walk("aaaaa", 20), images=10)
    client.error = None
    assert scene.show(walk("aaaaa", 20), images=15)["aaaaa"].status == IDENTIFIED


class TestScenes:
    """Ada walks at 20 degrees in the hall, where the camera shows everybody 30 degrees further on the yard."""

    CURVE = Curve(2.0, 0.95)

    @pytest.fixture
    def calibrated(self, config):
        """Two tracks are one person's up to 0.02: 1.1 degrees. Sure of one person at 0 between normalised ones."""
        calibration = Calibration("angle", 5.0, 0.1 / SAME_SHARE, 0.2, 0.1, 0.01, 10, 10, "", self.CURVE)
        return replace(config, calibration=calibration, scene_normalisation=True)

    @pytest.fixture
    def opened(self, client, gallery, calibrated, tmp_path, watch):
        """opened() is a recogniser that begins now; what it has seen is saved by `close`."""

        def begin(**changes):
            settings = replace(calibrated, **changes)
            scenes = Scenes(tmp_path / "scenes", settings.calibration)
            return watch(GaitRecognizer(client, gallery, settings, scenes=scenes)), scenes

        return begin

    def crowd_walks_by(self, scene, walk, shift):
        for number in range(12):
            scene.show(walk(f"c{shift}{number}", 10 + 4 * number + shift), images=NAMED_AFTER)
        scene.show()

    def test_a_person_enrolled_in_one_scene_is_named_in_another(self, opened, gallery, walk):
        hall, scenes = opened(scene="hall")
        hall.show(walk("eeeee", 42))
        enrollment = hall.recognizer.enroll("eeeee", "Eve", frames=10)
        hall.show(walk("eeeee", 42), images=15)
        assert enrollment.done
        assert enrollment.message == ""
        assert gallery.find("Eve").templates[0].scene == "hall"
        self.crowd_walks_by(hall, walk, 0)
        scenes.save()

        yard, scenes = opened(scene="yard")
        before = yard.show(walk("aaaaa", 72), images=NAMED_AFTER)["aaaaa"]
        assert before.name != "Eve"
        yard.show()
        self.crowd_walks_by(yard, walk, 30)
        scenes.save()
        seen = yard.show(walk("bbbbb", 72), images=NAMED_AFTER)["bbbbb"]
        assert (seen.status, seen.name) == (IDENTIFIED, "Eve")

        again, _ = opened(scene="yard")  # after a restart
        assert again.show(walk("aaaaa", 72), images=NAMED_AFTER)["aaaaa"].name == "Eve"
        off, scenes = opened(scene="yard", scene_normalisation=False)
        assert off.show(walk("aaaaa", 72), images=NAMED_AFTER)["aaaaa"].name != "Eve"
        off.show()
        assert not scenes._scenes  # nothing is gathered, nothing is read
        switched, _ = opened(scene="yard", scene_normalisation=False)
        switched.show(walk("aaaaa", 72), images=NAMED_AFTER)
        config = replace(switched.recognizer._config, scene_normalisation=True)
        switched.recognizer.use_config(config)
        assert switched.show(walk("aaaaa", 72))["aaaaa"].name == "Eve"

    def test_a_track_votes_when_it_ends_and_only_with_enough_looks(self, opened, walk):
        scene, scenes = opened()
        scene.show(walk("aaaaa", 20), images=NAMED_AFTER)
        scene.show(walk("aaaaa", 20), walk("bbbbb", 60), images=NAMED_AFTER - 5)
        assert scenes.walkers("camera") == 0.0
        scene.show()
        assert scenes.walkers("camera") == 1.0
        scene.show(walk("ccccc", 60), images=NAMED_AFTER)
        scene.recognizer.close()
        assert scenes.walkers("camera") == 2.0

    def test_somebody_who_walks_by_all_day_is_named_as_ever(self, opened, walk):
        scene, scenes = opened()
        for number in range(30):
            seen = scene.show(walk(f"a{number}", 20), images=NAMED_AFTER)[f"a{number}"]
            scene.show()
            assert seen.name == "Ada"
        assert scenes.walkers("camera") == pytest.approx(1.0)

    def test_a_damaged_scene_is_said_and_names_are_given_without(self, opened, walk, tmp_path):
        path = scene_file.file_of(tmp_path / "scenes", "angle", "camera")
        path.parent.mkdir(parents=True)
        path.write_bytes(b"rt_gait_ros scene\nschema 1\n")
        scene, _ = opened()
        assert scene.show(walk("aaaaa", 20), images=NAMED_AFTER)["aaaaa"].name == "Ada"
        assert "rt-gait scene forget" in scene.recognizer.problem

    def test_a_calibration_that_says_nothing_of_scenes_leaves_everything_as_it_is(self, opened, calibrated, walk):
        scene, scenes = opened(calibration=replace(calibrated.calibration, scene=None))
        self.crowd_walks_by(scene, walk, 0)
        assert scenes.walkers("camera") > 8
        assert scene.show(walk("aaaaa", 20), images=NAMED_AFTER)["aaaaa"].name == "Ada"


def test_frames_of_the_second_before_somebody_counts_as_walking_are_used_then(scene, walk):
    scene.show(walk("aaaaa", 20, walking=False), images=20)
    told = scene.show(walk("aaaaa", 20))
    assert told["aaaaa"].frames_used == 10  # the window: all of them from before
    named = scene.show(walk("aaaaa", 20), images=11)
    assert named["aaaaa"].name == "Ada"


def test_frames_from_before_somebody_was_hidden_for_a_second_are_not_used(scene, walk):
    scene.show(walk("aaaaa", 60, walking=False), images=8)
    scene.show(walk("aaaaa", 60, walking=False, state=TrackState.OCCLUDED, frame=False), images=30)
    assert scene.show(walk("aaaaa", 20))["aaaaa"].frames_used == 1


def test_frames_from_before_a_reattachment_are_not_used(scene, walk):
    scene.show(walk("bbbbb", 60, walking=False), images=8)
    told = scene.show(walk("aaaaa", 20, former_id="bbbbb"))
    assert told["aaaaa"].frames_used == 1


def test_who_shows_only_every_second_frame_is_named_after_fewer_of_them(scene, walk):
    frames, answer = 0, {}
    while not answer or answer["aaaaa"].status == COLLECTING:
        scene.show(walk("aaaaa", 20, frame=False))
        answer = scene.show(walk("aaaaa", 20))
        frames += 1
        assert frames < NAMED_AFTER
    assert (answer["aaaaa"].name, frames) == ("Ada", 13)  # 7 for the first look, 3 for each of two more


def test_who_is_looked_at_five_times_a_second_is_named_within_three_seconds(client, gallery, config, watch, walk):
    yard = watch(GaitRecognizer(client, gallery, replace(config, window=30, min_frames=20)))
    images, answer = 0, {}
    while not answer or answer["aaaaa"].status == COLLECTING:
        yard.show(walk("aaaaa", 20, frame=False), images=4)
        answer = yard.show(walk("aaaaa", 20))
        images += 5
        assert images < 200
    # ten looks for the first embedding, two for each of two more
    assert (answer["aaaaa"].name, images) == ("Ada", 70)


def test_the_reason_counts_frames_as_looks_do(scene, walk):
    for _ in range(5):
        scene.show(walk("aaaaa", 20, frame=False))
        told = scene.show(walk("aaaaa", 20))["aaaaa"]
    assert (told.frames_used, told.reason) == (5, "has shown 7 of 10 good walking frames")
