"""Who the people of a generated scene are: enrolled beforehand, each alone, and told apart in what came out."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.frame import Frame
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.pipeline import GaitPipeline
from rt_gait_ros.synthesis.render import Renderer
from rt_gait_ros.synthesis.scenes import Actor, Crowd
from rt_gait_ros.tracking.track import TrackState

PASS = 3.0  # seconds that somebody is followed at least, so that a name is to be expected


def known(alone: Crowd, folder: Path) -> Path:
    """A gallery in `folder` of everybody in a scene, each under the number that the scene gives them.

    alone: the scene that they are enrolled in, one after the other.
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
    return path


def _comes(actor: Actor, scene: Crowd) -> int:
    """Number of the first image in which somebody is, at least in part."""
    across = actor.walk.keypoints[..., 0]
    inside = ((across > 0) & (across < scene.camera.width)).any(axis=1)
    return int(inside.argmax())


def first_names(recording: Recording) -> dict[str, str]:
    """The name that a track had first, by its body id."""
    return {body: name for body, (name, _) in _first_named(recording).items()}


def whose(recording: Recording, scene: Crowd, body: str) -> str:
    """The name of whoever was nearest to a track in most images in which it was seen."""
    return _owners(recording, scene)[body]


def passes(recording: Recording, scene: Crowd) -> tuple[float, float, float]:
    """Of tracks that were followed for PASS seconds: how many of 100 had their own name before they were gone, the
    median of the seconds until then, NaN without any, and how many had the name of somebody else first."""
    names, owners = _first_named(recording), _owners(recording, scene)
    lives = {body: (began, ended) for body, (began, ended) in _lives(recording).items() if ended - began >= PASS}
    waits, wrong = [], 0
    for body, (began, _) in lives.items():
        name, at = names.get(body, ("", math.nan))
        if name and name != owners[body]:
            wrong += 1
        elif name:
            waits.append(at - began)
    share = 100.0 * len(waits) / len(lives) if lives else math.nan
    return share, float(np.median(waits)) if waits else math.nan, float(wrong)


def _first_named(recording: Recording) -> dict[str, tuple[str, float]]:
    """The name that a track had first, and at how many seconds, by its body id."""
    names: dict[str, tuple[str, float]] = {}
    for stamp, frame in sorted(recording.identities.items()):
        for identity in frame.identities:
            if identity.status == IdentityStatus.IDENTIFIED:
                names.setdefault(identity.body_id, (identity.name, recording.seconds(stamp)))
    return names


def _lives(recording: Recording) -> dict[str, tuple[float, float]]:
    """From when to when, in seconds, each track was seen."""
    lives: dict[str, tuple[float, float]] = {}
    for stamp, frame in sorted(recording.tracks.items()):
        now = recording.seconds(stamp)
        for track in frame.tracks:
            if track.state == TrackState.CONFIRMED:
                lives[track.body_id] = (lives.get(track.body_id, (now, now))[0], now)
    return lives


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
