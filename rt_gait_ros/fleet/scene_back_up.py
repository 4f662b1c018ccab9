"""What a robot's cameras learnt of their places is backed up on the server, where the robot's owner asked for that.

One way: the robot's disk counts, and the server's rows of this copy are made equal to it. Nothing comes back by itself;
`rt-gait scene take` fetches a scene (scene_rows.ServerScenes.take).
"""

import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rt_gait_ros import private_file
from rt_gait_ros.errors import GaitError
from rt_gait_ros.fleet import scene_rows
from rt_gait_ros.fleet.address import Address
from rt_gait_ros.fleet.connection import Head, head_of, speaking, transaction
from rt_gait_ros.fleet.copy_state import Copy
from rt_gait_ros.fleet.scene_rows import About, Key, Vote
from rt_gait_ros.gait import calibration, scene_file
from rt_gait_ros.gait.scene import SceneError
from rt_gait_ros.gallery.person import GalleryError

if TYPE_CHECKING:
    import psycopg

EVERY = 3600.0  # seconds between comparisons where nothing was changed here, and looks for rows that are too old
BATCH = 16  # walks stored while nobody else can change the gallery: half a megabyte of GaitSet's


class SceneBackUp:
    """Makes the server's rows of a copy's scenes equal to the files beside it."""

    def __init__(self, address: Address, copy: Copy) -> None:
        self._address, self._copy = address, copy
        self._settled: tuple[object, ...] | None = None  # files and their state when the rows were made equal to them
        self._problems: list[str] = []  # of that time
        self._expiry = 0.0  # by time.monotonic()

    def begin(self) -> None:
        """There is another connection: everything is compared again."""
        self._settled = None

    def exchange(self, connection: "psycopg.Connection[Any]", agreed: Head) -> list[str]:
        """Bring the server what changed here, or delete all of it where it is to have nothing.

        agreed: the state of the gallery that the copy has; in another one nothing is stored, since somebody may have
        been forgotten who is still in the scenes of this robot. Returns what could not be done, a line each. Raises
        GalleryError.
        """
        wanted = self._copy.share_scenes
        if wanted is None or agreed.is_read_only:  # the gallery waits for the same, and says so
            return []
        path = id_path(self._copy.path)
        if not wanted and not path.exists():
            return []  # it never had any
        if not agreed.may_write:
            return [f"scenes of this robot on gallery {self._address.name} stay as they are: its role may only read"]
        if time.monotonic() >= self._expiry:
            scene_rows.expire(connection, self._address)
            self._expiry = time.monotonic() + EVERY
            self._settled = None
        if not wanted:
            scene_rows.delete_copy(connection, self._address, _id(path))
            path.unlink(missing_ok=True)
            self._settled, self._problems = None, []
            return []
        return self._back_up(connection, agreed, path)

    def _back_up(self, connection: "psycopg.Connection[Any]", agreed: Head, path: Path) -> list[str]:
        """Make the rows equal to the files. path: of the copy's id. As `exchange`."""
        folder = scene_file.folder_of(self._copy.path)
        files = scene_file.files(folder)
        here = tuple((each, scene_file.signature(each)) for each in files)
        if self._settled == here:
            return self._problems
        copy = _id(path) or _new_id(path)
        there, problems = scene_rows.listed(connection, self._address, copy), []
        mine = {(scene_file.model_of(each), scene_file.name_of(each)): each for each in files}
        now = scene_rows.now(connection)
        for key in sorted({*mine, *there}):
            try:
                votes = self._votes(key, mine[key], now) if key in mine else {}
                with speaking(self._address):
                    if not self._make_equal(connection, agreed, copy, key, votes, there.get(key, {})):
                        return self._problems
            except GaitError as error:
                if connection.closed:
                    raise
                problems.append(f"scene {key[1]!r} is not backed up: {error}")
        self._settled, self._problems = here, problems
        return problems

    def _votes(self, key: Key, path: Path, now: int) -> dict[str, Vote]:
        """What the server is to have of a scene, by id of the walk. Raises SceneError where the file cannot be used."""
        record = scene_file.read(path, self._copy.cipher)
        if record is None:
            return {}
        if (record.model, record.scene) != key:
            raise SceneError(f"{path} is of another model or scene: remove it with `rt-gait scene forget`")
        votes = [vote for vote in scene_rows.votes_of(record) if scene_rows.is_kept(vote.stamp, now)]
        return {scene_rows.vote_id(vote): vote for vote in votes}

    def _make_equal(
        self,
        connection: "psycopg.Connection[Any]",
        agreed: Head,
        copy: str,
        key: Key,
        mine: dict[str, Vote],
        there: dict[str, About],
    ) -> bool:
        """Change what differs, a batch in each transaction. Returns whether the gallery was the one agreed on."""
        known = calibration.find_usable(self._copy.networks, key[0])
        wanted = {name: scene_rows.about(vote, known) for name, vote in mine.items()}
        gone = [name for name, about in there.items() if wanted.get(name) != about]
        new = [name for name, about in wanted.items() if there.get(name) != about]
        batches = [new[first : first + BATCH] for first in range(0, len(new), BATCH)] or ([[]] if gone else [])
        for number, batch in enumerate(batches):
            made = [scene_rows.row_of(self._address, copy, key, name, mine[name], wanted[name]) for name in batch]
            with transaction(connection, self._address, "the next contact finds that out"):
                if head_of(connection, self._address, lock=True) != agreed:
                    return False
                if number == 0 and gone:
                    scene_rows.delete(connection, self._address, copy, key, gone)
                scene_rows.insert(connection, made)
        return True


def id_path(copy: Path) -> Path:
    """Where the id is kept by which the server tells this copy's scenes from those of others."""
    return copy.with_name(f"{copy.name}.scenes-id")


def _id(path: Path) -> str:
    """The id, or "" where there is none that can be read: then another one is made, and the rows of the former end."""
    try:
        return str(uuid.UUID(private_file.read(path).decode().strip()))
    except (OSError, ValueError):
        return ""


def _new_id(path: Path) -> str:
    made = str(uuid.uuid4())
    try:
        private_file.make_own_folder(path.parent)
        private_file.replace(path, f"{made}\n".encode())
    except OSError as error:
        raise GalleryError(f"scenes are not backed up: {path} cannot be written ({error.strerror})") from error
    return made
