"""Drawn silhouettes of people who walk: gait frames that are nobody's, for timing and for the ranges of activations."""

import cv2
import numpy as np

_SIZE = 64


def walk(build: float, frames: int, phase: float = 0.0) -> np.ndarray:
    """(frames, 64, 64) uint8: somebody of a build from 0 (slim) to 1 (broad), 25 images a second."""
    return np.stack([_silhouette(phase + 0.25 * number, build) for number in range(frames)])


def _silhouette(phase: float, build: float) -> np.ndarray:
    image = np.zeros((_SIZE, _SIZE), np.uint8)
    centre = _SIZE // 2
    cv2.circle(image, (centre, 6), round(5 + build), 255, -1)
    cv2.ellipse(image, (centre, 24), (round(6 + 4 * build), 14), 0, 0, 360, 255, -1)
    for side in (1, -1):
        swing = 0.5 * side * np.sin(phase)
        bend = 0.3 * max(0.0, side * np.cos(phase))
        knee = (round(centre + 14 * np.sin(swing)), 48)
        foot = (round(knee[0] + 14 * np.sin(swing - bend)), 62)
        hand = (round(centre - 12 * np.sin(swing)), 30)
        cv2.line(image, (centre, 36), knee, 255, round(5 + 3 * build))
        cv2.line(image, knee, foot, 255, round(4 + 2 * build))
        cv2.line(image, (centre, 14), hand, 255, 4)
    return image
