"""Robots whose contacts with the server are made by the test, one by one."""

import errno
import time

import numpy as np

from rt_gait_ros.gait import scene_file

NOW = time.time_ns()
SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


def names(gallery):
    """Who is in it."""
    return sorted(person.name for person in gallery.persons)


def with_ada_and_bob(robot, template):
    """spot, which has enrolled both and told the server."""
    spot = robot("spot")
    for name, angle in (("Ada", 20), ("Bob", 60)):
        spot.add(name, [template(angle)], **SILHOUETTE)
    spot.meet()
    return spot


def no_space(*_, **__):
    """Stands for a call that writes to a full disk."""
    raise OSError(errno.ENOSPC, "No space left on device")


def sees(gallery, *walks, scene="hall", owners=(), age=0, cipher=None):
    """A camera has seen these walks of a scene, in the place of what it had seen."""
    path = scene_file.file_of(scene_file.folder_of(gallery.path), "m", scene)
    stamps = np.array([NOW - age + int(1000 * walk.sum()) for walk in walks], np.int64)
    votes = np.stack(walks) if walks else np.zeros((0, 0, 0), np.float32)
    with scene_file.locked(path):
        scene_file.write(path, scene_file.Record("m", scene, votes, stamps, owners), cipher)
