"""Pictures of a scene: shaded people in their clothes, in a room with a floor and a wall, as a camera takes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from rt_gait_ros.compiled import compiled
from rt_gait_ros.synthesis.motion import INDEX
from rt_gait_ros.synthesis.room import Room
from rt_gait_ros.synthesis.scenes import Actor, Crowd
from rt_gait_ros.synthesis.sight import Sight, Surface, sight
from rt_gait_ros.synthesis.solids import BAG, COAT, HAIR, HEAD_TOP, SHIRT, SHOES, SKIN, SLEEVE, TROUSERS
from rt_gait_ros.synthesis.truth import depth_inside, is_hidden

# BGR of skins and hairs as people have them.
SKINS = ((180, 205, 240), (150, 185, 225), (120, 160, 205), (85, 120, 170), (60, 85, 130), (45, 60, 95))
HAIRS = ((25, 25, 30), (30, 45, 65), (40, 70, 110), (90, 150, 190), (120, 125, 130))
SENSOR_NOISE = 2.5  # deviation, grey levels
_NOISE_TILES = 4
_FEATURES = {"left_eye": 0.010, "right_eye": 0.010}  # radius, metres
_TEXTURE = 256


@dataclass(frozen=True, slots=True)
class Wardrobe:
    """What one person looks like.

    palette: (9, 3) float32 BGR by material. cloth: strength of folds, 0..1. hem: of the shirt, metres above the hips.
    """

    palette: np.ndarray
    cloth: float
    hem: float


def wardrobe(random: np.random.Generator) -> Wardrobe:
    """Some colours."""
    palette = np.zeros((9, 3), np.float32)
    palette[SKIN] = SKINS[random.integers(len(SKINS))]
    palette[HAIR] = palette[HEAD_TOP] = HAIRS[random.integers(len(HAIRS))]
    palette[SHIRT] = _dye(random, 0.7, (60, 230))
    palette[SLEEVE] = palette[SHIRT] if random.random() < 0.6 else palette[SKIN]
    palette[TROUSERS] = _dye(random, 0.4, (30, 130))
    palette[COAT] = _dye(random, 0.5, (40, 150))
    palette[SHOES] = _dye(random, 0.2, (20, 200))
    palette[BAG] = _dye(random, 0.8, (40, 160))
    return Wardrobe(palette, random.uniform(0.1, 0.3), random.uniform(-0.08, 0.08))


def _dye(random: np.random.Generator, most_saturation: float, values: tuple[int, int]) -> np.ndarray:
    hue, saturation = random.uniform(0, 180), random.uniform(0.0, most_saturation) * 255
    colour = np.array([[[hue, saturation, random.uniform(*values)]]], np.uint8)
    return cv2.cvtColor(colour, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


class Renderer:
    """Draws the images of one scene. The same scene gives the same pictures."""

    def __init__(self, crowd: Crowd, wardrobes: Sequence[Wardrobe] | None = None) -> None:
        """wardrobes: what each actor looks like; None: as the scene's seed says."""
        random = np.random.default_rng((0xC0105, crowd.seed))
        self._crowd = crowd
        self._room = Room(crowd.camera, random, crowd.wall)
        self._wardrobes = wardrobes or [wardrobe(random) for _ in crowd.actors]
        light = np.array([random.uniform(-0.6, 0.6), -0.8, random.uniform(-0.8, -0.4)])
        self._light = (light / np.linalg.norm(light)).astype(np.float32)
        self._texture = _folds(random)
        shape = (_NOISE_TILES, crowd.camera.height_px, crowd.camera.width, 1)
        self._noise = (SENSOR_NOISE * random.standard_normal(shape, np.float32)).astype(np.float32)

    def image(self, number: int) -> np.ndarray:
        """Image `number`, (H, W, 3) uint8 BGR."""
        return self.draw(sight(self._crowd, number), number)

    def draw(self, seen: Sight, number: int) -> np.ndarray:
        """The same of what was worked out already."""
        crowd = self._crowd
        image = self._room.image.copy()
        for actor in crowd.actors:
            self._room.shade(image, actor.walk.joints[number, INDEX["pelvis"], :2])
        depths = [actor.walk.depth[number].mean() for actor in crowd.actors]
        for index in np.argsort(depths)[::-1]:
            surface = seen.surfaces[index]
            if surface is not None:
                self._person(image, surface, crowd.actors[index], self._wardrobes[index], number)
                self._face(image, seen, crowd.actors[index], number)
        image += self._noise[number % _NOISE_TILES]
        return image.clip(0, 255).astype(np.uint8)

    def _person(self, image: np.ndarray, surface: Surface, actor: Actor, wears: Wardrobe, number: int) -> None:
        camera = self._crowd.camera
        head, nose, pelvis = (actor.walk.joints[number, INDEX[name]] for name in ("head", "nose", "pelvis"))
        above = np.array([0.0, 0.0, 1.0])
        turned = camera.turned(np.stack([head, nose, head + above]))
        face, up = turned[1] - turned[0], turned[2] - turned[0]
        hem = float(camera.project(pelvis + wears.hem * above)[0][1]) - surface.top
        _shade(
            image[surface.window],
            surface.owner,
            surface.along,
            surface.normal,
            surface.cover,
            actor.walk.materials,
            wears.palette,
            (face / np.linalg.norm(face)).astype(np.float32),
            up.astype(np.float32),
            self._light,
            self._texture,
            wears.cloth,
            hem,
        )

    def _face(self, image: np.ndarray, seen: Sight, actor: Actor, number: int) -> None:
        walk, camera = actor.walk, self._crowd.camera
        names = list(_FEATURES)
        points = walk.joints[number, [INDEX[name] for name in names]]
        pixels, depth = camera.project(points)
        hidden = is_hidden(seen, pixels, depth, depth_inside(camera, walk, number, points))
        for name, (x, y), z, covered in zip(names, pixels, depth, hidden, strict=True):
            radius = camera.focal * _FEATURES[name] / z
            if not covered and radius > 0.5:
                at, size = (round(x * 16), round(y * 16)), (round(radius * 22), round(radius * 12))
                cv2.ellipse(image, at, size, 0, 0, 360, (35.0, 35.0, 40.0), -1, cv2.LINE_AA, 4)


def _folds(random: np.random.Generator) -> np.ndarray:
    """Noise at three sizes, (256, 256) float32, mean 0, about -1 to 1; wraps around."""
    texture = np.zeros((_TEXTURE, _TEXTURE), np.float32)
    for size, weight in ((8, 0.5), (24, 0.35), (128, 0.15)):
        grain = np.tile(random.uniform(-1, 1, (size, size)).astype(np.float32), (3, 3))
        large = cv2.resize(grain, (3 * _TEXTURE, 3 * _TEXTURE), interpolation=cv2.INTER_CUBIC)
        texture += weight * large[_TEXTURE : 2 * _TEXTURE, _TEXTURE : 2 * _TEXTURE]
    return texture


@compiled()
def _shade(
    image: np.ndarray,
    owner: np.ndarray,
    along: np.ndarray,
    normal: np.ndarray,
    cover: np.ndarray,
    materials: np.ndarray,
    palette: np.ndarray,
    face: np.ndarray,
    up: np.ndarray,
    light: np.ndarray,
    texture: np.ndarray,
    cloth: float,
    hem: float,
) -> None:
    """Blend one person into `image` (H, W, 3) float32; face, up, light: unit vectors of the optical frame. hem:
    row at which the shirt ends."""
    rows, columns = owner.shape
    for y in range(rows):
        for x in range(columns):
            number = owner[y, x]
            if number < 0:
                continue
            material = materials[number]
            n = normal[y, x]
            folds = cloth
            if material == HEAD_TOP:
                ahead = n[0] * face[0] + n[1] * face[1] + n[2] * face[2]
                high = n[0] * up[0] + n[1] * up[1] + n[2] * up[2]
                if ahead > 0.15 and high < 0.55:
                    material = SKIN
            if material == SHIRT and y > hem:
                material = TROUSERS
            if material == SKIN:
                folds = 0.3 * cloth
            lit = max(n[0] * light[0] + n[1] * light[1] + n[2] * light[2], 0.0)
            shade = (0.5 + 0.55 * lit) * (0.75 - 0.25 * n[2])
            row = (int(along[y, x] * 90) + 37 * number) & 255
            column = int((n[0] + 1.0) * 50 + 53 * number) & 255
            shade *= 1.0 + folds * texture[row, column]
            share = cover[y, x]
            for channel in range(3):
                value = palette[material, channel] * shade
                image[y, x, channel] += share * (value - image[y, x, channel])
