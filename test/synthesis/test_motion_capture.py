from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.synthesis.motion_capture import (
    CMU_UNIT,
    cmu_recording,
    cmu_recordings,
    markers_recording,
    schreiber_recordings,
)
from rt_gait_ros.synthesis.skeleton import BONE, REST

# Bones of an Acclaim skeleton: name, parent, direction (x left, y up, z ahead), length, what it turns about.
SKELETON = [
    ("lowerback", "root", (0, 1, 0), 2, "rx ry rz"), ("upperback", "lowerback", (0, 1, 0), 2, "rx ry rz"),
    ("thorax", "upperback", (0, 1, 0), 2, "rx ry rz"), ("lowerneck", "thorax", (0, 1, 0), 2, "rx ry rz"),
    ("upperneck", "lowerneck", (0, 1, 0), 2, "rx ry rz"), ("head", "upperneck", (0, 1, 0), 2, "rx ry rz"),
]  # fmt: skip
for side, sign in (("l", 1), ("r", -1)):
    out = (sign, 0, 0)
    SKELETON += [
        (f"{side}hipjoint", "root", out, 2, ""),
        (f"{side}femur", f"{side}hipjoint", (0, -1, 0), 7, "rx ry rz"),
        (f"{side}tibia", f"{side}femur", (0, -1, 0), 7, "rx"),
        (f"{side}foot", f"{side}tibia", (0, -0.6, 0.8), 2, "rx rz"),
        (f"{side}toes", f"{side}foot", (0, 0, 1), 1, "rx"),
        (f"{side}clavicle", "thorax", out, 3, "ry rz"),
        (f"{side}humerus", f"{side}clavicle", out, 5, "rx ry rz"),
        (f"{side}radius", f"{side}humerus", out, 4, "rx"),
        (f"{side}wrist", f"{side}radius", out, 2, "ry"),
        (f"{side}hand", f"{side}wrist", out, 1, "rx rz"),
    ]


def write_cmu(folder: Path, moved: dict[str, str]) -> tuple[Path, Path]:
    """A skeleton, and a motion of two images in which the bones have the angles `moved`, or none."""
    bones = "".join(
        f"  begin\n id {number}\n name {name}\n direction {' '.join(map(str, way))}\n length {length}\n"
        + " axis 0 0 0 XYZ\n"
        + (f" dof {dofs}\n" if dofs else "")
        + "  end\n"
        for number, (name, _, way, length, dofs) in enumerate(SKELETON)
    )
    children = "".join(f"    {parent} {name}\n" for name, parent, *_ in SKELETON)
    skeleton, motion = folder / "07.asf", folder / "07_01.amc"
    skeleton.write_text(f":version 1.10\n:root\n axis XYZ\n:bonedata\n{bones}:hierarchy\n  begin\n{children}  end\n")
    angles = {name: " ".join("0" for _ in dofs.split()) for name, *_, dofs in SKELETON if dofs}
    angles = {"root": "0 17 0 0 0 0"} | angles | moved
    image = "".join(f"{name} {values}\n" for name, values in angles.items())
    motion.write_text(f"#!OML:ASF\n:FULLY-SPECIFIED\n:DEGREES\n1\n{image}2\n{image}")
    return skeleton, motion


class TestCmu:
    def test_a_skeleton_at_rest_is_at_rest(self, tmp_path):
        found = cmu_recording(*write_cmu(tmp_path, {}))
        assert (found.person, found.walk, found.rate) == ("cmu-07", "07_01", 120.0)
        assert found.leg_length == pytest.approx(14 * CMU_UNIT)
        np.testing.assert_allclose(found.rotations, np.broadcast_to(np.eye(3), (2, 23, 3, 3)), atol=1e-12)
        np.testing.assert_allclose(found.hips, np.broadcast_to([0, 0, 17 * CMU_UNIT], (2, 3)), atol=1e-12)
        np.testing.assert_allclose(found.ankles[0] / CMU_UNIT, [[0, 2, 3], [0, -2, 3]], atol=1e-9)

    def test_joints_bend_the_way_they_do(self, tmp_path):
        found = cmu_recording(*write_cmu(tmp_path, {"lfemur": "-30 0 0", "ltibia": "50", "root": "1 17 2 0 90 0"}))
        turn = found.rotations[0]
        np.testing.assert_allclose(turn[0] @ [1, 0, 0], [0, 1, 0], atol=1e-12)  # turned to the left, as CMU's ry does
        thigh, shank = (turn[BONE[name]] @ REST[BONE[name]] for name in ("l_thigh", "l_shank"))
        np.testing.assert_allclose(thigh, [0, np.sin(np.radians(30)), -np.cos(np.radians(30))], atol=1e-12)
        np.testing.assert_allclose(shank, [0, -np.sin(np.radians(20)), -np.cos(np.radians(20))], atol=1e-12)

    @pytest.mark.parametrize("cut", [0, 60])
    def test_what_is_no_skeleton_is_one_line(self, cut: int, tmp_path):
        skeleton, motion = write_cmu(tmp_path, {})
        skeleton.write_text(skeleton.read_text()[:cut])
        with pytest.raises(GaitError, match=r"07.asf is not an Acclaim skeleton"):
            cmu_recording(skeleton, motion)

    def test_a_motion_that_is_cut_short_is_one_line(self, tmp_path):
        skeleton, motion = write_cmu(tmp_path, {})
        motion.write_text(motion.read_text()[:-40])
        with pytest.raises(GaitError, match=r"07_01.amc is not an Acclaim motion"):
            cmu_recording(skeleton, motion)

    def test_a_bone_that_is_missing_is_named(self, tmp_path):
        skeleton, motion = write_cmu(tmp_path, {})
        skeleton.write_text(skeleton.read_text().replace("rtoes", "rheel"))
        with pytest.raises(GaitError, match="has no bone rtoes"):
            cmu_recording(skeleton, motion)

    def test_a_folder_without_walks_is_one_line(self, tmp_path):
        with pytest.raises(GaitError, match=r"holds no walk NN/NN_MM.amc"):
            list(cmu_recordings(tmp_path))


def standing() -> dict[str, tuple[float, float, float]]:
    """Markers of somebody who stands, arms hanging, thumbs ahead; metres, x ahead, y left, z up."""
    places = {"CV7": (-0.06, 0, 1.45), "TV10": (-0.08, 0, 1.15), "SJN": (0.06, 0, 1.40), "SXS": (0.04, 0, 1.10)}
    for side, sign in (("L", 1), ("R", -1)):
        y = 0.1 * sign
        places |= {
            f"{side}_IAS": (0.1, 1.2 * y, 1.0), f"{side}_IPS": (-0.08, 0.5 * y, 1.0),
            f"{side}_FLE": (0.0, 1.5 * y, 0.5), f"{side}_FME": (0.0, 0.5 * y, 0.5),
            f"{side}_FAL": (0.0, 1.4 * y, 0.08), f"{side}_TAM": (0.0, 0.6 * y, 0.08),
            f"{side}_FCC": (-0.06, y, 0.03), f"{side}_FM1": (0.14, 0.5 * y, 0.03), f"{side}_FM5": (0.14, 1.5 * y, 0.03),
            f"{side}_SAE": (0.0, 2.0 * y, 1.44), f"{side}_HLE": (0.0, 2.3 * y, 1.1), f"{side}_HME": (0.0, 1.7 * y, 1.1),
            f"{side}_RSP": (0.03, 2.0 * y, 0.85), f"{side}_UHE": (-0.03, 2.0 * y, 0.85),
            f"{side}_HM2": (0.04, 2.0 * y, 0.76), f"{side}_HM5": (-0.04, 2.0 * y, 0.76),
        }  # fmt: skip
    return places


def write_trc(path: Path, places: dict[str, tuple[float, float, float]], images: int = 3) -> Path:
    """A table in millimetres, x ahead, y up, z right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = [
        "PathFileType\t4\t(X/Y/Z)\twalk.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits",
        f"100.0\t100.0\t{images}\t{len(places)}\tmm",
        "Frame#\tTime\t" + "\t\t\t".join(places),
        "\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in range(1, len(places) + 1)),
        "",
    ]
    cells = [f"{value * 1000.0:.3f}" for x, y, z in places.values() for value in (x, z, -y)]
    path.write_text("\n".join([*head, *("\t".join([str(n + 1), str(n / 100), *cells]) for n in range(images))]) + "\n")
    return path


class TestMarkers:
    def test_somebody_who_stands_is_upright_with_hanging_arms(self, tmp_path):
        found = markers_recording(write_trc(tmp_path / "x.trc", standing()), "someone")
        assert found is not None
        assert (found.source, found.person, found.rate) == ("schreiber", "someone", 100.0)
        turn = found.rotations[0]
        np.testing.assert_allclose(turn[0], np.eye(3), atol=1e-9)
        for name in ("thorax", "l_thigh", "r_thigh", "l_shank", "r_foot"):
            assert turn[BONE[name], 2, 2] > 0.95
            assert turn[BONE[name], 1, 1] > 0.99
        for name in ("l_upper_arm", "r_upper_arm", "l_forearm", "r_forearm", "l_hand", "r_hand"):
            assert (turn[BONE[name]] @ REST[BONE[name]])[2] < -0.98
        # the thumb is ahead, as at rest
        assert (turn[BONE["l_hand"]] @ [1, 0, 0])[0] > 0.95
        assert np.isnan(turn[[BONE[name] for name in ("head", "l_toes", "lower_back", "r_clavicle")]]).all()
        np.testing.assert_allclose(found.ankles[0, :, 2], 0.08, atol=1e-9)
        assert 0.7 < found.leg_length < 0.95

    def test_without_the_inner_sides_of_the_ankles_there_is_no_recording(self, tmp_path):
        places = {name: place for name, place in standing().items() if name[2:] not in ("TAM", "FME")}
        assert markers_recording(write_trc(tmp_path / "x.trc", places), "someone") is None

    def test_files_are_found_and_the_person_named(self, tmp_path):
        write_trc(tmp_path / "2014001" / "dynamic" / "2014001_C4_05.trc", standing())
        (found,) = schreiber_recordings(tmp_path)
        assert (found.person, found.walk) == ("schreiber-2014001", "2014001_C4_05")
        with pytest.raises(GaitError, match=r"holds no walk ID/dynamic"):
            list(schreiber_recordings(tmp_path / "2014001"))

    def test_what_is_no_table_is_one_line(self, tmp_path):
        path = tmp_path / "x.trc"
        path.write_text("nothing\n")
        with pytest.raises(GaitError, match=r"x.trc is not a table of markers"):
            markers_recording(path, "someone")
