"""How far a detector's boxes are off, learned while it is being followed."""

import numpy as np

# The configured noise counts as much as this many boxes, and the newest this many boxes are remembered: at 25 images
# per second two seconds and forty seconds of one person.
PRIOR = 60.0
MEMORY = 1000.0

# Range of learned over configured variance. A detector that errs seldom but then much must not close the gate.
LOWEST, HIGHEST = 0.06, 4.0

# A surprise of more than three deviations counts as one of three: it is somebody else, or a slip of the detector.
LARGEST_SURPRISE = 9.0


class BoxNoise:
    """Variance of the detector's error over the configured one, a factor for each of centre x, centre y, width, height.

    What a box differs from its prediction by has the variance of the prediction plus that of the detector (Mehra
    1970: identification by innovations), so the mean of what is left after taking the first off is the second. It
    belongs to the detector: all tracks teach it, and it outlives them.
    """

    def __init__(self) -> None:
        self.scale = np.ones(4)
        self._count = np.full(4, PRIOR)

    def learn(self, residual: np.ndarray, predicted: np.ndarray, configured: np.ndarray, whole: np.ndarray) -> None:
        """Take in boxes of tracks that were in sight just before.

        residual: (M, 4) detected minus predicted box. predicted: (M, 4) variance of the prediction. configured: (M, 4)
        variance of a detection as configured. whole: (M, 4) bool, False where the image's border cuts the box.
        """
        limit = LARGEST_SURPRISE * (predicted + configured * self.scale)
        found = (np.minimum(np.square(residual), limit) - predicted) / configured
        count = whole.sum(axis=0)
        self._count = np.minimum(self._count + count, MEMORY)
        change = (np.where(whole, found, 0).sum(axis=0) - count * self.scale) / self._count
        self.scale = (self.scale + change).clip(LOWEST, HIGHEST)
