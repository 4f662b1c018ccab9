"""A gallery in the embeddings of a network that it was not made by."""

from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.gait.translation import Translation
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import GalleryError, Template


@pytest.fixture
def stored(tmp_path):
    gallery = Gallery(tmp_path / "frames.gallery")
    for name, grey in (("Ada", 20), ("Bob", 60)):
        template = Template(np.ones((1, 2), np.float32), 1, np.full((10, 64, 64), grey, np.uint8))
        gallery.add(name, [template], model="angle", gait_frame_kind="silhouette")
    return gallery


def embed(frames):
    return np.full((1, 3), frames.mean(), np.float32)


def test_whoever_is_forgotten_is_gone_from_here_too(stored):
    translation = Translation("light", embed)
    before = stored.references
    translation.make(before)
    assert [person.name for person in translation.of(before).persons] == ["Ada", "Bob"]
    stored.forget("Ada")
    now = translation.of(stored.references)
    assert [person.name for person in now.persons] == ["Bob"]
    assert now.embeddings.tolist() == [[[60.0] * 3]]
    assert translation.unknown(before) == ["Ada"]  # nothing of her is left to know her by


def test_frames_that_cannot_be_read_are_said(stored):
    class Gone:
        def __array__(self, dtype=None, copy=None):
            raise GalleryError("gone or changed")

    references = stored.references
    (ada, bob) = references.persons
    gone = replace(bob, templates=(replace(bob.templates[0], frames=Gone()),))
    translation = Translation("light", embed)
    with pytest.raises(GalleryError, match="gone or changed"):
        translation.make(replace(references, persons=(ada, gone)))
    assert translation.lacks(references)
    assert translation.unknown(references) == ["Bob"]
