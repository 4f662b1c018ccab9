"""Who is enrolled: a gallery of persons and their walks, in one private file that survives whatever happens to it."""

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rt_gait_ros.gallery import gallery_edits as edits
from rt_gait_ros.gallery import gallery_file
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.gallery_edits import DuplicateName
from rt_gait_ros.gallery.gallery_edits import GalleryModelMismatch as GalleryModelMismatch
from rt_gait_ros.gallery.gallery_edits import UnknownPerson as UnknownPerson
from rt_gait_ros.gallery.gallery_file import Loaded
from rt_gait_ros.gallery.gallery_path import default_path as default_path
from rt_gait_ros.gallery.gallery_path import real_path as real_path
from rt_gait_ros.gallery.gallery_store import FileStore, Store
from rt_gait_ros.gallery.names import clean_name
from rt_gait_ros.gallery.person import LEARNT, Content, GalleryCorrupt, GalleryError, GalleryTooNew, Person, Template
from rt_gait_ros.gallery.references import References, index_of, on_rows
from rt_gait_ros.gallery.search import TemplateMatrix

DAY = 86_400 * 1_000_000_000  # ns


class Gallery:
    """A stored gallery, and what it held when it was last looked at.

    Every change locks the store against other processes, looks whether another one has changed it, and commits; memory
    follows only after the store has it. So several processes may hold one gallery, and `refresh` shows one what another
    changed. Somebody whose time is over (Person.expires) is not there any more, whatever the store still holds.
    Methods may be called from any thread. All errors derive from GaitError, and then nothing was changed unless
    the error says otherwise.
    """

    def __init__(
        self, place: str | Path | Store, cipher: Cipher | None = None, clock: Callable[[], int] = time.time_ns
    ) -> None:
        """Open the gallery, or create an empty one. A leading ~ is expanded, folders may be links, the file may not.

        place: the file, or another store than a file. cipher: of an encrypted file; a new one is made so; another store
        has its own. clock: ns since the epoch. Raises GalleryCorrupt, GalleryTooNew (the file stays as it is; see
        `open_or_set_aside`), GalleryLocked, or GalleryError.
        """
        self.store: Store = FileStore(real_path(place), cipher) if isinstance(place, (str, Path)) else place
        self._clock = clock
        self._next_end, self._last_end = 2**63, 0  # when the next person's time is over, and the last one's was
        self._signature: gallery_file.Signature = ()
        self._matrix = TemplateMatrix([])
        self._mutex = threading.Lock()  # of whoever reads or writes the file; never of whoever searches
        self._take(self.store.open())

    @classmethod
    def open_or_set_aside(cls, path: str | Path, cipher: Cipher | None = None) -> tuple["Gallery", str]:
        """Open the gallery; one that is corrupt or too new is renamed and kept, and an empty one takes its place.

        Returns the gallery, and what was done in one line for the log, or "".
        """
        try:
            return cls(path, cipher), ""
        except (GalleryCorrupt, GalleryTooNew) as error:
            why = "newer" if isinstance(error, GalleryTooNew) else "corrupt"
            aside = gallery_file.set_aside_if(real_path(path), why, cipher)
            if aside is None:  # another process has just done it
                return cls(path, cipher), ""
            return cls(path, cipher), f"{error}. It is kept as {aside}, and an empty gallery is used"

    @property
    def path(self) -> Path:
        """As Store.path."""
        return self.store.path

    @property
    def name(self) -> str:
        """As Store.name."""
        return self.store.name

    @property
    def cipher(self) -> Cipher | None:
        """As Store.cipher."""
        return self.store.cipher

    @property
    def problem(self) -> str:
        """As Store.problem."""
        return self.store.problem

    def close(self) -> None:
        """As Store.close; a gallery in a file needs none."""
        self.store.close()

    @property
    def persons(self) -> tuple[Person, ...]:
        """Everybody enrolled, in order of enrolment."""
        return self._references.persons

    @property
    def model(self) -> str:
        """Gait model that made the embeddings; empty while nobody is enrolled."""
        return self._references.model

    @property
    def references(self) -> References:
        """An unchanging snapshot to search in."""
        return self._references

    def require_writable(self) -> None:
        """Raise GalleryReadOnly where this process may only read the file."""
        self.store.require_writable()

    @property
    def overdue(self) -> tuple[Person, ...]:
        """Whose time is over, and who are in the file still: `purge` deletes them."""
        return self._overdue

    def asides(self) -> list[Path]:
        """Unreadable galleries kept beside this one; they may hold data of persons who were forgotten here since."""
        return self.store.asides()

    def find(self, key: str) -> Person:
        """The person of this permanent id or display name. Raises UnknownPerson, DuplicateName for two people."""
        return edits.find(self.persons, key)

    def require_model(self, model: str) -> None:
        """Raise GalleryModelMismatch unless the gallery is empty or was made by this gait model."""
        edits.require_model(self.model, model, self.name)

    @property
    def changed(self) -> bool:
        """Whether `refresh` would find something: two small reads, which wait for nobody."""
        return self._is_passed or self.store.signature() != self._signature

    @property
    def _is_passed(self) -> bool:
        """Whether somebody's time is over since it was last looked, or is not any more: the clock was set back."""
        return not self._last_end <= self._clock() < self._next_end

    def refresh(self) -> bool:
        """Take over what other processes have changed, and what the clock has. True if anything was.

        Costs two small reads while nothing changes, and waits for no change that is under way in this process. Raises
        GalleryError once per change of the file that leaves it unreadable; what is in memory stays then.
        """
        if not self._mutex.acquire(blocking=False):
            return False
        try:
            signature = self.store.signature()
            if signature == self._signature and not self._is_passed:
                return False
            if signature == self._signature:
                self._take(self._loaded)
                return True
            self._signature = signature
            self._take(self.store.read(self._loaded))
            return True
        finally:
            self._mutex.release()

    def add(
        self,
        name: str,
        templates: Sequence[Template],
        *,
        model: str,
        gait_frame_kind: str,
        extend: bool = False,
        to: Person | None = None,
        consent: str = "",
        retention: int = 0,
    ) -> Person:
        """Enrol somebody; with `extend`, add to the person of that name if there is one.

        to: whom to add to, as they were when somebody asked for it: whatever they are called by now, and whoever they
        were merged into. consent: of somebody new, as Person.consent. retention: ns from now until they are deleted; 0
        is never. Raises UnfitName, DuplicateName, GalleryModelMismatch, UnknownPerson where `to` was forgotten, or
        GalleryError for an unfit embedding, and for a retention while the clock is not set.
        """
        now = self._clock()
        checked = tuple(edits.checked(template, now, self.store.robot) for template in templates)
        if not checked:
            raise GalleryError(f"nothing to enrol for {name!r}: no embedding was given")
        name = clean_name(name)
        enrolled: list[str] = []

        def edit(content: Content) -> Content:
            edits.require_model(content.model, model, self.name)
            edits.require_shape(content, checked)
            taken = edits.named(content.persons, name) if to is None else edits.still(content.persons, to)
            if taken is None and to is not None:
                raise UnknownPerson(f"{name!r} is {edits.GONE}")
            if taken is not None and to is None and not extend:
                raise DuplicateName(f"{taken.name!r} is already enrolled: choose another name, or extend that person")
            if taken is not None:
                grown = replace(taken, templates=taken.templates + checked, updated=now)
                enrolled[:] = [taken.person_id]
                return replace(content, persons=tuple(grown if p is taken else p for p in content.persons))
            edits.require_no_id(content.persons, name, None)
            expires = edits.end_of(now, retention)
            said, tag = edits.noted(consent), secrets.token_hex(4)
            person = Person(edits.new_id(content), name, now, now, checked, said, expires, tag)
            enrolled[:] = [person.person_id]
            return Content(model, gait_frame_kind, (*content.persons, person))

        self._change("extend" if extend or to is not None else "enrol", edit)
        return next(p for p in self._loaded.content.persons if p.person_id == enrolled[0])

    def forget(self, key: str) -> Person:
        """Delete a person and all that is stored of them; it is overwritten in the file. Raises UnknownPerson."""
        forgotten: list[Person] = []

        def edit(content: Content) -> Content:
            forgotten.append(edits.find(content.persons, key))
            return edits.without(content, forgotten[0])

        self._change("forget", edit, thorough=True)
        return forgotten[0]

    def purge(self) -> tuple[Person, ...]:
        """Delete whose time is over. Returns them."""
        gone: list[Person] = []

        def edit(content: Content) -> Content:
            gone[:] = [person for person in content.persons if self._is_over(person)]
            return edits.without(content, *gone)

        self._change("expire", edit, thorough=True)
        return tuple(gone)

    def rename(self, key: str, new_name: str) -> Person:
        """Give a person another display name; the id stays. Raises UnfitName, UnknownPerson or DuplicateName."""
        new_name = clean_name(new_name)

        def change(persons: tuple[Person, ...], person: Person) -> Person:
            taken = edits.named(persons, new_name)
            if taken is not None and taken is not person:
                raise DuplicateName(f"{taken.name!r} is already enrolled: choose another name, or merge the two")
            edits.require_no_id(persons, new_name, person)
            return replace(person, name=new_name, updated=self._clock())

        return self._change_one("rename", key, change)

    def note(self, key: str, *, consent: str | None = None, retention: int | None = None) -> Person:
        """Write down how a person agreed, and how long from now they are kept (ns; 0 is for ever); None leaves it.

        Raises UnknownPerson, or GalleryError for text that cannot be shown, and for a time while the clock is not set.
        """

        def change(persons: tuple[Person, ...], person: Person) -> Person:
            if consent is not None:
                person = replace(person, consent=edits.noted(consent))
            if retention is not None:
                person = replace(person, expires=edits.end_of(self._clock(), retention))
            return person

        return self._change_one("note", key, change)

    def learn(self, person_id: str, template: Template, limit: int) -> None:
        """Keep a further view of a person, up to `limit` of them; as gallery_edits.learnt. Raises GalleryError."""
        checked = edits.checked(replace(template, origin=LEARNT), self._clock(), self.store.robot)
        self._change("learn", lambda content: edits.learnt(content, person_id, checked, limit))

    def unlearn(self, key: str = "") -> int:
        """Delete what was learnt of a person, or of everybody. Returns how many templates. Raises UnknownPerson."""
        before = 0

        def edit(content: Content) -> Content:
            nonlocal before
            before = sum(len(person.templates) for person in content.persons)
            chosen = (edits.find(content.persons, key),) if key else content.persons
            return replace(content, persons=tuple(edits.unlearnt(p) if p in chosen else p for p in content.persons))

        self._change("unlearn", edit, thorough=True)
        return before - sum(len(person.templates) for person in self._loaded.content.persons)

    def strip(self, key: str = "") -> int:
        """Delete the stored gait frames of a person, or of everybody: no other model can be rebuilt from them then.

        Returns of how many walks. Raises UnknownPerson.
        """
        count = 0

        def edit(content: Content) -> Content:
            nonlocal count
            chosen = {edits.find(content.persons, key).person_id} if key else {p.person_id for p in content.persons}
            mine = [p for p in content.persons if p.person_id in chosen]
            count = sum(template.frames is not None for person in mine for template in person.templates)
            bare = {p.person_id: replace(p, templates=tuple(map(edits.bare, p.templates))) for p in mine}
            return replace(content, persons=tuple(bare.get(p.person_id, p) for p in content.persons))

        self._change("strip", edit, thorough=True)
        return count

    def merge(self, into: str, other: str) -> Person:
        """Move the templates of `other` to `into`, and forget `other`. Raises UnknownPerson."""

        def edit(content: Content) -> Content:
            kept, gone = edits.find(content.persons, into), edits.find(content.persons, other)
            if kept is gone:
                raise GalleryError(f"{into!r} and {other!r} are the same person already: nothing to merge")
            edits.require_no_id(content.persons, kept.name, kept)
            merged = replace(kept, templates=kept.templates + gone.templates, updated=self._clock())
            rest = edits.without(content, gone)
            return replace(rest, persons=tuple(merged if p is kept else p for p in rest.persons))

        kept = self.find(into).person_id
        self._change("merge", edit, thorough=True)
        return edits.find(self.persons, kept)

    def rebuild(self, model: str, gait_frame_kind: str, embed: Callable[[np.ndarray], np.ndarray]) -> int:
        """Make every embedding anew from the stored gait frames, for another gait model.

        embed: (S, H, W) gait frames to a (P, C) embedding. Returns the number of embeddings made.
        Raises GalleryError where frames were not kept, or are of another kind than the model takes.
        """

        def again(template: Template) -> Template:
            frames = np.asarray(template.frames)
            return replace(
                edits.checked(replace(template, embedding=embed(frames)), template.added), frames=frames, place=None
            )

        def edit(content: Content) -> Content:
            bare = [p.name for p in content.persons if any(t.frames is None for t in p.templates)]
            if bare:
                raise GalleryError(
                    f"no gait frames are stored of {', '.join(bare)}: enrol them again, or forget them first"
                )
            if content.persons and content.gait_frame_kind != gait_frame_kind:
                raise GalleryError(
                    f"the gallery holds {content.gait_frame_kind} frames and {model} takes {gait_frame_kind} frames: "
                    "enrol again"
                )
            persons = tuple(replace(p, templates=tuple(map(again, p.templates))) for p in content.persons)
            return Content(model, gait_frame_kind, persons) if persons else Content()

        self._change("rebuild", edit, thorough=True)
        return sum(len(person.templates) for person in self.persons)

    def encrypt(self, cipher: Cipher | None) -> None:
        """Write the file anew with another key, or open (None). Raises GalleryError."""
        with self._mutex:
            self.store.recrypt(cipher)
            self._take(self.store.open())

    def _change_one(self, what: str, key: str, change: Callable[[tuple[Person, ...], Person], Person]) -> Person:
        changed: list[Person] = []

        def edit(content: Content) -> Content:
            person = edits.find(content.persons, key)
            changed[:] = [change(content.persons, person)]
            return replace(content, persons=tuple(changed[0] if p is person else p for p in content.persons))

        self._change(what, edit, thorough=True)
        return changed[0]

    def _change(self, what: str, edit: Callable[[Content], Content], *, thorough: bool = False) -> None:
        """what: for the audit. thorough: nothing of what goes may be left in the file."""
        with self._mutex, self.store.changing(self._loaded) as change:
            content = edits.tagged(change.content)
            if what != "expire":  # whose time is over is nobody's business any more, and goes with the next change
                over = [person for person in content.persons if self._is_over(person)]
                content = edits.without(content, *over)
                thorough = thorough or bool(over)
            self._take(change.commit(edit(content), what, thorough=thorough))

    def _is_over(self, person: Person) -> bool:
        return 0 < person.expires <= self._clock()

    def _take(self, loaded: Loaded) -> None:
        """Make what was loaded what is known; its embeddings become rows of one matrix."""
        content = loaded.content
        rows = [np.asarray(t.embedding) for p in content.persons for t in p.templates]
        former = self._matrix
        if 0 < len(former) <= len(rows) and former.begins(rows):
            matrix = former.grown(rows[len(former) :]) if len(rows) > len(former) else former
        else:
            matrix = TemplateMatrix(rows, loaded.block)
        content = on_rows(content, matrix)
        texts = {p.person_id: (p, loaded.texts[p.person_id][1]) for p in content.persons if p.person_id in loaded.texts}
        self._loaded = replace(loaded, content=content, texts=texts, block=None)
        self._matrix, self._signature = matrix, loaded.signature
        ends = [p.expires for p in content.persons if p.expires]
        now = self._clock()
        self._next_end = min([end for end in ends if end > now], default=2**63)
        self._last_end = max([end for end in ends if end <= now], default=0)
        self._overdue = tuple(person for person in content.persons if self._is_over(person))
        self._references = index_of(content, matrix, self._is_over if self._overdue else None)
