"""gait_node: tracks in, identities out; the gallery's services and actions."""

from collections.abc import Callable, Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any

from rt_gait_ros.gait import calibration, scene_file
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.gallery import Gallery, default_path
from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gait.scene import SceneError
from rt_gait_ros.gait.scenes import Scenes, find_prior
from rt_gait_ros.msg import GaitIdentityArray, PersonTrackArray
from rt_gait_ros.nodes import runner
from rt_gait_ros.nodes.conversions import identities_to_message, tracks_from_message
from rt_gait_ros.nodes.gallery_services import GalleryServices
from rt_gait_ros.nodes.links import RESULT_QOS, Inlet, Link
from rt_gait_ros.nodes.parameters import settings
from rt_gait_ros.nodes.person_actions import PersonActions
from rt_gait_ros.nodes.recognition import RecognitionStage
from rt_gait_ros.nodes.worker import Worker
from rt_gait_ros.tracking.track import TrackFrame

NAME = "gait_node"
PURPOSE = (
    "Says who each track is by the way they walk, or that it does not know. Keeps the gallery of enrolled persons."
)
TOPICS = """
subscribes
  person_tracks    rt_gait_ros/PersonTrackArray
publishes
  gait_identities  rt_gait_ros/GaitIdentityArray, once per PersonTrackArray
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
"""


CONTRADICTION_PAUSE = 5.0  # seconds between lines about names withdrawn


class GaitNode(RecognitionStage):
    """Runs a GaitRecognizer on every PersonTrackArray."""

    depth = 10  # a lost array is a lost gait frame

    def __init__(self, **node_options: Any) -> None:
        super().__init__(NAME, **node_options)
        self.inlet = Inlet(
            self, PersonTrackArray, "person_tracks", RESULT_QOS, tracks_from_message, self.accept, self.finish
        )
        self.outlet = Link(self, GaitIdentityArray, "gait_identities", RESULT_QOS, identities_to_message)
        self._saver: Worker[Scenes] | None = None
        self._gallery_services = GalleryServices(self)
        self._person_actions = PersonActions(self)

    def setup(self) -> None:
        """Check the settings and open the gallery; one that cannot be read is kept aside and said."""
        self._config = self._read_config()
        self.gallery = self.open_gallery(self.value("gallery") or default_path())
        self.scenes = self._open_scenes(self.gallery.path)
        super().setup()
        self._saver = Worker(self._save, on_crash=self.finish, name="scenes")

    def stop(self) -> None:
        """Also end the tracks in view: nobody follows them any longer."""
        super().stop()
        if self.recognizer is not None:
            self.recognizer.close()

    def teardown(self) -> None:
        """Let go of the gallery and of the scenes, fail the goals that wait."""
        self._person_actions.abort_all("the gait node is not active: activate it and ask again")
        if self._saver is not None:
            self._saver.stop()
        if self.scenes is not None:
            self._save(self.scenes)
        self.gallery = self.recognizer = self.latest = self.scenes = self._saver = None
        super().teardown()

    def change(self, values: Mapping[str, Any]) -> None:
        """Go on with other lines."""
        if self.gallery is None:  # not configured: nothing reads them yet
            return
        self._config = self._read_config(values)
        if self.recognizer is not None:
            self.recognizer.use_config(self._config)

    def open_gallery(self, path: str | Path) -> Gallery:
        """The gallery of that file, made when it is not there. Raises GalleryError."""
        gallery, warning = Gallery.open_or_set_aside(path)
        if warning:
            self.get_logger().error(warning)
        self.get_logger().info(f"gallery {gallery.path}: {len(gallery.persons)} enrolled")
        return gallery

    def open_processor(self) -> Callable[[TrackFrame], IdentityFrame]:
        """A recogniser, once the server has the gait network."""
        assert self.gallery is not None
        self.recognizer = GaitRecognizer(self.client, self.gallery, self._config, scenes=self.scenes)
        return self._recognize

    def check(self) -> None:
        """Also move enrolments on while no tracks come, and forget whom the last ones showed."""
        super().check()
        if self.faults.stands("silence"):
            self.latest = None
        recognizer = self.recognizer
        if recognizer is not None:
            recognizer.tick()
        scenes, saver = self.scenes, self._saver
        if scenes is not None and saver is not None and scenes.due:
            saver.offer(scenes)

    def details(self) -> dict[str, str]:
        """Add the gallery, and how well the scene is known."""
        gallery = self.gallery
        if gallery is None:
            return super().details()
        found = {**super().details(), "gallery": str(gallery.path), "enrolled": str(len(gallery.persons))}
        return found | {"scene": self.recognizer.scene if self.recognizer else "not seen yet"}

    def _open_scenes(self, gallery: Path) -> Scenes | None:
        """The scenes beside the gallery; None where the calibration does not tell what they would do to distances."""
        known = self._config.calibration
        if known is None or known.scene is None:
            return None
        return Scenes(scene_file.folder_of(gallery), known, find_prior(self.repository, known.model))

    def _save(self, scenes: Scenes) -> None:
        try:
            scenes.save()
        except SceneError as error:
            self.faults.raise_("scenes", str(error))
        else:
            self.faults.clear("scenes")

    def _recognize(self, tracks: TrackFrame) -> IdentityFrame:
        recognizer = self.recognizer
        assert recognizer is not None
        self.latest = identities = recognizer.update(tracks)
        self._tell_contradictions(identities)
        if recognizer.problem:
            self.faults.raise_("recogniser", recognizer.problem)
        else:
            self.faults.clear("recogniser")
        return identities

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
        values = dict(values or {})
        model = self.value("model")
        for name in ("accept_distance", "margin"):
            line = values.get(name, self.value(name))
            values[name] = line if line >= 0.0 else nan
        return settings(self, RecognizerConfig, {**values, "calibration": calibration.find(self.repository, model)})


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return runner.run(lambda: [GaitNode()], args, runner.help_text(NAME, PURPOSE, TOPICS, [NAME]))


if __name__ == "__main__":
    raise SystemExit(main())
