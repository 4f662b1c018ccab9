"""Who walks: bodies and walking styles of virtual people, and what they wear on a day.

Identities are as narrow as real people's; what must not matter (clothes, things carried, mood and speed) is wide.
"""

from dataclasses import dataclass, replace

import numpy as np

# Segment lengths as shares of the stature (Drillis and Contini, "Body Segment Parameters", 1966; as tabled in Winter,
# "Biomechanics and Motor Control of Human Movement", 2009).
SEGMENTS = {
    "thigh": 0.245,
    "shank": 0.246,
    "ankle": 0.039,  # height of the ankle over the sole
    "foot": 0.152,
    "trunk": 0.288,  # hip joints to shoulder line
    "neck": 0.052,  # shoulder line to chin
    "head": 0.130,
    "upper_arm": 0.186,
    "forearm": 0.146,
    "hand": 0.075,  # a relaxed, half closed hand; the stretched one is 0.108
    "shoulders": 0.129,  # half of the biacromial breadth
    "hips": 0.055,  # half of the distance of the hip joints' centres
}
# Radii as shares of the stature: half breadths and depths of a slim adult, from the same tables' girths.
GIRTHS = {
    "head": 0.061,
    "neck": 0.041,
    "chest": 0.066,
    "waist": 0.060,
    "pelvis": 0.071,
    "thigh": 0.052,
    "knee": 0.036,
    "calf": 0.036,
    "ankle": 0.024,
    "foot": 0.017,
    "upper_arm": 0.026,
    "elbow": 0.021,
    "wrist": 0.015,
    "hand": 0.018,
}
# Coefficients of variation between adults: of a segment's share, of a girth, of the build (Winter 2009; Pheasant,
# "Bodyspace", 1996).
SEGMENT_SPREAD, GIRTH_SPREAD, BUILD_SPREAD = 0.035, 0.05, 0.10

# Mean and deviation between people of what makes a walk somebody's own. Angles in degrees; ranges are factors of the
# normal curves' sizes. After Winter (2009), Murray et al. (1964) and, for the arms, Meyns et al. (2013).
STYLE = {
    "hip_range": (1.0, 0.10),
    "knee_range": (1.0, 0.08),
    "ankle_range": (1.0, 0.15),
    "hip_offset": (0.0, 3.0),
    "knee_offset": (2.0, 3.0),
    "toe_out": (7.0, 5.0),
    "step_width": (0.0, 0.010),  # addition to half the distance of the hips, share of the stature
    "lean": (4.0, 3.5),  # of the trunk, forward
    "nod": (8.0, 7.0),  # of the head, forward
    "stoop": (6.0, 6.0),  # of the upper trunk, forward
    "sway": (2.5, 1.2),  # of the trunk, sideways
    "pelvis_turn": (5.0, 2.0),
    "pelvis_drop": (3.5, 1.5),
    "chest_turn": (6.0, 2.5),
    "arm_swing": (20.0, 7.0),
    "arm_offset": (-4.0, 6.0),
    "arm_out": (7.0, 4.0),
    "elbow": (22.0, 10.0),
    "elbow_swing": (10.0, 6.0),
    "arm_lag": (0.0, 0.025),  # of a cycle
    "arm_asymmetry": (0.0, 0.20),
    "leg_asymmetry": (0.0, 0.03),
    "cadence": (0.92, 0.07),  # cycles (two steps) a second
}
# Shape of the joint curves themselves: deviation of harmonics 1 to 4, as a share of the first one's size.
HARMONIC_SPREAD = 0.05

BAGS, BAG_SIZES = ("backpack", "shoulder", "hand"), (0.07, 0.12)  # kinds, and radii in metres


@dataclass(frozen=True, slots=True)
class Person:
    """One virtual identity. stature: m. segments, girths: metres. style: keys of STYLE. harmonics: (3, 5) complex
    factors on the curves of hip, knee and ankle."""

    stature: float
    segments: dict[str, float]
    girths: dict[str, float]
    style: dict[str, float]
    harmonics: np.ndarray


@dataclass(frozen=True, slots=True)
class Outfit:
    """What somebody wears and carries on one day, in metres.

    loose: (5,) added to the radii of trunk, upper arm, forearm, thigh, shank. coat: length below the hips, 0 for none;
    flare: its radius at the hem. hair: added to the head, and hair_length down the back of it. heel: under the heel.
    bag: none, backpack, shoulder or hand; bag_size: its radius. belly: added in front of the waist.
    """

    loose: np.ndarray
    coat: float
    flare: float
    hair: float
    hair_length: float
    heel: float
    bag: str
    bag_size: float
    belly: float

    def with_bag(self, random: np.random.Generator) -> "Outfit":
        """As of `wardrobe.Clothes`."""
        return replace(self, bag=str(random.choice(BAGS)), bag_size=random.uniform(*BAG_SIZES))

    def with_hair_of(self, other: "Outfit") -> "Outfit":
        """As of `wardrobe.Clothes`."""
        return replace(self, hair=other.hair, hair_length=other.hair_length)


def person(seed: int, shape: float = 2.0, manner: float = 2.0) -> Person:
    """Virtual identity number `seed`; the same number is always the same person.

    shape, manner: factors on the deviations of the body and of the walking style. Twice the tabled ones is the default:
    networks that saw such people recognised real ones best, because identities must be wide against clothes and noise.
    """
    random = np.random.default_rng((0x6A17, seed))
    stature = float(random.normal(1.72, 0.09))
    legs = random.normal(0.0, SEGMENT_SPREAD * 0.7)  # long legs go with a short trunk
    build = np.exp(shape * random.normal(0.0, BUILD_SPREAD))
    segments = {}
    for name, share in SEGMENTS.items():
        factor = 1.0 + shape * random.normal(0.0, SEGMENT_SPREAD)
        factor += shape * (legs if name in ("thigh", "shank") else -legs if name == "trunk" else 0.0)
        segments[name] = stature * share * factor
    girths = {
        name: stature * share * (1.0 if name == "head" else build) * np.exp(shape * random.normal(0.0, GIRTH_SPREAD))
        for name, share in GIRTHS.items()
    }
    style = {name: mean + manner * deviation * random.standard_normal() for name, (mean, deviation) in STYLE.items()}
    wobble = random.normal(0.0, HARMONIC_SPREAD * manner, (2, 3, 5))
    return Person(stature, segments, girths, style, 1.0 + wobble[0] + 1j * wobble[1])


def outfit(random: np.random.Generator, variety: float = 1.0) -> Outfit:
    """Some clothes for one walk. variety: 0 for the same always, 1 for everything from a shirt to a coat."""
    trunk = abs(random.normal(0.0, 0.010)) * variety
    trousers = 0.004 + abs(random.normal(0.0, 0.007)) * variety
    loose = np.array([
        trunk, trunk * random.uniform(0.3, 0.9), trunk * random.uniform(0.2, 0.9),
        trousers, trousers * random.uniform(0.6, 1.4),
    ])  # fmt: skip
    coat, bag = 0.0, "none"
    if random.random() < 0.25 * variety:
        coat = float(random.choice([0.1, 0.3, 0.45], p=[0.5, 0.3, 0.2])) * random.uniform(0.7, 1.3)
        loose[:3] += random.uniform(0.0, 0.02)
    if random.random() < 0.15 * variety:
        bag = str(random.choice(BAGS))
    return Outfit(
        loose,
        coat,
        random.uniform(0.09, 0.16),
        max(0.0, 0.006 + variety * random.normal(0.0, 0.006)),
        random.uniform(0.1, 0.25) if random.random() < 0.2 * variety else 0.0,
        0.02 + 0.03 * variety * max(0.0, random.normal(0.0, 0.5)),
        bag,
        random.uniform(*BAG_SIZES),
        max(0.0, variety * random.normal(0.0, 0.010)),
    )
