"""Statistics of scenes as rows of the server's tables: a back-up of each robot's."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.fleet import rows
from rt_gait_ros.fleet.address import Address
from rt_gait_ros.fleet.connection import connected, head_of, transaction
from rt_gait_ros.gait.scene import MAX_AGE, SceneError
from rt_gait_ros.gait.scene_keeping import KeptScene
from rt_gait_ros.gallery import search
from rt_gait_ros.gallery.gallery_records import narrow

if TYPE_CHECKING:
    import psycopg

    from rt_gait_ros.gait.calibration import Calibration

# Times the distance at which two walks may be one person's: search keys estimate distances with a standard deviation of
# 3 % (gallery.search), and none of five of these may be missed.
ALLOWANCE = 1.15

Key = tuple[str, str]  # gait model and scene


class Vote(NamedTuple):
    """A walk that a scene counts. embedding: (P, C). stamp: ns since the epoch. owner: as SceneStatistics.owners."""

    embedding: np.ndarray
    stamp: int
    owner: str


def vote_id(embedding: np.ndarray, stamp: int) -> str:
    """What a walk is called on the server: made of what it holds. Whom it was named as may change."""
    kept = narrow(embedding)
    about = json.dumps([kept.shape, kept.dtype.str, int(stamp)]).encode()
    return hashlib.sha256(about + kept.tobytes()).hexdigest()[:32]


def mark_of(connection: "psycopg.Connection[Any]", address: Address) -> str:
    """Of the last exchange of this robot's scenes; "" where there was none."""
    row = connection.execute(
        "select mark::text from rt_gait.scene_exchange where site = %s and robot = %s", (address.site, address.robot)
    ).fetchone()
    return row[0] if row else ""


def set_mark(connection: "psycopg.Connection[Any]", address: Address) -> str:
    """Make another mark."""
    row = connection.execute(
        "insert into rt_gait.scene_exchange (site, robot, mark) values (%s, %s, gen_random_uuid())"
        " on conflict (site, robot) do update set mark = excluded.mark returning mark::text",
        (address.site, address.robot),
    ).fetchone()
    return row[0] if row else ""


def expire(connection: "psycopg.Connection[Any]", address: Address) -> None:
    """Delete what is too old of any robot of the site, by the server's clock."""
    connection.execute(
        "delete from rt_gait.scene_vote where site = %s"
        " and stamp < (extract(epoch from clock_timestamp()) * 1000000000)::bigint - %s",
        (address.site, MAX_AGE),
    )


def listed(connection: "psycopg.Connection[Any]", address: Address) -> dict[Key, dict[str, str]]:
    """Whom each walk of this robot's scenes was named as, by scene and id."""
    found: dict[Key, dict[str, str]] = {}
    for model, scene, key, owners in connection.execute(
        "select model, scene, vote_id, owners from rt_gait.scene_vote where site = %s and robot = %s",
        (address.site, address.robot),
    ):
        found.setdefault((model, scene), {})[key] = " ".join(owners)
    return found


def fetch(connection: "psycopg.Connection[Any]", address: Address, key: Key, ids: Collection[str]) -> list[Vote]:
    """These walks of a scene of this robot, oldest first. Raises GalleryError for damaged ones."""
    if not ids:
        return []
    found = connection.execute(
        "select stamp, owners, embedding, embedding_shape, embedding_type from rt_gait.scene_vote"
        " where site = %s and robot = %s and model = %s and scene = %s and vote_id = any(%s) order by stamp",
        (address.site, address.robot, *key, list(ids)),
        binary=True,
    )
    return [
        Vote(np.asarray(rows.embedding_from(address, *array), np.float32), stamp, " ".join(owners))
        for stamp, owners, *array in found
    ]


def push(
    connection: "psycopg.Connection[Any]",
    address: Address,
    key: Key,
    votes: Mapping[str, Vote],
    known: "Calibration | None",
) -> None:
    """Store walks of a scene of this robot, by id. known: calibration of the gait model."""
    for name, vote in votes.items():
        kept = narrow(vote.embedding)
        short = rows.search_key(kept) if search.needs_sketch(kept.shape) else None
        near = None if known is None else ALLOWANCE * known.even * float(np.sqrt(kept.shape[0]))
        connection.execute(
            "insert into rt_gait.scene_vote (site, robot, model, scene, vote_id, stamp, owners, embedding,"
            " embedding_shape, embedding_type, search_key, near)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::public.halfvec, %s) on conflict do nothing",
            (address.site, address.robot, *key, name, int(vote.stamp), vote.owner.split(), kept.tobytes(),
             list(kept.shape), kept.dtype.newbyteorder("<").str, short, near),
        )  # fmt: skip


def delete(connection: "psycopg.Connection[Any]", address: Address, key: Key, ids: Iterable[str]) -> None:
    """Delete walks of a scene of this robot."""
    connection.execute(
        "delete from rt_gait.scene_vote"
        " where site = %s and robot = %s and model = %s and scene = %s and vote_id = any(%s)",
        (address.site, address.robot, *key, list(ids)),
    )


def rename_owners(connection: "psycopg.Connection[Any]", address: Address, key: Key, owners: Mapping[str, str]) -> None:
    """Say whom walks of a scene of this robot were named as, by id."""
    for name, owner in owners.items():
        connection.execute(
            "update rt_gait.scene_vote set owners = %s"
            " where site = %s and robot = %s and model = %s and scene = %s and vote_id = %s",
            (owner.split(), address.site, address.robot, *key, name),
        )


class ServerScenes:
    """What the server keeps of the scenes of all robots of a site; as gait.scene_keeping.SceneKeeper.

    What is deleted here leaves the robots with their next contact.
    """

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
        with connected(self._address) as connection, transaction(connection, self._address):
            head = head_of(connection, self._address, lock=True)
            for each in scenes:
                connection.execute(
                    "delete from rt_gait.scene_vote where site = %s and robot = %s and model = %s and scene = %s",
                    (self._address.site, each.robot, each.model, each.scene),
                )
            rows.next_version(connection, self._address)  # robots look at what changed
            rows.close_version(connection, self._address, head.model, head.gait_frame_kind, [])

    def walks_of(self, person_id: str) -> dict[str, int]:
        """As SceneKeeper.walks_of; a scene is called `ROBOT: SCENE`."""
        with connected(self._address) as connection:
            found = connection.execute(
                "select robot || ': ' || scene, count(*) from rt_gait.scene_vote where site = %s and %s = any(owners)"
                " group by robot, scene order by robot, scene",
                (self._address.site, person_id),
            ).fetchall()
        return dict(found)

    def take(self, scene: str, robot: str) -> int:
        """Give the robot of the address what another robot learnt of its scene of this name. Returns how many walks.

        The copy of the robot has them with its next contact. Raises SceneError where the other has no such scene.
        """
        address = self._address
        if robot == address.robot:
            raise UsageError(f"{robot} is this robot: name with --of whose scene it is to have")
        with connected(address) as connection, transaction(connection, address):
            head = head_of(connection, address, lock=True)  # nobody is forgotten meanwhile
            taken = connection.execute(
                "insert into rt_gait.scene_vote (site, robot, model, scene, vote_id, stamp, owners, embedding,"
                " embedding_shape, embedding_type, search_key, near) select site, %s, model, scene, vote_id, stamp,"
                " owners, embedding, embedding_shape, embedding_type, search_key, near from rt_gait.scene_vote"
                " where site = %s and robot = %s and scene = %s on conflict do nothing",
                (address.robot, address.site, robot, scene),
            ).rowcount
            if not taken:
                raise SceneError(
                    f"robot {robot!r} has left nothing of a scene {scene!r} with gallery {address.name} that "
                    f"{address.robot} has not: `rt-gait scene list --gallery ADDRESS` shows what there is"
                )
            rows.next_version(connection, address)
            rows.close_version(connection, address, head.model, head.gait_frame_kind, [])
        return taken
