"""What comes out of a scene whose people are tracked exactly where they are."""

import numpy as np

from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

FPS = 25.0
PERIOD = 40_000_000  # ns


def recorded(scene, images, named, *, state=lambda person, image: TrackState.CONFIRMED, frame=None):
    """A Recording of so many images. Everybody is body b000 and their number.

    named: of (person, image), the name that is given there, or "". state: of (person, image), None for no track.
    frame: the gait frame of everybody in every image, or None.
    """
    recording = Recording(np.arange(images) / FPS)
    zeros = np.zeros(2, np.float32)
    for image in range(images):
        stamp = 10**18 + image * PERIOD
        tracks, identities = [], []
        for actor in scene.actors:
            joints = actor.walk.keypoints[image]
            box = np.concatenate([joints.min(axis=0), np.ptp(joints, axis=0)])
            body, followed = f"b000{actor.identity}", state(actor.identity, image)
            if followed is not None:
                quality = 0.0 if frame is None else 0.9
                of_it = box, zeros, np.zeros((2, 2)), None, frame, quality, 0.9, 9, 0, True
                tracks.append(Track(body, followed, *of_it))
            if name := named(actor.identity, image):
                identities.append(Identity(body, IdentityStatus.IDENTIFIED, stamp, name, name))
        recording.camera.append(stamp)
        recording.tracks[stamp] = TrackFrame(stamp, "camera", 640, 480, tracks=tracks)
        recording.identities[stamp] = IdentityFrame(stamp, "camera", "model", identities)
    return recording
