"""Recorded walks of real people, as rotations of the bones in `skeleton`: what `gait_fitting` reads.

Two sources: Acclaim files (.asf, .amc) as CMU's motion capture library has them, and the marker tracks (.trc) of
Schreiber and Moissenet (2019).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from rt_gait_ros.errors import GaitError
from rt_gait_ros.synthesis.skeleton import BONE, BONES, REST

CMU_RATE = 120.0  # images a second; the files do not say
CMU_UNIT = 0.0254 / 0.45  # metres: CMU's files are in inches / 0.45 (mocap.cs.cmu.edu, frequently asked questions)

# Of each of our bones, CMU's.
_CMU = dict(
    zip(
        BONES,
        (
            "root", "lfemur", "ltibia", "lfoot", "ltoes", "rfemur", "rtibia", "rfoot", "rtoes", "lowerback",
            "upperback", "thorax", "lowerneck", "upperneck", "head", "lclavicle", "lhumerus", "lradius", "lhand",
            "rclavicle", "rhumerus", "rradius", "rhand",
        ),
        strict=True,
    )
)  # fmt: skip
# Bones whose slope at CMU's rest pose belongs to the body, not to the pose. Feet are turned there with the leg.
_SLOPED = {"hips": "", "l_clavicle": "", "r_clavicle": ""}
_SLOPED |= {f"{side}_{name}": f"{side}_shank" for side in "lr" for name in ("foot", "toes")}


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded walk of T images, in a world with z up.

    person: unique across sources. rotations: (T, 23, 3, 3) of each bone, NaN where the source has none. hips: (T, 3)
    midpoint of the hip joints, m. ankles: (T, 2, 3) left and right, m. leg_length: hip to ankle joint along the
    bones, m. rate: images a second.
    """

    source: str
    person: str
    walk: str
    rate: float
    rotations: np.ndarray
    hips: np.ndarray
    ankles: np.ndarray
    leg_length: float


@dataclass(frozen=True, slots=True)
class _Bone:
    """One bone of an .asf file. direction: unit vector at rest. axis: of its joint's coordinates. dofs: rx, ry, rz."""

    direction: np.ndarray
    length: float
    axis: Rotation
    dofs: tuple[str, ...]


# From CMU's axes (x left, y up, z ahead) to ours.
_FROM_CMU = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
# From the markers' axes (x ahead, y up, z right) to ours.
_FROM_TRC = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def read_asf(file: Path) -> tuple[dict[str, _Bone], dict[str, str]]:
    """Bones by name, and the parent of each, parents first. Raises GaitError."""
    bones, parents = {}, {}
    try:
        text = file.read_text(errors="replace")
        bone_text, hierarchy = text.split(":bonedata")[1].split(":hierarchy")
        for block in bone_text.split("begin")[1:]:
            words = {line.split()[0]: line.split()[1:] for line in block.splitlines() if line.strip()}
            bones[words["name"][0]] = _Bone(
                np.array(words["direction"], float),
                float(words["length"][0]),
                Rotation.from_euler("xyz", np.array(words["axis"][:3], float), degrees=True),
                tuple(words.get("dof", ())),
            )
        for line in hierarchy.splitlines():
            parent, *children = line.split() or [""]
            parents.update(dict.fromkeys(children, parent))
    except (OSError, IndexError, KeyError, ValueError) as error:
        raise GaitError(f"{file} is not an Acclaim skeleton (.asf): give CMU's own file") from error
    return bones, parents


def read_amc(file: Path) -> dict[str, np.ndarray]:
    """Values (T, D) of each bone's degrees of freedom, in the skeleton's order, degrees; the root's six. Raises
    GaitError."""
    values: dict[str, list[list[str]]] = {}
    try:
        for line in file.read_text(errors="replace").splitlines():
            name, *numbers = line.split() or [""]
            if numbers and name[0].isalpha():
                values.setdefault(name, []).append(numbers)
        tracks = {name: np.array(rows, float) for name, rows in values.items()}
        if len({len(track) for track in tracks.values()}) != 1 or "root" not in tracks:
            raise ValueError
    except (OSError, ValueError) as error:
        raise GaitError(f"{file} is not an Acclaim motion (.amc), or is cut short: fetch it again") from error
    return tracks


def _between(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Shortest rotation (3, 3) of one unit vector to another."""
    axis = np.cross(start, end)
    size = np.linalg.norm(axis)
    angle = np.arctan2(size, start @ end)
    return Rotation.from_rotvec(axis / max(size, 1e-12) * angle).as_matrix()


def cmu_recording(skeleton: Path, motion: Path) -> Recording:
    """One walk of CMU's library. Raises GaitError."""
    bones, parents = read_asf(skeleton)
    tracks = read_amc(motion)
    missing = sorted(set(_CMU.values()) - {"root"} - set(bones))
    if missing:
        raise GaitError(f"{skeleton} has no bone {missing[0]}: only skeletons of CMU's library can be read")
    turns = {"root": Rotation.from_euler("xyz", tracks["root"][:, 3:], degrees=True)}
    ends = {"root": tracks["root"][:, :3] * CMU_UNIT}
    for name, parent in parents.items():
        bone = bones[name]
        turn = turns[parent]
        if name in tracks:
            angles = np.zeros((len(tracks[name]), 3))
            angles[:, ["xyz".index(dof[1]) for dof in bone.dofs]] = tracks[name]
            turn = turn * bone.axis * Rotation.from_euler("xyz", angles, degrees=True) * bone.axis.inv()
        turns[name] = turn
        ends[name] = ends[parent] + turn.apply(bone.direction * bone.length * CMU_UNIT)
    for side in "lr":  # half of the forearm's twist is the forearm's, as skin has it
        twist = (turns[f"{side}radius"].inv() * turns[f"{side}wrist"]).as_rotvec()
        turns[f"{side}radius"] = turns[f"{side}radius"] * Rotation.from_rotvec(twist / 2)
    rotations = np.empty((len(ends["root"]), len(BONES), 3, 3))
    for name, theirs in _CMU.items():
        turn = _FROM_CMU @ turns[theirs].as_matrix() @ _FROM_CMU.T
        same = _SLOPED.get(name, name)
        own = _between(REST[BONE[same]], _FROM_CMU @ bones[_CMU[same]].direction) if same else np.eye(3)
        rotations[:, BONE[name]] = turn @ own
    leg = sum(bones[name].length for name in ("lfemur", "ltibia", "rfemur", "rtibia")) / 2 * CMU_UNIT
    hips = (ends["lhipjoint"] + ends["rhipjoint"]) / 2
    ankles = np.stack([ends["ltibia"], ends["rtibia"]], 1)
    return Recording(
        "cmu", f"cmu-{skeleton.stem}", motion.stem, CMU_RATE, rotations, hips @ _FROM_CMU.T, ankles @ _FROM_CMU.T, leg
    )


def read_trc(file: Path) -> tuple[float, dict[str, np.ndarray]]:
    """Images a second, and the track (T, 3) of each marker in metres, in our axes; NaN where it was not seen. Raises
    GaitError."""
    try:
        lines = file.read_text().splitlines()
        rate = float(lines[2].split("\t")[0])
        names = [name for name in lines[3].split("\t")[2:] if name.strip()]
        width = 2 + 3 * len(names)
        rows = [(line.split("\t") + [""] * width)[:width] for line in lines[5:] if line.strip()]
        values = np.array([[float(value) if value.strip() else np.nan for value in row] for row in rows])
        tracks = values[:, 2:].reshape(len(values), len(names), 3) / 1000.0 @ _FROM_TRC.T
    except (OSError, IndexError, ValueError) as error:
        raise GaitError(f"{file} is not a table of markers (.trc), or is cut short: fetch it again") from error
    return rate, _Tracks(len(tracks), {name: tracks[:, number] for number, name in enumerate(names)})


class _Tracks(dict[str, np.ndarray]):
    """Tracks (T, 3) of markers; those that were not worn are never seen."""

    def __init__(self, images: int, tracks: dict[str, np.ndarray]) -> None:
        super().__init__(tracks)
        self.images = images

    def __missing__(self, name: str) -> np.ndarray:
        return np.full((self.images, 3), np.nan)


# Where the outer side of the left elbow points at rest, as in CMU's skeletons: up and backwards.
_ELBOW = np.array([-0.5, 0.0, 0.866])


def _frame(along: np.ndarray, other: np.ndarray, rest: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rotations (T, 3, 3) of a bone that points `along` and `other` (T, 3), and at rest `rest` and `second` (3,)."""

    def axes(first: np.ndarray, other: np.ndarray) -> np.ndarray:
        first = first / np.linalg.norm(first, axis=-1, keepdims=True)
        other = other - (other * first).sum(-1, keepdims=True) * first
        other = other / np.linalg.norm(other, axis=-1, keepdims=True)
        return np.stack([first, other, np.cross(first, other)], -1)

    return axes(along, other) @ axes(rest, second).T


def _twisted(bone: np.ndarray, along: np.ndarray, parent: np.ndarray, share: float) -> np.ndarray:
    """A bone's rotations (T, 3, 3) with only a share of its twist against the parent. along: (3,) direction at rest."""
    untwisted = parent.copy()
    for moment, (own, base) in enumerate(zip(bone, parent, strict=True)):
        untwisted[moment] = base @ _between(along, base.T @ own @ along)
    relative = np.swapaxes(untwisted, 1, 2) @ bone
    seen = np.isfinite(relative).all((1, 2))
    if seen.any():  # older SciPy takes no empty list of rotations
        twist = Rotation.from_matrix(relative[seen]).as_rotvec()
        untwisted[seen] = untwisted[seen] @ Rotation.from_rotvec(share * twist).as_matrix()
    return np.where(seen[:, None, None], untwisted, np.nan)


def markers_recording(file: Path, person: str) -> Recording | None:
    """One walk of Schreiber and Moissenet (2019): pelvis, legs, trunk and arms. Raises GaitError.

    None where the inner side of ankles and knees has no markers, as with two of the people.

    Hip joints are where Harrington et al. (J. Biomech. 40:595, 2007) find them between the pelvis markers; a shoulder
    is taken 4 cm below the acromion.
    """
    rate, at = read_trc(file)
    rotations = np.full((len(at["L_IAS"]), len(BONES), 3, 3), np.nan)

    left = np.array([0.0, 1, 0])

    def put(name: str, along: np.ndarray, other: np.ndarray, second: np.ndarray = left) -> None:
        rotations[:, BONE[name]] = _frame(along, other, REST[BONE[name]], second)

    front, back = (at["L_IAS"] + at["R_IAS"]) / 2, (at["L_IPS"] + at["R_IPS"]) / 2
    across = at["L_IAS"] - at["R_IAS"]
    put("hips", np.cross(front - back, across), across)
    width, depth = np.nanmedian(np.linalg.norm(across, axis=1)), np.nanmedian(np.linalg.norm(front - back, axis=1))
    trunk_up = (at["CV7"] + at["SJN"] - at["TV10"] - at["SXS"]) / 2
    trunk_left = np.cross(trunk_up, at["SJN"] + at["SXS"] - at["CV7"] - at["TV10"])
    put("thorax", trunk_up, trunk_left)
    hips, ankles, lengths = [], [], []
    for side, sign in (("L", 1.0), ("R", -1.0)):
        low = side.lower()
        place = np.array([-0.24 * depth - 0.0099, sign * (0.33 * width + 0.0073), -0.30 * width - 0.0109])
        hip = front + rotations[:, 0] @ place
        knee, ankle = (at[f"{side}_FLE"] + at[f"{side}_FME"]) / 2, (at[f"{side}_FAL"] + at[f"{side}_TAM"]) / 2
        put(f"{low}_thigh", knee - hip, sign * (at[f"{side}_FLE"] - at[f"{side}_FME"]))
        put(f"{low}_shank", ankle - knee, sign * (at[f"{side}_FAL"] - at[f"{side}_TAM"]))
        toes = (at[f"{side}_FM1"] + at[f"{side}_FM5"]) / 2
        put(f"{low}_foot", toes - at[f"{side}_FCC"], sign * (at[f"{side}_FM5"] - at[f"{side}_FM1"]))
        shoulder = at[f"{side}_SAE"] - 0.04 * rotations[:, BONE["thorax"], :, 2]
        elbow, wrist = (at[f"{side}_HLE"] + at[f"{side}_HME"]) / 2, (at[f"{side}_RSP"] + at[f"{side}_UHE"]) / 2
        thumb, arm = np.array([1.0, 0, 0]), rotations[:, BONE[f"{low}_upper_arm"]]
        put(f"{low}_upper_arm", elbow - shoulder, at[f"{side}_HLE"] - at[f"{side}_HME"], _ELBOW)
        put(f"{low}_forearm", wrist - elbow, at[f"{side}_RSP"] - at[f"{side}_UHE"], thumb)
        knuckles = (at[f"{side}_HM2"] + at[f"{side}_HM5"]) / 2
        put(f"{low}_hand", knuckles - wrist, at[f"{side}_HM2"] - at[f"{side}_HM5"], thumb)
        forearm = rotations[:, BONE[f"{low}_forearm"]]
        forearm[:] = _twisted(forearm, REST[BONE[f"{low}_forearm"]], arm, 0.5)
        # CMU's knees are hinges: the twist of a lower leg is the foot's there
        shank = rotations[:, BONE[f"{low}_shank"]]
        shank[:] = _twisted(shank, REST[BONE[f"{low}_shank"]], rotations[:, BONE[f"{low}_thigh"]], 0.0)
        hips.append(hip)
        ankles.append(ankle)
        lengths += [np.linalg.norm(hip - knee, axis=1), np.linalg.norm(knee - ankle, axis=1)]
    if any(np.isnan(track).all() for track in (*ankles, *hips)):
        return None
    leg = float(sum(np.nanmedian(np.concatenate(lengths[part::2])) for part in range(2)))
    return Recording("schreiber", person, file.stem, rate, rotations, np.mean(hips, 0), np.stack(ankles, 1), leg)


def cmu_recordings(folder: Path) -> Iterator[Recording]:
    """Walks below a folder NN/NN.asf, NN/NN_MM.amc. Raises GaitError if there is none."""
    files = sorted(folder.glob("*/*_*.amc"))
    if not files:
        raise GaitError(f"{folder} holds no walk NN/NN_MM.amc of CMU's motion capture library")
    for file in files:
        yield cmu_recording(file.with_name(f"{file.parent.name}.asf"), file)


def schreiber_recordings(folder: Path) -> Iterator[Recording]:
    """Walks below a folder ID/dynamic/ID_*.trc but those that lack markers. Raises GaitError if there is none."""
    files = sorted(folder.glob("*/dynamic/*.trc"))
    if not files:
        raise GaitError(f"{folder} holds no walk ID/dynamic/ID_CONDITION.trc of Schreiber and Moissenet (2019)")
    for file in files:
        recording = markers_recording(file, f"schreiber-{file.parents[1].name}")
        if recording is not None:
            yield recording
