"""Bodies with a surface: a thousand vertices whose shapes spread as adults' do, posed by the skeleton's rotations.

The shapes are MakeHuman's (CC0), their spread and correlations those of ANSUR II; `body_fitting` derives the data.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from rt_gait_ros.compiled import compiled
from rt_gait_ros.synthesis.skeleton import BONE, BONES, PARENTS, REST

# The bone or end at which each bone ends; ends that are no bones come behind the bones among a body's joints.
ENDS = ("head", "l_toes", "r_toes", "l_hand", "r_hand")
_NEXT = {
    "hips": "lower_back", "l_thigh": "l_shank", "l_shank": "l_foot", "l_foot": "l_toes", "r_thigh": "r_shank",
    "r_shank": "r_foot", "r_foot": "r_toes", "lower_back": "upper_back", "upper_back": "thorax", "thorax": "neck",
    "neck": "upper_neck", "upper_neck": "head", "l_clavicle": "l_upper_arm", "l_upper_arm": "l_forearm",
    "l_forearm": "l_hand", "r_clavicle": "r_upper_arm", "r_upper_arm": "r_forearm", "r_forearm": "r_hand",
}  # fmt: skip
END = np.array([
    BONE[_NEXT[name]] if name in _NEXT else len(BONES) + ENDS.index(name) for name in BONES
])  # fmt: skip
# The line from pelvis to spine says nothing of how a pelvis is turned, and a clavicle slopes at rest as it does.
_AS_THEY_ARE = [BONE[name] for name in ("hips", "l_clavicle", "r_clavicle")]
_SOLES = [BONE[name] for name in ("l_foot", "l_toes", "r_foot", "r_toes")]


@dataclass(frozen=True, slots=True)
class Surface:
    """What all bodies share.

    triangles: (N, 3) of vertices. bones, weights: (V, 3), what moves each vertex and how much. mean (V + J, 3) and
    basis (K, V + J, 3): shapes, vertices before joints, metres. centres (2, K), factors (2, K, K): coefficients of
    women's and men's average body and their spread.
    """

    triangles: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    mean: np.ndarray
    basis: np.ndarray
    centres: np.ndarray
    factors: np.ndarray

    @property
    def vertices(self) -> int:
        """How many vertices a body has."""
        return len(self.bones)


@lru_cache(maxsize=1)
def surface() -> Surface:
    """The shipped data."""
    with np.load(Path(__file__).parent / "data" / "bodies.npz") as data:
        weights = data["weights"].astype(np.float32)
        return Surface(
            data["triangles"].astype(np.int32),
            data["bones"].astype(np.int32),
            weights / weights.sum(axis=1, keepdims=True),
            data["mean"],
            data["basis"].astype(np.float32),
            data["centres"],
            data["factors"],
        )


@dataclass(frozen=True, slots=True)
class Body:
    """One body at rest, in MakeHuman's rest pose. vertices: (V, 3), joints: (J, 3) of the bones' heads and the ENDS,
    metres; x ahead, y left, z up. normals: (V, 3), unit, outwards."""

    vertices: np.ndarray
    joints: np.ndarray
    normals: np.ndarray

    @property
    def stature(self) -> float:
        """Metres."""
        return float(np.ptp(self.vertices[:, 2]))

    @property
    def leg(self) -> float:
        """Length from hip to ankle, metres."""
        hip, knee, ankle = (self.joints[BONE[name]] for name in ("l_thigh", "l_shank", "l_foot"))
        return float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))


def draw_body(random: np.random.Generator, spread: float = 1.0) -> Body:
    """Some adult's body. spread: factor on how widely bodies differ from their sex's average."""
    data = surface()
    sex = int(random.integers(2))
    coefficients = data.centres[sex] + spread * random.standard_normal(data.factors.shape[1]) @ data.factors[sex]
    return _body(data.mean + np.tensordot(coefficients.astype(np.float32), data.basis, 1))


def _body(points: np.ndarray) -> Body:
    data = surface()
    vertices = points[: data.vertices]
    corners = vertices[data.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, data.triangles[:, corner], faces)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-9)
    return Body(vertices, points[data.vertices :], normals)


def _turns(body: Body) -> np.ndarray:
    """Rotations (bones, 3, 3) that bring each bone of the body from its own rest to the skeleton's."""
    own = body.joints[END] - body.joints[: len(BONES)]
    own[_SOLES, 2] = 0.0  # at rest the sole is level
    own = own / np.linalg.norm(own, axis=1, keepdims=True)
    turns = np.tile(np.eye(3), (len(BONES), 1, 1))
    for number in range(len(BONES)):
        if number in _AS_THEY_ARE:
            continue
        axis, cosine = np.cross(own[number], REST[number]), float(own[number] @ REST[number])
        skew = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
        turns[number] = np.eye(3) + skew + skew @ skew / (1.0 + cosine)
    return turns


def pose(body: Body, vertices: np.ndarray, rotations: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move a body's skin, or the clothes on it.

    vertices: (V, 3) at rest, in the order of the body's. rotations: (T, bones, 3, 3), global, relative to the
    skeleton's rest pose. offset: (T, 3) of the pelvis, metres. Returns vertices (T, V, 3) and joints (T, J, 3),
    float32, metres, with the pelvis around the origin.
    """
    data = surface()
    turned = (rotations @ _turns(body)).astype(np.float32)
    images = len(turned)
    joints = np.zeros((images, len(body.joints), 3), np.float32)
    joints[:, 0] = offset
    for number in range(1, len(BONES)):
        parent = PARENTS[number]
        arm = (body.joints[number] - body.joints[parent]).astype(np.float32)
        joints[:, number] = joints[:, parent] + turned[:, parent] @ arm
    for number, name in enumerate(ENDS, start=len(BONES)):
        arm = (body.joints[number] - body.joints[BONE[name]]).astype(np.float32)
        joints[:, number] = joints[:, BONE[name]] + turned[:, BONE[name]] @ arm
    shifts = joints[:, : len(BONES)] - np.einsum("tbij,bj->tbi", turned, body.joints[: len(BONES)].astype(np.float32))
    posed = np.empty((images, len(vertices), 3), np.float32)
    _skin(vertices.astype(np.float32), data.bones, data.weights, turned, shifts.astype(np.float32), posed)
    return posed, joints


@compiled(fastmath=True)
def _skin(
    vertices: np.ndarray,
    bones: np.ndarray,
    weights: np.ndarray,
    turns: np.ndarray,
    shifts: np.ndarray,
    posed: np.ndarray,
) -> None:
    """Linear blend skinning: posed (T, V, 3) of vertices (V, 3) by turns (T, bones, 3, 3), shifts (T, bones, 3)."""
    for image in range(len(turns)):
        for vertex in range(len(vertices)):
            x, y, z = vertices[vertex]
            for row in range(3):
                total = np.float32(0.0)
                for slot in range(3):
                    weight = weights[vertex, slot]
                    if weight > 0.0:
                        bone = bones[vertex, slot]
                        turn = turns[image, bone, row]
                        total += weight * (turn[0] * x + turn[1] * y + turn[2] * z + shifts[image, bone, row])
                posed[image, vertex, row] = total
