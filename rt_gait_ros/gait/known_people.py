"""Who is known: the one owner of the gallery, of the scenes beside it, and of the recogniser that searches both."""

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.gait import calibration, scene_file
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.enrollment import Enrollment
from rt_gait_ros.gait.gallery import Gallery
from rt_gait_ros.gait.gallery_file import Person
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gait.scene import SceneError
from rt_gait_ros.gait.scenes import Cleared, Scenes, find_prior, forget_near
from rt_gait_ros.serving.inference import InferenceClient


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What forgetting a person did. person: as they were. cleared: what went of the scenes.

    copies: set-aside galleries that cannot be read and may still hold them.
    """

    person: Person
    cleared: Cleared
    copies: tuple[Path, ...]

    @property
    def lines(self) -> list[str]:
        """What to tell whoever asked for it: whole sentences without a full stop."""
        said = [f"{self.person.name} ({self.person.person_id}) is forgotten"]
        if self.cleared.votes:
            said.append(
                f"{self.cleared.votes} nameless walks that may be theirs are gone from the statistics of scenes"
            )
        said += [
            f"the statistics {path} were deleted, for nobody can tell which walks in them are theirs"
            for path in self.cleared.files
        ]
        said += [f"{path} could not be read and may still hold them: delete it" for path in self.copies]
        return said


class KnownPeople:
    """Everybody who is known, and what hangs on it; the node and the command line change it through here alone.

    gallery: the enrolled persons. scenes: what the cameras' places look like, beside that gallery; None until
    `configure`, and where the calibration does not tell what scenes do to distances. recognizer: from `start` on.
    A change either happens everywhere or raises GaitError and happens nowhere. Methods may be called from any thread.
    """

    def __init__(self, gallery: Gallery, repository: Path) -> None:
        """repository: of the gait networks, where their calibrations are."""
        self.gallery = gallery
        self.scenes: Scenes | None = None
        self.recognizer: GaitRecognizer | None = None
        self._repository = repository
        self._config: RecognizerConfig | None = None
        self._mutex = threading.RLock()  # of what this holds; the gallery and the recogniser have their own
        self._writer = ThreadPoolExecutor(1, "gallery")
        self._saving: Future[None] | None = None
        self._save_problem = ""

    @property
    def problem(self) -> str:
        """Why something learnt could not be stored, in one line, or ""."""
        return self._save_problem

    def configure(self, config: RecognizerConfig) -> None:
        """Recognise by these settings; opens the scenes of their gait model. Raises GaitError."""
        with self._mutex:
            self.scenes = self._scenes_beside(self.gallery, config.calibration)
            self._config = config

    def use_config(self, config: RecognizerConfig) -> None:
        """Go on with other settings. Raises UsageError as GaitRecognizer.use_config."""
        with self._mutex:
            if self.recognizer is not None:
                self.recognizer.use_config(config)
            self._config = config

    def start(self, client: InferenceClient) -> GaitRecognizer:
        """Make the recogniser, which asks the server about the network and blocks for that. `configure` comes first.

        Raises InferenceError, GalleryModelMismatch.
        """
        with self._mutex:
            config, gallery, scenes = self._config, self.gallery, self.scenes
        if config is None:
            raise ValueError("start() before configure(): there are no settings yet")
        recognizer = GaitRecognizer(client, gallery, config, scenes=scenes, writer=self._writer)
        with self._mutex:  # either may have been replaced while the server was asked
            if self.gallery is not gallery or self.scenes is not scenes:
                recognizer.use_gallery(self.gallery, self.scenes)
            if self._config is not config and self._config is not None:
                recognizer.use_config(self._config)
            self.recognizer = recognizer
        return recognizer

    def stop(self) -> None:
        """End the tracks in view; their walks count for their scene."""
        if self.recognizer is not None:
            self.recognizer.close()

    def close(self) -> None:
        """Store what is not stored yet, and let go of everything."""
        self._writer.shutdown(wait=True)
        if self.scenes is not None:
            self._save(self.scenes)
        with self._mutex:
            self.recognizer = self.scenes = None

    def tick(self) -> None:
        """Move on what waits: enrolments, and storing what scenes have learnt. Call it about once a second."""
        if self.recognizer is not None:
            self.recognizer.tick()
        scenes = self.scenes
        if scenes is not None and scenes.due and (self._saving is None or self._saving.done()):
            self._saving = self._writer.submit(self._save, scenes)

    def use(self, path: str | Path) -> Gallery:
        """Take another gallery, with the scenes beside it, from now on. Raises GaitError, and keeps the present one."""
        other = Gallery(
            path, self.gallery.cipher
        )  # a file that is none is refused: nothing else is there to be moved aside
        with self._mutex:
            scenes = self._scenes_beside(other, self._config.calibration if self._config else None)
            if self.recognizer is not None:
                self.recognizer.use_gallery(other, scenes)
            former, self.gallery, self.scenes = self.scenes, other, scenes
        if former is not None:
            self._save(former)
        return other

    def enroll(self, body_id: str, name: str, **how: Any) -> Enrollment | None:
        """Start to enrol a live track, as GaitRecognizer.enroll; None while there is no recogniser yet."""
        recognizer = self.recognizer
        return None if recognizer is None else recognizer.enroll(body_id, name, **how)

    def rename(self, key: str, new_name: str) -> Person:
        """As Gallery.rename."""
        return self.gallery.rename(key, new_name)

    def merge(self, into: str, other: str) -> Person:
        """As Gallery.merge. Walks of scenes that were named as `other` belong to `into` from then on."""
        with self._mutex:
            return self.gallery.merge(into, other)

    def rebuild(self, model: str, gait_frame_kind: str, embed: Callable[[np.ndarray], np.ndarray]) -> int:
        """As Gallery.rebuild."""
        return self.gallery.rebuild(model, gait_frame_kind, embed)

    def forget(self, key: str) -> Forgotten:
        """Delete a person and everything that any file of this gallery holds of them. Raises GaitError.

        The nameless walks go first: if the process dies in between, somebody still known has lost nothing that would
        not be learnt again.
        """
        with self._mutex:
            person = self.gallery.find(key)
            if self.recognizer is not None:
                self.recognizer.disown(person.person_id)
            if self.scenes is not None:
                cleared = self.scenes.forget(person.embeddings, person.person_id)
            else:
                folder, known = scene_file.folder_of(self.gallery.path), self._calibration()
                cleared = forget_near(folder, known, person.embeddings, person.person_id, self.gallery.cipher)
            self.gallery.forget(person.person_id)
        return Forgotten(person, cleared, tuple(self.gallery.asides()))

    def _calibration(self) -> Calibration | None:
        """Of the gait model that made the gallery's embeddings; None where nothing is known of it."""
        try:
            return calibration.find(self._repository, self.gallery.model) if self.gallery.model else None
        except GaitError:  # forgetting must not fail for a damaged calibration: then all walks of scenes go
            return None

    def _scenes_beside(self, gallery: Gallery, known: Calibration | None) -> Scenes | None:
        """The scenes of a gallery; None where the calibration does not tell what they would do to distances."""
        if known is None or known.scene is None:
            return None
        folder, prior = scene_file.folder_of(gallery.path), find_prior(self._repository, known.model)
        return Scenes(folder, known, prior, cipher=gallery.cipher)

    def _save(self, scenes: Scenes) -> None:
        try:
            scenes.save()
        except SceneError as error:
            self._save_problem = str(error)
        else:
            self._save_problem = ""


def lines_of(
    repository: Path, model: str, accept_distance: float, margin: float, *, beyond_calibration: bool = False
) -> dict[str, Any]:
    """The fields of RecognizerConfig that say when a name may be given: both lines and the calibration of the model.

    A line below 0 is the calibration's. Raises GaitError for a damaged calibration, and UsageError for a line that lets
    more strangers through than the calibration says, unless `beyond_calibration`.
    """
    known = calibration.find(repository, model)
    if known is not None and not beyond_calibration:
        if accept_distance > known.accept_distance:
            raise UsageError(_too_lenient("accept_distance", accept_distance, "farther", known.accept_distance, model))
        if 0.0 <= margin < known.margin:
            raise UsageError(_too_lenient("margin", margin, "smaller", known.margin, model))
    return {
        "accept_distance": accept_distance if accept_distance >= 0.0 else math.nan,
        "margin": margin if margin >= 0.0 else math.nan,
        "calibration": known,
    }


def _too_lenient(name: str, value: float, how: str, calibrated: float, model: str) -> str:
    return (
        f"{name} {value:g} is {how} than the {calibrated:.4g} that {model} is calibrated for: strangers get names "
        "more often than its false-accept rate; start the node with beyond_calibration true to have it all the same"
    )
