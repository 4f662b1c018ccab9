"""Walks that cameras of robots saw of their places, and what a server has of them."""

import numpy as np

from rt_gait_ros.gait import scene_file

MODEL = {"model": "m", "gait_frame_kind": "silhouette"}
SHAPE = (16, 256)  # long enough for a search key; two of these numbers are 22 apart
LINE = 11.0  # distance within which two walks may be one person's


def walk(seed, near=0):
    """A walk of somebody; with `near`, another one of the same person, at a distance of 5."""
    found = np.random.default_rng(seed).normal(size=SHAPE)
    other = np.random.default_rng(100 * seed + near).normal(size=SHAPE) * (0.31 if near else 0.0)
    return (found + other).astype(np.float32)


def record(gallery, scene="hall", cipher=None):
    return scene_file.read(scene_file.file_of(scene_file.folder_of(gallery.path), "m", scene), cipher)


def has(gallery, *walks, **of):
    """Whether the robot's scene counts exactly these walks."""
    found = record(gallery, **of)
    votes = [] if found is None else list(found.votes)
    return len(votes) == len(walks) and all(any(np.allclose(w, v, atol=4e-3) for v in votes) for w in walks)


def counts(kept):
    return {(each.robot, each.scene): each.walks for each in kept.listed()}


def take(gallery, kept, scene="hall", of="rover", cipher=None):
    return kept.take(scene, of, scene_file.folder_of(gallery.path), cipher)
