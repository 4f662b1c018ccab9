"""The stage between an inlet and a link: one worker, one processor, and what happens when a network does not answer."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from rt_gait_ros.errors import GaitError
from rt_gait_ros.nodes.links import Inlet, Link
from rt_gait_ros.nodes.stage import Stage
from rt_gait_ros.nodes.stamps import Stamps
from rt_gait_ros.nodes.statistics import skipped
from rt_gait_ros.nodes.worker import Worker
from rt_gait_ros.paths import expand
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.backends import open_client
from rt_gait_ros.serving.inference import InferenceClient

In = TypeVar("In")
Out = TypeVar("Out")

CONNECT_PAUSE = 1.0  # seconds between attempts to get hold of the networks
SILENCE = 5.0  # seconds without input that are worth a word
# The same before the first input of a stage behind the pose stage, while that is there: it may be compiling, which took
# 72 s on two cores that were busy otherwise.
COMPILING_SILENCE = 180.0


class Arrived(NamedTuple):
    """What came in, a message or a domain object. clock: ns of the node's clock then; when: seconds of `Stage.now`."""

    what: Any
    clock: int
    when: float


class ProcessingStage(Stage, Generic[In, Out]):
    """Turns each item of `inlet` into one for `outlet`, in its own thread.

    An item goes by its own stamp, or, while stamps do not tell times apart, by when it came; `Stamps` decides.
    Subclasses make `inlet` and `outlet` in their constructor, and implement `open_processor`. `depth`: items that may
    wait before the oldest is dropped. `behind_pose`: whether what comes in has gone through the pose stage.
    """

    inlet: Inlet[In]
    outlet: Link[Out]
    depth = 1
    behind_pose = False

    def __init__(self, name: str, **node_options: Any) -> None:
        self._worker: Worker[Any] | None = None
        self._process: Callable[[In], Out] | None = None
        self._next_try = 0.0
        self._last_error = GaitError("not tried yet")
        self._silent_since = 0.0
        self._heard = False
        super().__init__(name, **node_options)

    @abstractmethod
    def open_processor(self) -> Callable[[In], Out]:
        """What does the work; called in the worker, again after a while when it raises GaitError."""

    def start(self) -> None:
        """Start the worker and listen."""
        self._process = None
        self._next_try = 0.0
        self._silent_since = self.now()
        self._stamps = Stamps(self.inlet.topic)
        self._worker = Worker(
            self.take_turn,
            depth=self.depth,
            newest_alone=self.newest_alone,
            on_drop=self.drop,
            on_crash=self.finish,
            name=self.get_name(),
        )
        self.inlet.open()

    def stop(self) -> None:
        """Stop listening and end the worker."""
        self.inlet.close()
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def accept(self, arrival: Any) -> None:
        """Take a message or a domain object; returns at once."""
        worker = self._worker
        if worker is not None:
            self.statistics.count("received")
            self._silent_since, self._heard = self.now(), True
            worker.offer(Arrived(arrival, self.clock_now(), self._silent_since))

    def drop(self) -> None:
        """What had waited for its turn is thrown away for something newer; called in the thread that brings that."""
        self.statistics.count("dropped")

    def newest_alone(self) -> bool:
        """Whether of those that wait only the newest is wanted now."""
        return False

    def check(self) -> None:
        """Say so when nothing arrives."""
        if self.paused:  # nobody can be silent who is stopped
            self._silent_since = self.now()
        if self._worker is None or self.now() - self._silent_since < self._patience:
            self.faults.clear("silence")
        else:
            self.faults.raise_("silence", f"nothing arrives on {self.inlet.where}")

    @property
    def _patience(self) -> float:
        """Seconds without input that are worth a word."""
        if self._heard or not self.behind_pose or not self.inlet.has_publisher:
            return SILENCE
        return COMPILING_SILENCE

    def details(self) -> dict[str, str]:
        """The queue's length, and whether the networks answer."""
        worker = self._worker
        return {"queue": f"{worker.waiting if worker else 0}/{self.depth}"}

    def take_turn(self, arrived: Arrived) -> None:
        """The worker's turn."""
        begun, worker = self.now(), self._worker
        try:
            item = self.inlet.read(arrived.what)
        except GaitError as error:
            self.statistics.count("malformed")
            self.faults.raise_("input", skipped(error))
            return
        self.faults.clear("input")
        item = self._timed(item, arrived.clock)
        try:
            process = self._process or self._open(begun)
            result = process(item)
        except GaitError as error:  # InferenceError above all; the next frame may fare better
            if self._worker is worker:
                self.statistics.count("failed")
                self.faults.raise_("work", str(error))
            return
        if self._worker is not worker:  # stopped in the middle of it, maybe started anew since
            return
        self.faults.clear("work")
        self.outlet.send(result)
        self.statistics.handled(self.now() - begun, self.age_of(result.stamp))  # type: ignore[attr-defined]

    def _timed(self, item: Any, arrived: int) -> Any:
        """The item with the time to go by, and a fault where its own is none."""
        stamp = self._stamps.settle(item.stamp, arrived, item.frame_id)
        self.faults.tell("stamps", self._stamps.problem)
        return item if stamp == item.stamp else replace(item, stamp=stamp)

    def _open(self, now: float) -> Callable[[In], Out]:
        if now < self._next_try:
            raise self._last_error
        worker = self._worker
        try:
            process = self.open_processor()
        except GaitError as error:
            if self._worker is worker:
                self._next_try, self._last_error = self.now() + CONNECT_PAUSE, error
            raise
        if self._worker is worker:  # else it is of a run that has ended
            self._process = process
        return process


class NetworkStage(ProcessingStage[In, Out]):
    """A processing stage with networks, which run where the parameter `inference` says."""

    client: InferenceClient
    _client_open = False

    @property
    def repository(self) -> Path:
        """The model repository that was chosen."""
        return expand(self.value("model_repository") or resource("model_repository"))

    def make_client(self) -> InferenceClient:
        """The client; one of Triton connects anew by itself when the server was away."""
        return open_client(
            self.value("inference"), self.value("triton_url"), self.repository, timeout=self.value("deadline")
        )

    def setup(self) -> None:
        """Get a client; whether the server answers shows with the first frame."""
        self.client = self.make_client()
        self._client_open = True

    def teardown(self) -> None:
        """Close the client."""
        if self._client_open:
            self.client.close()
            self._client_open = False

    def details(self) -> dict[str, str]:
        """Add where the networks are, and whether they have answered."""
        return {
            **super().details(),
            **self._place(),
            "networks": "ready" if self._process and not self.faults.stands("work") else "not ready",
        }

    def _place(self) -> dict[str, str]:
        """Where the networks run, for diagnostics."""
        if self.value("inference") == "triton":
            return {"inference": "triton", "triton_url": self.value("triton_url")}
        return {"inference": self.value("inference"), "model_repository": str(self.repository)}
