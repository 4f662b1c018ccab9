"""The ellipsoid in which a position lies with a given probability."""

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.stats import chi2


def ellipsoid(covariance: np.ndarray, probability: float = 0.95) -> tuple[np.ndarray, np.ndarray] | None:
    """Diameters (3,) in metres along the axes of an ellipsoid, and its orientation (4,), a quaternion x, y, z, w.

    covariance: (3, 3), square metres, of a normal distribution. None where it is none: all zero means unknown
    (PersonTrack.msg), and neither NaN nor a negative variance is drawn.
    """
    covariance = np.asarray(covariance, float).reshape(3, 3)
    if not np.isfinite(covariance).all() or not covariance.any():
        return None
    variances, axes = np.linalg.eigh((covariance + covariance.T) / 2)
    if variances[0] < -1e-9 * variances[-1]:
        return None
    if np.linalg.det(axes) < 0.0:  # a mirror is no rotation
        axes[:, 0] = -axes[:, 0]
    diameters = 2.0 * np.sqrt(np.maximum(variances, 0.0) * chi2.ppf(probability, 3))
    return diameters, np.asarray(Rotation.from_matrix(axes).as_quat())
