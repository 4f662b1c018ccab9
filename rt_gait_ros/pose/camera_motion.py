"""How the camera moved between two images, from what stands still in them."""

from collections.abc import Iterable

import cv2
import numpy as np

# Corners that are followed, the width in pixels at which, and the window around each: exact to a fraction of a pixel,
# in 2.5 ms; twice the corners in OpenCV's own window of 21 took 4.4 ms and agreed to 0.05 pixels.
CORNERS, WIDTH, WINDOW = 100, 320, 15

# How far (pixels at WIDTH) a corner may lie from the motion of the others: what does so moves by itself.
OUTLIER = 1.5

# Corners that must agree on a motion, or none is given.
MINIMUM_INLIERS = 12


class CameraMotion:
    """Estimates the motion of the whole image as BoT-SORT does (Aharon et al. 2022): corners, sparse flow, RANSAC."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._corners: np.ndarray | None = None

    def update(self, image: np.ndarray, people: Iterable[np.ndarray] = ()) -> np.ndarray | None:
        """Motion (2, 3) float64 from the last image to this one, in pixels; for Tracker.update.

        image: (H, W, 3) BGR or (H, W) uint8. people: boxes (4,) left, top, width, height in it, which are not followed
        from here. None with the first image, or where too little is to be seen.
        """
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        scale = WIDTH / grey.shape[1]
        small = cv2.resize(grey, (WIDTH, max(round(grey.shape[0] * scale), 1)), interpolation=cv2.INTER_AREA)
        motion = self._between(small)
        mask = np.full(small.shape, 255, np.uint8)
        for left, top, width, height in people:
            box = np.clip([left, top, left + width, top + height], 0, 1e6) * scale
            mask[int(box[1]) : int(box[3]) + 1, int(box[0]) : int(box[2]) + 1] = 0
        self._corners = cv2.goodFeaturesToTrack(small, CORNERS, 0.01, 7, mask=mask)
        self._last = small
        if motion is not None:
            motion[:, 2] /= scale
        return motion

    def _between(self, small: np.ndarray) -> np.ndarray | None:
        """Motion from the last image to `small`, in its pixels."""
        if self._last is None or self._last.shape != small.shape or self._corners is None:
            return None
        there, found, _ = cv2.calcOpticalFlowPyrLK(
            self._last, small, self._corners, np.empty_like(self._corners), winSize=(WINDOW, WINDOW)
        )
        good = found[:, 0] == 1
        if good.sum() < MINIMUM_INLIERS:
            return None
        motion, inliers = cv2.estimateAffinePartial2D(
            self._corners[good], there[good], method=cv2.RANSAC, ransacReprojThreshold=OUTLIER
        )
        if motion is None or inliers.sum() < MINIMUM_INLIERS:
            return None
        return np.asarray(motion, dtype=np.float64)
