"""Derives `data/bodies.npz` from MakeHuman's mesh and the US Army's measurements: run by maintainers, not by users.

MakeHuman's base mesh and shape targets are CC0; ANSUR II (Gordon et al., NATICK/TR-15/007, 2014) is in the public
domain. The mesh is decimated, thousands of random MakeHuman bodies give a linear basis of shapes, and ANSUR gives how
widely and together with what else each measure of a body spreads between adults of one sex.
"""

import csv
import gzip
import io
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from rt_gait_ros.errors import UsageError
from rt_gait_ros.paths import replace_file
from rt_gait_ros.synthesis.skeleton import BONES

DECIMETRE = 0.1
COMPONENTS = 32  # of the shape basis
SAMPLES = 2500
TRIANGLES = 2600
RIG = {
    "hips": ("Hips", "LHipJoint", "RHipJoint"),
    "l_thigh": ("LeftUpLeg",), "l_shank": ("LeftLeg",), "l_foot": ("LeftFoot",), "l_toes": ("LeftToeBase",),
    "r_thigh": ("RightUpLeg",), "r_shank": ("RightLeg",), "r_foot": ("RightFoot",), "r_toes": ("RightToeBase",),
    "lower_back": ("LowerBack",), "upper_back": ("Spine",), "thorax": ("Spine1",),
    "neck": ("Neck",), "upper_neck": ("Neck1",), "head": ("Head",),
    "l_clavicle": ("LeftShoulder",), "l_upper_arm": ("LeftArm",), "l_forearm": ("LeftForeArm",),
    "l_hand": ("LeftHand", "LeftFingerBase", "LeftHandFinger1", "LThumb"),
    "r_clavicle": ("RightShoulder",), "r_upper_arm": ("RightArm",), "r_forearm": ("RightForeArm",),
    "r_hand": ("RightHand", "RightFingerBase", "RightHandFinger1", "RThumb"),
}  # fmt: skip
# Where bones without a child in the skeleton end.
ENDS = {
    "head": "joint-head-2", "l_toes": "joint-l-toe-3-4", "r_toes": "joint-r-toe-3-4",
    "l_hand": "joint-l-finger-3-1", "r_hand": "joint-r-finger-3-1",
}  # fmt: skip
# Shape targets beyond the macros, as pairs of one for less and one for more.
DETAILS = (
    "torso/torso-scale-depth", "torso/torso-scale-horiz", "torso/torso-scale-vert", "torso/measure-shoulder-dist",
    "torso/measure-waist-circ", "torso/measure-hips-circ", "torso/measure-bust-circ", "torso/measure-waisttohip-dist",
    "torso/torso-vshape", "stomach/stomach-tone", "stomach/stomach-pregnant", "buttocks/buttocks-volume",
    "hip/hip-scale-depth", "hip/hip-scale-horiz", "neck/neck-scale-depth", "neck/neck-scale-horiz",
    "neck/neck-scale-vert", "legs/measure-thigh-circ", "legs/measure-calf-circ", "legs/measure-upperleg-height",
    "legs/measure-lowerleg-height", "arms/measure-upperarm-length", "arms/measure-lowerarm-length",
    "arms/measure-upperarm-circ", "legs/upperlegs-height", "legs/lowerlegs-height",
)  # fmt: skip
MIRRORED_DETAILS = (
    "legs/{}-upperleg-fat", "legs/{}-lowerleg-fat", "legs/{}-lowerleg-muscle", "arms/{}-upperarm-fat",
    "arms/{}-lowerarm-fat", "arms/{}-upperarm-muscle", "legs/{}-leg-valgus", "feet/{}-foot-scale",
    "arms/{}-lowerarm-scale-depth", "hands/{}-hand-scale",
)  # fmt: skip
# Columns of ANSUR II that measure what _measures does, in its order (millimetres).
ANSUR = (
    "stature", "trochanterionheight", "kneeheightmidpatella", "acromialheight", "biacromialbreadth",
    "shoulderelbowlength", "radialestylionlength", "footlength", "chestcircumference", "waistcircumference",
    "buttockcircumference", "thighcircumference", "calfcircumference", "bicepscircumferenceflexed",
    "neckcircumference",
)  # fmt: skip
_BODY_VERTICES = 13380  # of MakeHuman's base mesh, before its helpers


@dataclass(frozen=True)
class _Mesh:
    """vertices: (N, 3) of the whole base mesh, x ahead, y left, z up, metres. kept: (V,) of them that are the decimated
    body's. triangles: (T, 3) of `kept`. joints: per bone and end the base mesh's vertices whose mean it is."""

    vertices: np.ndarray
    kept: np.ndarray
    triangles: np.ndarray
    joints: list[np.ndarray]


def fit_bodies(mpfb: Path, ansur: Path, output: Path, report: Callable[[str], None]) -> None:
    """Write the body data. mpfb: folder with 3dobjs/, rigs/ and targets/. ansur: folder with ANSUR_II_*_Public.csv.

    Needs the package fast_simplification. Raises UsageError where a folder holds something else.
    """
    for folder, file in ((mpfb, "3dobjs/base.obj"), (ansur, "ANSUR_II_MALE_Public.csv")):
        if not (folder / file).is_file():
            raise UsageError(f"{folder} has no {file}: give the folder that holds it")
    mesh = _mesh(mpfb)
    weights = _weights(mpfb, mesh)
    targets = _Targets(mpfb, mesh)
    random = np.random.default_rng(0)
    sexes = np.arange(SAMPLES) % 2
    shapes = []
    for number, kind in enumerate(sexes, start=1):
        shapes.append(targets.body(targets.random_parameters(random, float(kind))))
        if number % 500 == 0:
            report(f"{number}/{SAMPLES} random bodies")
    bodies = np.stack(shapes)
    bone = weights.argmax(axis=1)
    measures = np.log(np.stack([_measures(body, len(mesh.kept), bone) for body in bodies]))
    mean = bodies.mean(axis=0)
    _, sizes, axes = np.linalg.svd((bodies - mean).reshape(SAMPLES, -1), full_matrices=False)
    basis = axes[:COMPONENTS]
    coefficients = (bodies - mean).reshape(SAMPLES, -1) @ basis.T
    held = float((sizes[:COMPONENTS] ** 2).sum() / (sizes**2).sum())
    report(f"{len(mesh.kept)} vertices, {len(mesh.triangles)} triangles; {COMPONENTS} components hold {held:.4f}")
    centres, factors = [], []
    for sex, name in enumerate(("FEMALE", "MALE")):
        people = np.log(_ansur(ansur / f"ANSUR_II_{name}_Public.csv"))
        own = sexes == sex
        factors.append(_spread(measures[own], coefficients[own], people))
        centres.append((targets.body(targets.average_parameters(float(sex))) - mean).reshape(-1) @ basis.T)
        spreads = zip(ANSUR, np.exp(people.std(axis=0)) - 1, strict=True)
        report(f"{name.lower()}: " + ", ".join(f"{measure} {100 * spread:.1f} %" for measure, spread in spreads))
    largest = np.argsort(-weights, axis=1)[:, :3]
    held_by = np.take_along_axis(weights, largest, axis=1)
    output.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    np.savez_compressed(
        content,
        mean=mean.astype(np.float32),
        basis=basis.reshape(COMPONENTS, -1, 3).astype(np.float16),
        centres=np.array(centres, np.float32),
        factors=np.array(factors, np.float32),
        triangles=mesh.triangles.astype(np.int16),
        bones=largest.astype(np.int8),
        weights=(held_by / held_by.sum(axis=1, keepdims=True)).astype(np.float16),
    )
    replace_file(output, content.getvalue())
    report(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


def _spread(measures: np.ndarray, coefficients: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Factors (K, K) of the covariance of coefficients under which measures vary as those of people do.

    measures (N, M) and coefficients (N, K) of random bodies, people (P, M): logarithms of measures.
    """
    x, y = measures - measures.mean(axis=0), coefficients - coefficients.mean(axis=0)
    number = x.shape[1]
    steady = np.concatenate([x, RIDGE * np.eye(number)]), np.concatenate([y, np.zeros((number, y.shape[1]))])
    linear = np.linalg.lstsq(*steady, rcond=None)[0]  # coefficients that go with the measures ...
    rest = np.cov((y - x @ linear).T)  # ... and what of them the measures leave open
    values, vectors = np.linalg.eigh(linear.T @ np.cov(people.T) @ linear + REST_SHARE * rest)
    return np.asarray((vectors * np.sqrt(values.clip(0))).T[::-1])


# Keeps the regression of coefficients on measures steady where two measures say nearly the same.
RIDGE = 0.05
# Of the variety of random MakeHuman bodies that ANSUR's measures say nothing about, so much is kept: its deviations are
# a guess of ours, not a measurement.
REST_SHARE = 0.25


def _to_axes(points: np.ndarray) -> np.ndarray:
    """MakeHuman's axes (left, up, ahead; decimetres) to ours (ahead, left, up; metres)."""
    return points[..., [2, 0, 1]] * DECIMETRE


def _mesh(mpfb: Path) -> _Mesh:
    try:
        import fast_simplification
    except ImportError as error:
        raise UsageError("decimating a mesh needs `pip install fast_simplification`") from error

    vertices, quads, group = [], [], ""
    cubes: dict[str, set[int]] = {}
    for line in (mpfb / "3dobjs" / "base.obj").read_text().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(value) for value in rest.split()[:3]])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f":
            corners = [int(corner.split("/")[0]) - 1 for corner in rest.split()]
            if group == "body":
                quads.append(corners)
            elif group.startswith("joint-"):
                cubes.setdefault(group, set()).update(corners)
    points = _to_axes(np.array(vertices))
    faces = np.array([[q[0], q[1], q[2]] for q in quads] + [[q[0], q[2], q[3]] for q in quads if len(q) == 4])
    small, triangles = fast_simplification.simplify(
        points[:_BODY_VERTICES].astype(np.float32), faces.astype(np.int32), target_count=TRIANGLES
    )
    nearest = np.array([np.argmin(np.square(points[:_BODY_VERTICES] - point).sum(1)) for point in small])
    kept, inverse = np.unique(nearest, return_inverse=True)
    triangles = inverse[triangles]
    triangles = triangles[(triangles != np.roll(triangles, 1, axis=1)).all(axis=1)]  # none that fell together
    rig = json.loads((mpfb / "rigs/standard/rig.cmu_mb.json").read_text())
    heads = [rig[RIG[name][0]]["head"] for name in BONES]
    joints = [
        np.array(head["vertex_indices"]) if head["strategy"] == "MEAN" else np.array(sorted(cubes[head["cube_name"]]))
        for head in heads
    ]
    joints += [np.array(sorted(cubes[cube])) for cube in ENDS.values()]
    return _Mesh(points, kept, triangles, joints)


def _weights(mpfb: Path, mesh: _Mesh) -> np.ndarray:
    """(V, bones) that sum to 1."""
    groups = json.loads((mpfb / "rigs/standard/weights.cmu_mb.json").read_text())["weights"]
    whole = np.zeros((len(mesh.vertices), len(BONES)))
    for column, name in enumerate(BONES):
        for group in RIG[name]:
            for vertex, weight in groups.get(group, []):
                whole[vertex, column] += weight
    weights = whole[mesh.kept]
    return weights / weights.sum(axis=1, keepdims=True).clip(1e-6)


class _Targets:
    """MakeHuman's shape targets, and bodies made of them."""

    def __init__(self, mpfb: Path, mesh: _Mesh) -> None:
        self._folder, self._mesh = mpfb / "targets", mesh
        self._known: dict[str, np.ndarray] = {}
        self._base = self._reduced(mesh.vertices)

    def _reduced(self, points: np.ndarray) -> np.ndarray:
        """Of the whole mesh (N, 3) the body's vertices and the joints: (V + J, 3)."""
        joints = np.stack([points[vertices].mean(axis=0) for vertices in self._mesh.joints])
        return np.concatenate([points[self._mesh.kept], joints])

    def _target(self, name: str) -> np.ndarray:
        if name not in self._known:
            file = self._folder / f"{name}.target.gz"
            moved = np.zeros((len(self._mesh.vertices), 3))
            if file.is_file():
                for line in gzip.decompress(file.read_bytes()).decode().splitlines():
                    if line and not line.startswith("#"):
                        vertex, *shift = line.split()
                        moved[int(vertex)] = [float(value) for value in shift]
            self._known[name] = self._reduced(_to_axes(moved))
        return self._known[name]

    def average_parameters(self, sex: float) -> dict[str, Any]:
        """Of MakeHuman's average woman (0) or man (1)."""
        details = dict.fromkeys((*DETAILS, *MIRRORED_DETAILS), 0.0)
        half = dict.fromkeys(("muscle", "weight", "height", "cup", "firm"), 0.5)
        return half | {"sex": sex, "old": 0.15, "ideal": 0.0, "races": np.full(3, 1 / 3), "details": details}

    def random_parameters(self, random: np.random.Generator, sex: float) -> dict[str, Any]:
        """Of some woman (0) or man (1), as different as MakeHuman can."""
        names = (*DETAILS, *MIRRORED_DETAILS)
        return {
            "sex": float(np.clip(sex + (0.5 - sex) * abs(random.normal(0, 0.3)), 0, 1)),
            "old": float(np.clip(abs(random.normal(0, 0.35)), 0, 1)),
            "muscle": float(random.uniform(0.1, 0.9)), "weight": float(random.uniform(0.1, 1.0)),
            "height": float(random.uniform(0.2, 0.8)), "ideal": float(random.uniform(-0.7, 0.7)),
            "cup": float(random.uniform(0, 1)), "firm": float(random.uniform(0, 1)),
            "races": random.dirichlet(np.ones(3)),
            "details": dict(zip(names, random.normal(0, 0.35, len(names)).clip(-1, 1), strict=True)),
        }  # fmt: skip

    def body(self, p: dict[str, Any]) -> np.ndarray:
        """(V + J, 3) of parameters; MakeHuman's rule: a target counts by the product of what its name says."""
        body = self._base.copy()
        for name, weight in itertools.chain(_macros(p), self._details(p["details"])):
            if weight > 1e-4:
                body += weight * self._target(name)
        return body

    def _details(self, details: Mapping[str, float]) -> Iterator[tuple[str, float]]:
        """Names and weights of the targets beyond the macros; each has one for more and one for less."""
        for name, value in details.items():
            for side in ("l", "r") if "{}" in name else ("",):
                stem = name.format(side)
                pairs = ("incr", "decr"), ("up", "down"), ("in", "out")
                more, less = next(p for p in pairs if (self._folder / f"{stem}-{p[0]}.target.gz").is_file())
                yield f"{stem}-{less if value < 0 else more}", abs(value)


def _macros(p: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Names and weights of the targets for sex, age, build and height."""
    sexes = {"female": 1 - p["sex"], "male": p["sex"]}
    ages = {"young": 1 - p["old"], "old": p["old"]}
    muscles, fat, tall = (_thirds(p[name], name) for name in ("muscle", "weight", "height"))
    ideal = {"idealproportions": max(p["ideal"], 0), "uncommonproportions": max(-p["ideal"], 0)}
    cups, firm = _thirds(p["cup"], "cup"), _thirds(p["firm"], "firmness")
    del tall["averageheight"]  # that is the base
    for (sex, a), (age, b) in itertools.product(sexes.items(), ages.items()):
        for race, c in zip(("african", "asian", "caucasian"), p["races"], strict=True):
            yield f"macrodetails/{race}-{sex}-{age}", a * b * c
        for (muscle, d), (weight, e) in itertools.product(muscles.items(), fat.items()):
            stem, share = f"{sex}-{age}-{muscle}-{weight}", a * b * d * e
            yield f"macrodetails/universal-{stem}", share
            for folder, forms in (("height", tall), ("proportions", ideal)):
                yield from ((f"macrodetails/{folder}/{stem}-{form}", share * f) for form, f in forms.items())
            if sex == "female":
                for (cup, f), (firmness, g) in itertools.product(cups.items(), firm.items()):
                    yield f"breast/{stem}-{cup}-{firmness}", share * f * g


def _thirds(value: float, name: str) -> dict[str, float]:
    """How much of min, average and max a parameter of 0 to 1 is."""
    return {
        f"min{name}": max(0.0, 1 - 2 * value), f"average{name}": 1 - abs(2 * value - 1),
        f"max{name}": max(0.0, 2 * value - 1),
    }  # fmt: skip


def _measures(body: np.ndarray, vertices: int, bone: np.ndarray) -> np.ndarray:
    """What ANSUR measures, of a body at rest (V + J, 3), metres; in the order of ANSUR."""
    points, joints = body[:vertices], body[vertices:]
    at = {name: joints[number] for number, name in enumerate(BONES)}
    floor = points[:, 2].min()
    index = {name: number for number, name in enumerate(BONES)}
    around_spine = ("hips", "lower_back", "upper_back", "thorax", "l_thigh", "r_thigh")
    trunk = np.isin(bone, [index[name] for name in around_spine])

    def around(low: np.ndarray, high: np.ndarray, share: float, parts: np.ndarray, thick: float = 0.045) -> float:
        axis = (high - low) / np.linalg.norm(high - low)
        along = (points - low) @ axis / np.linalg.norm(high - low)
        near = parts & (np.abs(along - share) * np.linalg.norm(high - low) < thick)
        flat = points[near] - low - np.outer((points[near] - low) @ axis, axis)
        side = np.cross(axis, [1.0, 0.3, 0.2])
        side /= np.linalg.norm(side)
        plane = np.stack([flat @ side, flat @ np.cross(axis, side)], 1)
        if parts is trunk:
            return _hull_length(plane)
        return float(2 * np.pi * np.sqrt(np.square(plane - plane.mean(0)).sum(1).mean()))

    pelvis, neck = at["hips"], at["neck"]
    limbs = {name: bone == index[name] for name in ("l_thigh", "l_shank", "l_upper_arm", "neck", "upper_neck")}
    return np.array([
        np.ptp(points[:, 2]),
        at["l_thigh"][2] - floor,
        at["l_shank"][2] - floor,
        at["l_upper_arm"][2] - floor,
        np.linalg.norm(at["l_upper_arm"] - at["r_upper_arm"]),
        np.linalg.norm(at["l_upper_arm"] - at["l_forearm"]),
        np.linalg.norm(at["l_forearm"] - at["l_hand"]),
        np.ptp(points[np.isin(bone, [index["l_foot"], index["l_toes"]]), 0]),
        around(pelvis, neck, 0.72, trunk),
        around(pelvis, neck, 0.30, trunk),
        around(pelvis, neck, -0.06, trunk),
        around(at["l_thigh"], at["l_shank"], 0.35, limbs["l_thigh"], 0.12),
        around(at["l_shank"], at["l_foot"], 0.35, limbs["l_shank"], 0.12),
        around(at["l_upper_arm"], at["l_forearm"], 0.5, limbs["l_upper_arm"], 0.12),
        around(at["neck"], at["head"], 0.4, limbs["neck"] | limbs["upper_neck"], 0.06),
    ])  # fmt: skip


def _hull_length(points: np.ndarray) -> float:
    try:
        return float(ConvexHull(points).area)  # of a flat hull, the area is its perimeter
    except (QhullError, ValueError) as error:
        raise UsageError(f"a body cannot be measured: {len(points)} vertices in a slice") from error


def _ansur(file: Path) -> np.ndarray:
    """(people, measures) millimetres."""
    with file.open(encoding="latin-1", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return np.array([[float(row[name]) for name in ANSUR] for row in rows])
