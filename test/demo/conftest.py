"""Recordings as the nodes would have made them."""

import numpy as np
import pytest
from tracks import walking_track

from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.tracking.track import TrackFrame, TrackState

FPS = 25
PERIOD = 1_000_000_000 // FPS
BEGIN = 1_700_000_000_000_000_000


def make_track(body_id, x=100.0, state=TrackState.CONFIRMED, walking=True, height=200.0):
    box = np.array([x - 40, 50, 80, height], np.float32)
    return walking_track(body_id, state=state, box=box, walking=walking)


def make_identified(body_id, name="Ada", confidence=0.9):
    return Identity(body_id, IdentityStatus.IDENTIFIED, 0, f"id-{name}", name, confidence, 0.1, 30)


def make_record(*images, dropped=()):
    """One image per entry: pairs of a Track and an Identity or None. dropped: images that nobody processed."""
    recording = Recording(np.arange(1000) / FPS)
    for number, people in enumerate(images):
        stamp = BEGIN + number * PERIOD
        recording.camera.append(stamp)
        if number in dropped:
            continue
        recording.tracks[stamp] = TrackFrame(stamp, "camera", 640, 360, tracks=[who for who, _ in people])
        known = [identity for _, identity in people if identity is not None]
        recording.identities[stamp] = IdentityFrame(stamp, "camera", "model", known)
        recording.latencies[stamp] = 0.001 * (number + 1)
    return recording


@pytest.fixture
def track():
    return make_track


@pytest.fixture
def identified():
    return make_identified


@pytest.fixture
def record():
    return make_record
