"""The scenes that a recogniser knows: gathered in memory, kept in files, and taken out of the gallery it searches."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.distance import distances
from rt_gait_ros.gait.gallery import References
from rt_gait_ros.gait.scene import Normalisation, SceneError, SceneStatistics

PRIOR_FILE = "scene_prior.npy"  # in a model's folder of the repository: mean embedding (P, C) float32, optional
LOOK_AGAIN = 2.0  # seconds between looks for what other processes have changed
SAVE_EVERY = 30.0  # seconds; votes of the last of them are lost when the power fails


@dataclass(frozen=True, slots=True)
class SceneReferences(References):
    """The gallery without the scenes its templates are from, to be searched with queries of one scene.

    Distances come out in the model's own measure, as the calibration makes them equivalent.
    """

    query: Normalisation
    calibration: Calibration

    def nearest(self, queries: np.ndarray) -> np.ndarray:
        """As References.nearest."""
        if not self.persons or not len(queries):
            return References.nearest(self, queries)
        return self.calibration.equivalent(References.nearest(self, self.query(queries)))


@dataclass(slots=True)
class _Scene:
    """pending: votes that the file does not have. known: state of the file that `statistics` was read from."""

    path: Path
    statistics: SceneStatistics
    known: tuple[int, int, int] = (0, 0, 0)
    pending: list[tuple[np.ndarray, int]] = field(default_factory=list)
    problem: str = ""


class Scenes:
    """The scenes of one gait model, in a folder that several processes may share. Methods fit any thread.

    `problem` says in one line which scene cannot be used, or "". Nothing but `save` writes, and it may take a while.
    """

    def __init__(
        self,
        folder: Path,
        calibration: Calibration,
        prior: np.ndarray | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """calibration: of the gait model. prior: see PRIOR_FILE. clock: ns since the epoch, for the age of votes."""
        self._folder = folder
        self._calibration = calibration
        self._prior = prior
        self._clock = clock
        self._scenes: dict[str, _Scene] = {}
        self._mutex = threading.RLock()
        self._saving = threading.Lock()
        self._version = 0
        self._looked = self._saved = time.monotonic()
        self._cached: tuple[tuple[int, ...], str, int] = (), "", 0
        self._references: References | None = None

    @property
    def problem(self) -> str:
        """Why a scene is not taken out that could be, in one line, or ""."""
        with self._mutex:
            return next((scene.problem for scene in self._scenes.values() if scene.problem), "")

    @property
    def due(self) -> bool:
        """Whether it is time to call `save`."""
        return time.monotonic() - self._saved > SAVE_EVERY and any(s.pending for s in list(self._scenes.values()))

    def walkers(self, name: str) -> float:
        """How many different walkers the scene has seen."""
        with self._mutex:
            return self._scene(name).statistics.walkers

    def vote(self, name: str, embedding: np.ndarray) -> None:
        """Count a finished track of the scene. embedding: (P, C), the mean of its looks. A scene in trouble takes none.

        Raises SceneError for NaN or another shape.
        """
        with self._mutex:
            scene = self._scene(name)
            if not scene.problem:
                stamp = self._clock()
                scene.statistics.add(embedding, stamp)
                scene.pending.append((embedding, stamp))
                self._version += 1

    def references(self, references: References, name: str) -> References:
        """The gallery as it is to be searched from this scene.

        Every template is rid of the scene it was enrolled in. One whose scene is not known (galleries from before) or
        has seen too few walkers is taken as of this scene. While this one has seen too few, all stays as it is: what
        is compared must have been treated alike.
        """
        with self._mutex:
            self._refresh()
            if self._references is None or self._cached != (references.version, name, self._version):
                present = self._scene(name).statistics.normalisation
                self._references = references
                if present is not None and references.persons:
                    self._references = self._without(references, present)
                self._cached = references.version, name, self._version
            return self._references

    def save(self) -> None:
        """Write the votes of since, on top of what other processes have written. Raises SceneError; they stay due."""
        with self._saving:
            self._saved = time.monotonic()
            for name in list(self._scenes):
                self._save(name)

    def forget(self, embeddings: np.ndarray) -> "Cleared":
        """Delete the votes that may be of a person with these embeddings (T, P, C), in memory and in every file.

        Raises SceneError.
        """
        with self._saving, self._mutex:
            unsaved = 0
            for scene in self._scenes.values():
                kept = [vote for vote in scene.pending if not is_near(vote[0], embeddings, self._calibration)]
                unsaved += len(scene.pending) - len(kept)
                scene.pending = kept
            cleared = forget_near(self._folder, self._calibration, embeddings)
            for name in self._scenes:
                self._load(name)
            return Cleared(cleared.votes + unsaved, cleared.files)

    def _save(self, name: str) -> None:
        with self._mutex:
            scene = self._scenes[name]
            pending = list(scene.pending)
        if not pending or scene.problem:
            return
        with scene_file.locked(scene.path):
            statistics = self._read(name, scene.path)
            for embedding, stamp in pending:
                statistics.add(embedding, stamp)
            model = self._calibration.model
            scene_file.write(scene.path, scene_file.Record(model, name, statistics.votes, statistics.stamps))
            known = scene_file.signature(scene.path)
        with self._mutex:
            scene.pending = scene.pending[len(pending) :]
            for embedding, stamp in scene.pending:
                statistics.add(embedding, stamp)
            scene.statistics, scene.known = statistics, known
            self._version += 1

    def _scene(self, name: str) -> _Scene:
        if name not in self._scenes:
            path = scene_file.file_of(self._folder, self._calibration.model, name)
            self._scenes[name] = _Scene(path, self._empty())
            self._load(name)
        return self._scenes[name]

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
            for embedding, stamp in scene.pending:
                statistics.add(embedding, stamp)
        except SceneError as error:
            scene.problem, statistics, scene.pending = str(error), self._empty(), []
        scene.statistics = statistics
        self._version += 1

    def _read(self, name: str, path: Path) -> SceneStatistics:
        statistics, record = self._empty(), scene_file.read(path)
        if record is None:
            return statistics
        if (record.model, record.scene) != (self._calibration.model, name):
            raise SceneError(
                f"scene {path} is {record.scene!r} as gait model {record.model} sees it, not {name!r} as "
                f"{self._calibration.model} does: remove it, or start it anew with `rt-gait scene forget`"
            )
        statistics.load(record.votes, record.stamps)
        return statistics

    def _empty(self) -> SceneStatistics:
        return SceneStatistics(self._calibration.radius, self._prior)

    def _without(self, references: References, present: Normalisation) -> References:
        embeddings = np.empty_like(references.embeddings)
        templates = [template for person in references.persons for template in person.templates]
        for number, template in enumerate(templates):
            own = self._scene(template.scene).statistics.normalisation if template.scene else None
            embeddings[number] = (own or present)(template.embedding)
        return SceneReferences(
            references.model,
            references.persons,
            embeddings,
            references.starts,
            (*references.version, self._version),
            present,
            self._calibration,
        )


def find_prior(repository: Path, model: str) -> np.ndarray | None:
    """The mean embedding that a model ships, or None. Raises SceneError for one that is none."""
    path = repository / model / PRIOR_FILE
    if not path.exists():
        return None
    try:
        prior = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise SceneError(f"{path} cannot be read: {error}") from error
    if prior.ndim != 2 or not np.isfinite(prior).all():
        raise SceneError(f"{path} is no mean embedding: its shape is {prior.shape}, and (P, C) without NaN is needed")
    return np.asarray(prior, np.float32)


@dataclass(frozen=True, slots=True)
class Cleared:
    """What forgetting took from scenes. votes: how many. files: deleted whole, as their votes could be anybody's."""

    votes: int = 0
    files: tuple[Path, ...] = ()


def is_near(vote: np.ndarray, embeddings: np.ndarray, known: Calibration) -> bool:
    """Whether a vote (P, C) is as likely as not of the person with these embeddings (T, P, C), or more."""
    return bool(len(embeddings)) and bool((distances(vote[None], embeddings) <= known.even).any())


def forget_near(folder: Path, known: Calibration | None, embeddings: np.ndarray) -> Cleared:
    """Delete the votes that may be of a person with these embeddings (T, P, C) from every scene in the folder.

    known: calibration of the gait model that made them. Statistics of another model, damaged ones, and all of them
    where there is no calibration are deleted whole: they are learnt anew within a few walkers, and what may be somebody
    who was forgotten must not stay. Raises SceneError where a file can be neither written nor deleted.
    """
    votes, files = 0, []
    for path in scene_file.files(folder):
        gone = _forget_in(path, known, embeddings)
        if gone is None:
            scene_file.delete(path)
            files.append(path)
        else:
            votes += gone
    return Cleared(votes, tuple(files))


def _forget_in(path: Path, known: Calibration | None, embeddings: np.ndarray) -> int | None:
    """How many votes went from one file; None where it must go as a whole."""
    with scene_file.locked(path):
        try:
            record = scene_file.read(path)
            if record is None:
                return 0
            if known is None or record.model != known.model or record.votes.shape[1:] != embeddings.shape[1:]:
                return None
            near = np.array([is_near(vote, embeddings, known) for vote in record.votes], bool)
            if near.any():
                scene_file.write(path, replace(record, votes=record.votes[~near], stamps=record.stamps[~near]))
            return int(near.sum())
        except SceneError:
            return None
