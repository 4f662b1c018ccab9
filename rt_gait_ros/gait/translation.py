"""A gallery as another gait network sees it: its stored gait frames, embedded by that network, in memory alone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rt_gait_ros.gallery.person import Person, Template
from rt_gait_ros.gallery.references import References

Key = tuple[str, int, int, float | str]


class Translation:
    """Embeddings of a gallery's stored gait frames by a network that the gallery was not made by.

    Nothing of it is written: whoever is forgotten in the gallery is gone from here when `of` is asked next, which is
    with the next image. `make` may run in a thread of its own while `of` is asked in another.
    """

    def __init__(self, model: str, embed: Callable[[np.ndarray], np.ndarray]) -> None:
        """model: the network. embed: (S, H, W) or (S, H, W, C) gait frames to (P, C) float32, and raises
        InferenceError."""
        self.model = model
        self._embed = embed
        self._embeddings: dict[Key, np.ndarray | None] = {}  # None: no gait frames are stored
        self._made = 0
        self._latest: References | None = None

    def lacks(self, references: References) -> bool:
        """Whether there are walks in the gallery that were not looked at yet."""
        return any(_key(person, each) not in self._embeddings for person, each in _templates(references))

    def make(self, references: References) -> None:
        """Embed every stored walk that is new. Blocks for as long as the network takes.

        Raises InferenceError, and GalleryError where the gallery's file was changed meanwhile; what was embedded stays.
        """
        for person, template in _templates(references):
            key = _key(person, template)
            if key in self._embeddings:
                continue
            self._embeddings[key] = None if template.frames is None else self._embed(np.asarray(template.frames))
            self._made += 1

    def unknown(self, references: References) -> list[str]:
        """Names of the persons of whom no gait frames are stored, who get no name by this network."""
        return [person.name for person in references.persons if not self._known(person)]

    def of(self, references: References) -> References:
        """The gallery in this network's embeddings: (T, P, C) float32 of what `make` has embedded of it so far.

        What is no longer in the gallery is dropped.
        """
        version = (0, *references.version, self._made)  # a gallery's own begin with 1
        if self._latest is None or self._latest.version != version:
            stored = {_key(person, template) for person, template in _templates(references)}
            for key in set(self._embeddings) - stored:
                del self._embeddings[key]
            persons = [replace(person, templates=self._known(person)) for person in references.persons]
            present = tuple(person for person in persons if person.templates)
            rows = [template.embedding for person in present for template in person.templates]
            counts = [len(person.templates) for person in present]
            embeddings = np.stack(rows) if rows else np.zeros((0, 1, 1), np.float32)
            starts = np.cumsum([0, *counts])[:-1].astype(int)
            self._latest = References(self.model if present else "", present, embeddings, starts, version)
        return self._latest

    def _known(self, person: Person) -> tuple[Template, ...]:
        """The person's walks with this network's embeddings."""
        found = [(template, self._embeddings.get(_key(person, template))) for template in person.templates]
        return tuple(replace(template, embedding=each) for template, each in found if each is not None)


def _templates(references: References) -> list[tuple[Person, Template]]:
    return [(person, template) for person in references.persons for template in person.templates]


def _key(person: Person, template: Template) -> Key:
    return person.person_id, template.stamp, template.added, template.view
