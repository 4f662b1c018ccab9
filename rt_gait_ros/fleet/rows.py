"""Persons and their walks as rows of the server's tables, and back."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rt_gait_ros.fleet.address import Address
from rt_gait_ros.gallery import search
from rt_gait_ros.gallery.gallery_records import narrow, pack_frames, unpack_frames
from rt_gait_ros.gallery.person import Frames, GalleryError, Measure, Person, Template

if TYPE_CHECKING:
    import psycopg

_AT_ONCE = 64  # rows that are fetched at once: some megabytes
# Persons deleted by one statement: their walks are compared with those of all scenes on the server, which has to be
# done in time (connection.STATEMENT_MS). Of 2560 walks of scenes that is a tenth of a second.
_FORGOTTEN_AT_ONCE = 128
_KEY = f"[{','.join(['%.5g'] * search.SKETCH)}]"


@dataclass(frozen=True, slots=True)
class Walked:
    """A person with what tells their walks apart on every machine. templates: by id, in order.

    framed: ids of those whose gait frames are kept.
    """

    person: Person
    templates: Mapping[str, Template]
    framed: frozenset[str] = field(default=frozenset())


def template_id(template: Template) -> str:
    """What one walk is called on all machines: made of what it holds, so that nothing is stored twice."""
    embedding = narrow(np.asarray(template.embedding))
    about = [embedding.shape, embedding.dtype.str, template.stamp, template.added, template.origin, template.scene]
    text = json.dumps([*about, template.view]).encode()
    return hashlib.sha256(text + embedding.tobytes()).hexdigest()[:32]


def walked(person: Person, ids: Mapping[int, str] | None = None) -> Walked:
    """A person of this machine. ids: known ones, by id() of the template's object."""
    named = {(ids or {}).get(id(template)) or template_id(template): template for template in person.templates}
    return Walked(person, named, frozenset(key for key, each in named.items() if each.frames is not None))


def pull(
    connection: "psycopg.Connection[Any]",
    address: Address,
    since: int,
    known: Mapping[str, Template],
    frames: Any = None,
) -> list[Walked]:
    """Persons that were changed after version `since`, in order of enrolment.

    known: walks by id that this machine has; of them nothing is fetched. frames: makes gait frames of the id and the
    shape and type of an array, to be fetched when somebody asks for them; None: they are fetched now.
    """
    persons = connection.execute(
        "select person_id, name, enrolled, updated, consent, expires, tag from rt_gait.person"
        " where site = %s and version > %s order by number",
        (address.site, since),
    ).fetchall()
    found = connection.execute(
        "select t.person_id, template_id, stamp, added, scene, view, origin, measures, robot, frames_shape, frames_type"
        " from rt_gait.template t join rt_gait.person p using (site, person_id)"
        " where t.site = %s and p.version > %s order by t.number",
        (address.site, since),
    ).fetchall()
    missing = [row[1] for row in found if row[1] not in known]
    data = embeddings_of(connection, address, missing)
    stored = _frames(connection, address, [row[1] for row in found if row[1] in data]) if frames is None else {}
    mine: dict[str, dict[str, Template]] = {row[0]: {} for row in persons}
    framed: dict[str, set[str]] = {row[0]: set() for row in persons}
    for person_id, key, stamp, added, scene, view, origin, measures, robot, shape, kind in found:
        if shape:
            framed[person_id].add(key)
        template = known.get(key)
        if template is None:
            made: Frames | np.ndarray | None = stored.get(key)
            if shape and frames is not None:
                made = frames(key, tuple(shape), kind)
            each = {name: Measure(*pair) for name, pair in measures.items()}
            template = Template(data[key], stamp, made, scene, view, origin, added, each, robot)
        mine[person_id][key] = template
    return [
        Walked(
            Person(row[0], row[1], row[2], row[3], tuple(mine[row[0]].values()), *row[4:]),
            mine[row[0]],
            frozenset(framed[row[0]]),
        )
        for row in persons
        if mine[row[0]]
    ]


def remembers(connection: "psycopg.Connection[Any]", address: Address, version: int, mark: str) -> bool:
    """Whether the gallery was in this state: it was not where a back-up was restored that is older."""
    row = connection.execute(
        "select from rt_gait.change where site = %s and version = %s and mark::text = %s", (address.site, version, mark)
    ).fetchone()
    return row is not None


def search_key(embedding: np.ndarray) -> str:
    """The shorter vector (search.SKETCH,) of an embedding (P, C) that pgvector indexes, as pgvector reads it.

    Five digits: it is stored in half precision. What that cannot hold is cut off; candidates are ranked exactly.
    """
    return _KEY % tuple(key_values(embedding).tolist())


def key_values(embedding: np.ndarray) -> np.ndarray:
    """The numbers (search.SKETCH,) float32 of a search key."""
    largest = float(np.finfo(np.float16).max)
    return np.clip(search.sketch(np.asarray(embedding, np.float32)[None]).values[0], -largest, largest)


def frames_of(connection: "psycopg.Connection[Any]", address: Address, key: str) -> np.ndarray:
    """The gait frames of one walk. Raises GalleryError where they are gone."""
    found = _frames(connection, address, [key])
    if key not in found:
        raise GalleryError(f"gait frames of gallery {address.name} are gone: somebody deleted them")
    return found[key]


def forgotten(connection: "psycopg.Connection[Any]", address: Address, since: int, asked: Collection[str]) -> set[str]:
    """Ids of persons who were forgotten after version `since`, and those of `asked` who ever were."""
    rows = connection.execute(
        "select person_id from rt_gait.forgotten where site = %s and (version > %s or person_id = any(%s))",
        (address.site, since, list(asked)),
    ).fetchall()
    return {row[0] for row in rows}


def forget(
    connection: "psycopg.Connection[Any]", address: Address, ids: Collection[str], version: int
) -> dict[str, str]:
    """Delete persons for good, those too whom the server does not know (again). Returns the tags of those it knew."""
    if not ids:
        return {}
    asked = list(ids)
    there: dict[str, str] = {}
    for first in range(0, len(asked), _FORGOTTEN_AT_ONCE):
        there |= dict(
            connection.execute(
                "delete from rt_gait.person where site = %s and person_id = any(%s) returning person_id, tag",
                (address.site, asked[first : first + _FORGOTTEN_AT_ONCE]),
            ).fetchall()
        )
    connection.execute(
        "insert into rt_gait.forgotten (site, person_id, version) select %s, unnest(%s::text[]), %s"
        " on conflict do nothing",
        (address.site, asked, version),
    )
    return there


def push(connection: "psycopg.Connection[Any]", address: Address, pushed: Sequence[Walked], version: int) -> None:
    """Store persons as they are given, with exactly these walks. The caller holds the gallery's lock."""
    for walker in pushed:
        person = walker.person
        connection.execute(
            "insert into rt_gait.person (site, person_id, name, enrolled, updated, consent, expires, tag, version)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (site, person_id) do update set"
            " name = excluded.name, updated = excluded.updated, consent = excluded.consent,"
            " expires = excluded.expires, tag = excluded.tag, version = excluded.version",
            (address.site, person.person_id, person.name, person.enrolled, person.updated, person.consent,
             person.expires, person.tag, version),
        )  # fmt: skip
        ids = list(walker.templates)
        former = connection.execute(
            "select distinct person_id from rt_gait.template"
            " where site = %s and template_id = any(%s) and person_id <> %s",
            (address.site, ids, person.person_id),
        ).fetchall()
        for (gone,) in former:  # what scenes count of theirs is this person's by now, too
            connection.execute(
                "update rt_gait.scene_vote set owners = array_replace(owners, %s, %s)"
                " where site = %s and %s = any(owners)",
                (gone, person.person_id, address.site, gone),
            )
        moved = connection.execute(
            "update rt_gait.template set person_id = %s where site = %s and template_id = any(%s)"
            " returning template_id",
            (person.person_id, address.site, ids),
        ).fetchall()
        there = {row[0] for row in moved}
        for key, template in walker.templates.items():
            if key not in there:
                _insert(connection, address, person.person_id, key, template)
    for walker in pushed:
        ids = list(walker.templates)
        connection.execute(
            "delete from rt_gait.template where site = %s and person_id = %s and not template_id = any(%s)",
            (address.site, walker.person.person_id, ids),
        )
        connection.execute(
            "update rt_gait.template set frames = null, frames_shape = null, frames_type = null"
            " where site = %s and template_id = any(%s) and frames is not null",
            (address.site, [key for key in ids if key not in walker.framed]),
        )


def close_version(
    connection: "psycopg.Connection[Any]",
    address: Address,
    model: str,
    kind: str,
    changes: Sequence[tuple[str, Sequence[str]]],
) -> int:
    """Write down changes in the audit, and tell all robots. Returns the version that they made.

    changes: what, and the tags of whom.
    """
    row = connection.execute(
        "update rt_gait.gallery set model = %s, gait_frame_kind = %s where site = %s returning version",
        (model, kind, address.site),
    ).fetchone()
    version = int(row[0]) if row else 0
    for what, tags in changes:
        connection.execute(
            "insert into rt_gait.audit (site, robot, what, tags, version) values (%s, %s, %s, %s, %s)",
            (address.site, address.robot, what, list(tags), version),
        )
    connection.execute("select pg_notify('rt_gait', %s)", (address.site,))
    return version


def next_version(connection: "psycopg.Connection[Any]", address: Address) -> int:
    """Begin a change: the version that its rows get. The caller holds the gallery's lock."""
    row = connection.execute(
        "update rt_gait.gallery set version = version + 1 where site = %s returning version", (address.site,)
    ).fetchone()
    return int(row[0]) if row else 0


def _insert(
    connection: "psycopg.Connection[Any]", address: Address, person_id: str, key: str, template: Template
) -> None:
    embedding = narrow(np.asarray(template.embedding))
    frames = None if template.frames is None else np.asarray(template.frames)
    short = search_key(embedding) if search.needs_sketch(embedding.shape) else None
    connection.execute(
        "insert into rt_gait.template (site, template_id, person_id, stamp, added, scene, view, origin, measures,"
        " robot, embedding, embedding_shape, embedding_type, search_key, frames, frames_shape, frames_type) values"
        " (%s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s::jsonb, %s, %s, %s, %s, %s::public.halfvec, %s, %s, %s)",
        (
            address.site,
            key,
            person_id,
            template.stamp,
            template.added,
            template.scene,
            json.dumps(template.view),
            template.origin,
            json.dumps({name: [m.value, m.deviation] for name, m in template.measures.items()}),
            template.robot or address.robot,
            embedding.tobytes(),
            list(embedding.shape),
            embedding.dtype.newbyteorder("<").str,
            short,
            None if frames is None else pack_frames(frames),
            None if frames is None else list(frames.shape),
            None if frames is None else frames.dtype.newbyteorder("<").str,
        ),
    )


def embeddings_of(connection: "psycopg.Connection[Any]", address: Address, ids: Sequence[str]) -> dict[str, np.ndarray]:
    """Embeddings (P, C) of walks by their ids, to the bit. Raises GalleryError for damaged ones."""
    return {key: embedding_from(address, *array) for key, *array in _arrays(connection, address, "embedding", ids)}


def embedding_from(address: Address, data: bytes, shape: Sequence[int], kind: str) -> np.ndarray:
    """An embedding (P, C) of its columns. Raises GalleryError for a damaged one."""
    try:
        if kind not in ("<f2", "<f4"):
            raise ValueError("it is of another type")
        return np.frombuffer(data, kind).reshape(shape)
    except (TypeError, ValueError) as error:
        raise GalleryError(f"an embedding of gallery {address.name} is damaged: {error}") from error


def _frames(connection: "psycopg.Connection[Any]", address: Address, ids: Sequence[str]) -> dict[str, np.ndarray]:
    found = {}
    for key, data, shape, kind in _arrays(connection, address, "frames", ids):
        try:
            found[key] = unpack_frames(bytes(data), tuple(shape), kind)
        except (TypeError, ValueError) as error:
            raise GalleryError(f"gait frames of gallery {address.name} are damaged: {error}") from error
    return found


def _arrays(
    connection: "psycopg.Connection[Any]", address: Address, column: Literal["embedding", "frames"], ids: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    """Id, bytes, shape and type of an array of each of these walks that has one, so many rows at once."""
    for start in range(0, len(ids), _AT_ONCE):
        yield from connection.execute(
            f"select template_id, {column}, {column}_shape, {column}_type from rt_gait.template"
            f" where site = %s and template_id = any(%s) and {column} is not null",
            (address.site, list(ids[start : start + _AT_ONCE])),
            binary=True,
        )
