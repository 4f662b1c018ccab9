"""What a gallery's index says, and the bytes of embeddings and gait frames; every field is checked (gallery_checks)."""

import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from rt_gait_ros.gallery.extent_file import FIRST, MAX_INDEX, Extent
from rt_gait_ros.gallery.gallery_checks import check_made_by, check_template, checked, checked_person, templates_of
from rt_gait_ros.gallery.names import MAX_NAME
from rt_gait_ros.gallery.person import Content, Frames, GalleryError, Measure, Person, Template

MAX_EMBEDDINGS = 1 << 30  # bytes of all embeddings together: 8000 persons of two walks
MAX_BLOB = 64 << 20  # bytes of one embedding, or of one unpacked sequence of gait frames
ROOM = 64  # embeddings that may come before the memory has to be copied
_EMBEDDING_TYPES = {"<f2", "<f4"}
_FRAME_TYPES = {"|u1", "|i1", "<u2", "<i2", "<f2", "<f4"}
_SEALING = 1024  # bytes that a cipher may add
_TOO_MANY = "the gallery cannot keep this: it is full, so forget somebody, or unlearn what was learnt, and try again"
_PRECISION = 1e-3  # of the largest number: what float16 may lose

Fetch = Callable[[Extent], bytes]
MakeFrames = Callable[[Extent, tuple[int, ...], str], Frames]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a template is in the file."""

    embedding: Extent
    frames: Extent | None


@dataclass(slots=True)
class Writer:
    """Turns a gallery into bytes. blobs: of the templates that are not in the file yet.

    known: what the index says of persons, from when it was written before; of those who are still the same it is taken.
    """

    content: Content
    known: Mapping[str, tuple[Person, str]] = field(default_factory=dict)
    blobs: list[bytes] = field(init=False, default_factory=list)
    _fresh: dict[int, Template] = field(init=False, default_factory=dict)  # narrowed, by id() of what was given
    _places: dict[int, Place] = field(init=False, default_factory=dict)
    _written: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Pack what is new. Raises GalleryError for what a Reader would refuse: nobody could open the file again."""
        for template in templates_of(self.content):
            if template.place is None:
                frames = None if template.frames is None else np.asarray(template.frames)
                embedding = narrow(np.asarray(template.embedding))
                self._fresh[id(template)] = replace(template, embedding=embedding, frames=frames)
        self._require_fit()
        for template in self._fresh.values():
            self.blobs.append(template.embedding.tobytes())
            if template.frames is not None:
                self.blobs.append(pack_frames(np.asarray(template.frames)))
        if any(len(blob) > MAX_BLOB - _SEALING for blob in self.blobs):
            raise GalleryError(f"the gallery cannot keep this: a walk in it takes more than {MAX_BLOB >> 20} MB")

    def _require_fit(self) -> None:
        """Raise GalleryError for what is new and a Reader would refuse, or where all of it is too much."""
        about = "the gallery"
        try:
            check_made_by(self.content)
            for person in self.content.persons:
                if (self.known.get(person.person_id) or (None,))[0] is not person:
                    about = f"{person.name[:MAX_NAME]!a} in the gallery"
                    for template in person.templates:
                        if (fresh := self._fresh.get(id(template))) is not None:
                            check_template(fresh)
                    checked_person(person)
        except ValueError as error:
            raise GalleryError(f"what is new of {about} cannot be kept: {error}") from error
        if not self._fresh:
            return
        sizes = [
            each.place.embedding.length if isinstance(each.place, Place) else self._fresh[id(each)].embedding.nbytes
            for each in templates_of(self.content)
        ]
        if len(sizes) * max(sizes) > MAX_EMBEDDINGS:
            raise GalleryError(_TOO_MANY)

    def index(self, extents: Sequence[Extent]) -> bytes:
        """The index. extents: where the blobs are. Raises GalleryError for a larger one than a file can have."""
        following = iter(extents)
        for key, template in self._fresh.items():
            self._places[key] = Place(next(following), None if template.frames is None else next(following))
        persons = ",".join(self._text(person) for person in self.content.persons)
        model, kind = json.dumps(self.content.model), json.dumps(self.content.gait_frame_kind)
        made = f'{{"model":{model},"gait_frame_kind":{kind},"persons":[{persons}]}}'.encode()
        if len(made) > MAX_INDEX - _SEALING:
            raise GalleryError(_TOO_MANY)
        return made

    def texts(self, content: Content) -> dict[str, tuple[Person, str]]:
        """What the index says of each person of the stored content, for the next Writer."""
        return {
            stored.person_id: (stored, self._text(person))
            for stored, person in zip(content.persons, self.content.persons, strict=True)
        }

    def _text(self, person: Person) -> str:
        former, text = self.known.get(person.person_id) or (None, "")
        if former is person:
            return text
        written = self._written.get(person.person_id)
        if written is None:
            record = {
                "person_id": person.person_id,
                "name": person.name,
                "enrolled": person.enrolled,
                "updated": person.updated,
                "consent": person.consent,
                "expires": person.expires,
                "tag": person.tag,
                "templates": [self._record(template) for template in person.templates],
            }
            written = self._written[person.person_id] = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        return written

    def stored(self, frames: MakeFrames) -> Content:
        """The gallery as it is in the file: embeddings narrowed, frames to be read from it. After `index`."""

        def placed(template: Template) -> Template:
            fresh = self._fresh.get(id(template))
            if fresh is None:
                return template
            place = self._places[id(template)]
            if place.frames is None or fresh.frames is None:
                return replace(fresh, place=place)
            array = np.asarray(fresh.frames)
            return replace(fresh, place=place, frames=frames(place.frames, array.shape, _little(array.dtype)))

        def of(person: Person) -> Person:
            if all(template.place is not None for template in person.templates):
                return person
            return replace(person, templates=tuple(map(placed, person.templates)))

        return replace(self.content, persons=tuple(map(of, self.content.persons)))

    def _record(self, template: Template) -> dict[str, Any]:
        fresh = self._fresh.get(id(template), template)
        place = self._places[id(template)] if template.place is None else template.place
        assert isinstance(place, Place)
        record: dict[str, Any] = {
            "stamp": template.stamp,
            "added": template.added,
            "scene": template.scene,
            "view": template.view,
            "origin": template.origin,
            "measures": {name: [measure.value, measure.deviation] for name, measure in template.measures.items()},
            "embedding": _listed(place.embedding),
            "shape": fresh.embedding.shape,
            "type": _little(fresh.embedding.dtype),
        }
        if template.robot:
            record["robot"] = template.robot
        if place.frames is not None and fresh.frames is not None:
            kind = fresh.frames.dtype
            record |= {
                "frames": _listed(place.frames),
                "frames_shape": fresh.frames.shape,
                "frames_type": _little(kind),
            }
        return record


class Reader:
    """Turns bytes into a gallery. Every complaint is a ValueError that says what is wrong, for people.

    block: all embeddings that were fetched, one after the other, and room for more.
    """

    def __init__(self, fetch: Fetch, frames: MakeFrames, known: Mapping[Extent, np.ndarray]) -> None:
        """fetch: the checked bytes of an extent. known: embeddings that need not be fetched."""
        self._fetch, self._frames, self._known = fetch, frames, known
        self._left = MAX_EMBEDDINGS
        self._end = 0
        self.block = np.empty((0, 0, 0), np.float16)  # of all embeddings, with room for more
        self._count = self._total = 0

    def content(self, index: bytes, end: int) -> Content:
        """The gallery of this index. end: of the file."""
        self._end = end
        try:
            record = json.loads(index)
            self._total = sum(len(each["templates"]) for each in record["persons"])
            persons = tuple(self._person(each) for each in record["persons"])
            return checked(Content(record["model"], record["gait_frame_kind"], persons))
        except (KeyError, TypeError, AttributeError, RecursionError, UnicodeDecodeError) as error:
            raise ValueError(f"its index lacks something or has it wrong: {type(error).__name__}") from error

    def _person(self, record: dict[str, Any]) -> Person:
        templates = tuple(self._template(each) for each in record["templates"])
        return Person(
            record["person_id"],
            record["name"],
            record["enrolled"],
            record["updated"],
            templates,
            record["consent"],
            record["expires"],
            record["tag"],
        )

    def _template(self, record: dict[str, Any]) -> Template:
        extent = self._extent(record["embedding"])
        frames_extent = self._extent(record["frames"]) if "frames" in record else None
        embedding = self._known.get(extent)
        if embedding is None:
            embedding = self._embedding(extent, record["shape"], record["type"])
            if frames_extent is not None:
                self._fetch(frames_extent)  # whether they are whole; unpacked when somebody asks for them
        frames = None
        if frames_extent is not None:
            shape, kind = tuple(record["frames_shape"]), record["frames_type"]
            _require_frames(shape, kind)
            frames = self._frames(frames_extent, shape, kind)
        measures = {name: Measure(*pair) for name, pair in record["measures"].items()}
        return Template(
            embedding,
            record["stamp"],
            frames,
            record["scene"],
            record["view"],
            record["origin"],
            record["added"],
            measures,
            record.get("robot", ""),
            Place(extent, frames_extent),
        )

    def _extent(self, record: Sequence[Any]) -> Extent:
        offset, length, digest = record
        if not (isinstance(offset, int) and isinstance(length, int) and isinstance(digest, str)):
            raise ValueError("a place in it is no place")
        if offset < FIRST or not 0 < length <= MAX_BLOB or offset + length > self._end:
            raise ValueError(f"{length} bytes at {offset} cannot be in it")
        return Extent(offset, length, digest)

    def _embedding(self, extent: Extent, shape: Sequence[int], kind: str) -> np.ndarray:
        if kind not in _EMBEDDING_TYPES or len(shape) != 2:
            raise ValueError(f"an embedding of {kind!a:.20} and {len(shape)} axes is none")
        data = self._fetch(extent)
        if len(data) != math.prod(shape) * np.dtype(kind).itemsize:
            raise ValueError(f"an embedding of {len(data)} bytes is not of shape {list(shape)}")
        self._left -= len(data)
        if self._left < 0 or self._total * len(data) > MAX_EMBEDDINGS:
            raise ValueError(f"its embeddings have more than {MAX_EMBEDDINGS >> 20} MB")
        embedding = np.frombuffer(data, kind).reshape(shape)
        if not self._known and not self._count:  # all is read: into one piece, which search needs anyhow
            self.block = np.empty((self._total + ROOM + self._total // 8, *embedding.shape), kind)
        if self.block.shape[1:] != embedding.shape or self.block.dtype != embedding.dtype:
            return embedding
        row: np.ndarray = self.block[self._count]
        row[:] = embedding
        row.flags.writeable = False
        self._count += 1
        return row


def extents(content: Content) -> list[Extent]:
    """All that the stored templates occupy."""
    places = [template.place for template in templates_of(content)]
    known = [place for place in places if isinstance(place, Place)]
    return [place.embedding for place in known] + [place.frames for place in known if place.frames is not None]


def rows(content: Content) -> dict[Extent, np.ndarray]:
    """The embeddings of stored templates by where they are."""
    return {t.place.embedding: t.embedding for t in templates_of(content) if isinstance(t.place, Place)}


def narrow(embedding: np.ndarray) -> np.ndarray:
    """As float16 where that keeps it to a thousandth of its largest number, as float32 elsewhere; not to be written."""
    wide = np.asarray(embedding, np.float32)
    with np.errstate(over="ignore"):
        found = wide.astype(np.float16)
    if not np.abs(found.astype(np.float32) - wide).max() <= _PRECISION * np.abs(wide).max():
        found = wide.copy()
    found.flags.writeable = False
    return found


def pack_frames(frames: np.ndarray) -> bytes:
    """Bytes of gait frames. Raises GalleryError for a type or size that no gallery keeps."""
    try:
        _require_frames(frames.shape, _little(frames.dtype))
    except ValueError as error:
        raise GalleryError(f"gait frames cannot be stored: {error}") from error
    return zlib.compress(np.ascontiguousarray(frames).astype(_little(frames.dtype), copy=False).tobytes(), 1)


def unpack_frames(packed: bytes, shape: tuple[int, ...], kind: str) -> np.ndarray:
    """The inverse of pack_frames, never larger than the shape says. Raises ValueError."""
    size = math.prod(shape) * np.dtype(kind).itemsize
    try:
        data = zlib.decompressobj().decompress(packed, size + 1)
    except zlib.error as error:
        raise ValueError(f"they cannot be unpacked: {error}") from error
    if len(data) != size:
        raise ValueError("they are not as many as it says")
    return np.frombuffer(data, kind).reshape(shape)


def _require_frames(shape: tuple[int, ...], kind: str) -> None:
    if kind not in _FRAME_TYPES or not 3 <= len(shape) <= 4:
        raise ValueError(f"an array of type {kind!a:.20} and {len(shape)} axes is no sequence of gait frames")
    if not all(isinstance(n, int) and n > 0 for n in shape) or math.prod(shape) * np.dtype(kind).itemsize > MAX_BLOB:
        raise ValueError(f"a sequence of gait frames of shape {list(shape)!s:.60} is empty or too large")


def _listed(extent: Extent) -> tuple[int, int, str]:
    return extent.offset, extent.length, extent.digest


@lru_cache(64)
def _little(kind: Any) -> str:
    return np.dtype(kind).newbyteorder("<").str
