"""Robots whose contacts with the server are made by the test, one by one."""

import errno

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
