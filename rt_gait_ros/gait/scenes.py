"""The scenes that a recogniser knows: gathered in memory, kept in files, and taken out of the gallery it searches."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.scene import MAX_VOTES, SceneError
from rt_gait_ros.gait.scene_cleaning import Cleared, are_near, forget_near, relabel_files, relabelled
from rt_gait_ros.gait.scene_references import SceneReferences, SceneTreatment, without_scenes
from rt_gait_ros.gait.scene_statistics import SceneStatistics
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.references import References

LOOK_AGAIN = 2.0  # seconds between looks for what other processes have changed
# Numbers in a gallery from which on what takes long is done beside recognition: 125 persons of two walks by GaitSet.
LARGE = 4_000_000
SAVE_EVERY = 30.0  # seconds; votes of the last of them are lost when the power fails
# Scenes in memory beside those that the gallery's people were enrolled in: cameras that take turns, and names that
# whoever sends images made up.
MOST = 32


Vote = tuple[np.ndarray, int, str]  # embedding (P, C), stamp in ns since the epoch, owners as SceneStatistics has them


@dataclass(slots=True)
class _Scene:
    """pending: votes that the file does not have, the newest MAX_VOTES. known: state of the file that `statistics` was
    read from. outdated: the file has votes that are too old.
    """

    path: Path
    statistics: SceneStatistics
    known: tuple[int, int, int] = (0, 0, 0)
    pending: list[Vote] = field(default_factory=list)
    problem: str = ""
    outdated: bool = False


class Scenes:
    """The scenes of one gait model, in a folder that several processes may share. Methods fit any thread.

    `problem` says in one line which scene cannot be used, or "". Nothing but `save` writes, and it may take a while.
    """

    def __init__(
        self,
        folder: Path,
        calibration: Calibration,
        prior: ViewPrior | None = None,
        clock: Callable[[], int] = time.time_ns,
        cipher: Cipher | None = None,
        background: Executor | None = None,
    ) -> None:
        """calibration: of the gait model. prior: the views that it ships. clock: ns since the epoch, for votes' age.

        cipher: of the gallery. background: takes scenes out of large galleries anew; None: `references` does.
        """
        self._folder = folder
        self._calibration = calibration
        self._prior = prior
        self._clock = clock
        self._cipher = cipher
        self._scenes: dict[str, _Scene] = {}  # those that were asked for last at the end
        self._needed: frozenset[str] = frozenset()  # for `references`
        self._mutex = threading.RLock()
        self._saving = threading.Lock()
        self._version = 0
        self._looked = self._saved = time.monotonic()
        self._cached: tuple[tuple[int, ...], str, int] = (), "", 0
        self._references: References | None = None
        self._background = background
        self._job: Future[None] | None = None

    @property
    def problem(self) -> str:
        """Why a scene is not taken out that could be, in one line, or ""."""
        with self._mutex:
            return next((scene.problem for scene in self._scenes.values() if scene.problem), "")

    @property
    def due(self) -> bool:
        """Whether it is time to call `save`."""
        scenes = list(self._scenes.values())
        return time.monotonic() - self._saved > SAVE_EVERY and any(s.pending or s.outdated for s in scenes)

    @property
    def knows_views(self) -> bool:
        """Whether the model ships its views, which are then taken out from the first walker on."""
        return self._prior is not None

    def walkers(self, name: str) -> float:
        """How many different walkers the scene has seen."""
        with self._mutex:
            return self._scene(name).statistics.walkers

    def vote(self, name: str, embedding: np.ndarray, owner: str = "") -> None:
        """Count a finished track of the scene. embedding: (P, C), the mean of its looks. A scene in trouble takes none.

        owner: person_id that the track was named as. Raises SceneError for NaN or another shape.
        """
        with self._mutex:
            scene = self._scene(name)
            if not scene.problem:
                stamp = self._clock()
                scene.statistics.add(embedding, stamp, owner)
                scene.pending.append((embedding, stamp, owner))
                del scene.pending[:-MAX_VOTES]  # beside a gallery that is only read they wait for ever
                self._version += 1

    def references(self, references: References, name: str) -> References:
        """The gallery as it is to be searched from this scene.

        A template that was enrolled elsewhere is rid of the scene it was enrolled in, and of this one where too few
        walkers were seen there. One that was enrolled here, or nobody knows where (galleries from before), stays as it
        is. While this scene has seen too few walkers, all do. Of a model that ships its views they are taken out of
        every template, from the first walker on.
        """
        with self._mutex:
            self._refresh()
            if self._references is None or self._cached != (references.version, name, self._version):
                self._take_out(references, name)
            assert self._references is not None
            return self._references

    def save(self) -> None:
        """Write the votes of since, on top of what other processes have written. Raises SceneError; they stay due."""
        with self._saving:
            self._saved = time.monotonic()
            for name in list(self._scenes):
                self._save(name)

    def forget(self, embeddings: Sequence[np.ndarray], ids: Collection[str] = ()) -> Cleared:
        """Delete the votes that may be of persons with these embeddings (P, C), in memory and in every file.

        ids: theirs; walks that were named as theirs go, too. Raises SceneError.
        """
        with self._saving, self._mutex:
            unsaved = 0
            for scene in self._scenes.values():
                kept = self._others(scene.pending, embeddings, ids)
                unsaved += len(scene.pending) - len(kept)
                scene.pending = kept
            cleared = forget_near(self._folder, self._calibration, embeddings, ids, self._cipher)
            for name in self._scenes:
                self._load(name)
            return Cleared(cleared.votes + unsaved, cleared.files)

    def forget_unsaved(self, embeddings: Sequence[np.ndarray], ids: Collection[str]) -> int:
        """As `forget`, of what no file has yet: another process forgot them in the files. Returns how many went."""
        with self._mutex:
            gone = 0
            for name, scene in self._scenes.items():
                kept = self._others(scene.pending, embeddings, ids)
                if len(kept) < len(scene.pending):
                    gone += len(scene.pending) - len(kept)
                    scene.pending = kept
                    self._load(name)
            return gone

    def relabel(self, former: str, person_id: str) -> None:
        """Walks that were named as `former` are of `person_id`, in memory and in every file. Raises SceneError."""
        with self._saving, self._mutex:
            for scene in self._scenes.values():
                scene.pending = [(v, s, relabelled(owner, former, person_id)) for v, s, owner in scene.pending]
            relabel_files(self._folder, former, person_id, self._cipher)
            for name in self._scenes:
                self._load(name)

    def _others(self, pending: list[Vote], embeddings: Sequence[np.ndarray], ids: Collection[str]) -> list[Vote]:
        """The votes that are not of these persons."""
        unnamed = [vote for vote in pending if set(vote[2].split()).isdisjoint(ids)]
        if not unnamed:
            return []
        near = are_near(np.stack([vote[0] for vote in unnamed]), embeddings, self._calibration)
        return [vote for vote, is_theirs in zip(unnamed, near, strict=True) if not is_theirs]

    def _save(self, name: str) -> None:
        with self._mutex:
            scene = self._scenes.get(name)
            pending = list(scene.pending) if scene is not None else []
        if scene is None or not (pending or scene.outdated) or scene.problem:
            return
        with scene_file.locked(scene.path):
            statistics = self._read(name, scene.path)
            for vote in pending:
                statistics.add(*vote)
            statistics.expire(self._clock())
            kept = statistics.votes, statistics.stamps, statistics.owners
            record = scene_file.Record(self._calibration.model, name, *kept)
            scene_file.write(scene.path, record, self._cipher)
            known = scene_file.signature(scene.path)
        with self._mutex:
            written = set(map(id, pending))
            scene.pending = [vote for vote in scene.pending if id(vote) not in written]
            for vote in scene.pending:
                statistics.add(*vote)
            scene.statistics, scene.known, scene.outdated = statistics, known, False
            self._version += 1

    def _scene(self, name: str) -> _Scene:
        if name not in self._scenes:
            path = scene_file.file_of(self._folder, self._calibration.model, name)
            self._scenes[name] = _Scene(path, self._empty())
            self._load(name)
            self._make_room(name)
        scene = self._scenes[name] = self._scenes.pop(name)
        if scene.statistics.expire(self._clock()):
            scene.outdated = True
            self._version += 1
        return scene

    def _make_room(self, newest: str) -> None:
        """Let go of what was asked for long ago. Votes that no file has go last, where there are too many of those."""
        others = [name for name in self._scenes if name != newest and name not in self._needed]
        others.sort(key=lambda name: bool(self._scenes[name].pending))
        for name in others[:-MOST]:
            del self._scenes[name]

    def _refresh(self) -> None:
        """Take over what other processes have written or deleted; what they have not is put on top."""
        if time.monotonic() - self._looked < LOOK_AGAIN:
            return
        self._looked = time.monotonic()
        for name, scene in self._scenes.items():
            if scene_file.signature(scene.path) != scene.known:
                self._load(name)

    def _load(self, name: str) -> None:
        scene = self._scenes[name]
        scene.known = scene_file.signature(scene.path)
        scene.problem = ""
        try:
            statistics = self._read(name, scene.path)
            for vote in scene.pending:
                statistics.add(*vote)
        except SceneError as error:
            scene.problem, statistics, scene.pending = str(error), self._empty(), []
        scene.statistics = statistics
        self._version += 1

    def _read(self, name: str, path: Path) -> SceneStatistics:
        statistics, record = self._empty(), scene_file.read(path, self._cipher)
        if record is None:
            return statistics
        if (record.model, record.scene) != (self._calibration.model, name):
            raise SceneError(
                f"scene {path} is {record.scene!r} as gait model {record.model} sees it, not {name!r} as "
                f"{self._calibration.model} does: remove it, or start it anew with `rt-gait scene forget`"
            )
        if self._prior is not None and record.votes.shape[1:] != self._prior.embedding_shape:
            raise SceneError(
                f"scene {path} has walks of shape {list(record.votes.shape[1:])}, and the views that "
                f"{self._calibration.model} ships are of {list(self._prior.embedding_shape)}: start it anew with "
                "`rt-gait scene forget`"
            )
        statistics.load(record.votes, record.stamps, record.owners)
        return statistics

    def _empty(self) -> SceneStatistics:
        return SceneStatistics(self._calibration.radius, self._prior)

    def _take_out(self, references: References, name: str) -> None:
        """Make `_references` anew. Of a large gallery, what scenes have learnt since follows beside the caller."""
        present = self._scene(name).statistics.normalisation
        names = [template.scene for person in references.persons for template in person.templates]
        elsewhere = np.array([self.knows_views or scene not in ("", name) for scene in names], bool)
        if present is None or not elsewhere.any():
            self._references, self._cached = references, (references.version, name, self._version)
            return
        numbers = {scene: number for number, scene in enumerate(dict.fromkeys(names))}
        self._needed = frozenset((name, *numbers))
        own = [self._scene(scene).statistics.normalisation if scene else None for scene in numbers]
        for scene, each in ((name, present), *zip(numbers, own, strict=True)):
            if each is not None and each.embedding_shape != references.embeddings.shape[1:]:
                raise SceneError(
                    f"the statistics of scene {scene!r}, or the views that {self._calibration.model} ships, are of "
                    f"embeddings of shape {list(each.embedding_shape)}, and the gallery has "
                    f"{list(references.embeddings.shape[1:])}: start them anew with `rt-gait scene forget`"
                )
        wanted = references.version, name, self._version  # after all scenes that are needed were read
        treatment = SceneTreatment(np.array([numbers[n] for n in names]), tuple(each or present for each in own))
        former = self._references if isinstance(self._references, SceneReferences) else None
        if self._background is None or former is None or references.embeddings.size < LARGE:
            found = without_scenes(references, elsewhere, treatment, present, self._calibration)
            self._references, self._cached = found, wanted
            return
        if self._cached[:2] != wanted[:2]:  # somebody came or went, or the camera is elsewhere
            found = without_scenes(references, elsewhere, treatment, present, self._calibration, former)
            self._references, self._cached = found, (*wanted[:2], -1)
        if self._job is None or self._job.done():
            arguments = references, elsewhere, treatment, present, self._calibration
            self._job = self._background.submit(self._replace, wanted, *arguments)

    def _replace(self, wanted: tuple[tuple[int, ...], str, int], *arguments: Any) -> None:
        found = without_scenes(*arguments)
        with self._mutex:
            if self._cached[:2] == wanted[:2]:
                self._references, self._cached = found, wanted
