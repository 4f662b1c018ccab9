"""What a gallery is asked for and what it refuses: who is meant, which names and embeddings fit."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gallery import gallery_file
from rt_gait_ros.gallery.gallery_checks import MAX_TEXT
from rt_gait_ros.gallery.names import comparable
from rt_gait_ros.gallery.person import LEARNT, Content, GalleryError, Person, Template
from rt_gait_ros.gallery.sides import SAME_SIDE, apart

_EARLIEST = 1_735_689_600 * 10**9  # ns, 2025-01-01: a clock before it was not set since the machine was switched on
GONE = "not known any more, so this walk is not stored: ask again to enrol anew"  # of whom a walk was to be added to


class UnknownPerson(GalleryError):
    """Nobody of that id or name is enrolled."""

    exit_code = UsageError.exit_code


class DuplicateName(GalleryError):
    """Somebody else has that display name, or that id."""


class GalleryModelMismatch(GalleryError):
    """The embeddings were made by another gait model than the one in use."""


def named(persons: Sequence[Person], name: str) -> Person | None:
    """The person whose name nobody could tell from this one: Ada and ADA would be one to a listener."""
    wanted = comparable(name)
    return next((person for person in persons if comparable(person.name) == wanted), None)


def find(persons: Sequence[Person], key: str) -> Person:
    """The person of this permanent id or display name. Raises UnknownPerson, and DuplicateName for two people."""
    by_id, by_name = next((p for p in persons if p.person_id == key), None), named(persons, key)
    if by_id is not None and by_name is not None and by_id is not by_name:
        raise DuplicateName(
            f"{key} is the id of {by_id.name!r} and the name of {by_name.person_id}: rename {by_name.person_id} first"
        )
    if by_id is None and by_name is None:
        raise unknown(key)
    return by_id or by_name  # type: ignore[return-value]


def still(persons: Sequence[Person], person: Person) -> Person | None:
    """Who a person of an earlier state is by now: of the same id, or whoever has their walks since the two were merged.

    None: they were forgotten.
    """
    return heirs_of(persons, [person])[person.person_id]


def heirs_of(persons: Sequence[Person], former: Collection[Person]) -> dict[str, Person | None]:
    """As `still` for each of these persons, by their ids."""
    same = {each.person_id: each for each in persons}
    walks = {(t.added, t.stamp): number for number, each in reversed([*enumerate(persons)]) for t in each.templates}
    found: dict[str, Person | None] = {}
    for person in former:
        holders = [walks[key] for t in person.templates if (key := (t.added, t.stamp)) in walks]
        found[person.person_id] = same.get(person.person_id) or (persons[min(holders)] if holders else None)
    return found


def unknown(key: str) -> UnknownPerson:
    """The complaint that there is nobody of that id or name."""
    return UnknownPerson(f"nobody called {key[:80]!r} is enrolled: `rt-gait gallery list` shows who is")


def require_no_id(persons: Sequence[Person], name: str, own: Person | None) -> None:
    """Raise DuplicateName where a name is another person's id: whoever asks for one of them would get the other."""
    wanted = comparable(name)
    other = next((p for p in persons if p is not own and comparable(p.person_id) == wanted), None)
    if other is not None:
        raise DuplicateName(f"{name!r} is the id of {other.name!r}: choose another name")


def tagged(content: Content) -> Content:
    """The gallery with a tag for everybody; those of earlier schemata have none."""
    if all(person.tag for person in content.persons):
        return content
    persons = [p if p.tag else replace(p, tag=secrets.token_hex(4)) for p in content.persons]
    return replace(content, persons=tuple(persons))


def without(content: Content, *gone: Person) -> Content:
    """The gallery without these persons."""
    if not gone:
        return content
    those = set(map(id, gone))
    rest = tuple(p for p in content.persons if id(p) not in those)
    return replace(content, persons=rest) if rest else Content()


def new_id(content: Content) -> str:
    """A letter and nine hexadecimal digits: fit for a topic name, and made of nothing but chance."""
    taken = {p.person_id for p in content.persons} | {comparable(p.name) for p in content.persons}
    while (person_id := "p" + secrets.token_hex(5)[:9]) in taken:
        pass
    return person_id


def noted(text: str) -> str:
    """Text as it is written down beside a person. Raises GalleryError for what cannot be shown."""
    if len(text) > MAX_TEXT or not text.isprintable():
        raise GalleryError(f"{text[:80]!a} cannot be noted: use at most {MAX_TEXT} printable characters")
    return text.strip()


def end_of(now: int, retention: int) -> int:
    """When `retention` ns from now are over; 0 is never.

    Raises GalleryError while the clock was not set: as soon as it is, the time would be over, and the person deleted.
    """
    if retention and now < _EARLIEST:
        raise GalleryError(
            "nobody can be kept for a time while this machine's clock is before 2025: set it first (NTP)"
        )
    return now + retention if retention else 0


def learnt(content: Content, person_id: str, template: Template, limit: int) -> Content:
    """The gallery with one more learnt template of a person: unless they are gone, have `limit` of them, or have one
    from that side by now, which another process may have learnt.

    Raises GalleryError for an embedding that does not fit.
    """
    require_shape(content, (template,))
    person = next((p for p in content.persons if p.person_id == person_id), None)
    if person is None or sum(t.origin == LEARNT for t in person.templates) >= limit:
        return content
    view = template.view
    sides = [t.view for t in person.templates if t.origin == LEARNT]
    if not isinstance(view, str) and any(not isinstance(s, str) and apart(s, view) <= SAME_SIDE for s in sides):
        return content
    grown = replace(person, templates=(*person.templates, template))
    return replace(content, persons=tuple(grown if p is person else p for p in content.persons))


def unlearnt(person: Person) -> Person:
    """A person without what was learnt. Raises GalleryError where nothing else is known of them."""
    templates = tuple(t for t in person.templates if t.origin != LEARNT)
    if not templates:
        raise GalleryError(f"all that is known of {person.name!r} was learnt: forget them instead")
    return replace(person, templates=templates)


def bare(template: Template) -> Template:
    """A template without its gait frames; its embedding stays where it is."""
    return gallery_file.without_frames(template) if template.frames is not None else template


def checked(template: Template, now: int, robot: str = "") -> Template:
    """A template as it is stored, by this robot. Raises GalleryError for an embedding that cannot be compared."""
    embedding = np.array(template.embedding, np.float32)
    if embedding.ndim != 2 or embedding.size == 0 or not np.isfinite(embedding).all():
        raise GalleryError(
            f"an embedding of shape {embedding.shape} with NaN or infinity, or none at all, cannot be enrolled"
        )
    embedding.flags.writeable = False
    return replace(template, embedding=embedding, added=template.added or now, robot=template.robot or robot)


def require_model(made_with: str, model: str, gallery: str) -> None:
    """Raise GalleryModelMismatch where embeddings were made with another gait model."""
    if made_with and made_with != model:
        raise GalleryModelMismatch(
            f"gallery {gallery} was made with gait model {made_with}, and {model} is in use: "
            f"set model to {made_with}, choose another gallery, or make its embeddings anew by "
            f"`rt-gait gallery rebuild --model {model}`"
        )


def require_shape(content: Content, templates: Sequence[Template]) -> None:
    """Raise GalleryError unless all embeddings have one shape."""
    shapes = {t.embedding.shape for p in content.persons for t in p.templates} | {t.embedding.shape for t in templates}
    if len(shapes) > 1:
        raise GalleryError(f"embeddings of different shapes {sorted(shapes)} cannot live in one gallery: rebuild it")
