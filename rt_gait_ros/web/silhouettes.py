"""The walks that a gallery holds as strips of silhouettes, for the page to play."""

import os
import threading
from pathlib import Path

import cv2
import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.fleet.opening import store_of
from rt_gait_ros.gait.direction import names_of
from rt_gait_ros.gallery.cipher import find_cipher
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import Person
from rt_gait_ros.overlay.draw import gait_frame_picture

MOST_FRAMES = 30  # of a walk: a stride and more


class Silhouettes:
    """Reads the gallery that a gait node of this machine uses. Callable from any thread."""

    def __init__(self, key: str = "") -> None:
        """key: names the key of an encrypted gallery, as gallery.cipher.find_cipher. Raises KeyProblem, UsageError."""
        self._cipher = find_cipher(key)
        self._gallery: Gallery | None = None
        self._path = ""
        self._lock = threading.Lock()

    def open(self, path: str) -> str:
        """Look at the gallery of this path, as it is now. Returns why there is nothing to show, or "".

        Nothing is made where nothing is, as on a robot whose gait node runs on another machine.
        """
        with self._lock:
            try:
                if path != self._path:
                    self._gallery, self._path = None, path
                if not Path(path).is_absolute() or not os.path.isfile(path):
                    self._gallery = None
                    return "The gallery's file is not on this machine, so that its silhouettes cannot be shown."
                if self._gallery is None:
                    self._gallery = Gallery(store_of(path, self._cipher))
                self._gallery.refresh()
            except (GaitError, OSError) as error:
                self._gallery = None
                return f"The silhouettes cannot be read: {error}"
        return ""

    def sides(self, person_id: str) -> list[str]:
        """The sides from which a person is known."""
        person = self._find(person_id)
        return [] if person is None else names_of(template.view for template in person.templates)

    def count(self, person_id: str) -> int:
        """Frames in the strip of a person; 0 where none is kept."""
        person = self._find(person_id)
        kept = [] if person is None else [t.frames for t in person.templates if t.frames is not None]
        return min(MOST_FRAMES, len(kept[-1])) if kept else 0

    def strip(self, person_id: str) -> bytes | None:
        """The newest walk that is kept, frame beside frame, as a PNG: white, with the person as its opacity."""
        person = self._find(person_id)
        kept = [] if person is None else [t.frames for t in person.templates if t.frames is not None]
        if not kept:
            return None
        try:
            frames = np.asarray(kept[-1])[:MOST_FRAMES]
        except GaitError:  # forgotten meanwhile
            return None
        shape = np.hstack([gait_frame_picture(frame).max(axis=2) for frame in frames])
        picture = np.dstack([np.full((*shape.shape, 3), 255, np.uint8), shape])
        return bytes(cv2.imencode(".png", picture)[1].tobytes())

    def _find(self, person_id: str) -> Person | None:
        with self._lock:
            persons = () if self._gallery is None else self._gallery.persons
        return next((person for person in persons if person.person_id == person_id), None)
