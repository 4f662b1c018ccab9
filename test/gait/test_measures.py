import math
from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.measures import CADENCE, STATURE, STEP, Gauge, Measuring, log_ratio
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import Measure, Template
from rt_gait_ros.tracking.track import TrackFrame

PERIOD = 40_000_000
LEFT, RIGHT = 15, 16


@pytest.fixture
def walks(walk):
    """walks(stature, steps a second, metres a step): tracks of somebody who walks past 5 m away, image after image."""

    def tracks(tall=1.75, cadence=1.9, step=0.7, images=100, noise=0.0, common=0.02, seed=0, **changes):
        random = np.random.default_rng(seed)
        for number in range(images):
            seconds = number * PERIOD / 1e9
            track = walk("aaaaa", 20)
            track.box = np.array([100, 50, 80, 200], np.float32)
            track.position = np.array([-1 + cadence * step * seconds, 0.1, 5.0 + random.normal(0, 0.05)])
            track.stature = tall + random.normal(0, noise), common
            keypoints = np.zeros((17, 3), np.float32)
            swing = 35 * math.sin(math.pi * cadence * seconds)
            keypoints[LEFT, :2], keypoints[RIGHT, :2] = (140 + swing, 240), (140 - swing, 240)
            track.keypoints = keypoints + random.normal(0, 2.0, keypoints.shape).astype(np.float32)
            for name, value in changes.items():
                setattr(track, name, value)
            yield number * PERIOD, track

    return tracks


def gauged(walk):
    gauge = Gauge()
    for stamp, track in walk:
        gauge.add(track, stamp, "coco")
    return gauge.measures()


def test_stature_cadence_and_step_come_out_with_what_they_are_worth(walks):
    found = gauged(walks(noise=0.03))
    assert found[STATURE].value == pytest.approx(1.75, abs=0.015)
    assert 0.02 < found[STATURE].deviation < 0.025  # what stays the same does not average out
    assert found[CADENCE].value == pytest.approx(1.9, abs=0.04)
    assert found[STEP].value == pytest.approx(0.7, abs=0.03)
    assert found[CADENCE].deviation < 0.1
    assert found[STEP].deviation < 0.05


def test_two_thirds_of_measures_lie_within_their_deviation(walks):
    """Of many walks two thirds are within one deviation, as many as there should be."""
    within = {STATURE: 0, CADENCE: 0, STEP: 0}
    for seed in range(40):
        error = np.random.default_rng(1000 + seed).normal(0, 0.03)
        found = gauged(walks(tall=1.75 + error, noise=0.05, common=0.03, seed=seed, images=75))
        for name, truth in ((STATURE, 1.75), (CADENCE, 1.9), (STEP, 0.7)):
            within[name] += abs(found[name].value - truth) <= 1.5 * found[name].deviation
    assert min(within.values()) >= 30


@pytest.mark.parametrize(
    "changes",
    [{"position": None}, {"walking": False}, {"images": 15}],
    ids=["no metres", "standing", "a moment"],
)
def test_nothing_is_said_where_nothing_is_known(walks, changes):
    assert not gauged(walks(**changes))


def test_what_is_missing_is_left_out_alone(walks):
    assert set(gauged(walks(stature=None))) == {CADENCE}  # the metres may be of a stature that was told to the tracker
    assert set(gauged(walks(keypoints=None))) == {STATURE}
    legs = np.zeros((17, 3), np.float32)
    assert set(gauged(walks(keypoints=legs))) == {STATURE}  # ankles that do not swing


def test_nothing_is_remembered_of_ids_that_a_track_no_longer_has(walks, gallery):
    for person in gallery.persons:
        gallery.forget(person.person_id)
    tall = Template(np.ones((1, 2), np.float32), 1, measures={STATURE: Measure(1.75, 0.02)})
    gallery.add("Ada", [tall], model="angle", gait_frame_kind="silhouette")
    measuring = Measuring()
    for number, (stamp, track) in enumerate(walks()):
        former = f"b{number - 1:04}" if number else ""
        named = replace(track, body_id=f"b{number:04}", former_id=former)  # the tracker and the gait stage argue
        measuring.observe(TrackFrame(stamp, "camera", 640, 480, "coco", tracks=[named]))
        measuring.log_ratio(named.body_id, gallery.references, every=5)
    assert measuring._ratios.keys() == {"b0099"}


def test_a_ratio_speaks_for_who_is_as_tall_and_against_who_is_not():
    known = {STATURE: np.array([[1.90, 0.02**2], [1.60, 0.02**2], [np.nan, np.nan]])}
    sure, vague = ({STATURE: Measure(1.90, deviation)} for deviation in (0.02, 0.3))
    ratio = log_ratio(sure, known)
    assert ratio[0] > 2.0
    assert ratio[1] < -3.0
    assert ratio[2] == 0.0
    assert np.abs(log_ratio(vague, known)).max() < 0.5
    assert log_ratio({}, known).tolist() == [0.0, 0.0, 0.0]
    average = log_ratio({STATURE: Measure(1.70, 0.02)}, {STATURE: np.array([[1.70, 0.02**2]])})
    assert average[0] < ratio[0]  # many are 1.70


class TestRecognition:
    """Bob and Cyd walk alike; Bob is 1.90 m, Cyd 1.60 m."""

    @pytest.fixture
    def calibrated(self, config):
        return replace(config, calibration=Calibration("angle", 40.0, 8.0, 0.2, 0.1, 0.01, 100, 100, "made up"))

    @pytest.fixture
    def twins(self, tmp_path, template):
        gallery = Gallery(tmp_path / "twins")
        for name, angle, tall in (("Bob", 60, 1.90), ("Cyd", 64, 1.60)):
            measured = replace(template(angle), measures={STATURE: Measure(tall, 0.02)})
            gallery.add(name, [measured], model="angle", gait_frame_kind="silhouette")
        return gallery

    def last(self, scene, walks, tall):
        for _, track in walks(images=80, tall=tall):
            track.gait_frame = np.full((64, 64), 62, np.uint8)
            answer = scene.show(track)
        return answer["aaaaa"]

    def test_stature_tells_two_apart_who_walk_alike(self, client, twins, calibrated, watch, walks):
        tall = self.last(watch(GaitRecognizer(client, twins, calibrated)), walks, tall=1.89)
        assert (tall.status, tall.name) == (IdentityStatus.IDENTIFIED, "Bob")
        short = self.last(watch(GaitRecognizer(client, twins, calibrated)), walks, tall=1.61)
        assert (short.status, short.name) == (IdentityStatus.IDENTIFIED, "Cyd")
        off = replace(calibrated, measures=False)
        assert self.last(watch(GaitRecognizer(client, twins, off)), walks, tall=1.89).name == ""

    def test_it_is_kept_with_the_template(self, client, twins, calibrated, watch, walks):
        scene = watch(GaitRecognizer(client, twins, calibrated))
        tracks = walks(images=100, tall=1.75)
        scene.show(next(tracks)[1])
        enrollment = scene.recognizer.enroll("aaaaa", "Dan", frames=75)
        for _, track in tracks:
            scene.show(track)
        assert enrollment.message == ""
        assert enrollment.views == ["right"]
        assert enrollment.advice == "walk towards the camera, turn round and walk back"
        stored = Gallery(twins.path).find("Dan").templates[0]
        assert stored.measures[STATURE].value == pytest.approx(1.75, abs=0.02)
