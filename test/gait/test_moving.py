"""A recogniser moves from network to network, and no look is lost."""

import threading
import time
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.gait import calibration, moving
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.enrollment import EnrollError
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.moving import RETRY, NetworkMover
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gait.variants import CALM, PATIENCE, Variant, VariantChoice
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.gallery_file import Template
from rt_gait_ros.serving.inference import ModelSpec, ModelUnavailable, TensorSpec

LIMIT = 300.0  # seconds, for a thread of a busy machine
NAMED_AFTER = 20  # images: 10 for the first look, 5 for each of two more


def point(angle: float) -> np.ndarray:
    radians = np.deg2rad(angle)
    return np.array([[np.cos(radians), np.sin(radians)]], np.float32)


class Server:
    """Two networks on mean grey values taken as angles; the light one turns them. It loads on request, if at all.

    turn: degrees that the light one adds. gate: loading waits for it. unloads: whether it does that on request.
    asked: (network, mean of the frames). on_ask: called with that.
    """

    def __init__(self, *, turn=0.0, family="one", loads=True):
        self.turn, self.loads, self.unloads = turn, loads, True
        self.on_ask = lambda model, mean: None
        self.gate = threading.Event()
        self.gate.set()
        self.loaded = {"angle"}
        self.asked = []
        self.families = {"angle": "one", "light": family}

    def describe(self, model, *, deadline=None):
        if model not in self.loaded:
            raise ModelUnavailable(f"no {model}")
        parameters = {"gait_frame_kind": "silhouette"}
        if self.families[model]:
            parameters["embedding_family"] = self.families[model]
        frames = TensorSpec("gait_frames", "uint8", (-1, -1, 64, 64))
        return ModelSpec(model, (frames,), (TensorSpec("embedding", "float32", (-1, 1, 2)),), parameters)

    def load(self, model):
        assert self.gate.wait(LIMIT)
        if not self.loads:
            raise ModelUnavailable(f"has not loaded '{model}'")
        self.loaded.add(model)

    def unload(self, model):
        if not self.unloads:
            raise ModelUnavailable(f"has not unloaded '{model}'")
        self.loaded.discard(model)

    def submit(self, model, inputs, *, deadline=None):
        future = Future()
        mean = float(inputs["gait_frames"][0].mean())
        self.asked.append((model, mean))
        self.on_ask(model, mean)
        if model in self.loaded:
            future.set_result({"embedding": point(mean + (self.turn if model == "light" else 0.0))[None]})
        else:
            future.set_exception(ModelUnavailable(f"no {model}"))
        return future


class Robot:
    """A recogniser with its mover, on a clock of its own, before whom people walk."""

    def __init__(self, server, gallery, config, repository, watch):
        self.now = 0.0
        self.server = server
        self.recognizer = GaitRecognizer(server, gallery, config)
        choice = VariantChoice([Variant("angle", 7.0), Variant("light", 100.0)], 5.0, lambda: self.now)
        self.mover = NetworkMover(server, self.recognizer, repository, choice, lambda: self.now)
        self.scene = watch(self.recognizer)

    def see(self, *tracks, images=1):
        for _ in range(images):
            answer = self.scene.show(*tracks)
            self.now += 0.04
            self.mover.step(len(tracks))
        return answer

    def rest(self):
        """Until what runs beside recognition is done."""
        end = time.monotonic() + LIMIT
        while self.mover._moving is not None and not self.mover._moving[1].done():
            assert time.monotonic() < end
            time.sleep(0.005)
        while self.mover._beside is not None and not self.mover._beside.done():
            assert time.monotonic() < end
            time.sleep(0.005)

    def close(self):
        """Close the mover, and wait for what runs beside."""
        self.mover.close()
        self.mover._worker.shutdown(wait=True)

    @property
    def said(self):
        return "\n".join(line for line, _ in self.mover.notices())


@pytest.fixture
def robot(gallery, config, tmp_path, watch):
    """robot(server) has a gallery of network `angle`: Ada walks at 20 degrees, Bob at 60."""
    made = []

    def make(server, gallery=gallery):
        made.append(Robot(server, gallery, config, tmp_path, watch))
        return made[-1]

    yield make
    for each in made:
        each.server.gate.set()
        each.mover.close()


@pytest.fixture
def framed(tmp_path):
    """A gallery with the gait frames of Ada and Bob, but not of Eve, who walks at 150; `light` is calibrated."""
    gallery = Gallery(tmp_path / "frames.gallery")
    for name, angle, kept in (("Ada", 20, True), ("Bob", 60, True), ("Eve", 150, False)):
        frames = np.full((10, 64, 64), angle, np.uint8) if kept else None
        gallery.add(name, [Template(point(angle), 1, frames)], model="angle", gait_frame_kind="silhouette")
    (tmp_path / "light").mkdir()
    own = Calibration("light", 20.0, 4.0, 0.25, 0.05, 0.01, 100, 100, "made up")
    calibration.save(tmp_path / "light" / calibration.FILE_NAME, own)
    return gallery


TWO = ("aaaaa", 20), ("bbbbb", 150)  # ten looks a second, of which `angle` carries seven


def asked_too_much(moved, walk):
    """Two people have been in view until the other network is there; they are still."""
    people = [walk(body, angle) for body, angle in TWO]
    moved.see(*people, images=int(PATIENCE / 0.04) + 2)
    moved.rest()
    return moved, people


def test_looks_go_on_while_the_network_loads_and_the_name_stands_through_the_move(robot, walk):
    server = Server()
    server.gate.clear()
    moved = robot(server)
    people = [walk(body, angle) for body, angle in TWO]
    assert moved.see(*people, images=NAMED_AFTER)["aaaaa"].name == "Ada"
    images = int(PATIENCE / 0.04)
    moved.see(*people, images=images)
    before = len(server.asked)
    assert moved.see(*people, images=100)["aaaaa"].name == "Ada"  # it still loads
    assert len(server.asked) == before + 2 * 100 // 5
    assert "light" not in {model for model, _ in server.asked}
    server.gate.set()
    moved.rest()
    answers = [moved.see(*people)["aaaaa"] for _ in range(30)]
    assert {answer.name for answer in answers} == {"Ada"}
    assert moved.mover.lines["network"] == "light"
    assert moved.mover.lines["embeddings"] == "comparable with the gallery's"
    assert "angle -> light: 2 people ask for 10 looks/s of the 7 that it carries; names and evidence are kept" in (
        moved.said
    )
    looks = [entry for entry in server.asked if entry[0] == "light" and entry[1] in (20.0, 150.0)]
    assert len(looks) >= 2 * 30 // 5  # none was left out at the move


def test_it_comes_back_and_unloads_what_it_had_loaded(robot, walk):
    server = Server()
    moved, people = asked_too_much(robot(server), walk)
    moved.see(*people)
    assert server.loaded == {"angle", "light"}
    assert moved.see(people[0], images=int(CALM / 0.04) + NAMED_AFTER)["aaaaa"].name == "Ada"
    moved.rest()
    moved.see(people[0])
    assert moved.mover.lines["network"] == "angle"
    moved.see(people[0], images=10)
    moved.rest()
    moved.see(people[0])
    assert server.loaded == {"angle"}
    assert moved.mover.lines["moves"] == "2"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"family": ""}, "angle and light declare no embedding_family in common"),
        ({"family": "other"}, "angle and light declare no embedding_family in common"),
        ({"turn": 90.0}, "their embeddings of the same frames lie 1.41 apart, more than the accept_distance 0.2"),
    ],
    ids=["nothing declared", "another family", "declared, and not so"],
)
def test_where_embeddings_cannot_be_compared_it_says_so_and_begins_anew(robot, walk, framed, changes, why):
    gallery = framed
    moved = robot(Server(**changes), gallery)
    people = [walk(body, angle) for body, angle in TWO]
    before = moved.see(*people, images=NAMED_AFTER)
    assert (before["aaaaa"].name, before["bbbbb"].name) == ("Ada", "Eve")
    moved.see(*people, images=int(PATIENCE / 0.04) - NAMED_AFTER + 2)
    moved.rest()
    moved.see(*people)
    said = moved.said
    assert why in said
    assert "everybody is looked at anew" in said
    assert "light cannot know Eve: no gait frames of them are stored" in said
    assert why in moved.mover.lines["embeddings"]
    assert moved.see(*people)["aaaaa"].status == IdentityStatus.COLLECTING
    after = moved.see(*people, images=NAMED_AFTER)
    assert (after["aaaaa"].name, after["bbbbb"].status) == ("Ada", IdentityStatus.UNKNOWN)
    refused = moved.recognizer.enroll("bbbbb", "Fay")
    assert (refused.done, refused.error) == (True, EnrollError.GALLERY)
    assert "whose embeddings cannot go into a gallery of angle" in refused.message
    gallery.forget("Ada")
    assert moved.see(*people, images=2)["aaaaa"].name == ""
    gallery.add("Gil", [Template(point(150), 2, np.full((10, 64, 64), 150, np.uint8))], model="angle",
                gait_frame_kind="silhouette")  # fmt: skip
    moved.see(*people)
    moved.rest()
    assert moved.see(*people, images=NAMED_AFTER)["bbbbb"].name == "Gil"


def test_a_network_that_cannot_be_had_leaves_the_present_one_and_is_said(robot, walk):
    moved, people = asked_too_much(robot(Server(loads=False)), walk)
    assert moved.see(*people, images=NAMED_AFTER)["aaaaa"].name == "Ada"
    assert moved.mover.problem == "gait network light cannot be used, so that angle goes on: has not loaded 'light'"
    assert moved.mover.lines["network"] == "angle"


def test_without_a_calibration_of_its_own_a_network_apart_is_not_used(robot, walk):
    moved, people = asked_too_much(robot(Server(family="")), walk)
    assert moved.see(*people, images=2)["aaaaa"].name == "Ada"
    assert "light has no calibration: run `rt-gait calibrate --model light`" in moved.mover.problem


@pytest.mark.parametrize("loaded_by_another", [False, True])
def test_a_network_that_the_server_has_no_longer_is_loaded_again_and_is_then_this_ones(robot, walk, loaded_by_another):
    """The server was started anew, or whoever had it loaded has unloaded it."""
    server = Server()
    server.loaded |= {"light"} if loaded_by_another else set()
    moved, people = asked_too_much(robot(server), walk)
    moved.see(*people)
    assert moved.mover.lines["network"] == "light"
    server.loaded = {"angle"}
    moved.see(*people, images=10)
    moved.rest()
    moved.see(*people, images=10)
    moved.rest()
    assert server.loaded == {"angle", "light"}
    assert moved.see(*people, images=10)["aaaaa"].name == "Ada"
    moved.close()
    assert server.loaded == {"angle"}


def test_a_network_that_could_not_be_unloaded_is_still_this_ones_to_unload(robot, walk):
    server = Server()
    server.unloads = False
    moved, people = asked_too_much(robot(server), walk)
    moved.see(*people)
    moved.see(people[0], images=int(CALM / 0.04) + NAMED_AFTER)
    moved.rest()
    moved.see(people[0], images=10)
    moved.rest()
    moved.see(people[0])
    assert (moved.mover.lines["network"], moved.mover.problem) == ("angle", "has not unloaded 'light'")
    server.unloads = True
    moved.close()
    assert server.loaded == {"angle"}


def test_closing_waits_for_no_load_and_what_was_loaded_meanwhile_is_unloaded(robot, walk, monkeypatch):
    monkeypatch.setattr(moving, "PARTING", 0.0)
    server = Server()
    server.gate.clear()
    moved = robot(server)
    people = [walk(body, angle) for body, angle in TWO]
    moved.see(*people, images=int(PATIENCE / 0.04) + 2)
    assert moved.mover.lines["network"] == "angle, loading light"
    moved.mover.close()
    assert not server.gate.is_set()
    assert not moved.mover._moving[1].done()
    server.gate.set()
    moved.close()
    assert server.loaded == {"angle"}
    moved.see(*people, images=NAMED_AFTER)  # a step after the end
    assert (moved.mover.lines["network"], moved.mover.moves) == ("angle, loading light", 0)


def test_closing_ends_the_embedding_of_a_gallery(robot, walk, framed, monkeypatch):
    monkeypatch.setattr(moving, "PARTING", 0.0)
    server = Server(family="")
    moved = robot(server, framed)
    server.on_ask = lambda model, mean: moved.mover.close() if (model, mean) == ("light", 20.0) else None
    moved.see(*[walk(body, angle) for body, angle in TWO], images=int(PATIENCE / 0.04) + 2)
    moved.rest()
    moved.close()
    light = [mean for model, mean in server.asked if model == "light"]
    assert light == [0.0, 20.0]  # the first answer, Ada, and not Bob


def test_an_enrolment_that_has_begun_is_ended_by_the_network_of_its_gallery(robot, walk, framed):
    server = Server(family="", turn=90.0)
    server.gate.clear()
    moved = robot(server, framed)
    people = [walk("aaaaa", 20), walk("bbbbb", 120)]
    moved.see(*people, images=int(PATIENCE / 0.04) + 2)
    enrolment = moved.recognizer.enroll("bbbbb", "Fay", frames=200, timeout=LIMIT)
    server.gate.set()
    moved.rest()
    assert moved.recognizer.use_network(moved.mover._moving[1].result()) is None
    moved.see(*people, images=10)
    assert (moved.recognizer.model.name, enrolment.done) == ("angle", False)
    moved.see(*people, images=240)
    assert (enrolment.error, moved.recognizer.model.name) == (EnrollError.NONE, "light")
    (fay,) = [person for person in framed.persons if person.name == "Fay"]
    assert np.allclose(fay.embeddings, point(120), atol=0.01)


def test_the_diagnostics_read_what_another_thread_changes_once(robot, monkeypatch):
    moved = robot(Server())
    reads = iter([("light", Future()), None])
    with monkeypatch.context() as patch:
        patch.setattr(NetworkMover, "_moving", property(lambda mover: next(reads)), raising=False)
        assert moved.mover.lines["network"] == "angle, loading light"


def test_a_problem_ends_when_the_network_that_was_wanted_is_wanted_no_longer(robot, walk):
    moved, people = asked_too_much(robot(Server(loads=False)), walk)
    moved.see(*people)
    assert "light cannot be used" in moved.mover.problem
    moved.now += RETRY
    moved.see(people[0])
    assert moved.mover.problem == ""


def test_embeddings_are_compared_by_the_accept_distance_of_now(robot, walk, config):
    moved = robot(Server(turn=90.0))
    moved.recognizer.use_config(replace(config, accept_distance=2.0))
    people = [walk(body, angle) for body, angle in TWO]
    moved.see(*people, images=int(PATIENCE / 0.04) + 2)
    moved.rest()
    moved.see(*people)
    assert moved.mover.lines["network"] == "light"
    assert moved.mover.lines["embeddings"] == "comparable with the gallery's"


def test_who_is_enrolled_meanwhile_goes_into_the_gallery_of_its_own_network(robot, walk, gallery):
    moved = robot(Server())
    people = [walk("aaaaa", 20), walk("bbbbb", 120)]
    moved.see(*people, images=int(PATIENCE / 0.04) + 2)
    moved.rest()
    moved.see(*people)
    assert moved.mover.lines["network"] == "light"
    enrolment = moved.recognizer.enroll("bbbbb", "Fay", frames=10)
    assert moved.see(*people, images=NAMED_AFTER + 10)["bbbbb"].name == "Fay"
    assert (enrolment.error, gallery.model) == (EnrollError.NONE, "angle")
