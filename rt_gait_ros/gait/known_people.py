"""Who is known: the one owner of the gallery, of the scenes beside it, and of the recogniser that searches both."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait import calibration, scene_file
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.enrollment import Enrollment
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gait.scene import SceneError
from rt_gait_ros.gait.scene_cleaning import Cleared, expire_files, forget_near, left_by, recrypt_files, relabel_files
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.gait.views import find_prior
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.gallery import Gallery, real_path
from rt_gait_ros.gallery.gallery_edits import heirs_of
from rt_gait_ros.gallery.person import GalleryError, GalleryReadOnly, Person
from rt_gait_ros.serving.inference import InferenceClient

EXPIRE_EVERY = 3600.0  # seconds between looks for walks of scenes that are too old, in all files


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

    def __init__(self, gallery: Gallery, repository: Path, *, background: bool = True) -> None:
        """repository: of the gait networks, where their calibrations are.

        background: store in a thread of its own, so that no caller waits for the disk. False: what is to be stored is
        stored when the call returns that brings it about.
        """
        self.gallery = gallery
        self.scenes: Scenes | None = None
        self.recognizer: GaitRecognizer | None = None
        self._repository = repository
        self._config: RecognizerConfig | None = None
        self._mutex = threading.RLock()  # of what this holds; the gallery and the recogniser have their own
        self._writer = ThreadPoolExecutor(1, "gallery") if background else None
        self._working: Future[None] | None = None
        self._next_expiry = 0.0
        self._seen = {person.person_id: person for person in gallery.persons}  # when it was last looked
        self._problem = self._gallery_problem = ""

    @property
    def problem(self) -> str:
        """Why something could not be stored, the gallery not be read, or its server not be reached; one line, or ""."""
        return self._problem or self._gallery_problem or self.gallery.problem

    def notices(self) -> list[str]:
        """What others' changes of a shared gallery did that somebody should hear of, each line once."""
        return self.gallery.store.notices()

    def configure(self, config: RecognizerConfig) -> None:
        """Recognise by these settings; opens the scenes of their gait model. Raises GaitError."""
        with self._mutex:
            self.scenes = self._scenes_beside(self.gallery, config.calibration)
            self._config = config
            self._share_scenes()

    def use_config(self, config: RecognizerConfig) -> None:
        """Go on with other settings. Raises UsageError as GaitRecognizer.use_config."""
        with self._mutex:
            if self.recognizer is not None:
                self.recognizer.use_config(config)
            self._config = config
            self._share_scenes()

    def start(self, client: InferenceClient, clock: Callable[[], float] = time.monotonic) -> GaitRecognizer:
        """Make the recogniser, which asks the server about the network and blocks for that. `configure` comes first.

        clock: as GaitRecognizer has it. Raises InferenceError, GalleryModelMismatch, ViewError.
        """
        with self._mutex:
            config, gallery, scenes = self._config, self.gallery, self.scenes
        if config is None:
            raise ValueError("start() before configure(): there are no settings yet")
        views = find_prior(self._repository, config.model)
        recognizer = GaitRecognizer(client, gallery, config, clock, scenes, self._writer, views)
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
        """Store what is not stored yet, and let go of everything but the gallery, which whoever opened it closes."""
        if self._writer is not None:
            self._writer.shutdown(wait=True)
        if self.scenes is not None:
            self._save(self.scenes)
        with self._mutex:
            self.recognizer = self.scenes = None

    def tick(self) -> None:
        """Move on what waits: enrolments, what scenes have learnt, whoever is to be deleted. Call it once a second."""
        if self.recognizer is not None:
            self.recognizer.tick()
        else:
            self.follow_gallery()
        if self._writer is None:
            self._work()
        elif self._working is None or self._working.done():
            if self._working is not None:
                self._working.result()
            self._working = self._writer.submit(self._work)

    def follow_gallery(self) -> None:
        """Take over at once what other processes did to the gallery, which `tick` does once a second."""
        if self.recognizer is not None:
            self.recognizer.follow_gallery()
            return
        try:
            if self.gallery.refresh():
                self._gallery_problem = ""
        except GaitError as error:
            self._gallery_problem = str(error)

    def use(self, path: str | Path, folder: Path | None = None) -> Gallery:
        """Take another gallery, with the scenes beside it, from now on. Raises GaitError, and keeps the present one.

        folder: where it has to be; a relative path begins there. None: anywhere.
        """
        place = real_path(path) if folder is None else confined(path, folder)
        other = Gallery(place, self.gallery.cipher)  # a file that is none is refused, and not moved aside
        with self._mutex:
            scenes = self._scenes_beside(other, self._config.calibration if self._config else None)
            if self.recognizer is not None:
                self.recognizer.use_gallery(other, scenes)
            before, self.gallery = self.gallery, other
            former, self.scenes = self.scenes, scenes
            self._share_scenes()
            self._seen = {person.person_id: person for person in other.persons}
        if former is not None:
            self._save(former)
        before.close()
        return other

    def enroll(self, body_id: str, name: str, **how: Any) -> Enrollment | None:
        """Start to enrol a live track, as GaitRecognizer.enroll; None while there is no recogniser yet."""
        recognizer = self.recognizer
        return None if recognizer is None else recognizer.enroll(body_id, name, **how)

    def rename(self, key: str, new_name: str) -> Person:
        """As Gallery.rename."""
        self.purge()
        return self.gallery.rename(key, new_name)

    def merge(self, into: str, other: str) -> Person:
        """As Gallery.merge. Walks of scenes that were named as `other` are those of `into` from then on."""
        with self._mutex:
            self.purge()
            gone = self.gallery.find(other).person_id
            kept = self.gallery.merge(into, other)
            self._relabel(gone, kept.person_id)
            return kept

    def rebuild(self, model: str, gait_frame_kind: str, embed: Callable[[np.ndarray], np.ndarray]) -> int:
        """As Gallery.rebuild."""
        self.purge()
        return self.gallery.rebuild(model, gait_frame_kind, embed)

    def note(self, key: str, *, consent: str | None = None, retention: int | None = None) -> Person:
        """As Gallery.note."""
        self.purge()
        return self.gallery.note(key, consent=consent, retention=retention)

    def strip(self, key: str = "") -> int:
        """As Gallery.strip."""
        self.purge()
        return self.gallery.strip(key)

    def encrypt(self, cipher: Cipher | None) -> None:
        """Write the gallery and the scenes beside it anew with another key, or with none. Raises GaitError."""
        with self._mutex:
            former = self.gallery.cipher
            try:
                recrypt_files(self._folder, former, cipher)
                self.gallery.encrypt(cipher)
            except GaitError:
                if self.gallery.cipher is former:  # or nobody could read the scenes beside it
                    with suppress(GaitError):
                        recrypt_files(self._folder, cipher, former)
                raise

    def unlearn(self, key: str = "") -> int:
        """As Gallery.unlearn."""
        self.purge()
        return self.gallery.unlearn(key)

    def forget(self, key: str) -> Forgotten:
        """Delete a person and everything that any file of this gallery holds of them. Raises GaitError.

        The nameless walks go first: if the process dies in between, somebody still known has lost nothing that would
        not be learnt again.
        """
        with self._mutex:
            self.gallery.refresh()
            person = self.gallery.find(key)
            self.purge()
            self.gallery.require_writable()
            cleared = self._clear([person])
            self.gallery.forget(person.person_id)
        return Forgotten(person, cleared, tuple(self.gallery.asides()))

    def purge(self) -> tuple[Person, ...]:
        """Forget everybody whose time is over. Returns them. Raises GaitError.

        Every change begins with it: the gallery would let them go with the change, and nobody would clean the scenes.
        """
        with self._mutex:
            self._clear(self.gallery.overdue)
            return self.gallery.purge() if self.gallery.overdue else ()

    @property
    def _folder(self) -> Path:
        return scene_file.folder_of(self.gallery.path)

    def _relabel(self, former: str, person_id: str) -> None:
        """Walks of scenes that were named as one person are another's, since the two were merged."""
        if self.scenes is not None:
            self.scenes.relabel(former, person_id)
        else:
            relabel_files(self._folder, former, person_id, self.gallery.cipher)

    def _clear(self, persons: Sequence[Person]) -> Cleared:
        """Take what persons left out of the scenes, and out of what will get there."""
        embeddings, ids = left_by(persons)
        if not ids:
            return Cleared()
        if self.recognizer is not None:
            for person_id in ids:
                self.recognizer.disown(person_id)
        if self.scenes is not None:
            return self.scenes.forget(embeddings, ids)
        return forget_near(self._folder, self._calibration(), embeddings, ids, self.gallery.cipher)

    def _work(self) -> None:
        """What is done beside recognition: store, delete what is too old, follow what other processes forgot."""
        scenes = self.scenes
        now = time.monotonic()
        problem = ""
        try:
            self._follow()
            if self.gallery.overdue and self._is_writable():
                self.purge()
            if scenes is not None and scenes.due and self._is_writable():
                scenes.save()
            if now >= self._next_expiry and self._is_writable():
                self._next_expiry = now + EXPIRE_EVERY
                expire_files(self._folder, time.time_ns(), self.gallery.cipher)
        except GaitError as error:
            problem = str(error)
        self._problem = problem

    def _is_writable(self) -> bool:
        """Whether what is learnt may be stored: beside a gallery that is only read, nothing is."""
        try:
            self.gallery.require_writable()
        except GalleryReadOnly:
            return False
        return True

    def _follow(self) -> None:
        """Whom another process forgot shall not come back by what this one has not stored yet.

        Whom it merged into somebody else lives on there, with what this one has not stored yet.
        """
        with self._mutex:
            now = {person.person_id: person for person in self.gallery.persons}
            gone = [person for person_id, person in self._seen.items() if person_id not in now]
            heirs = heirs_of(self.gallery.persons, gone)
            lost = [person for person in gone if heirs[person.person_id] is None]
            for person in gone:
                if self.recognizer is not None:
                    self.recognizer.disown(person.person_id)
            # Whoever forgot them may have cleaned the files, but not of what was seen or saved since; and nobody has
            # where their time was over when something else was changed.
            if lost and (self.gallery.store.is_shared or self._is_writable()):
                self._clear(lost)
            elif lost and self.scenes is not None:
                self.scenes.forget_unsaved(*left_by(lost))
            for person_id, heir in heirs.items():
                if heir is not None:
                    self._relabel(person_id, heir.person_id)
            self._seen = now  # at last: what fails is done with the next look

    def _share_scenes(self) -> None:
        """Tell the gallery's store whether scenes may be backed up on a server; it is not asked before `configure`."""
        config = self._config
        if config is not None:
            self.gallery.store.share_scenes = config.share_scenes and config.scene_normalisation

    def _calibration(self) -> Calibration | None:
        """Of the gait model that made the gallery's embeddings; None where nothing is known of it."""
        return calibration.find_usable(self._repository, self.gallery.model)  # without one, all walks of scenes go

    def _scenes_beside(self, gallery: Gallery, known: Calibration | None) -> Scenes | None:
        """The scenes of a gallery; None where the calibration does not tell what they would do to distances."""
        if known is None or known.scene is None:
            return None
        prior = find_prior(self._repository, known.model)
        return Scenes(scene_file.folder_of(gallery.path), known, prior, cipher=gallery.cipher, background=self._writer)

    def _save(self, scenes: Scenes) -> None:
        try:
            if self._is_writable():
                scenes.save()
        except SceneError as error:
            self._problem = str(error)


def confined(path: str | Path, folder: Path) -> Path:
    """The place that a path names, if it is directly in a folder or below. Raises GalleryError.

    For paths that come from somebody else: nothing is made or opened outside, whatever links or dots are in it.
    """
    text = str(path)
    if not text.strip() or not text.isprintable():
        raise GalleryError(f"{text[:80]!a} is no path of a gallery: give a file in {folder}")
    place = real_path(folder / Path(text).expanduser()) if not text.startswith("~") else real_path(text)
    if not place.is_relative_to(folder.resolve()) or not os.path.isdir(place.parent):
        raise GalleryError(f"{text[:80]!a} is not in a folder of galleries: give a file in {folder}")
    return place
