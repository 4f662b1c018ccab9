"""What may be in a gallery: what a file, a server or a robot says is looked at before it is believed, or kept."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from rt_gait_ros.gallery.names import MAX_NAME, UnfitName, clean_name
from rt_gait_ros.gallery.person import ENROLLED, LEARNT, Content, Person, Template

MAX_TEXT = 200  # characters of a scene, a view, a consent
_ID = re.compile("[a-z][a-z0-9]{0,31}")
_TAG = re.compile("[0-9a-f]{0,16}")
_MEASURE = re.compile("[a-z][a-z_]{0,31}")


def checked(content: Content) -> Content:
    """A gallery that was read from somewhere, if it can be one; names as they are written today. Raises ValueError."""
    check_made_by(content)
    ids = [person.person_id for person in content.persons]
    if not all(isinstance(each, str) and _ID.fullmatch(each) for each in ids) or len(set(ids)) < len(ids):
        raise ValueError("its persons have no ids, or two have one")
    shapes = set()
    for template in templates_of(content):
        check_template(template)
        shapes.add(np.shape(template.embedding))
    if len(shapes) > 1:
        raise ValueError(f"its embeddings have different shapes: {sorted(shapes)[:3]}")
    return replace(content, persons=tuple(checked_person(person) for person in content.persons))


def templates_of(content: Content) -> Iterator[Template]:
    """All of all persons."""
    for person in content.persons:
        yield from person.templates


def check_made_by(content: Content) -> None:
    """Raise ValueError where model or kind of gait frame have no proper name."""
    if not all(isinstance(text, str) and len(text) <= MAX_TEXT for text in (content.model, content.gait_frame_kind)):
        raise ValueError("its gait model has no name")


def check_template(template: Template) -> None:
    """Raise ValueError for what no template is."""
    embedding = np.asarray(template.embedding)
    if embedding.ndim != 2 or not embedding.size or embedding.dtype.kind != "f" or not _is_finite(embedding):
        raise ValueError("it holds an embedding with NaN or infinity, or none at all")
    if not all(_is_time(stamp) for stamp in (template.stamp, template.added)):
        raise ValueError("a walk in it has no time")
    if not _is_text(template.scene):
        raise ValueError(f"a walk's scene {template.scene[:60]!a} is not of {MAX_TEXT} printable characters at most")
    if not _is_text(template.robot) or template.origin not in (ENROLLED, LEARNT):
        raise ValueError("a walk in it does not say properly where it is from")
    view = template.view
    if not (_is_text(view) or (isinstance(view, (int, float)) and math.isfinite(view))):
        raise ValueError("a walk in it does not say properly from where it was seen")
    for name, measure in template.measures.items():
        numbers = measure.value, measure.deviation
        if not _MEASURE.fullmatch(name) or not all(isinstance(n, (int, float)) and math.isfinite(n) for n in numbers):
            raise ValueError("a walk in it has a measure that is none")


def checked_person(person: Person) -> Person:
    """The person with a name as it is written today. Raises ValueError; templates are not looked at."""
    if not all(_is_time(stamp) for stamp in (person.enrolled, person.updated, person.expires)) or not person.templates:
        raise ValueError("a person in it has no times or no walks")
    if not _is_text(person.consent) or not isinstance(person.tag, str) or not _TAG.fullmatch(person.tag):
        raise ValueError("a person in it does not say properly what was agreed")
    name = person.name
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not _is_text(name):
        raise ValueError("a name in it cannot be shown")
    try:
        cleaned = clean_name(name)
        return person if cleaned == name else replace(person, name=cleaned)
    except UnfitName:  # from before names were looked at as closely as today: it stays, as what it is made of
        return replace(person, name=name.encode("ascii", "backslashreplace").decode()[:MAX_NAME])


def _is_finite(embedding: np.ndarray) -> bool:
    """As np.isfinite of all numbers, which takes several times as long where they are float16."""
    if embedding.dtype != np.float16:
        return bool(np.isfinite(embedding).all())
    bits = np.ascontiguousarray(embedding).view(np.uint16)
    return int((bits << 1).max()) < 0x7C00 << 1  # without the sign: an exponent of ones is infinity or no number


def _is_text(value: Any) -> bool:
    """Whether this is text that can be shown as it is: joiners are not printable by their category, and harmless."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return False
    return value.isprintable() or re.sub("[\u200c\u200d]", "", value).isprintable()


def _is_time(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
