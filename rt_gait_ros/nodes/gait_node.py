"""gait_node: tracks in, identities out; the gallery's services and actions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from rt_gait_ros.fleet.opening import default_place, open_for_robot
from rt_gait_ros.gait.calibrated import lines_of
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.gait.known_people import KnownPeople
from rt_gait_ros.gait.moving import NetworkMover
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gallery.cipher import find_cipher
from rt_gait_ros.msg import GaitIdentityArray, PersonTrackArray
from rt_gait_ros.nodes import runner
from rt_gait_ros.nodes.body_frames import BodyFrames
from rt_gait_ros.nodes.conversions import identities_to_message, tracks_from_message
from rt_gait_ros.nodes.detections import Detections
from rt_gait_ros.nodes.followed import Followed
from rt_gait_ros.nodes.gallery_services import GalleryServices
from rt_gait_ros.nodes.lighter import capacities_of, open_mover
from rt_gait_ros.nodes.links import RESULT_QOS, Inlet, Link
from rt_gait_ros.nodes.parameters import settings
from rt_gait_ros.nodes.person_actions import PersonActions
from rt_gait_ros.nodes.person_matches import PersonMatches
from rt_gait_ros.nodes.recognition_stage import RecognitionStage
from rt_gait_ros.paths import expand
from rt_gait_ros.tracking.track import TrackFrame

NAME = "gait_node"
PURPOSE = (
    "Recognises each tracked person by gait, or says that it does not know them. Keeps the gallery of enrolled persons."
)
TOPICS = """
subscribes
  person_tracks    rt_gait_ros/PersonTrackArray
publishes
  gait_identities  rt_gait_ros/GaitIdentityArray, once per PersonTrackArray
  followed_pose    geometry_msgs/PoseStamped, of the person who is followed, in images in which they have a position
  detections       vision_msgs/Detection2DArray, only with detections: boxes, names, and poses where there are metres
  /tf              tf2_msgs/TFMessage, only with frames: person_<id> of whoever has a name and a position
  /humans/candidate_matches  hri_msgs/IdsMatch, only with ros4hri: body and person, person and person when merged
  /diagnostics     diagnostic_msgs/DiagnosticArray, once a second
services (below the node's name: /gait_node/list_persons)
  ~/list_persons   rt_gait_ros/ListPersons
  ~/rename_person  rt_gait_ros/RenamePerson
  ~/merge_persons  rt_gait_ros/MergePersons
  ~/forget_person  rt_gait_ros/ForgetPerson
  ~/set_gallery    rt_gait_ros/SetGallery
actions
  ~/enroll_person    rt_gait_ros/EnrollPerson
  ~/wait_for_person  rt_gait_ros/WaitForPerson
  ~/follow_person    rt_gait_ros/FollowPerson
"""


CONTRADICTION_PAUSE = 5.0  # seconds between lines about names withdrawn


class GaitNode(RecognitionStage):
    """Runs a GaitRecognizer on every PersonTrackArray."""

    depth = 10  # a lost array is a lost gait frame
    behind_pose = True

    def __init__(self, **node_options: Any) -> None:
        self._frames: BodyFrames | None = None
        self._detections: Detections | None = None
        self._mover: NetworkMover | None = None
        self._directions = ""  # as last said
        super().__init__(NAME, **node_options)
        self.inlet = Inlet(
            self,
            PersonTrackArray,
            "person_tracks",
            RESULT_QOS,
            tracks_from_message,
            self.accept,
            self.finish,
            as_bytes=True,
        )
        self.outlet = Link(self, GaitIdentityArray, "gait_identities", RESULT_QOS, identities_to_message, as_bytes=True)
        self._gallery_services = GalleryServices(self)
        self._followed = Followed(self)
        self._person_actions = PersonActions(self)

    def setup(self) -> None:
        """Check the settings and open the gallery; one that cannot be read is kept aside and said."""
        config = self._read_config()
        capacities_of(self)  # what is wrong with them ends the node before anybody is seen
        cipher = find_cipher(self.value("gallery_key"))
        place = self.value("gallery") or default_place()
        gallery, warning = open_for_robot(place, cipher, self.repository, config.model)
        self.people = KnownPeople(gallery, self.repository)  # at once: what fails from here on is undone by `teardown`
        self.gallery_folder = expand(self.value("gallery_folder") or gallery.path.parent)
        if warning:
            self.get_logger().error(warning)
        self.get_logger().info(f"gallery {gallery.name}: {len(gallery.persons)} enrolled")
        self.people.configure(config)
        super().setup()

    def start(self) -> None:
        """Also open what is published beside the identities. Raises UsageError where its messages are not installed."""
        self.matches = PersonMatches(self) if self.value("ros4hri") else None
        self._frames = BodyFrames(self) if self.value("frames") else None
        self._detections = Detections(self) if self.value("detections") else None
        super().start()

    def stop(self) -> None:
        """Also end the tracks in view, which nobody follows any longer, and the goals that wait."""
        self._person_actions.abort_all("the gait node was deactivated: activate it and ask again")
        super().stop()
        self._close_mover()
        self.forget_present()
        self._followed.blind()
        for beside in (self.matches, self._frames, self._detections):
            if beside is not None:
                beside.close()
        self.matches = self._frames = self._detections = None
        if self.people is not None:
            self.people.stop()

    def teardown(self) -> None:
        """Let go of who is known."""
        if self.people is not None:
            self.people.close()
            self.people.gallery.close()
        self.people = None
        self.forget_present()
        super().teardown()

    def change(self, values: Mapping[str, Any]) -> None:
        """Go on with other lines."""
        if self.people is not None:  # not configured: nothing reads them yet
            self.people.use_config(self._read_config(values))

    def open_processor(self) -> Callable[[TrackFrame], IdentityFrame]:
        """A recogniser, once the server has the gait network."""
        assert self.people is not None
        recognizer = self.people.start(self.client)
        self._close_mover()  # of a recogniser before
        self._mover = open_mover(self, self.client, recognizer, self._read_config())
        return lambda tracks: self._recognize(recognizer, tracks)

    def check(self) -> None:
        """Also move enrolments on while no tracks come, and see whom to follow."""
        super().check()
        if self.present is None:
            self._followed.blind()
        self._followed.check(self.value("follow"))
        if self.people is not None:
            self.people.tick()
            self.faults.tell("scenes", self.people.problem)
            for line in self.people.notices():
                self.get_logger().warning(line)
            self._tell_directions(self.people.recognizer)

    def _tell_directions(self, recognizer: GaitRecognizer | None) -> None:
        """Say whether looks are compared by directions whenever that has changed."""
        line = recognizer.directions if recognizer is not None else ""
        if line and line != self._directions:
            self._directions = line
            self.get_logger().debug(f"directions from the middle of those in view are {line}")

    def details(self) -> dict[str, str]:
        """Add the gallery, and how well the scene is known."""
        people = self.people
        if people is None:
            return super().details()
        gallery, recognizer = people.gallery, people.recognizer
        mover = self._mover  # the worker may put another in its place
        moving = mover.lines if mover is not None else {}
        found = {**super().details(), **moving, "gallery": gallery.name, "enrolled": str(len(gallery.persons))}
        if recognizer is None:
            return found | {"scene": "not seen yet"}
        return found | {
            "scene": recognizer.scene,
            "directions": recognizer.directions,
            "sides without a walk": recognizer.unseen,
        }

    def _recognize(self, recognizer: GaitRecognizer, tracks: TrackFrame) -> IdentityFrame:
        identities = recognizer.update(tracks)
        self._move(len(identities.identities))
        self.remember(identities)
        self._followed.observe(tracks, identities)
        self._say_beside(tracks, identities, recognizer.accept_line)
        self._tell_contradictions(identities)
        self.faults.tell("recogniser", recognizer.problem)
        return identities

    def _move(self, people: int) -> None:
        """Have another network look at them where that is due, and say so."""
        mover = self._mover  # the executor's thread may close it
        if mover is None:
            return
        mover.step(people)
        self.faults.tell("networks", mover.problem)
        for line, is_warning in mover.notices():
            self.get_logger().warning(line) if is_warning else self.get_logger().info(line)

    def _close_mover(self) -> None:
        mover, self._mover = self._mover, None
        if mover is not None:
            mover.close()

    def _say_beside(self, tracks: TrackFrame, identities: IdentityFrame, accept_line: float) -> None:
        """Say the same in the words of others."""
        if self.matches is not None:
            self.matches.send(identities, accept_line)
        if self._frames is not None:
            by_body = {track.body_id: track for track in tracks.tracks}
            named = {
                f"person_{identity.person_id}": by_body[identity.body_id]
                for identity in identities.identified
                if identity.body_id in by_body
            }
            self._frames.send(named, tracks.stamp, tracks.frame_id)
        if self._detections is not None:
            self._detections.send(tracks, identities)

    def _tell_contradictions(self, identities: IdentityFrame) -> None:
        """Say whose name was just taken away: two people may have changed places under one body id."""
        if identities.contradicted:
            self.statistics.count("contradicted")
            self.get_logger().warning(
                f"the walk of {', '.join(identities.contradicted)} now speaks against the name given before: withdrawn",
                throttle_duration_sec=CONTRADICTION_PAUSE,
            )

    def _read_config(self, values: Mapping[str, Any] | None = None) -> RecognizerConfig:
        """The settings; `values` are about to be set."""
        own = {field.name for field in fields(RecognizerConfig)}
        changed = {name: value for name, value in (values or {}).items() if name in own}
        known = {name: self.value(name) for name in ("accept_distance", "margin")} | changed
        lines = lines_of(
            self.repository,
            self.value("model"),
            known["accept_distance"],
            known["margin"],
            beyond_calibration=self.value("beyond_calibration"),
        )
        return settings(self, RecognizerConfig, known | lines)


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return runner.run(lambda: [GaitNode()], args, runner.help_text(NAME, PURPOSE, TOPICS, [NAME]))


if __name__ == "__main__":
    raise SystemExit(main())
