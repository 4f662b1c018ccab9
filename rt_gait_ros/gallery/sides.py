"""When two sides that somebody was seen from are one, and how far from each other two are."""

import numpy as np

SAME_SIDE = 35.0  # degrees within which two views are one


def apart(first: float, second: float) -> float:
    """Angle between two directions in degrees, 0 to 180."""
    return abs((first - second + 180.0) % 360.0 - 180.0)


def sideways(degrees: np.ndarray) -> np.ndarray:
    """How far views are from the front or the back: 0 from there, 90 from either side; NaN for NaN.

    What views do to a silhouette, and to the embedding of it and its mirror image, is about the same from the front and
    from behind, from the left and from the right.
    """
    return np.abs((np.asarray(degrees, float) + 90.0) % 180.0 - 90.0)
