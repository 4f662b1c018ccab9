"""Statistics of scenes as rows of the server's tables: a back-up of the robots whose owners asked for one."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rt_gait_ros.fleet import rows
from rt_gait_ros.fleet.address import Address
from rt_gait_ros.fleet.connection import connected, head_of, transaction
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.scene import MAX_AGE, MAX_VOTES, SceneError
from rt_gait_ros.gait.scene_keeping import KeptScene
from rt_gait_ros.gallery import search
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.gallery_records import narrow

if TYPE_CHECKING:
    import psycopg

    from rt_gait_ros.gait.calibration import Calibration

# Times the distance at which two walks may be one person's: search keys estimate distances with a standard deviation of
# 3 % (gallery.search), and none of five of these may be missed.
ALLOWANCE = 1.15
AHEAD = 86_400 * 1_000_000_000  # ns by which a robot's clock may be before the server's

Key = tuple[str, str]  # gait model and scene


class Vote(NamedTuple):
    """A walk that a scene counts. embedding: (P, C). stamp: ns since the epoch. owner: as SceneStatistics.owners."""

    embedding: np.ndarray
    stamp: int
    owner: str


class About(NamedTuple):
    """What may change of a walk that is stored. owners: whom it was named as. near: see `about`."""

    owners: tuple[str, ...]
    near: float | None


def votes_of(record: scene_file.Record) -> list[Vote]:
    """The walks of a scene's file."""
    owners = record.owners or ("",) * len(record.votes)
    return [Vote(*each) for each in zip(record.votes, record.stamps.tolist(), owners, strict=True)]


def vote_id(vote: Vote) -> str:
    """What a walk is called on the server: made of what it holds. Whom it was named as may change."""
    kept = narrow(vote.embedding)
    about = json.dumps([kept.shape, kept.dtype.str, int(vote.stamp)]).encode()
    return hashlib.sha256(about + kept.tobytes()).hexdigest()[:32]


def is_kept(stamp: int, now: int) -> bool:
    """Whether the server keeps a walk of this time. Both are ns since the epoch, now by the server's clock."""
    return now - MAX_AGE < stamp <= now + AHEAD


def now(connection: "psycopg.Connection[Any]") -> int:
    """The server's time, ns since the epoch."""
    row = connection.execute("select (extract(epoch from clock_timestamp()) * 1000000000)::bigint").fetchone()
    return int(row[0]) if row else 0


def about(vote: Vote, known: "Calibration | None") -> About:
    """Whom a walk was named as, and how near its search key is to those of the same person's walks.

    known: calibration of the gait model; None: nobody knows how near.
    """
    near = None if known is None else ALLOWANCE * known.even * float(np.sqrt(vote.embedding.shape[0]))
    return About(tuple(vote.owner.split()), near)


def row_of(address: Address, copy: str, key: Key, name: str, vote: Vote, changing: About) -> tuple[object, ...]:
    """The columns of a walk. copy: id of the robot's copy. name: its vote_id. changing: as `about` has it."""
    kept = narrow(vote.embedding)
    short = rows.search_key(kept) if search.needs_sketch(kept.shape) else None
    array = kept.tobytes(), list(kept.shape), kept.dtype.newbyteorder("<").str
    owners, near = list(changing.owners), changing.near
    return (address.site, address.robot, copy, *key, name, int(vote.stamp), owners, *array, short, near)


def insert(connection: "psycopg.Connection[Any]", made: Iterable[tuple[object, ...]]) -> None:
    """Store walks. The caller holds the gallery's lock."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into rt_gait.scene_vote (site, robot, copy, model, scene, vote_id, stamp, owners, embedding,"
            " embedding_shape, embedding_type, search_key, near)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::public.halfvec, %s) on conflict do nothing",
            made,
        )


def listed(connection: "psycopg.Connection[Any]", address: Address, copy: str) -> dict[Key, dict[str, About]]:
    """What the server has of a copy's scenes: `about` of each walk, by scene and id."""
    found: dict[Key, dict[str, About]] = {}
    for model, scene, name, owners, near in connection.execute(
        "select model, scene, vote_id, owners, near from rt_gait.scene_vote"
        " where site = %s and copy = %s and robot = %s",
        (address.site, copy, address.robot),
    ):
        found.setdefault((model, scene), {})[name] = About(tuple(owners), near)
    return found


def delete(connection: "psycopg.Connection[Any]", address: Address, copy: str, key: Key, ids: Sequence[str]) -> None:
    """Delete walks of a scene of a copy. The caller holds the gallery's lock."""
    connection.execute(
        "delete from rt_gait.scene_vote where site = %s and copy = %s and robot = %s and model = %s and scene = %s"
        " and vote_id = any(%s)",
        (address.site, copy, address.robot, *key, list(ids)),
    )


def delete_copy(connection: "psycopg.Connection[Any]", address: Address, copy: str) -> None:
    """Delete all that the server has of a copy's scenes, whatever its robot was called."""
    if copy:
        with transaction(connection, address, "the next contact finds that out"):
            head_of(connection, address, lock=True)
            connection.execute("delete from rt_gait.scene_vote where site = %s and copy = %s", (address.site, copy))


def expire(connection: "psycopg.Connection[Any]", address: Address) -> None:
    """Delete what is too old of any robot of the site, by the server's clock, and what is of no time at all."""
    with transaction(connection, address, "the next contact finds that out"):
        head_of(connection, address, lock=True)
        at = now(connection)
        connection.execute(
            "delete from rt_gait.scene_vote where site = %s and (stamp <= %s or stamp > %s"
            " or stored < clock_timestamp() - make_interval(secs => %s))",
            (address.site, at - MAX_AGE, at + AHEAD, MAX_AGE / 1e9),
        )


class ServerScenes:
    """The back-ups of all robots of a site; as gait.scene_keeping.SceneKeeper."""

    def __init__(self, address: Address) -> None:
        self._address = address

    @property
    def name(self) -> str:
        """As SceneKeeper.name."""
        return self._address.name

    def listed(self) -> list[KeptScene]:
        """As SceneKeeper.listed."""
        with connected(self._address) as connection:
            head_of(connection, self._address)
            found = connection.execute(
                "select scene, model, count(*), max(stamp), robot from rt_gait.scene_vote where site = %s"
                " group by robot, model, scene order by robot, model, scene",
                (self._address.site,),
            ).fetchall()
        return [KeptScene(scene, model, walks, newest, self.name, robot)
                for scene, model, walks, newest, robot in found]  # fmt: skip

    def forget(self, scenes: Sequence[KeptScene]) -> None:
        """As SceneKeeper.forget. Raises GalleryReadOnly for a role that may only read."""
        address = self._address
        with connected(address) as connection, transaction(connection, address):
            head = head_of(connection, address, lock=True)
            for each in scenes:
                connection.execute(
                    "delete from rt_gait.scene_vote where site = %s and robot = %s and model = %s and scene = %s",
                    (address.site, each.robot, each.model, each.scene),
                )
            rows.next_version(connection, address)
            rows.close_version(connection, address, head.model, head.gait_frame_kind, [("forget scene", [])])

    def walks_of(self, person_id: str) -> dict[str, int]:
        """As SceneKeeper.walks_of; a scene is called `ROBOT: SCENE`."""
        with connected(self._address) as connection:
            found = connection.execute(
                "select robot || ': ' || scene, count(*) from rt_gait.scene_vote where site = %s and %s = any(owners)"
                " group by robot, scene order by robot, scene",
                (self._address.site, person_id),
            ).fetchall()
        return dict(found)

    def take(self, scene: str, robot: str, folder: Path, cipher: Cipher | None = None) -> int:
        """Bring what is backed up of a robot's scene of this name into a folder of scenes. Returns how many walks came.

        They join those that are there, and the newest stay. Raises SceneError where there is none, or a file cannot be
        used; GalleryError.
        """
        address = self._address
        with connected(address) as connection, transaction(connection, address):
            head = head_of(connection, address, lock=True)  # whoever is forgotten meanwhile is found in the file then
            found = connection.execute(
                "select model, stamp, owners, embedding, embedding_shape, embedding_type from rt_gait.scene_vote"
                " where site = %s and robot = %s and scene = %s",
                (address.site, robot, scene),
                binary=True,
            ).fetchall()
            if not found:
                raise SceneError(
                    f"nothing is backed up of a scene {scene!r} of robot {robot!r} with gallery {address.name}: "
                    "`rt-gait scene list --gallery ADDRESS` shows what is"
                )
            votes: dict[str, list[Vote]] = {}
            for model, stamp, owners, *array in found:
                embedding = np.asarray(rows.embedding_from(address, *array), np.float32)
                votes.setdefault(model, []).append(Vote(embedding, stamp, " ".join(owners)))
            came = sum(_join(folder, (model, scene), each, cipher) for model, each in sorted(votes.items()))
            rows.next_version(connection, address)
            rows.close_version(connection, address, head.model, head.gait_frame_kind, [("take scene", [])])
        return came


def _join(folder: Path, key: Key, taken: Sequence[Vote], cipher: Cipher | None) -> int:
    """Put walks into a scene's file. Returns how many of them it had not; doing it twice changes nothing."""
    path = scene_file.file_of(folder, *key)
    with scene_file.locked(path):
        record = scene_file.read(path, cipher)
        mine = {vote_id(vote): vote for vote in (votes_of(record) if record is not None else ())}
        both = {**{vote_id(vote): vote for vote in taken}, **mine}
        if len({vote.embedding.shape for vote in both.values()}) > 1:
            raise SceneError(f"scene {key[1]!r} has walks of different shapes here and on the server")
        kept = dict(sorted(both.items(), key=lambda each: (each[1].stamp, each[0]))[-MAX_VOTES:])
        new = kept.keys() - mine.keys()
        if new:
            chosen = list(kept.values())
            stack, stamps = np.stack([v.embedding for v in chosen]), np.array([v.stamp for v in chosen], np.int64)
            if not np.isfinite(stack).all():
                raise SceneError(f"scene {key[1]!r} has walks on the server that hold NaN or infinity")
            scene_file.write(path, scene_file.Record(*key, stack, stamps, tuple(v.owner for v in chosen)), cipher)
    return len(new)
