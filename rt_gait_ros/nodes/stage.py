"""The managed node that every node of this package is: life cycle, parameters, diagnostics, and an orderly end."""

import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lifecycle_msgs.msg import Transition
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.timer import Timer

from rt_gait_ros.errors import LONGEST, GaitError, UsageError
from rt_gait_ros.lines import one_line
from rt_gait_ros.masking import mask_credentials
from rt_gait_ros.nodes import parameters
from rt_gait_ros.nodes.bond import Bond
from rt_gait_ros.nodes.clock_watch import ClockWatch
from rt_gait_ros.nodes.dds import close_shared_memory
from rt_gait_ros.nodes.statistics import HARDWARE, Faults, Statistics

RETRY_FIRST, RETRY_MOST = 0.5, 8.0  # seconds between attempts to configure: doubled each time
DIAGNOSTICS_PERIOD = 1.0

# What may be asked of a node, by the state it is in (https://design.ros2.org/articles/node_lifecycle.html).
TRANSITIONS: Mapping[str, Mapping[int, str]] = {
    "unconfigured": {
        Transition.TRANSITION_CONFIGURE: "configure",
        Transition.TRANSITION_UNCONFIGURED_SHUTDOWN: "shutdown",
    },
    "inactive": {
        Transition.TRANSITION_CLEANUP: "cleanup",
        Transition.TRANSITION_ACTIVATE: "activate",
        Transition.TRANSITION_INACTIVE_SHUTDOWN: "shutdown",
    },
    "active": {
        Transition.TRANSITION_DEACTIVATE: "deactivate",
        Transition.TRANSITION_ACTIVE_SHUTDOWN: "shutdown",
    },
    "finalized": {},
}


class Stage(LifecycleNode):
    """A node that starts itself (parameter `autostart`), says how it does on /diagnostics, and leaves nothing behind.

    Subclasses implement `setup`, `start`, `stop` and `teardown`, all called from the executor's thread:

        unconfigured --setup--> inactive --start--> active
        unconfigured <-teardown- inactive <--stop-- active

    `setup` and `start` raise GaitError when they cannot: the transition fails, and an autostarting node tries again
    with growing pauses. A UsageError, which no waiting mends, ends the process of an autostarting node. `stop` and
    `teardown` must be callable at any time.
    """

    def __init__(self, name: str, **node_options: Any) -> None:
        """name: of the node and of its section in parameters.yaml. node_options: rclpy's. Raises ParameterError."""
        super().__init__(name, **node_options)
        self.section = name
        parameters.declare(self, name)
        self.statistics = Statistics()
        self.faults = Faults(self.get_logger().error, self.get_logger().info)
        self.phase = "unconfigured"
        self.ending: Exception | None = None
        self.ended = False
        self.on_end: Callable[[], None] = lambda: None  # called when `finish` was, in its thread
        self._last_refusal: GaitError | None = None
        self._retry: Timer | None = None
        self._bond: Bond | None = None
        self._retry_pause = RETRY_FIRST
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._clock_watch = ClockWatch(self.now)
        self._guard_transitions()
        parameters.watch(self, name, self.change, lambda: self.phase)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.diagnostics_timer = self.every(DIAGNOSTICS_PERIOD, self._publish_diagnostics)
        if self.value("autostart"):
            self._schedule_autostart(0.0)
        else:
            self.get_logger().info("unconfigured, and waits for a life-cycle manager: autostart is false")

    def value(self, name: str) -> Any:
        """Present value of a parameter."""
        return self.get_parameter(name).value

    def every(self, period: float, callback: Callable[[], None]) -> Timer:
        """A timer of so many seconds, whatever /clock says: with use_sim_time a node's own clock may stand still."""
        return self.create_timer(period, callback, clock=self._steady)

    def finish(self, error: Exception | None = None) -> None:
        """Ask the process to end, with exit code 0 or because of `error`. Callable from any thread."""
        self.ending = self.ending or error
        self.ended = True
        self.on_end()

    # What a subclass is made of.

    def setup(self) -> None:
        """Open what is needed, make publishers. Nothing runs yet."""

    def start(self) -> None:
        """Begin to work: subscribe, start threads."""

    def stop(self) -> None:
        """Stop working; undoes `start`."""

    def teardown(self) -> None:
        """Let go of everything; undoes `setup`."""

    def check(self) -> None:
        """Look after what nobody else notices, raise or clear faults; called once a second."""

    def change(self, values: Mapping[str, Any]) -> None:
        """Dynamic parameters are about to have these values. Raise GaitError to refuse them."""

    def details(self) -> dict[str, str]:
        """More lines for the diagnostics: what only this node knows."""
        return {}

    # Life cycle: rclpy calls these.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unconfigured to inactive."""
        return self._go("configure", "inactive", self.setup, undo=self.teardown)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Inactive to active."""
        return self._go("activate", "active", self._activate, undo=self._deactivate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Active to inactive."""
        return self._go("deactivate", "inactive", self._deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Inactive to unconfigured."""
        return self._go("clean up", "unconfigured", self.teardown)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Any state to finalized."""
        return self._go("shut down", "finalized", self._let_go)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """After an unexpected exception in a transition: back to unconfigured."""
        return self._go("recover", "unconfigured", self._let_go)

    def _guard_transitions(self) -> None:
        """Refuse what the present state does not allow, where rclpy raises in the executor and so ends the process.

        rclpy has no public way to do it (its issue 1209, open in Humble and Jazzy): where a later one has no service of
        that name, its own behaviour stands.
        """
        service = getattr(self, "_service_change_state", None)
        if service is None:
            return
        change = service.callback

        def answer(request: Any, response: Any) -> Any:
            asked, response.success = request.transition, False
            allowed = TRANSITIONS[self.phase]
            if asked.label not in allowed.values() if asked.label else asked.id not in allowed:
                named, may = asked.label or _transition_name(asked.id), " or ".join(allowed.values()) or "do nothing"
                self.get_logger().warning(f"refused to {named}: it is {self.phase}, where one may {may}")
                return response
            try:
                return change(request, response)
            except RuntimeError as error:  # of which rcl's errors are made
                self.get_logger().error(f"the transition failed: {error}")
                return response

        service.callback = answer

    def destroy_node(self) -> None:
        """Stop, let go, and leave the graph."""
        try:
            if self.phase != "finalized":
                self.phase = "finalized"
                self._let_go()
        finally:
            super().destroy_node()

    def _let_go(self) -> None:
        self._cancel_retry()
        try:
            self._deactivate()
        finally:
            self.teardown()

    def _activate(self) -> None:
        if self.value("bond"):
            self._bond = Bond(self)
        self.start()

    def _deactivate(self) -> None:
        self.stop()
        if self._bond is not None:
            self._bond.close()
            self._bond = None

    def _go(
        self, verb: str, phase: str, action: Callable[[], None], undo: Callable[[], None] | None = None
    ) -> TransitionCallbackReturn:
        try:
            action()
        except GaitError as error:
            self.faults.raise_("life cycle", f"cannot {verb}: {error}")
            self._last_refusal = error
            if undo:
                undo()
            return TransitionCallbackReturn.FAILURE
        except Exception as error:  # rclpy would swallow it without a word
            self.get_logger().fatal(mask_credentials(f"cannot {verb}:\n{traceback.format_exc()}"))
            self.finish(error)
            return TransitionCallbackReturn.ERROR
        self.phase = phase
        close_shared_memory()
        self.faults.clear("life cycle")
        self.get_logger().info(phase)
        if phase == "active":
            parameters.tell_unused_overrides(self)
        else:
            self.faults.forget()
        return TransitionCallbackReturn.SUCCESS

    # Autostart.

    def _schedule_autostart(self, pause: float) -> None:
        self._retry = self.every(pause, self._autostart)

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self.destroy_timer(self._retry)
            self._retry = None

    def _autostart(self) -> None:
        self._cancel_retry()
        self._last_refusal = None
        if self.phase == "unconfigured":
            self.trigger_configure()
        if self.phase == "inactive":
            self.trigger_activate()
        if self._last_refusal is None:
            return
        if isinstance(self._last_refusal, UsageError):
            self.finish(self._last_refusal)
            return
        self._schedule_autostart(self._retry_pause)
        self._retry_pause = min(2 * self._retry_pause, RETRY_MOST)

    # Diagnostics.

    def _publish_diagnostics(self) -> None:
        status = DiagnosticStatus(name=self.get_fully_qualified_name().lstrip("/"), hardware_id=HARDWARE)
        self._check_clock()
        self.check()
        summary = self.statistics.summary()
        faults = self.faults.standing
        if faults:
            status.level, status.message = DiagnosticStatus.ERROR, "; ".join(faults)
        elif self.paused:
            status.level, status.message = DiagnosticStatus.WARN, f"/clock stands still: {self._clock_watch.why_paused}"
        elif summary.dropped_now > 0:
            status.level, status.message = DiagnosticStatus.WARN, f"dropped {summary.dropped_now} in the last second"
        else:
            status.level, status.message = DiagnosticStatus.OK, self.phase
        lines = {
            "state": self.phase,
            "rate_in_hz": f"{summary.rate_in:.1f}",
            "rate_out_hz": f"{summary.rate_out:.1f}",
            **{name: str(count) for name, count in summary.totals.items()},
            "latency_p50_ms": f"{summary.latency[0]:.1f}",
            "latency_p95_ms": f"{summary.latency[1]:.1f}",
            "work_p50_ms": f"{summary.work[0]:.1f}",
            "work_p95_ms": f"{summary.work[1]:.1f}",
            **self.details(),
            "last_error": self.faults.last,
        }
        status.values = [KeyValue(key=one_line(key), value=one_line(value, LONGEST)) for key, value in lines.items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)

    def _check_clock(self) -> None:
        if not self.value("use_sim_time"):
            self.faults.clear("clock")
            return
        published = bool(self.count_publishers("/clock"))
        self._clock_watch.look(self.clock_now(), published, self.statistics.total("received"))
        self.faults.tell("clock", self._clock_watch.fault)

    @property
    def paused(self) -> bool:
        """Whether the clock that the node goes by stands still: a bag that is played with --clock, and paused."""
        return bool(self.value("use_sim_time")) and self._clock_watch.paused

    def clock_now(self) -> int:
        """Nanoseconds of the node's clock, as `get_clock().now()` has them at several times the price."""
        return int(self.get_clock().now().nanoseconds) if self.value("use_sim_time") else time.time_ns()

    def age_of(self, stamp: int) -> float | None:
        """Seconds since `stamp` (ns) by the node's clock; None when over a minute: the stamp is of another clock."""
        age = (self.clock_now() - stamp) * 1e-9
        return age if 0.0 <= age < 60.0 else None

    @staticmethod
    def now() -> float:
        """Seconds of a clock that only goes forward, for measuring work."""
        return time.perf_counter()


def _transition_name(number: int) -> str:
    names = {known: label for allowed in TRANSITIONS.values() for known, label in allowed.items()}
    return names.get(number, f"make transition {number}")
