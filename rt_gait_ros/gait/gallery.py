"""Who is enrolled: a gallery of persons and their walks, in one private file that survives whatever happens to it."""

import itertools
import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rt_gait_ros.gait import gallery_file
from rt_gait_ros.gait.distance import distances
from rt_gait_ros.gait.gallery_file import Content, GalleryCorrupt, GalleryError, GalleryTooNew, Person, Template
from rt_gait_ros.gait.names import clean_name, comparable

_versions = itertools.count(1)  # of the contents of all galleries of this process: no two of them share one


def default_path() -> Path:
    """Gallery in use where none is named: $RT_GAIT_GALLERY, or a file in the user's data folder (XDG)."""
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(os.environ.get("RT_GAIT_GALLERY") or f"{data}/rt_gait_ros/people.gallery").expanduser()


class UnknownPerson(GalleryError):
    """Nobody of that id or name is enrolled."""


class DuplicateName(GalleryError):
    """Somebody else has that display name."""


class GalleryModelMismatch(GalleryError):
    """The embeddings were made by another gait model than the one in use."""


@dataclass(frozen=True, slots=True)
class References:
    """The gallery as the recogniser searches it.

    model: as Gallery.model. persons: N persons. embeddings: (T, P, C) float32, every template of everybody.
    starts: (N,) index of each person's first template. version: no two different ones have the same.
    """

    model: str
    persons: tuple[Person, ...]
    embeddings: np.ndarray
    starts: np.ndarray
    version: tuple[int, ...]

    def nearest(self, queries: np.ndarray) -> np.ndarray:
        """Distance of each query (Q, P, C) to the nearest template of each person: (Q, N) float64."""
        if not self.persons or not len(queries):
            return np.zeros((len(queries), len(self.persons)))
        return np.minimum.reduceat(distances(queries, self.embeddings), self.starts, axis=1)


class Gallery:
    """The gallery file, and what it held when it was last looked at.

    Every change locks the file against other processes, reads it, changes it and replaces it atomically; memory follows
    only after the disk has it. So several processes may hold one gallery, and `refresh` shows one what another changed.
    Methods may be called from any thread. All errors derive from GaitError, and then nothing was changed.
    """

    def __init__(self, path: str | Path) -> None:
        """Open the gallery, or create an empty one. A leading ~ is expanded, links are followed.

        Raises GalleryCorrupt or GalleryTooNew (the file stays as it is; see `open_or_set_aside`), or GalleryError.
        """
        self.path = Path(path).expanduser().resolve()
        self._mutex = threading.Lock()
        gallery_file.make_folder(self.path.parent)
        if not self.path.exists():
            with gallery_file.locked(self.path):
                if not self.path.exists():
                    gallery_file.write(self.path, Content())
        self._signature = self._look()
        self._content = gallery_file.read(self.path)
        self._references = self._index()

    @classmethod
    def open_or_set_aside(cls, path: str | Path) -> tuple["Gallery", str]:
        """Open the gallery; one that is corrupt or too new is renamed and kept, and an empty one takes its place.

        Returns the gallery, and what was done in one line for the log, or "".
        """
        path = Path(path).expanduser().resolve()
        gallery_file.make_folder(path.parent)
        warning = ""
        with gallery_file.locked(path):  # or two processes set aside, and the second one takes the first one's new file
            try:
                gallery_file.read(path)
            except (GalleryCorrupt, GalleryTooNew) as error:
                aside = gallery_file.set_aside(path, "newer" if isinstance(error, GalleryTooNew) else "corrupt")
                warning = f"{error}. It is kept as {aside}, and an empty gallery is used"
        return cls(path), warning

    @property
    def persons(self) -> tuple[Person, ...]:
        """Everybody enrolled, in order of enrolment."""
        return self._content.persons

    @property
    def model(self) -> str:
        """Gait model that made the embeddings; empty while nobody is enrolled."""
        return self._content.model

    @property
    def references(self) -> References:
        """An unchanging snapshot to search in."""
        return self._references

    def asides(self) -> list[Path]:
        """Unreadable galleries kept beside this one; they may hold data of persons who were forgotten here since."""
        return gallery_file.asides(self.path)

    def find(self, key: str) -> Person:
        """The person of this permanent id or display name. Raises UnknownPerson."""
        return _find(self._content, key)

    def require_model(self, model: str) -> None:
        """Raise GalleryModelMismatch unless the gallery is empty or was made by this gait model."""
        _require_model(self._content, model, self.path)

    def refresh(self) -> bool:
        """Take over what other processes have changed. True if anything was.

        Costs one stat while nothing changes. Raises GalleryError once per change of the file that leaves it unreadable;
        what is in memory stays then.
        """
        with self._mutex:
            signature = self._look()
            if signature == self._signature:
                return False
            self._signature = signature
            self._take(gallery_file.read(self.path))
            return True

    def add(
        self, name: str, templates: Sequence[Template], *, model: str, gait_frame_kind: str, extend: bool = False
    ) -> Person:
        """Enrol somebody; with `extend`, add to the person of that name if there is one.

        Raises UnfitName, DuplicateName, GalleryModelMismatch, or GalleryError for an unfit embedding.
        """
        checked = tuple(_checked(template) for template in templates)
        if not checked:
            raise GalleryError(f"nothing to enrol for {name!r}: no embedding was given")
        name = clean_name(name)
        now = time.time_ns()

        def edit(content: Content) -> Content:
            _require_model(content, model, self.path)
            _require_shape(content, checked)
            taken = _named(content, name)
            if taken is not None and not extend:
                raise DuplicateName(f"{taken.name!r} is already enrolled: choose another name, or extend that person")
            if taken is not None:
                grown = replace(taken, templates=taken.templates + checked, updated=now)
                return replace(content, persons=tuple(grown if p is taken else p for p in content.persons))
            person = Person(_new_id(content), name, now, now, checked)
            return Content(model, gait_frame_kind, (*content.persons, person))

        self._change(edit)
        return self.find(name)

    def forget(self, key: str) -> Person:
        """Delete a person and all that is stored of them: the file is written anew without. Raises UnknownPerson."""
        forgotten: list[Person] = []

        def edit(content: Content) -> Content:
            forgotten.append(_find(content, key))
            return _without(content, forgotten[0])

        self._change(edit)
        return forgotten[0]

    def rename(self, key: str, new_name: str) -> Person:
        """Give a person another display name; the id stays. Raises UnfitName, UnknownPerson or DuplicateName."""
        new_name = clean_name(new_name)

        def edit(content: Content) -> Content:
            person = _find(content, key)
            taken = _named(content, new_name)
            if taken is not None and taken is not person:
                raise DuplicateName(f"{taken.name!r} is already enrolled: choose another name, or merge the two")
            renamed = replace(person, name=new_name, updated=time.time_ns())
            return replace(content, persons=tuple(renamed if p is person else p for p in content.persons))

        self._change(edit)
        return self.find(new_name)

    def merge(self, into: str, other: str) -> Person:
        """Move the templates of `other` to `into`, and forget `other`. Raises UnknownPerson."""

        def edit(content: Content) -> Content:
            kept, gone = _find(content, into), _find(content, other)
            if kept is gone:
                raise GalleryError(f"{into!r} and {other!r} are the same person already: nothing to merge")
            merged = replace(kept, templates=kept.templates + gone.templates, updated=time.time_ns())
            rest = _without(content, gone)
            return replace(rest, persons=tuple(merged if p is kept else p for p in rest.persons))

        self._change(edit)
        return self.find(into)

    def rebuild(self, model: str, gait_frame_kind: str, embed: Callable[[np.ndarray], np.ndarray]) -> int:
        """Make every embedding anew from the stored gait frames, for another gait model.

        embed: (S, H, W) gait frames to a (P, C) embedding. Returns the number of embeddings made.
        Raises GalleryError where frames were not kept, or are of another kind than the model eats.
        """

        def again(template: Template) -> Template:
            assert template.frames is not None
            return _checked(replace(template, embedding=embed(template.frames)))

        def edit(content: Content) -> Content:
            bare = [p.name for p in content.persons if any(t.frames is None for t in p.templates)]
            if bare:
                raise GalleryError(
                    f"no gait frames are stored of {', '.join(bare)}: enrol them again, or forget them first"
                )
            if content.persons and content.gait_frame_kind != gait_frame_kind:
                raise GalleryError(
                    f"the gallery holds {content.gait_frame_kind} frames and {model} eats {gait_frame_kind} frames: "
                    "enrol again"
                )
            persons = tuple(replace(p, templates=tuple(map(again, p.templates))) for p in content.persons)
            return Content(model, gait_frame_kind, persons) if persons else Content()

        self._change(edit)
        return sum(len(person.templates) for person in self.persons)

    def _change(self, edit: Callable[[Content], Content]) -> None:
        with self._mutex, gallery_file.locked(self.path):
            content = edit(gallery_file.read(self.path))
            gallery_file.write(self.path, content)
            self._signature = self._look()
            self._take(content)

    def _take(self, content: Content) -> None:
        self._content = content
        self._references = self._index()

    def _index(self) -> References:
        persons = self._content.persons
        starts = np.cumsum([0, *(len(p.templates) for p in persons)])[:-1]
        embeddings = [t.embedding for p in persons for t in p.templates]
        stacked = np.stack(embeddings) if embeddings else np.zeros((0, 0, 0), np.float32)
        return References(self._content.model, persons, stacked, starts, (next(_versions),))

    def _look(self) -> tuple[int, int, int]:
        """What tells one state of the file from another. Every write makes a new inode."""
        try:
            stat = self.path.stat()
        except OSError:
            return 0, 0, 0
        return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _named(content: Content, name: str) -> Person | None:
    """The person whose name nobody could tell from this one: Ada and ADA would be one to a listener."""
    wanted = comparable(name)
    return next((person for person in content.persons if comparable(person.name) == wanted), None)


def _find(content: Content, key: str) -> Person:
    person = next((p for p in content.persons if p.person_id == key), None) or _named(content, key)
    if person is None:
        raise UnknownPerson(f"nobody called {key!r} is enrolled: `rt-gait gallery list` shows who is")
    return person


def _without(content: Content, person: Person) -> Content:
    rest = tuple(p for p in content.persons if p is not person)
    return replace(content, persons=rest) if rest else Content()


def _new_id(content: Content) -> str:
    """A letter and nine hexadecimal digits: fit for a topic name, and made of nothing but chance."""
    taken = {person.person_id for person in content.persons} | {person.name for person in content.persons}
    while (person_id := "p" + secrets.token_hex(5)[:9]) in taken:
        pass
    return person_id


def _checked(template: Template) -> Template:
    embedding = np.array(template.embedding, np.float32)
    if embedding.ndim != 2 or embedding.size == 0 or not np.isfinite(embedding).all():
        raise GalleryError(
            f"an embedding of shape {embedding.shape} with NaN or infinity, or none at all, cannot be enrolled"
        )
    embedding.flags.writeable = False
    return replace(template, embedding=embedding)


def _require_model(content: Content, model: str, path: Path) -> None:
    if content.model and content.model != model:
        raise GalleryModelMismatch(
            f"gallery {path} was made with gait model {content.model}, and {model} is in use: "
            f"`rt-gait gallery rebuild --model {model}`, or choose another gallery"
        )


def _require_shape(content: Content, templates: Sequence[Template]) -> None:
    shapes = {t.embedding.shape for p in content.persons for t in p.templates} | {t.embedding.shape for t in templates}
    if len(shapes) > 1:
        raise GalleryError(f"embeddings of different shapes {sorted(shapes)} cannot live in one gallery: rebuild it")
