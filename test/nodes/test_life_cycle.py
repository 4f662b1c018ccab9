"""Every transition in every state: what applies is made, what does not is refused, and the process goes on."""

import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.context import Context

from rt_gait_ros.errors import GaitError
from rt_gait_ros.frame import Frame
from rt_gait_ros.gait.known_people import KnownPeople
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.nodes import gait_node, runner
from rt_gait_ros.nodes.processing import ProcessingStage
from rt_gait_ros.nodes.stage import Stage

CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE
SHUTDOWN = {
    "unconfigured": Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    "inactive": Transition.TRANSITION_INACTIVE_SHUTDOWN,
    "active": Transition.TRANSITION_ACTIVE_SHUTDOWN,
}
LABELS = {CONFIGURE: "configure", CLEANUP: "cleanup", ACTIVATE: "activate", DEACTIVATE: "deactivate"}
# State, transition, next state; everything else does not apply.
APPLIES = {
    ("unconfigured", CONFIGURE): "inactive",
    ("inactive", ACTIVATE): "active",
    ("active", DEACTIVATE): "inactive",
    ("inactive", CLEANUP): "unconfigured",
    **dict.fromkeys(SHUTDOWN.items(), "finalized"),
}
PATHS = {
    "unconfigured": (),
    "inactive": (CONFIGURE,),
    "active": (CONFIGURE, ACTIVATE),
    "finalized": (SHUTDOWN["unconfigured"],),
}
# All of lifecycle_msgs/Transition, which has private ones, too, and what is none.
NUMBERS = sorted({getattr(Transition, name) for name in dir(Transition) if name.startswith("TRANSITION_")} | {42, 255})


class Plain(Stage):
    """A stage that counts what is open, and cannot start when told so."""

    willing = True

    def __init__(self, context: Context) -> None:
        self.open: list[str] = []
        super().__init__("overlay_node", context=context)

    def setup(self) -> None:
        self.open.append("setup")

    def start(self) -> None:
        if not self.willing:
            raise GaitError("not today")
        self.open.append("start")

    def stop(self) -> None:
        self.open = [what for what in self.open if what != "start"]

    def teardown(self) -> None:
        self.open.clear()


@pytest.fixture(scope="module")
def context(second_domain: int) -> Iterator[Context]:
    """A domain of its own: life-cycle nodes that were destroyed linger in the graph, where other tests look."""
    own = Context()
    own.init(domain_id=second_domain)
    yield own
    own.try_shutdown()


@pytest.fixture
def stage(context: Context) -> Iterator[Plain]:
    node = Plain(context)
    yield node
    node.destroy_node()


def ask(stage: Stage, number: int = 0, label: str = "") -> bool:
    """What the service answers; called as the executor does, so that what it raises would end the process."""
    request = ChangeState.Request(transition=Transition(id=number, label=label))
    return bool(stage._service_change_state.callback(request, ChangeState.Response()).success)


def state(stage: Stage) -> str:
    """What rclpy's own state machine says."""
    return str(stage._state_machine.current_state[1])


@pytest.mark.parametrize("where", PATHS)
def test_each_transition_in_each_state(context: Context, where: str) -> None:
    for number in NUMBERS:
        for label in {"", LABELS.get(number, "shutdown" if number in SHUTDOWN.values() else "")}:
            stage = Plain(context)
            for step in PATHS[where]:
                assert ask(stage, step)
            # a label wins over the number, and "shutdown" fits every state but the last
            expected = APPLIES.get((where, SHUTDOWN.get(where, number) if label == "shutdown" else number))
            assert ask(stage, number, label) == (expected is not None), (where, number, label)
            assert state(stage) == stage.phase == (expected or where), (where, number, label)
            stage.destroy_node()


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_transitions(stage: Plain, seed: int) -> None:
    draw = random.Random(seed)
    numbers = [CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE, 42]
    here = "unconfigured"
    for _ in range(200):
        number = draw.choice(numbers)
        expected = APPLIES.get((here, number))
        assert ask(stage, number) == (expected is not None)
        here = expected or here
        assert state(stage) == stage.phase == here
        assert stage.open == [*["setup"][: here != "unconfigured"], *["start"][: here == "active"]]


def test_an_unknown_label_is_refused(stage: Plain) -> None:
    assert not ask(stage, CONFIGURE, "transition_success")
    assert not ask(stage, CONFIGURE, "begin")
    assert state(stage) == "unconfigured"


def test_a_transition_that_fails_can_be_asked_for_again(stage: Plain) -> None:
    assert ask(stage, CONFIGURE)
    stage.willing = False
    assert not ask(stage, ACTIVATE)
    assert not ask(stage, DEACTIVATE)
    assert (state(stage), stage.open) == ("inactive", ["setup"])
    stage.willing = True
    assert ask(stage, ACTIVATE)


def test_a_fault_does_not_outlive_the_work_that_it_is_about(stage: Plain) -> None:
    assert ask(stage, CONFIGURE)
    assert ask(stage, ACTIVATE)
    stage.faults.raise_("work", "no Triton server answers")
    assert ask(stage, DEACTIVATE)
    assert stage.faults.standing == []


def test_each_stage_is_taken_down_whatever_becomes_of_the_others(context: Context) -> None:
    stages = [Plain(context) for _ in range(3)]
    for stage in stages:
        assert ask(stage, CONFIGURE)

    def broken() -> None:
        raise RuntimeError("it cannot stop")

    stages[0].stop = broken  # type: ignore[method-assign]
    stages[2].finish()
    with pytest.raises(RuntimeError, match="it cannot stop"):
        runner.spin(lambda: stages, runner.Signals(), None)
    assert [stage.open for stage in stages] == [[], [], []]


def test_configuring_that_fails_lets_go_of_the_gallery(context: Context, monkeypatch, tmp_path) -> None:
    """One on a server has a connection, and a thread."""
    closed = []

    class Opened(Gallery):
        def close(self) -> None:
            closed.append(self.path.name)

    def fails(people: KnownPeople, config: object) -> None:
        raise GaitError("not today")

    monkeypatch.setattr(gait_node, "open_for_robot", lambda *_: (Opened(tmp_path / "people"), ""))
    monkeypatch.setattr(KnownPeople, "configure", fails)
    node = gait_node.GaitNode(context=context)
    assert not ask(node, CONFIGURE)
    assert (closed, node.people) == (["people"], None)
    node.destroy_node()


class Slow(ProcessingStage[Frame, Frame]):
    """A stage that opens what it works with until `gate` is set, and then raises `error` if there is one."""

    def __init__(self, context: Context, error: Exception | None = None) -> None:
        super().__init__("tracker_node", context=context)
        self.error = error
        self.begun, self.gate, self.sent = threading.Event(), threading.Event(), []
        nothing = dict.fromkeys(("open", "close"), lambda: None)
        self.inlet: Any = SimpleNamespace(**nothing, topic="t", read=lambda arrival: arrival)
        self.outlet: Any = SimpleNamespace(send=self.sent.append)

    def open_processor(self) -> Callable[[Frame], Frame]:
        self.begun.set()
        assert self.gate.wait(60.0)
        if self.error is not None:
            raise self.error
        return lambda frame: frame


@pytest.mark.parametrize("error", [None, GaitError("the client is closed")])
def test_what_comes_of_a_run_that_has_ended_is_nothing_to_the_next(context: Context, monkeypatch, error) -> None:
    """As an engine that TensorRT takes minutes to build: whoever deactivates the node does not wait for it."""
    stage = Slow(context, error)
    assert ask(stage, CONFIGURE)
    assert ask(stage, ACTIVATE)
    worker = stage._worker
    assert worker is not None
    stage.accept(Frame(np.zeros((1, 1, 3), np.uint8), 1))
    assert stage.begun.wait(60.0)
    monkeypatch.setattr(worker, "stop", partial(worker.stop, timeout=0.0))
    assert ask(stage, DEACTIVATE)
    assert ask(stage, ACTIVATE)
    stage.gate.set()
    worker._thread.join(60.0)
    assert (stage._process, stage.sent) == (None, [])
    assert (stage._next_try, stage.faults.standing) == (0.0, [])
    stage.destroy_node()


def test_a_manager_beside_autostart_ends_nobody(launch, ears, tmp_path) -> None:
    """What Nav2's life-cycle manager does to nodes that have started themselves, over real services."""
    node = launch(
        "composed_node",
        {"inference": "onnxruntime", "gallery": f"'{tmp_path}/g'"},
    )
    names = ["pose_node", "tracker_node", "gait_node", "overlay_node"]
    for name in names:
        ears.until(lambda name=name: ears.diagnosis(name).get("state") == "active")
        for number, success, there in (
            (CONFIGURE, False, "active"),
            (CLEANUP, False, "active"),
            (SHUTDOWN["inactive"], False, "active"),
            (DEACTIVATE, True, "inactive"),
            (DEACTIVATE, False, "inactive"),
            (CONFIGURE, False, "inactive"),
            (42, False, "inactive"),
            (ACTIVATE, True, "active"),
            (ACTIVATE, False, "active"),
        ):
            answer = ears.call(ChangeState, f"/{name}/change_state", transition=Transition(id=number))
            assert (answer.success, ears.state(name)) == (success, there), (name, number)
    assert node.process.poll() is None
    assert "refused to configure: it is active, where one may deactivate or shutdown" in node.said
    assert node.end() == 0
    assert "Traceback" not in node.said
