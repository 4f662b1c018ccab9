"""What a robot's cameras learnt of their places is kept on the server, for the day when the robot or its disk is lost.

Each side is compared with what both last had, walk by walk, as persons are (fleet.merging): what either side deleted is
gone, and what is new on either side stays. The server deletes what may be of somebody who was forgotten; a robot's own
disk has the last word where the server was restored from a back-up.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.fleet import scene_rows
from rt_gait_ros.fleet.address import Address
from rt_gait_ros.fleet.connection import Head, head_of, transaction
from rt_gait_ros.fleet.scene_rows import Key, Vote, vote_id
from rt_gait_ros.gait import calibration, scene_file
from rt_gait_ros.gait.scene import SceneError
from rt_gait_ros.gait.scene_statistics import SceneStatistics
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.person import GalleryError

if TYPE_CHECKING:
    import psycopg

KIND, SCHEMA = "exchanged", 1
EXPIRE_EVERY = 3600.0  # seconds between looks for walks that are too old


class Copy(Protocol):
    """As exchange.Copy. networks: folder of the gait networks, for their calibrations; None: the package's own."""

    path: Path
    cipher: Cipher | None
    networks: Path | None


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What both sides had after the last exchange: ids of walks by scene. mark: of that exchange."""

    mark: str = ""
    votes: Mapping[Key, frozenset[str]] = field(default_factory=dict)


class SceneExchange:
    """Keeps the scenes beside a copy and the server's rows of this robot alike."""

    def __init__(self, address: Address, copy: Copy) -> None:
        self._address, self._copy = address, copy
        self._settled: tuple[object, ...] = ()
        self._expiry = 0.0  # by time.monotonic()

    def begin(self) -> None:
        """There is another connection: everything is compared again."""
        self._settled = ()

    def exchange(self, connection: "psycopg.Connection[Any]", agreed: Head) -> str:
        """Make both alike, if copy and server agree on who is known: nobody who was forgotten may come back by this.

        agreed: the state of the gallery that the copy has. Returns which scene could not be stored here, or "". Raises
        GalleryError.
        """
        if not agreed.may_write:
            return ""
        folder = scene_file.folder_of(self._copy.path)
        here = _signatures(folder)
        if time.monotonic() >= self._expiry:
            scene_rows.expire(connection, self._address)
            self._expiry = time.monotonic() + EXPIRE_EVERY
            self._settled = ()
        if self._settled == (agreed, here):
            return ""
        before, there = _read(folder), scene_rows.listed(connection, self._address)
        mine, problem = self._listed(folder)
        known = {} if before is None else {key: names for key, names in before.votes.items() if key not in problem}
        same = mine == {key: names for key, names in there.items() if key not in problem}
        restored = before is not None and before.mark != scene_rows.mark_of(connection, self._address)
        if not same or restored or known != {key: frozenset(names) for key, names in mine.items()}:
            keys = {*mine, *there, *(() if before is None else before.votes)}
            if not self._store(connection, folder, agreed, before, keys, problem):
                return ""
            here = () if here != _signatures(folder) else here  # whether the scenes' owner wrote is seen the next time
        self._settled = (agreed, here)
        return next(iter(problem.values()), "")

    def _listed(self, folder: Path) -> tuple[dict[Key, dict[str, str]], dict[Key, str]]:
        """As scene_rows.listed, of the files. Returns that, and of those that cannot be read why not."""
        found, problem = {}, {}
        for path in scene_file.files(folder):
            key = scene_file.model_of(path), scene_file.name_of(path)
            try:
                votes = self._read(path, key)
            except SceneError as error:  # recognition does without it, and says so
                problem[key] = str(error)
            else:
                if votes:
                    found[key] = {name: vote.owner for name, vote in votes.items()}
        return found, problem

    def _read(self, path: Path, key: Key) -> dict[str, Vote]:
        """Walks of a scene by id. Raises SceneError where the file cannot be used."""
        record = scene_file.read(path, self._copy.cipher)
        if record is not None and (record.model, record.scene) != key:
            raise SceneError(f"scene {path} is of another model or scene: remove it with `rt-gait scene forget`")
        return {} if record is None else _votes(record)

    def _store(
        self,
        connection: "psycopg.Connection[Any]",
        folder: Path,
        agreed: Head,
        before: Exchanged | None,
        keys: Iterable[Key],
        problem: dict[Key, str],
    ) -> bool:
        """Make these scenes alike, while nobody else changes the gallery. Returns whether that was so.

        problem: why a scene stays as it is on both sides.
        """
        with transaction(connection, self._address, "the next contact finds that out"):
            if head_of(connection, self._address, lock=True) != agreed:
                return False  # somebody may have been forgotten, and is still in the scenes of this robot
            there = scene_rows.listed(connection, self._address)
            restored = before is not None and before.mark != scene_rows.mark_of(connection, self._address)
            both: dict[Key, frozenset[str]] = {}
            for key in sorted(keys):
                names = there.get(key, {})
                known = frozenset() if before is None else before.votes.get(key, frozenset())
                base = frozenset(names) if restored else known
                try:
                    ids = self._one(connection, folder, key, base, names)
                except SceneError as error:
                    ids, problem[key] = base, str(error)
                if ids:
                    both[key] = ids
            mark = scene_rows.set_mark(connection, self._address)
        _write(folder, Exchanged(mark, both))
        return True

    def _one(
        self,
        connection: "psycopg.Connection[Any]",
        folder: Path,
        key: Key,
        base: frozenset[str],
        there: Mapping[str, str],
    ) -> frozenset[str]:
        """Make one scene alike. Returns the ids that both have. Raises SceneError where the file cannot be used."""
        path = scene_file.file_of(folder, *key)
        with scene_file.locked(path):
            mine = self._read(path, key)
            lost = mine.keys() & (base - there.keys())
            new = there.keys() - base - mine.keys()
            if lost or new:
                votes = [vote for name, vote in mine.items() if name not in lost]
                votes += scene_rows.fetch(connection, self._address, key, new)
                record = _record(key, votes)
                scene_file.write(path, record, self._copy.cipher)
                mine = _votes(record)
        pushed = {name: vote for name, vote in mine.items() if name not in there}
        known = calibration.find_usable(self._copy.networks, key[0])
        scene_rows.push(connection, self._address, key, pushed, known)
        scene_rows.delete(connection, self._address, key, there.keys() - mine.keys())
        named = {name: vote.owner for name, vote in mine.items() if there.get(name, vote.owner) != vote.owner}
        scene_rows.rename_owners(connection, self._address, key, named)
        return frozenset(mine)


def _signatures(folder: Path) -> tuple[object, ...]:
    return tuple((path, scene_file.signature(path)) for path in scene_file.files(folder))


def _votes(record: scene_file.Record) -> dict[str, Vote]:
    owners = record.owners or ("",) * len(record.votes)
    found = [Vote(*each) for each in zip(record.votes, record.stamps.tolist(), owners, strict=True)]
    return {vote_id(vote.embedding, vote.stamp): vote for vote in found}


def _record(key: Key, votes: list[Vote]) -> scene_file.Record:
    """As a scene keeps them: of too many, the nearest become one. Raises SceneError for what cannot be one scene's."""
    if len({vote.embedding.shape for vote in votes}) > 1:
        raise SceneError(f"scene {key[1]!r} has walks of different shapes here and on the server")
    stack = np.stack([vote.embedding for vote in votes]) if votes else np.zeros((0, 0, 0), np.float32)
    statistics = SceneStatistics(0.0)
    stamps = np.array([vote.stamp for vote in votes], np.int64)
    statistics.load(stack, stamps, [vote.owner for vote in votes])
    statistics.shrink()
    return scene_file.Record(*key, statistics.votes, statistics.stamps, statistics.owners)


def _path(folder: Path) -> Path:
    return folder / "exchanged"


def _read(folder: Path) -> Exchanged | None:
    """What was exchanged; None where nothing was, or nobody knows: then both sides are joined."""
    try:
        payload = private_file.payload_of(private_file.read(_path(folder)))
        record = json.loads(payload or b"")
        return Exchanged(record["mark"], {(model, scene): frozenset(ids) for model, scene, ids in record["votes"]})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(folder: Path, exchanged: Exchanged) -> None:
    """Keep what was exchanged; the ids are made of what walks hold and say nothing of it. Raises GalleryError."""
    record = {"mark": exchanged.mark, "votes": [[*key, sorted(ids)] for key, ids in sorted(exchanged.votes.items())]}
    try:
        private_file.make_own_folder(folder)
        private_file.replace(_path(folder), private_file.seal(KIND, SCHEMA, json.dumps(record).encode()))
    except OSError as error:
        raise GalleryError(f"scenes {folder} cannot note what was exchanged ({error.strerror}): make room") from error
