"""The rows of the pipeline's benchmark, from sessions that are made up."""

import argparse
import itertools
import math
from types import SimpleNamespace

import generated_films
import numpy as np
import pipeline
import pytest

from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.edge.energy import Recorder
from rt_gait_ros.edge.meters import MeterGone
from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

PERIOD = 40_000_000


def session(people):
    """Ten seconds at 25 images a second in which all are tracked, each gives a frame in every other, one has a name."""
    recording = Recording(np.arange(250) / 25)
    zeros = np.zeros(2, np.float32)
    for number in range(250):
        stamp = 10**18 + number * PERIOD
        good = (np.zeros((64, 64), np.uint8), 0.9) if number % 2 else (None, 0.0)
        tracks = [
            Track(f"b{n}", TrackState.CONFIRMED, np.ones(4), zeros, np.zeros((2, 2)), None, *good, 0.9, 9, 0, True)
            for n in range(people)
        ]
        recording.camera.append(stamp)
        recording.tracks[stamp] = TrackFrame(stamp, "camera", 640, 480, tracks=tracks)
        named = [Identity("b0", IdentityStatus.IDENTIFIED, stamp, "p", "Ada")] if number >= 50 else []
        recording.identities[stamp] = IdentityFrame(stamp, "camera", "model", named)
        recording.latencies[stamp] = 0.05
    return SimpleNamespace(recording=recording)


def made_up(monkeypatch, play):
    """Sessions are made up, and so are video and gallery of the generated walkers."""

    def known(scene, folder):
        named = pipeline._scene(len(scene.actors))
        for before, now in zip(scene.actors, named.actors, strict=True):  # the same people by other walks
            assert before.who.style == now.who.style
            assert before.walk.joints.tolist() != now.walk.joints.tolist()
        path = folder / "known.gallery"
        path.write_bytes(b"everybody")
        return path

    monkeypatch.setattr(pipeline, "SECONDS", 1.0)
    monkeypatch.setattr(pipeline, "run_session", play)
    monkeypatch.setattr(pipeline.people, "known", known)
    monkeypatch.setattr(
        pipeline, "_filmed", lambda scene: SimpleNamespace(people=len(scene.actors), enrol_until=pipeline.SECONDS / 2)
    )


def test_every_load_has_all_figures_and_a_reference_of_its_own(monkeypatch):
    asked = []

    def play(video, name, logs, watch, say, gallery, **changes):
        assert not name
        assert gallery.read_bytes() == b"everybody"
        asked.append((video.people, changes))
        return session(video.people)

    made_up(monkeypatch, play)
    monkeypatch.setattr(pipeline.people, "passes", lambda recording, scene: (50.0, math.nan, 25.0, 8.0))
    words = argparse.Namespace(runs=1, walkers=[4, 8], approaching=False, recorder=None)
    rows = pipeline.measure(words, lambda line: None)
    names = [f"{name}_{people}" for people in (4, 8) for name, _ in pipeline.FIGURES + pipeline.NAMED]
    assert [row.name for row in rows] == names
    assert [row.value for row in rows[:4]] == pytest.approx([25.0, 50.0, 12.5, 2.0], rel=0.02)
    assert [row.value for row in rows[4:8]] == pytest.approx([50.0, math.nan, 25.0, 8.0], nan_ok=True)
    assert asked == [(4, {}), (4, {"budget": -1.0}), (8, {}), (8, {"budget": -1.0})]


@pytest.mark.parametrize("waits", list(itertools.permutations([math.nan, 1.5, 2.5])))
def test_a_run_in_which_nobody_is_named_has_the_longest_time(monkeypatch, waits):
    left = iter([wait for wait in waits for _ in "ab"])
    monkeypatch.setattr(pipeline.approaching, "enrolled", lambda folder: folder)
    monkeypatch.setattr(pipeline.approaching, "play", lambda known, changes, good: (3.0, next(left)))
    words = argparse.Namespace(runs=3, walkers=None, approaching=True, recorder=None)
    rows = {row.name: (row.value, row.reference_value) for row in pipeline.measure(words, lambda line: None)}
    assert rows == {"approaching_named": (3.0, 3.0), "approaching_named_s": (2.5, 2.5)}


def test_where_most_runs_lack_a_figure_there_is_none():
    assert math.isnan(pipeline._median([math.nan, 1.5, math.nan], "s"))
    assert math.isnan(pipeline._median([math.nan, 1.5], "s"))
    assert pipeline._median([math.nan, 60.0, 70.0], "%") == 60.0


def test_those_who_approach_have_rows_of_their_own(monkeypatch):
    asked = []

    def play(known, changes, good):
        asked.append(changes)
        return (4.0, 0.5) if not changes else (3.0, 1.5)

    monkeypatch.setattr(pipeline.approaching, "enrolled", lambda folder: folder)
    monkeypatch.setattr(pipeline.approaching, "play", play)
    words = argparse.Namespace(runs=1, walkers=None, approaching=True, recorder=None)
    rows = {row.name: (row.value, row.reference_value) for row in pipeline.measure(words, lambda line: None)}
    assert rows == {"approaching_named": (4.0, 3.0), "approaching_named_s": (0.5, 1.5)}
    assert asked == [{}, {"budget": -1.0}]


class Hour:
    """A meter of 40 W on a clock that goes on by ten seconds with each reading; its thread never reads it."""

    name, interval, counts, total = "made up", 1e6, False, ("all",)
    seconds = -10.0

    def __init__(self, lost_after=math.inf):
        self._left = lost_after

    def read(self):
        self.seconds += 10.0
        self._left -= 1
        if self._left < 0:
            raise MeterGone("curr1_input: No such device")
        return {"all": 40.0}

    def close(self):
        pass


@pytest.mark.parametrize("lost_after", [math.inf, 3])
def test_energy_is_told_for_each_image_and_each_name_from_the_first_image_on(monkeypatch, lost_after):
    played = session(4)

    def play(video, name, logs, watch, say, gallery, **changes):
        watch(Recording(np.arange(250) / 25), None)  # no image yet
        for _ in range(3):
            watch(played.recording, None)
        return played

    made_up(monkeypatch, play)
    meter = Hour(lost_after)
    with Recorder(meter, lambda: max(meter.seconds, 0.0)) as recorder:
        words = argparse.Namespace(runs=1, walkers=[4], approaching=False, recorder=recorder)
        assert len(pipeline.measure(words, lambda line: None)) == len(pipeline.FIGURES + pipeline.NAMED)
        if lost_after == 3:  # what was measured beside it is not lost, and no energy is made up
            with pytest.raises(MeterGone, match="the meter made up was lost"):
                recorder.rows()
            return
        rows = {row.name: row.value for row in recorder.rows()}
    assert rows["energy_per_image"] == pytest.approx(1e3 * 800.0 / 250)  # 20 s of 40 W
    assert rows["energy_per_identity"] == pytest.approx(1e3 * 800.0 / 200)


def test_a_film_is_of_the_generator_that_made_it(monkeypatch, private_cache, tmp_path):
    shot = []

    class Camera:
        def __init__(self, scene):
            self.scene = scene

        def image(self, number):
            shot.append(number)
            return np.zeros((64, 64, 3), np.uint8)

    monkeypatch.setattr(pipeline, "SECONDS", 0.2)
    monkeypatch.setattr(pipeline, "SIZE", (64, 64))
    monkeypatch.setattr(generated_films, "Renderer", Camera)
    scene, sources = pipeline._scene(4), generated_films.sources()
    pipeline._filmed(scene)
    pipeline._filmed(scene)
    assert shot == list(range(len(scene))), "filmed once"
    changed = tmp_path / sources[0].name
    changed.write_bytes(sources[0].read_bytes() + b"# another version")
    monkeypatch.setattr(generated_films, "sources", lambda: [changed, *sources[1:]])
    pipeline._filmed(scene)
    monkeypatch.setattr(pipeline, "SECONDS", 0.4)
    pipeline._filmed(pipeline._scene(4))
    assert len(shot) == 2 * len(scene) + len(pipeline._scene(4))
