"""People of a gait network that can be computed by hand: an embedding is an angle."""

from pathlib import Path

import numpy as np

from rt_gait_ros.gallery import Gallery, Template


def embedding(angle: float) -> np.ndarray:
    """(1, 2): a point of the unit circle; two of them are 2 sin(half the angle between them) apart."""
    radians = np.deg2rad(angle)
    return np.array([[np.cos(radians), np.sin(radians)]], np.float32)


def template_of(angle: float, frames: np.ndarray | None = None) -> Template:
    """A stored look at a walk."""
    return Template(embedding(angle), 1, frames)


def three_people(tmp_path: Path) -> Gallery:
    """Ada walks at 20 degrees, Bob at 60, Cyd at 64: near each other."""
    gallery = Gallery(tmp_path / "gallery" / "people.gallery")
    for name, angle in (("Ada", 20), ("Bob", 60), ("Cyd", 64)):
        gallery.add(name, [template_of(angle)], model="angle", gait_frame_kind="silhouette")
    return gallery
