"""How background subtraction tears masks: holes where clothes are like the background, shadows, ragged legs."""

import cv2
import numpy as np

_GRID = 12  # cells of a person's height: how large holes are


class Tear:
    """One walk's: what is like the background stays so, and flickers from image to image."""

    def __init__(self, lost: float, torn: float, random: np.random.Generator) -> None:
        """lost, torn: as of MaskNoise; the more of both, the more holes."""
        self._random = random
        strength = lost * 10 + torn * 5 + 0.3
        steady = cv2.GaussianBlur(random.standard_normal((_GRID * 2, _GRID), np.float32), (0, 0), 1.0)
        self._steady = steady / max(float(steady.std()), 1e-6)
        self._flicker = random.uniform(0.3, 1.0)
        self._line = random.uniform(1.9, 3.2) / max(0.6, min(strength, 1.2))  # deviations above which there is a hole
        low = random.random() < 0.4  # only legs, or anywhere
        self._top = 0.5 if low else random.choice([0.0, 0.0, 0.15])
        self._shadow = random.uniform(0.1, 0.5) if random.random() < 0.35 else 0.0
        self._side = random.choice([-1.0, 1.0])
        self._height = random.uniform(0.02, 0.06)

    def add_shadow(self, mask: np.ndarray) -> None:
        """Lengthen the feet of a mask (H, W) along the floor, in place."""
        if self._shadow == 0.0:
            return
        rows = np.flatnonzero(mask.any(axis=1))
        if len(rows) < 8:
            return
        tall = rows[-1] - rows[0] + 1
        band = mask[rows[-1] - max(2, int(self._height * tall)) : rows[-1] + 1]
        columns = np.flatnonzero(band.any(axis=0))
        if len(columns) == 0:
            return
        reach = int(self._shadow * tall * self._random.uniform(0.5, 1.0))
        start = int(columns.mean())
        end = start + int(self._side * reach)
        first, last = max(min(start, end), 0), min(max(start, end), mask.shape[1])
        thick = max(1, int(self._random.uniform(0.4, 1.0) * len(band)))
        band[len(band) - thick :, first:last] = 255

    def damage(self, logits: np.ndarray) -> None:
        """Take holes out of logits (H, W), in place."""
        fresh = self._random.standard_normal(self._steady.shape, np.float32)
        field: np.ndarray = self._steady + self._flicker * cv2.GaussianBlur(fresh, (0, 0), 0.8)
        holes = cv2.resize(field, (logits.shape[1], logits.shape[0]), interpolation=cv2.INTER_CUBIC) - self._line
        holes[: int(self._top * len(holes))] = -1.0
        np.minimum(logits, np.where(holes > 0, -1.0, logits), out=logits)
