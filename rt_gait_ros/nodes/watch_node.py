"""What `rt-gait watch` hears and asks: a node that fills the page's board and carries out what viewers ask for."""

import math
import os
import time
from contextlib import closing, suppress
from functools import partial
from typing import Any, NoReturn

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.action import ActionClient
from rclpy.clock import Clock, ClockType
from sensor_msgs.msg import CompressedImage

from rt_gait_ros.action import EnrollPerson
from rt_gait_ros.errors import GaitError
from rt_gait_ros.lines import one_line
from rt_gait_ros.msg import GaitIdentityArray, PersonTrackArray
from rt_gait_ros.nodes.conversions import identities_from_message, tracks_from_message
from rt_gait_ros.nodes.dds import close_shared_memory
from rt_gait_ros.nodes.graph import CommandNode
from rt_gait_ros.nodes.headers import from_time
from rt_gait_ros.nodes.links import IMAGE_QOS, RESULT_QOS
from rt_gait_ros.nodes.statistics import HARDWARE
from rt_gait_ros.signals import KeptSignals
from rt_gait_ros.srv import ForgetPerson, ListPersons
from rt_gait_ros.web.activity import Activity
from rt_gait_ros.web.board import Board
from rt_gait_ros.web.silhouettes import Silhouettes

REFRESH_PERIOD = 0.2  # seconds
LIST_PERIOD = 2.0  # seconds between questions who is enrolled, while a page is open
PATIENCE = 15.0  # seconds for an answer of the gait node
ABSENT = "gait_node is not there: start it, and ask again"


class WatchNode(CommandNode):
    """Listens to the nodes of its namespace, but only while a page is open: then they draw no pictures for nobody."""

    def __init__(self, signals: KeptSignals, board: Board, silhouettes: Silhouettes) -> None:
        super().__init__(signals, f"watch_{os.getpid()}")
        self._board, self._silhouettes = board, silhouettes
        self._subscriptions_to_pages: list[Any] = []
        self._newest: dict[str, Any] = {}
        self._listing: tuple[float, Any] | None = None
        self._next_listing = 0.0
        self._enroll = ActionClient(self, EnrollPerson, "gait_node/enroll_person")
        self._list = self.create_client(ListPersons, "gait_node/list_persons")
        self._forget = self.create_client(ForgetPerson, "gait_node/forget_person")
        self._waiting: dict[int, tuple[Activity, float, Any]] = {}  # by number: until when, the goal's handle
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self.create_timer(REFRESH_PERIOD, self._turn, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def destroy_node(self) -> None:
        """Leave the graph; enrolments go on in the gait node."""
        self._enroll.destroy()
        super().destroy_node()

    def _turn(self) -> None:
        self._look(self._board.watched)
        with suppress(GaitError):  # a message that makes no sense; the nodes complain of it
            if (tracks := self._newest.pop("person_tracks", None)) is not None:
                self._board.show_tracks(tracks_from_message(tracks))
            if (identities := self._newest.pop("gait_identities", None)) is not None:
                self._board.show_identities(identities_from_message(identities))
        while (activity := self._board.next_request()) is not None:
            (self._begin_enrolment if activity.kind == "enrol" else self._begin_forgetting)(activity)
        self._look_after_requests()
        self._ask_who_is_enrolled()
        self._board.refresh()

    def _look(self, wanted: bool) -> None:
        """Subscribe while a page is open."""
        if wanted and not self._subscriptions_to_pages:
            self._subscriptions_to_pages = [
                self.create_subscription(CompressedImage, "overlay/image/compressed", self._on_picture, IMAGE_QOS),
                self._newest_of(PersonTrackArray, "person_tracks"),
                self._newest_of(GaitIdentityArray, "gait_identities"),
            ]
        elif not wanted and self._subscriptions_to_pages:
            for subscription in self._subscriptions_to_pages:
                self.destroy_subscription(subscription)
            self._subscriptions_to_pages = []

    def _newest_of(self, kind: Any, topic: str) -> Any:
        """A subscription whose newest message waits for the next turn: nothing is converted that nobody sees."""
        return self.create_subscription(kind, topic, partial(self._newest.__setitem__, topic), RESULT_QOS)

    def _on_picture(self, message: CompressedImage) -> None:
        if "jpeg" in message.format:
            self._board.show_picture(bytes(message.data))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        space = self.get_namespace().strip("/")
        for status in message.status:
            place, _, name = status.name.strip("/").rpartition("/")
            if status.hardware_id == HARDWARE and place == space:
                level = status.level[0] if isinstance(status.level, bytes) else int(status.level)
                self._board.show_node(name, level, status.message)

    def _ask_who_is_enrolled(self) -> None:
        now = time.monotonic()
        if self._listing is not None and (self._listing[1].done() or now > self._listing[0]):
            _, future = self._listing
            self._listing, self._next_listing = None, now + LIST_PERIOD
            if future.done() and future.exception() is None:
                self._take_list(future.result())
        elif (
            self._listing is None
            and now >= self._next_listing
            and self._board.watched
            and self._list.service_is_ready()
        ):
            self._listing = now + PATIENCE, self._list.call_async(ListPersons.Request())

    def _take_list(self, answer: Any) -> None:
        note = self._silhouettes.open(answer.path) if answer.persons else ""
        persons = [
            {
                "person_id": one_line(person.person_id),
                "name": one_line(person.name),
                "walks": person.embeddings,
                "enrolled": from_time(person.enrolled) // 1_000_000,
                "updated": from_time(person.updated) // 1_000_000,
                "frames": self._silhouettes.count(person.person_id),
                "sides": self._silhouettes.sides(person.person_id),
            }
            for person in answer.persons
        ]
        self._board.show_gallery(answer.path, persons, note)

    def _begin_enrolment(self, activity: Activity) -> None:
        if not self._enroll.server_is_ready():
            self._board.finish(activity, False, ABSENT)
            return
        goal = EnrollPerson.Goal(body_id=activity.target, name=activity.who.strip(), extend=activity.extend)
        self._waiting[activity.number] = activity, time.monotonic() + PATIENCE, None
        future = self._enroll.send_goal_async(goal, feedback_callback=partial(self._on_feedback, activity))
        future.add_done_callback(partial(self._on_accepted, activity))

    def _on_accepted(self, activity: Activity, future: Any) -> None:
        handle = future.result()
        if not handle.accepted:
            self._end(activity, False, "gait_node refused to enrol")
            return
        self._waiting[activity.number] = activity, time.monotonic() + PATIENCE, handle
        handle.get_result_async().add_done_callback(partial(self._on_enrolled, activity))

    def _on_feedback(self, activity: Activity, message: Any) -> None:
        said = message.feedback
        activity.target = said.body_id or activity.target
        activity.gathered, activity.wanted = said.frames_gathered, said.frames_wanted
        activity.sides, activity.advice = list(said.views), said.advice
        if (known := self._waiting.get(activity.number)) is not None:
            self._waiting[activity.number] = activity, time.monotonic() + PATIENCE, known[2]

    def _on_enrolled(self, activity: Activity, future: Any) -> None:
        result = future.result().result
        activity.sides, activity.advice = list(result.views), result.advice
        activity.target = result.body_id or activity.target
        done = f"{activity.who.strip()} is enrolled"
        self._end(activity, not result.error_code, result.error_msg if result.error_code else done)

    def _begin_forgetting(self, activity: Activity) -> None:
        if not self._forget.service_is_ready():
            self._board.finish(activity, False, ABSENT)
            return
        self._waiting[activity.number] = activity, time.monotonic() + PATIENCE, None
        future = self._forget.call_async(ForgetPerson.Request(person=activity.target))
        future.add_done_callback(partial(self._on_forgotten, activity))

    def _on_forgotten(self, activity: Activity, future: Any) -> None:
        answer = future.result()
        self._end(activity, answer.success, answer.message)

    def _look_after_requests(self) -> None:
        """Cancel what a viewer wants cancelled, and give up on a gait node that says nothing any more."""
        for activity, until, handle in list(self._waiting.values()):
            if time.monotonic() > until:
                self._end(
                    activity, False, "gait_node does not answer any more: see whether it is running, and ask again"
                )
            elif activity.cancel and handle is not None:
                activity.cancel = False
                handle.cancel_goal_async()

    def _end(self, activity: Activity, well: bool, message: str) -> None:
        if self._waiting.pop(activity.number, None) is not None:
            self._board.finish(activity, well, message)
            self._next_listing = 0.0


def watch(signals: KeptSignals, board: Board, silhouettes: Silhouettes) -> NoReturn:
    """Listen and answer, in the calling thread, until a signal comes, which raises Ended."""
    with closing(WatchNode(signals, board, silhouettes)) as node:
        close_shared_memory()  # names that are given to the page travel in it
        while True:
            node.spin(math.inf)
