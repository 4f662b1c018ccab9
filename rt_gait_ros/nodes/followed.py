"""The person whom the gait node keeps an eye on: for a FollowPerson goal, or for the parameter `follow`."""

import math
import time
from typing import Any

from geometry_msgs.msg import PoseStamped

from rt_gait_ros.action import FollowPerson
from rt_gait_ros.gait.following import Following
from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.gallery.gallery import DuplicateName, UnknownPerson
from rt_gait_ros.nodes.conversions import pose_to_message
from rt_gait_ros.nodes.goal import Goal, check_confidence, check_seconds
from rt_gait_ros.nodes.links import RESULT_QOS, Link
from rt_gait_ros.nodes.recognition_stage import RecognitionStage
from rt_gait_ros.tracking.track import TrackFrame

RESULT = FollowPerson.Result
UNSEEN = (math.nan, math.nan, math.nan)  # distance, bearing and offset of nobody


class Followed:
    """Publishes followed_pose, of the person of a goal or else of the parameter `follow`."""

    def __init__(self, node: RecognitionStage) -> None:
        self._node = node
        self._standing: Following | None = None  # for the parameter
        self._poses: Link[PoseStamped] = Link(node, PoseStamped, "followed_pose", RESULT_QOS)

    def observe(self, tracks: TrackFrame, identities: IdentityFrame) -> None:
        """Take one image's tracks and who they are; in the worker."""
        now = time.monotonic()
        standing, goal = self._standing, self._node.following
        seen = [following.observe(tracks, identities, now) for following in (standing, goal) if following is not None]
        if seen and seen[-1] is not None and seen[-1].track.position is not None:
            self._poses.send(pose_to_message(seen[-1].track, tracks.stamp, tracks.frame_id))

    def check(self, wanted: str) -> None:
        """Follow whom the parameter says, by name or id; call it once a second."""
        people = self._node.people
        person_id = ""
        if wanted and people is not None:
            try:
                person_id = people.gallery.find(wanted).person_id
            except (UnknownPerson, DuplicateName) as error:
                self._node.faults.raise_("follow", f"parameter 'follow': {error}")
        if not wanted or person_id:
            self._node.faults.clear("follow")
        if not person_id:
            self._standing = None
        elif self._standing is None or self._standing.person_id != person_id:
            self._standing = Following(person_id, 0.0, time.monotonic())

    def blind(self) -> None:
        """No image has come for a while, or none will."""
        for following in (self._standing, self._node.following):
            if following is not None:
                following.blind()


class FollowGoal(Goal):
    """Says where the person is until they are lost, forgotten, or followed long enough."""

    def __init__(self, node: RecognitionStage, handle: Any) -> None:
        super().__init__(node, handle)
        self._following: Following | None = None
        self._refused = self._refusal(handle.request)
        if self._refused is None:
            assert node.people is not None
            person = node.people.gallery.find(handle.request.person)
            self._following = Following(person.person_id, handle.request.min_confidence, time.monotonic())
            node.following = self._following

    def poll(self) -> Any:
        """As Goal.poll."""
        following = self._following
        if following is None:
            return self._refused
        request, now = self.handle.request, time.monotonic()
        assert self.node.people is not None
        try:
            person = self.node.people.gallery.find(following.person_id)
        except UnknownPerson:
            line = f"{request.person} is no longer in the gallery: enrol them again, or choose the former gallery"
            return self._end(RESULT.ERROR_FORGOTTEN, line)
        if self.node.present is None:
            following.blind()
        lost = following.lost(now)
        if 0.0 < request.duration < following.lasted(now):
            return self._end(RESULT.ERROR_NONE, "")
        if 0.0 < request.lost_timeout < lost:
            return self._end(RESULT.ERROR_LOST, f"{person.name} was not seen for {request.lost_timeout:g} s")
        sight = following.sight
        distance, bearing, offset = (sight.distance, sight.bearing, sight.offset) if sight else UNSEEN
        self.handle.publish_feedback(
            FollowPerson.Feedback(
                person_id=person.person_id,
                name=person.name,
                body_id=following.body_id,
                lost=lost,
                distance=distance,
                bearing=bearing,
                offset=offset,
                confidence=following.confidence,
            )
        )
        return None

    def abort(self, message: str) -> Any:
        """As Goal.abort."""
        return self._refused or self._end(RESULT.ERROR_ENDED, message)

    def _refusal(self, request: Any) -> Any:
        """The result that says why nobody is followed; None where somebody can be."""
        people = self.node.people
        if line := (
            check_confidence(request.min_confidence)
            or check_seconds("lost_timeout", request.lost_timeout, "to wait for ever")
            or check_seconds("duration", request.duration, "to follow until cancelled")
        ):
            return RESULT(error_code=RESULT.ERROR_BAD_REQUEST, error_msg=line)
        if people is None or self.node.phase != "active":
            return RESULT(error_code=RESULT.ERROR_ENDED, error_msg="the gait node is not active: activate it first")
        try:
            people.gallery.find(request.person)
        except (UnknownPerson, DuplicateName) as error:
            return RESULT(error_code=RESULT.ERROR_UNKNOWN_PERSON, error_msg=str(error))
        if self.node.following is not None:
            line = f"{self._followed_name()} is being followed: cancel that goal first"
            return RESULT(error_code=RESULT.ERROR_BUSY, error_msg=line)
        return None

    def _followed_name(self) -> str:
        assert self.node.people is not None
        assert self.node.following is not None
        try:
            return self.node.people.gallery.find(self.node.following.person_id).name
        except UnknownPerson:
            return "somebody"

    def _end(self, error: int, message: str) -> Any:
        following, now = self._following, time.monotonic()
        assert following is not None
        if self.node.following is following:
            self.node.following = None
        return RESULT(
            error_code=error,
            error_msg=message,
            person_id=following.person_id,
            body_id=following.body_id,
            lost=following.lost(now),
            seen=following.seen(now),
        )
