"""Tracks as the tracker gives them, for tests of what comes after it."""

import numpy as np

from rt_gait_ros.tracking.track import Track, TrackState


def walking_track(body_id: str, **fields) -> Track:
    """A confirmed track of somebody who walks, just seen, in most things as nothing is known of it."""
    usual = {
        "state": TrackState.CONFIRMED,
        "box": np.array([100, 40, 60, 150], np.float32),
        "velocity": np.zeros(2, np.float32),
        "velocity_covariance": np.zeros((2, 2)),
        "keypoints": None,
        "gait_frame": None,
        "quality": 1.0,
        "confidence": 0.9,
        "age": 9,
        "missed": 0,
        "walking": True,
    }
    return Track(body_id=body_id, **{**usual, **fields})
