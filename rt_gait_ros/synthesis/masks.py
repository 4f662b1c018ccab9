"""What a mask network makes of a walker: soft, ragged, too thick or thin, with parts missing and things before it."""

from dataclasses import dataclass

import cv2
import numpy as np

from rt_gait_ros.silhouette.gaitset import person_mask, silhouette_from_mask
from rt_gait_ros.synthesis.backdrop import Blended
from rt_gait_ros.synthesis.bodies import surface
from rt_gait_ros.synthesis.outlines import Outline, draw_mask, losable_triangles, signed_field
from rt_gait_ros.synthesis.raster import FAR, signed_distance
from rt_gait_ros.synthesis.solids import LEFT_ARM, LEFT_FOOT, RIGHT_ARM, RIGHT_FOOT
from rt_gait_ros.synthesis.tears import Tear

TALL = 112  # rows of a walker in a mask, before it becomes a silhouette: as the person network's crops have them
MARGIN = 10  # empty pixels around it
_LIMBS = 4  # of `outlines.LOSABLE`, hands and feet; whole shanks and heads get lost less often


@dataclass(frozen=True, slots=True)
class MaskNoise:
    """How a camera and a network err in one scene; as it stands, not at all. Lengths are shares of the walker's height.

    thickness: taken off all around; thickness_jitter: its deviation between images. blur: deviation of a Gaussian under
    which thin things vanish. ragged: deviation of the edge, ragged_size: length of its waves. lost: chance of each of
    arms and feet to go missing from an image on; torn: chance of a hole, a bite or a piece too many. covered: chance
    that something stands before a part of the walk. cut: chance that an image is cut at the feet or a side. coarse:
    rows of the walker in the camera's picture, at most TALL. subtracted: chance that a walk's masks are torn as
    background subtraction tears them (`tears`).
    """

    thickness: float = 0.0
    thickness_jitter: float = 0.0
    blur: float = 0.0
    ragged: float = 0.0
    ragged_size: float = 0.05
    lost: float = 0.0
    torn: float = 0.0
    covered: float = 0.0
    cut: float = 0.0
    coarse: int = TALL
    subtracted: float = 0.0


def mask_noise(random: np.random.Generator, strength: float = 1.0) -> MaskNoise:
    """Some scene's errors. strength: 0 for none, 1 for anything from a clean mask to a poor one."""
    bad = strength * random.choice([0.3, 1.0, 2.0], p=[0.4, 0.4, 0.2])
    finest = int(random.choice([TALL, 85])) if strength > 0.0 else TALL
    return MaskNoise(
        thickness=strength * random.normal(0.0, 0.005),
        thickness_jitter=abs(random.normal(0.0, 0.002)) * bad,
        blur=random.uniform(0.002, 0.014) if strength > 0.0 else 0.0,
        ragged=random.uniform(0.0005, 0.004) * max(bad, 0.5) if strength > 0.0 else 0.0,  # good masks are, too
        ragged_size=random.uniform(0.02, 0.10),
        lost=random.uniform(0.0, 0.04) * bad,
        torn=random.uniform(0.0, 0.05) * bad,
        covered=0.03 * bad,
        cut=random.uniform(0.0, 0.01) * bad,
        subtracted=0.5 * strength,
        coarse=int(random.choice([TALL, 70, 45], p=[0.5, 0.3, 0.2])) if random.random() < strength else finest,
    )


def fit(capsules: np.ndarray) -> np.ndarray:
    """Capsules of one image (N, 6), float32, scaled and shifted so that they fill TALL rows inside the margin."""
    radii = capsules[:, 4:6]
    top = min((capsules[:, 1] - radii[:, 0]).min(), (capsules[:, 3] - radii[:, 1]).min())
    bottom = max((capsules[:, 1] + radii[:, 0]).max(), (capsules[:, 3] + radii[:, 1]).max())
    left = min((capsules[:, 0] - radii[:, 0]).min(), (capsules[:, 2] - radii[:, 1]).min())
    scaled = (capsules - np.array([left, top, left, top, 0, 0])) * (TALL / (bottom - top))
    scaled[:, :4] += MARGIN
    return scaled.astype(np.float32)


def silhouettes(
    capsules: np.ndarray, parts: np.ndarray, noise: MaskNoise, random: np.random.Generator
) -> list[np.ndarray | None]:
    """Silhouettes (64, 64) uint8 of the images of one walk, as the pose node's gait frames are.

    capsules: (T, N, 6) in the picture, pixels. parts: (N,), see `solids`. None where too little person is left.
    """
    occluder = _occluder(random) if random.random() < noise.covered else None
    lost_for = dict.fromkeys((LEFT_ARM, RIGHT_ARM, LEFT_FOOT, RIGHT_FOOT), 0)  # images that a part stays lost
    made = []
    for number, image in enumerate(capsules):
        shown = fit(image)
        for part in lost_for:
            if lost_for[part] == 0 and random.random() < noise.lost:
                lost_for[part] = int(random.integers(1, 6))
            if lost_for[part] > 0:
                lost_for[part] -= 1
                shown[_outer(parts, part), 4:6] = 0.0
        logits = -_field(shown, noise, random)
        _damage(logits, noise, random)
        if occluder is not None:
            _cover(logits, occluder, number)
        made.append(silhouette_from_mask(person_mask(logits)))
    return made


def outline_silhouettes(
    outline: Outline, noise: MaskNoise, random: np.random.Generator, blended: Blended | None = None
) -> list[np.ndarray | None]:
    """The same of a walker with a surface. blended: what of the walker is like the background, where something is."""
    occluder = _occluder(random) if random.random() < noise.covered else None
    tear = Tear(noise.lost, noise.torn, random) if random.random() < noise.subtracted else None
    parts = losable_triangles()
    lost_for = [0] * len(parts)
    whole = surface().triangles
    made = []
    for number in range(len(outline.vertices)):
        vertices, hulls, width = outline.fitted(number, TALL, MARGIN)
        shown = np.ones(len(whole), bool)
        for part, triangles in enumerate(parts):
            if lost_for[part] == 0 and random.random() < noise.lost * (0.3 if part >= _LIMBS else 1.0):
                lost_for[part] = int(random.integers(1, 6))
            if lost_for[part] > 0:
                lost_for[part] -= 1
                shown &= ~triangles
        if blended is not None:
            shown &= ~blended.missing(random)
        mask = draw_mask(vertices, hulls, whole if shown.all() else whole[shown], (TALL + 2 * MARGIN, width))
        if tear is not None:
            tear.add_shadow(mask)
        logits = -_seen(signed_field(mask), noise, random)
        if tear is not None:
            tear.damage(logits)
        _damage(logits, noise, random)
        if occluder is not None:
            _cover(logits, occluder, number)
        made.append(silhouette_from_mask(person_mask(logits)))
    return made


def _outer(parts: np.ndarray, part: int) -> np.ndarray:
    """Of an arm, forearm and hand; of a foot, all of it."""
    rows = np.flatnonzero(parts == part)
    return rows[1:] if part in (LEFT_ARM, RIGHT_ARM) else rows


def _field(capsules: np.ndarray, noise: MaskNoise, random: np.random.Generator) -> np.ndarray:
    """Signed distance to the edge that the network sees, (H, W) float32, pixels."""
    width = int(np.maximum(capsules[:, 0] + capsules[:, 4], capsules[:, 2] + capsules[:, 5]).max()) + MARGIN
    shape = TALL + 2 * MARGIN, width
    field: np.ndarray = np.empty(shape, np.float32)
    signed_distance(capsules, field, np.empty(shape, np.int16))
    return _seen(field, noise, random)


def _seen(field: np.ndarray, noise: MaskNoise, random: np.random.Generator) -> np.ndarray:
    """What camera and network make of distances (H, W) float32 to the true edge, pixels."""
    shape = field.shape
    field = np.clip(field, -8.0, FAR)
    if noise.coarse < TALL:
        share = noise.coarse / TALL
        small = cv2.resize(field, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        field = cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    if noise.blur > 0.0:
        field = cv2.GaussianBlur(field, (0, 0), max(noise.blur * TALL, 0.3))
    if noise.ragged > 0.0:
        size = max(2, round(noise.ragged_size * TALL))
        waves = random.standard_normal((shape[0] // size + 2, shape[1] // size + 2), np.float32)
        field += cv2.resize(waves, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC) * (noise.ragged * TALL)
    field -= (noise.thickness + noise.thickness_jitter * random.standard_normal()) * TALL
    return field


def _damage(logits: np.ndarray, noise: MaskNoise, random: np.random.Generator) -> None:
    """Tear and cut one image's mask (H, W) in place."""
    rows, columns = logits.shape
    if random.random() < noise.torn:
        centre = (int(random.uniform(0, columns)), int(random.uniform(0, rows)))
        axes = (int(random.uniform(2, 0.06 * rows)), int(random.uniform(2, 0.06 * rows)))
        cv2.ellipse(logits, centre, axes, random.uniform(0, 180), 0, 360, random.choice([-1.0, -1.0, 1.0]), -1)
    if random.random() < noise.cut:
        side = random.integers(3)
        share = random.uniform(0.02, 0.12)
        if side == 0:
            logits[int(rows * (1 - share)) :] = -1.0
        elif side == 1:
            logits[:, : int(columns * share)] = -1.0
        else:
            logits[:, int(columns * (1 - share)) :] = -1.0


def _occluder(random: np.random.Generator) -> tuple[float, float, float, float]:
    """Where a post or a low wall begins, how fast it passes, how wide it is, and its top: shares of the walker."""
    return random.uniform(-0.5, 1.5), random.uniform(-0.03, 0.03), random.uniform(0.05, 0.2), random.uniform(0.0, 0.8)


def _cover(logits: np.ndarray, occluder: tuple[float, float, float, float], number: int) -> None:
    """Take away in place what the occluder hides in image `number`."""
    start, speed, wide, top = occluder
    rows, columns = logits.shape
    left = int((start + speed * number) * columns)
    logits[int(top * rows) :, max(left, 0) : max(left + int(wide * rows), 0)] = -1.0
