"""What somebody wears and carries on a day, over a body with a surface.

Two kinds of cloth: what follows a limb is a layer on the body's own vertices, tight or wide, and falls straight from
where the body stands out; what hangs free (skirts, dresses, coats) is a chain of convex pieces that lag behind it.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from rt_gait_ros.synthesis.bodies import END, Body, surface
from rt_gait_ros.synthesis.skeleton import BONE, BONES
from rt_gait_ros.synthesis.things import CARRIED, RING, Pieces, trailing

_TRUNK = ("hips", "lower_back", "upper_back", "thorax")
_HEAD_DEPTH = 0.9  # of the mesh's heads, from front to back
_ANGLES, _LEVELS = 20, 24  # of the map of how far the trunk stands out
# What somebody's hair is, which other clothes do not change, and what may be taken along without changing clothes.
_HAIR = ("long hair", "bun")
_BAGS = ("backpack", "shoulder bag", "handbag", "trolley", "umbrella", "parcel")


@dataclass(frozen=True, slots=True)
class Outfit:
    """Clothes of one day, metres unless said otherwise.

    trunk, sleeve, thigh, shank: thickness of the layer. hang: 0..1, how far the trunk's cloth falls straight from
    chest and belly. sleeve_length, trouser_length: 0..1 of arm and leg. bell: widening of the trouser leg at its
    hem. Long trousers and sleeves are straight: of a shank and a forearm only the ends are as thick as they say.
    sole, shoe: under and around the feet. hair: thickness around the head. skirt: length of what hangs from the
    waist as a share of the leg, 0 for none; flare: radius added at its hem; open: a coat that is not buttoned; lag:
    seconds that hanging cloth is behind the body. things: names of what else is worn or carried, of CARRIED.
    colours: a number that stands for cloth and cut: it decides what of the clothes is like a background
    (`backdrop`), and their relief. relief: deviation of what collars, pockets, hems and folds add to the surface, 0
    for none. hairdo: a number that decides the shape of the hair.
    """

    trunk: float = 0.004
    sleeve: float = 0.004
    thigh: float = 0.006
    shank: float = 0.008
    hang: float = 0.3
    sleeve_length: float = 1.0
    trouser_length: float = 1.0
    bell: float = 0.0
    sole: float = 0.02
    shoe: float = 0.006
    hair: float = 0.01
    skirt: float = 0.0
    flare: float = 0.02
    open: bool = False
    lag: float = 0.06
    things: tuple[str, ...] = field(default=())
    colours: int = 0
    relief: float = 0.0
    hairdo: int = 0

    def with_bag(self, random: np.random.Generator) -> "Outfit":
        """As of `wardrobe.Clothes`."""
        return replace(self, things=tuple(dict.fromkeys((*self.things, str(random.choice(_BAGS))))))

    def with_hair_of(self, other: "Outfit") -> "Outfit":
        """As of `wardrobe.Clothes`."""
        hair = [name for name in other.things if name in _HAIR]
        things = tuple(hair + [name for name in self.things if name not in _HAIR])
        return replace(self, hair=other.hair, hairdo=other.hairdo, things=things)


# How often each kind of outfit is drawn: shirt and trousers, shorts, skirt or dress, jacket, down coat, long coat.
KINDS = {"shirt": 0.34, "shorts": 0.08, "skirt": 0.12, "jacket": 0.22, "down": 0.12, "coat": 0.12}


def draw_outfit(random: np.random.Generator, variety: float = 1.0) -> Outfit:
    """Some clothes.

    variety: 0 for shirt and trousers always, whose thickness differs little from person to person; 1 for everything, in
    numbers as in a street in winter. Shoes are thicker on average at 0 (19 mm) than at 1 (12 mm), shirts thinner (16
    and 22 mm).
    """
    kind = str(random.choice(list(KINDS), p=list(KINDS.values()))) if random.random() < variety else "shirt"
    spread = 0.4 + 0.6 * variety  # factor on the deviation of thickness
    thin = 0.006 + 0.010 * (1.0 - spread) + abs(random.normal(0.0, 0.012 * spread))
    legs = 0.005 + 0.006 * (1.0 - spread) + abs(random.normal(0.0, 0.011 * spread))
    wears = Outfit(
        trunk=thin,
        sleeve=0.006 + thin * random.uniform(0.5, 1.2),
        thigh=legs,
        shank=0.018 + legs * random.uniform(1.0 - 0.6 * spread, 1.0 + 0.6 * spread),
        hang=random.uniform(0.2, 1.0),
        sleeve_length=float(random.choice([0.25, 0.5, 1.0], p=[0.2, 0.1, 0.7])),
        bell=max(0.0, random.normal(0.0, 0.02 * spread)),
        sole=random.uniform(0.01, 0.035) + (random.uniform(0.0, 0.05) if random.random() < 0.1 else 0.0),
        shoe=random.uniform(0.006, 0.018) + 0.012 * (1.0 - spread),
        hair=max(0.003, random.normal(0.018, 0.014)),
        lag=random.uniform(0.03, 0.14),
    )
    if kind == "shorts":
        wears = replace(wears, trouser_length=random.uniform(0.25, 0.6), sleeve_length=random.uniform(0.1, 0.4))
    elif kind == "skirt":
        length, flare = random.uniform(0.3, 0.95), random.uniform(0.01, 0.10)
        wears = replace(wears, skirt=length, flare=flare, trouser_length=0.2)
    elif kind != "shirt":
        wears = _over(wears, kind, random)
    things = [name for name, (chance, _) in CARRIED.items() if random.random() < chance * variety]
    return replace(
        wears,
        things=tuple(things),
        colours=int(random.integers(1 << 31)),
        relief=random.uniform(0.004, 0.012),
        hairdo=int(random.integers(1 << 31)),
    )


# Of a jacket, a down coat and a coat: thickness, m; its sleeves as a share of that; how straight it falls; lengths of
# what hangs below the waist, shares of the leg; radius added at its hem, m; chance that it is open.
_OVER = {
    "jacket": ((0.008, 0.032), (0.5, 0.8), (0.0, 1.0), (0.05, 0.25), (0.0, 0.03), 0.2),
    "down": ((0.03, 0.07), (0.5, 0.9), (0.5, 1.0), (0.08, 0.66), (0.0, 0.04), 0.1),
    "coat": ((0.010, 0.035), (0.5, 0.9), (0.4, 1.0), (0.35, 0.85), (0.01, 0.09), 0.3),
}


def _over(wears: Outfit, kind: str, random: np.random.Generator) -> Outfit:
    """The same under a jacket or coat."""
    thick, sleeves, hang, length, flare, is_open = _OVER[kind]
    trunk = random.uniform(*thick)
    return replace(
        wears,
        trunk=trunk,
        sleeve=trunk * random.uniform(*sleeves),
        sleeve_length=1.0,
        hang=random.uniform(*hang),
        skirt=random.uniform(*length),
        flare=random.uniform(*flare),
        open=bool(random.random() < is_open),
    )


def dress(body: Body, outfit: Outfit) -> np.ndarray:
    """The body's vertices (V, 3) at rest, moved outwards by the layers of clothes."""
    layer = _layers(body, outfit) + _relief(body, outfit)
    vertices = _fall(body, body.vertices + layer[:, None] * body.normals, outfit.hang)
    _straighten(body, vertices, outfit)
    data_bones = surface().bones[:, 0]
    head = data_bones == BONE["head"]
    vertices[head, 0] += (_HEAD_DEPTH - 1.0) * (vertices[head, 0] - body.joints[BONE["head"], 0])
    feet = _feet()
    for side in ("l_", "r_"):  # a relaxed hand is half closed
        hand, wrist = data_bones == BONE[f"{side}hand"], body.joints[BONE[f"{side}hand"]]
        axis = body.joints[END[BONE[f"{side}hand"]]] - wrist
        along = (vertices[hand] - wrist) @ axis / (axis @ axis)
        line = wrist + along[:, None] * axis
        vertices[hand] = wrist + 0.75 * (along[:, None] * axis) + 0.6 * (vertices[hand] - line)
    low = feet & (vertices[:, 2] < vertices[feet, 2].min() + 0.03)
    vertices[low, 2] -= outfit.sole
    return vertices


_WAVES = 24  # relief is their sum
_CLOTH, _HAIR_SIZE = 0.15, 0.08  # metres over which cloth and hair rise and fall
# How strong relief is, as a factor on that of the outfit. Limbs are everything else: arms, legs, hands and neck, in
# cloth or not.
_RELIEF = {"trunk": 1.0, "limbs": 0.6, "head": 1.4, "face": 0.2, "feet": 0.8}


def _relief(body: Body, outfit: Outfit) -> np.ndarray:
    """What collars, pockets, hems, folds and the shape of hair add to each vertex (V,), metres.

    It is smooth, alike on both sides, and the same whenever these clothes are worn by the same person.
    """
    if outfit.relief == 0.0:
        return np.zeros(len(body.vertices))
    bones = surface().bones[:, 0]
    trunk = np.isin(bones, [BONE[name] for name in (*_TRUNK, "l_clavicle", "r_clavicle")])
    head, feet = bones == BONE["head"], _feet()
    face = head & (body.vertices[:, 0] > body.joints[BONE["head"], 0] + 0.03) & (_along(body, "head") < 0.6)
    strength = np.full(len(bones), _RELIEF["limbs"])
    for part, vertices in (("trunk", trunk), ("head", head), ("face", face), ("feet", feet)):
        strength[vertices] = _RELIEF[part]
    waves = np.where(head, _waves(body, outfit.hairdo, _HAIR_SIZE), _waves(body, outfit.colours, _CLOTH))
    relief: np.ndarray = outfit.relief * strength * waves
    return relief


def _waves(body: Body, seed: int, size: float) -> np.ndarray:
    """Smooth noise of deviation 1 on each vertex (V,), alike on both sides. size: of its waves, metres."""
    random = np.random.default_rng((0x2E11EF, seed))
    directions = random.normal(0.0, 1.0 / size, (3, _WAVES))
    phases = random.uniform(0.0, 2 * np.pi, _WAVES)
    one_side = body.vertices.copy()
    one_side[:, 1] = np.abs(one_side[:, 1])
    noise: np.ndarray = np.sqrt(2.0 / _WAVES) * np.cos(one_side @ directions + phases).sum(axis=1)
    return noise


def _feet() -> np.ndarray:
    """Which vertices (V,) bool are of feet and toes."""
    return np.isin(surface().bones[:, 0], [BONE[name] for name in ("l_foot", "r_foot", "l_toes", "r_toes")])


def _along(body: Body, name: str) -> np.ndarray:
    """How far each vertex (V,) is along a bone: 0 at its head, 1 at its end."""
    start, end = body.joints[BONE[name]], body.joints[END[BONE[name]]]
    axis = end - start
    return (body.vertices - start) @ axis / (axis @ axis)


def _layers(body: Body, outfit: Outfit) -> np.ndarray:
    """Thickness of cloth on each vertex (V,), metres; blended over joints as the skin's weights are."""
    data = surface()
    own = np.zeros((len(BONES), len(body.vertices)), np.float64)
    own[[BONE[name] for name in (*_TRUNK, "l_clavicle", "r_clavicle")]] = outfit.trunk
    own[BONE["hips"]] = 0.3 * max(outfit.thigh, outfit.trunk)
    own[BONE["neck"]] = 0.005 + 0.5 * outfit.trunk
    own[BONE["head"]] = outfit.hair * np.clip(2 * _along(body, "head"), 0.0, 1.0)
    for side in ("l_", "r_"):
        arm = np.clip(_along(body, f"{side}upper_arm"), 0, 1) * 0.5
        fore = 0.5 + np.clip(_along(body, f"{side}forearm"), 0, 1) * 0.5
        own[BONE[f"{side}upper_arm"]] = outfit.sleeve * (arm < outfit.sleeve_length)
        own[BONE[f"{side}forearm"]] = outfit.sleeve * (fore < outfit.sleeve_length)
        thigh = np.clip(_along(body, f"{side}thigh"), 0, 1) * 0.5
        shank = np.clip(_along(body, f"{side}shank"), 0, 1)
        own[BONE[f"{side}thigh"]] = outfit.thigh * (thigh < outfit.trouser_length)
        covered = 0.5 + 0.5 * shank < outfit.trouser_length
        own[BONE[f"{side}shank"]] = (outfit.shank + outfit.bell * shank**2) * covered
        own[BONE[f"{side}foot"]] = own[BONE[f"{side}toes"]] = outfit.shoe
    return (np.take_along_axis(own.T, data.bones, axis=1) * data.weights).sum(axis=1)


def _fall(body: Body, vertices: np.ndarray, hang: float) -> np.ndarray:
    """Cloth of the trunk falls straight from where the body stands out; hang: 0 not at all, 1 wholly. A copy."""
    data = surface()
    moved = vertices.copy()
    trunk = np.flatnonzero(np.isin(data.bones[:, 0], [BONE[name] for name in _TRUNK]))
    top, bottom = body.joints[BONE["l_upper_arm"], 2] - 0.05, body.joints[BONE["l_thigh"], 2] - 0.05
    middle = np.array([body.joints[BONE["upper_back"], 0], 0.0])
    flat = vertices[trunk, :2] - middle
    radius = np.linalg.norm(flat, axis=1)
    angle = ((np.arctan2(flat[:, 1], flat[:, 0]) / (2 * np.pi) + 0.5) * _ANGLES).astype(int) % _ANGLES
    level = (top - vertices[trunk, 2]) / (top - bottom) * _LEVELS
    inside = (level >= 0) & (level < _LEVELS)
    reach = np.zeros((_LEVELS, _ANGLES))
    np.maximum.at(reach, (level[inside].astype(int), angle[inside]), radius[inside])
    reach = np.maximum.accumulate(reach, axis=0)
    reach = np.minimum(np.minimum(np.roll(reach, 1, 1), np.roll(reach, -1, 1)).clip(reach * 0.9), reach)
    outer = reach[level[inside].astype(int), angle[inside]]
    factor = 1.0 + hang * np.maximum(outer / radius[inside].clip(1e-3) - 1.0, 0.0)
    moved[trunk[inside], :2] = middle + flat[inside] * factor[:, None]
    return moved


_ANKLE, _WRIST = 0.7, 0.55  # radii of ankle and wrist, as shares of the knee's and the elbow's
_LEAN = 0.92  # of the mesh's limbs, what cloth lies on where it is tight: the measured people's are leaner


def _straighten(body: Body, vertices: np.ndarray, outfit: Outfit) -> None:
    """Long trousers and sleeves fall straight from knee and shoulder to the hem, whatever is in them; in place."""
    for side in ("l_", "r_"):
        if outfit.trouser_length == 1.0:
            radius = _girth(body, f"{side}thigh")
            ends = radius + outfit.thigh, _ANKLE * radius + outfit.shank + outfit.bell
            _tube(body, vertices, f"{side}shank", ends)
        if outfit.sleeve_length == 1.0:
            radius = _girth(body, f"{side}upper_arm")
            shoulder, cuff = 1.25 * radius + outfit.sleeve, _WRIST * radius + 1.5 * outfit.sleeve
            elbow = (shoulder + cuff) / 2.0
            _tube(body, vertices, f"{side}upper_arm", (shoulder, elbow), start=0.3)
            _tube(body, vertices, f"{side}forearm", (elbow, cuff))


def _girth(body: Body, name: str) -> float:
    """Mean distance of the skin from the joint at the end of a bone, metres."""
    ring = (surface().bones[:, 0] == BONE[name]) & (_along(body, name) > 0.8)
    start, end = body.joints[BONE[name]], body.joints[END[BONE[name]]]
    axis = (end - start) / np.linalg.norm(end - start)
    apart = body.vertices[ring] - end
    return float(np.linalg.norm(apart - (apart @ axis)[:, None] * axis, axis=1).mean())


def _tube(body: Body, vertices: np.ndarray, name: str, ends: tuple[float, float], start: float = 0.0) -> None:
    """Put cloth around a bone, of a radius that changes evenly between its ends, metres; in place.

    start: where on the bone it begins, 0..1.
    """
    along = _along(body, name)
    around = (surface().bones[:, 0] == BONE[name]) & (along >= start)
    head, end = body.joints[BONE[name]], body.joints[END[BONE[name]]]
    share = np.clip(along[around], 0.0, 1.0)[:, None]
    line = head + share * (end - head)
    skin = body.vertices[around] - line
    of_skin = np.linalg.norm(skin, axis=1, keepdims=True)
    of_cloth = np.maximum(ends[0] + (share - start) / (1.0 - start) * (ends[1] - ends[0]), _LEAN * of_skin)
    vertices[around] = line + skin / of_skin * of_cloth


def hanging(body: Body, outfit: Outfit, joints: np.ndarray) -> Pieces:
    """Skirt, dress, or what of a jacket or coat hangs below the waist. joints: (T, J, 3), as of `bodies.pose`."""
    if outfit.skirt == 0.0:
        return []
    pelvis = joints[:, BONE["hips"]]
    girth = float(np.ptp(body.vertices[surface().bones[:, 0] == BONE["hips"], 1])) * 0.5
    start = 0.06 + 0.06 * body.stature
    length = outfit.skirt * body.leg
    rings = max(3, int(length / 0.12) + 2)
    levels = []
    for depth in np.linspace(-start, length, rings):
        below = max(depth, 0.0) / body.leg
        radius = 0.45 * girth + outfit.trunk + outfit.flare * max(depth, 0.0) / max(length, 1e-3)
        sides = []
        for side in ("l_", "r_"):
            hip, knee, ankle = (joints[:, BONE[f"{side}{name}"]] for name in ("thigh", "shank", "foot"))
            share = 2.0 * below
            place = hip + min(share, 1.0) * (knee - hip)
            if share > 1.0:  # below the knee cloth hangs more than it follows
                shank = np.linalg.norm(body.joints[BONE["l_shank"]] - body.joints[BONE["l_foot"]])
                straight = np.array([0.0, 0.0, -shank])
                place = place + (share - 1.0) * (0.45 * (ankle - knee) + 0.55 * straight)
            if depth < 0.0:
                place = hip + np.array([0.0, 0.0, -depth]) + 0.25 * (pelvis - hip)
            sides.append(place[:, None] + radius * RING)
        ring = np.stack(sides, axis=1)  # (T, 2, 10, 3)
        levels.append(trailing(ring, pelvis, outfit.lag * below * 2.0) if below > 0.0 else ring)
    made: Pieces = []
    for upper, lower in pairwise(levels):
        whole = np.concatenate([upper, lower], axis=2)
        made += [whole[:, 0], whole[:, 1]] if outfit.open else [whole.reshape(len(whole), -1, 3)]
    return made
