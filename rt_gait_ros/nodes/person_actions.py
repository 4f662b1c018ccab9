"""The gait node's actions: enrolling a track, waiting for a person, following a person.

A goal waits as a small object that a timer looks at. Nothing blocks, and no coroutine hangs in the executor: rclpy's
executors spin for as long as one does. A goal is set executing when its end is known.
"""

import time
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse

from rt_gait_ros.action import EnrollPerson, FollowPerson, WaitForPerson
from rt_gait_ros.gait.enrollment import EnrollError, Enrollment
from rt_gait_ros.gait.identity import Identity, IdentityStatus
from rt_gait_ros.gallery.gallery import DuplicateName, UnknownPerson
from rt_gait_ros.nodes.conversions import identity_to_message
from rt_gait_ros.nodes.followed import FollowGoal
from rt_gait_ros.nodes.goal import Goal, check_confidence, check_seconds
from rt_gait_ros.nodes.parameters import LOCKED
from rt_gait_ros.nodes.recognition_stage import RecognitionStage

POLL_PERIOD = 0.1  # seconds between looks at the goals; also of the feedback


class EnrollGoal(Goal):
    """Follows an Enrollment of the recogniser."""

    def __init__(self, node: RecognitionStage, handle: Any) -> None:
        super().__init__(node, handle)
        request = handle.request
        self._enrollment: Enrollment | None = None
        if node.people is not None and not node.value("locked"):
            self._enrollment = node.people.enroll(
                request.body_id,
                request.name,
                extend=request.extend,
                frames=request.frames,
                timeout=float(request.timeout),
            )

    def poll(self) -> Any:
        """As Goal.poll."""
        enrollment = self._enrollment
        if self.node.value("locked"):
            return self.abort(f"{LOCKED}: start it with locked false to enrol somebody")
        if enrollment is None:
            return self.abort("the gait network has not answered yet: see /diagnostics, and ask again")
        if enrollment.done:
            self._tell(enrollment)
            return self._result(enrollment)
        self.handle.publish_feedback(
            EnrollPerson.Feedback(
                body_id=enrollment.body_id,
                frames_gathered=enrollment.gathered,
                frames_wanted=enrollment.wanted,
                quality=float(enrollment.quality),
                views=enrollment.views,
                advice=enrollment.advice,
            )
        )
        return None

    def abort(self, message: str) -> Any:
        """As Goal.abort."""
        if self._enrollment is not None:
            self._enrollment.fail(EnrollError.EMBEDDING, message)
            return self._result(self._enrollment)  # which has just been stored, if that was too late
        return EnrollPerson.Result(error_code=EnrollPerson.Result.ERROR_EMBEDDING, error_msg=message)

    def _tell(self, enrollment: Enrollment) -> None:
        """Say from which sides the person is known, and what to do next."""
        if not enrollment.error:
            sides = ", ".join(enrollment.views) or "sides that are not known"
            advice = f": {enrollment.advice}" if enrollment.advice else ""
            self.node.get_logger().info(f"{enrollment.name} is known from {sides}{advice}")

    @staticmethod
    def _result(enrollment: Enrollment) -> Any:
        return EnrollPerson.Result(
            error_code=int(enrollment.error),
            error_msg=enrollment.message,
            person_id=enrollment.person_id,
            body_id=enrollment.body_id,
            embeddings=enrollment.embeddings,
            views=[] if enrollment.error else enrollment.views,
            advice="" if enrollment.error else enrollment.advice,
        )


class WaitGoal(Goal):
    """Looks for a person among the newest identities."""

    def __init__(self, node: RecognitionStage, handle: Any) -> None:
        super().__init__(node, handle)
        timeout = float(handle.request.timeout)
        self._deadline = time.monotonic() + timeout if timeout > 0.0 else None

    def poll(self) -> Any:
        """As Goal.poll."""
        request, result = self.handle.request, WaitForPerson.Result
        if line := self._refusal(request):
            return result(error_code=result.ERROR_BAD_REQUEST, error_msg=line)
        people, frame = self.node.people, self.node.present
        assert people is not None
        try:
            wanted = people.gallery.find(request.person).person_id if request.person else ""
        except (UnknownPerson, DuplicateName) as error:
            return result(error_code=result.ERROR_UNKNOWN_PERSON, error_msg=str(error))
        identities = frame.identities if frame is not None else []
        for identity in identities:
            if self._fits(identity, wanted, request.min_confidence):
                assert frame is not None
                return result(identity=identity_to_message(identity, frame.frame_id))
        if self._deadline is not None and time.monotonic() > self._deadline:
            return self.abort(f"{request.person or 'nobody enrolled'} was not seen within {request.timeout:g} s")
        identified = sum(identity.status == IdentityStatus.IDENTIFIED for identity in identities)
        self.handle.publish_feedback(WaitForPerson.Feedback(tracks=len(identities), identified=identified))
        return None

    def abort(self, message: str) -> Any:
        """As Goal.abort."""
        return WaitForPerson.Result(error_code=WaitForPerson.Result.ERROR_TIMEOUT, error_msg=message)

    @staticmethod
    def _refusal(request: Any) -> str:
        """Why the request means nothing; empty when it does."""
        return check_seconds("timeout", request.timeout, "to wait for ever") or check_confidence(request.min_confidence)

    @staticmethod
    def _fits(identity: Identity, wanted: str, min_confidence: float) -> bool:
        # Without a calibration confidence is NaN, which is at least 0 to whoever asks for no confidence.
        sure = min_confidence <= 0.0 or identity.confidence >= min_confidence
        return identity.status == IdentityStatus.IDENTIFIED and wanted in ("", identity.person_id) and sure


class PersonActions:
    """The action servers and the goals that wait."""

    def __init__(self, node: RecognitionStage) -> None:
        self._node = node
        self._goals: list[Goal] = []
        self._results: dict[bytes, Any] = {}
        self._servers = [
            self._server(EnrollPerson, "~/enroll_person", EnrollGoal),
            self._server(WaitForPerson, "~/wait_for_person", WaitGoal),
            self._server(FollowPerson, "~/follow_person", FollowGoal),
        ]
        self._timer: Any = None  # runs only while a goal waits

    def abort_all(self, message: str) -> None:
        """End every goal that waits."""
        for goal in list(self._goals):
            self._end(goal, goal.abort(message))

    def _server(self, kind: Any, name: str, goal: type[Goal]) -> ActionServer:
        return ActionServer(
            self._node,
            kind,
            name,
            execute_callback=self._deliver,
            goal_callback=lambda request: GoalResponse.ACCEPT,
            cancel_callback=lambda handle: CancelResponse.ACCEPT,
            handle_accepted_callback=lambda handle: self._accept(goal, handle),
        )

    def _accept(self, kind: type[Goal], handle: Any) -> None:
        self._end_cancelled()  # a goal that was cancelled a moment ago holds nothing any more
        self._goals.append(kind(self._node, handle))
        if self._timer is None:
            self._timer = self._node.every(POLL_PERIOD, self._poll)

    def _end_cancelled(self) -> None:
        for goal in list(self._goals):
            if goal.handle.is_cancel_requested:
                self._end(goal, goal.abort("cancelled"))

    def _poll(self) -> None:
        self._end_cancelled()
        for goal in list(self._goals):
            if self._node.phase != "active":
                self._end(goal, goal.abort(f"the gait node is {self._node.phase}: activate it and ask again"))
            elif (result := goal.poll()) is not None:
                self._end(goal, result)
        if not self._goals and self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None

    def _end(self, goal: Goal, result: Any) -> None:
        self._goals.remove(goal)
        self._results[bytes(goal.handle.goal_id.uuid)] = result
        goal.handle.execute()

    def _deliver(self, handle: Any) -> Any:
        result = self._results.pop(bytes(handle.goal_id.uuid))
        if handle.is_cancel_requested:
            handle.canceled()
        elif result.error_code:
            handle.abort()
        else:
            handle.succeed()
        return result
