"""The recording drawn on the video it was made from, after the run: drawing costs nothing while latency is measured."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.demo.video import Video, VideoWriter
from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.masking import readable
from rt_gait_ros.overlay import Trails, contact_sheet, draw_overlay
from rt_gait_ros.tracking.track import TrackFrame

SHEET_PICTURES = 12


def render(video: Video, recording: Recording, frames_wanted: int, movie: Path, sheet: Path) -> None:
    """Write the overlay video and the contact sheet (PNG), which their owner alone may read.

    frames_wanted: gait frames that a first claim needs. A dropped image shows the people of the one before it.
    Raises VideoError and GaitError.
    """
    shown = [round(k * (video.frames - 1) / (SHEET_PICTURES - 1)) for k in range(SHEET_PICTURES)]
    pictures, captions = [], []
    with VideoWriter(movie, video.fps) as writer:
        for number, image in enumerate(overlays(video, recording, frames_wanted)):
            writer.write(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2], video.times[number])
            for _ in range(shown.count(number)):
                pictures.append(image)
                captions.append(f"{video.times[number]:.1f} s")
    try:
        with private_file.create(sheet) as file:
            file.write(cv2.imencode(".png", contact_sheet(pictures, captions))[1].tobytes())
    except OSError as error:
        raise GaitError(f"{readable(str(sheet))} cannot be written: {error.strerror}") from error


def overlays(video: Video, recording: Recording, frames_wanted: int) -> Iterator[np.ndarray]:
    """The video's images, annotated, (H, W, 3) uint8 BGR."""
    by_number = {recording.frame_number(stamp): frame for stamp, frame in recording.tracks.items()}
    trails = Trails()
    tracks: TrackFrame | None = None
    for number, image in enumerate(video.images()):
        if number in by_number:
            tracks = by_number[number]
            trails.update(tracks)
        if tracks is not None:
            identities = recording.identities.get(tracks.stamp) or IdentityFrame(tracks.stamp, tracks.frame_id, "")
            image = draw_overlay(image, tracks, identities, frames_wanted=frames_wanted, trails=trails)
        yield image
