"""Who the people of a generated scene are: enrolled beforehand, each alone, and told apart in what came out."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.errors import GaitError
from rt_gait_ros.frame import Frame
from rt_gait_ros.gait.enrollment import Enrollment
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.pipeline import GaitPipeline
from rt_gait_ros.synthesis.render import Renderer
from rt_gait_ros.synthesis.scenes import Actor, Crowd
from rt_gait_ros.tracking.track import TrackState

PASS = 3.0  # seconds that somebody is wholly in the picture at least, so that a name is to be expected


def known(alone: Crowd, folder: Path) -> Path:
    """A gallery in `folder` of everybody in a scene, each under the number that the scene gives them.

    alone: the scene that they are enrolled in, one after the other. Raises GaitError for somebody who could not be.
    """
    path = folder / "known.gallery"
    for actor in alone.actors:
        camera = Renderer(replace(alone, actors=(actor,)))
        with GaitPipeline(path) as pipeline:
            enrollment = pipeline.enroll("", str(actor.identity))
            for number in range(_comes(actor, alone), len(alone)):
                pipeline.process(Frame(camera.image(number), round(number / alone.fps * 1e9), "camera"))
                if enrollment.done:
                    break
        if not enrollment.person_id:
            raise GaitError(f"person {actor.identity} of the scene could not be enrolled: {_why(enrollment)}")
    return path


def _why(enrollment: Enrollment) -> str:
    """Why somebody is not enrolled."""
    return enrollment.message or f"{enrollment.gathered} of {enrollment.wanted} gait frames until the scene ended"


def _comes(actor: Actor, scene: Crowd) -> int:
    """Number of the first image in which somebody is, at least in part."""
    across = actor.walk.keypoints[..., 0]
    inside = ((across > 0) & (across < scene.camera.width)).any(axis=1)
    return int(inside.argmax())


def first_names(recording: Recording) -> dict[str, str]:
    """The name that a track had first, by its body id."""
    names: dict[str, str] = {}
    for _, frame in sorted(recording.identities.items()):
        for identity in frame.identities:
            if identity.status == IdentityStatus.IDENTIFIED:
                names.setdefault(identity.body_id, identity.name)
    return names


def whose(recording: Recording, scene: Crowd, body: str) -> str:
    """The name of whoever was nearest to a track in most images in which it was seen."""
    return _owners(recording, scene)[body]


def passes(recording: Recording, scene: Crowd) -> tuple[float, float, float, float]:
    """Of the times for which somebody was wholly in the picture for PASS seconds, whether followed or not.

    How many of 100 had their own name and never another, the median of the seconds until then, how many of 100 had the
    name of somebody else at any time, and how many such times there were. Whose a name is, is whose its track is: of
    whoever was nearest to it in most images. NaN without any of them.
    """
    owners = _owners(recording, scene)
    said: dict[str, list[tuple[float, str]]] = {}
    for stamp, frame in sorted(recording.identities.items()):
        for identity in frame.identities:
            if identity.status == IdentityStatus.IDENTIFIED and identity.body_id in owners:
                said.setdefault(owners[identity.body_id], []).append((recording.seconds(stamp), identity.name))
    waits: list[float] = []
    total = wrong = 0
    for actor in scene.actors:
        own = str(actor.identity)
        for begin, since, until in _in_picture(actor, scene, recording.frames_sent):
            total += 1
            names = [(at, name) for at, name in said.get(own, ()) if since <= at < until]
            if any(name != own for _, name in names):
                wrong += 1
            elif names:
                waits.append(max(names[0][0] - begin, 0.0))
    if not total:
        return math.nan, math.nan, math.nan, 0.0
    median = float(np.median(waits)) if waits else math.nan
    return 100.0 * len(waits) / total, median, 100.0 * wrong / total, float(total)


def _in_picture(actor: Actor, scene: Crowd, images: int) -> list[tuple[float, float, float]]:
    """When, in seconds, somebody comes to be wholly in the picture for PASS, and from when to when names are for that.

    Half of the time before and after, in which only a part of somebody is to be seen, belongs to it. images: of the
    scene, that were shown.
    """
    joints = actor.walk.keypoints[:images]
    size = np.array([scene.camera.width, scene.camera.height_px])
    inside = ((joints >= 0) & (joints <= size)).all(axis=(1, 2))
    turns = np.flatnonzero(np.diff(np.concatenate([[0], inside, [0]]).astype(int))) / scene.fps
    begins, ends = turns[::2], turns[1::2]
    if not len(turns):
        return []
    borders = np.concatenate([[-math.inf], (ends[:-1] + begins[1:]) / 2, [math.inf]])
    all_of_them = zip(begins, ends, borders[:-1], borders[1:], strict=True)
    return [(begin, since, until) for begin, end, since, until in all_of_them if end - begin >= PASS - 1e-6]


def _owners(recording: Recording, scene: Crowd) -> dict[str, str]:
    """The name of whoever was nearest to each track in most images in which it was seen, by its body id."""
    votes: dict[str, Counter[str]] = {}
    for stamp, frame in recording.tracks.items():
        image = min(recording.frame_number(stamp), len(scene) - 1)
        joints = [actor.walk.keypoints[image] for actor in scene.actors]
        middles = np.array([(each.min(axis=0) + each.max(axis=0)) / 2 for each in joints])
        for track in frame.tracks:
            if track.state == TrackState.CONFIRMED:
                apart = np.linalg.norm(middles - (track.box[:2] + track.box[2:] / 2), axis=1)
                nearest = scene.actors[int(apart.argmin())]
                votes.setdefault(track.body_id, Counter())[str(nearest.identity)] += 1
    return {body: counter.most_common(1)[0][0] for body, counter in votes.items()}
