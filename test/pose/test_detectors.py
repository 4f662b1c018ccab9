import json

import numpy as np
import pytest
from paf_reference import scene

from rt_gait_ros.errors import GaitError
from rt_gait_ros.pose.detectors import MOST_PEOPLE, Detector
from rt_gait_ros.pose.layouts import OPENPOSE_CHANNELS, OPENPOSE_HEATMAPS, OPENPOSE_THIN, TRT_POSE
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec


def detector(outputs, size=(-1, -1), parameters=None):
    image = TensorSpec("image", "uint8", (-1, *size, 3))
    tensors = tuple(TensorSpec(name, "float32", (-1,)) for name in outputs)
    return Detector.from_spec(ModelSpec("net", (image,), tensors, parameters or {}), min_parts=2)


def people(ready, outputs, shape):
    shown = np.zeros((*shape, 3), np.uint8)
    return ready.people(outputs, shown, ready.request(shown, 320))


@pytest.mark.parametrize(
    ("multiple", "fixed", "image", "expected"),
    [
        (8, (-1, -1), (480, 640), (240, 320)),
        (32, (-1, -1), (1080, 1920), (192, 320)),
        (32, (-1, -1), (120, 160), (256, 320)),
        (1, (224, 256), (480, 640), (224, 256)),
        (32, (-1, -1), (2, 2000), (64, 320)),
    ],
)
def test_every_image_becomes_a_size_that_the_network_takes(multiple, fixed, image, expected):
    ready = detector(["people"], fixed, {"size_multiple": str(multiple)})
    assert ready.request(np.zeros((*image, 3), np.uint8), 320)["image"].shape == (1, *expected, 3)


@pytest.mark.parametrize("image", [(480, 640), (721, 1281), (2160, 3840)])
def test_what_is_too_fine_for_the_network_becomes_its_mean(image):
    """Pixels by turns black and white are grey from afar; single ones that were picked out would be either."""
    fine = np.indices((*image, 3)).sum(axis=0)[..., :3] % 2 * 200
    small = detector(["people"], (192, 256)).request(fine.astype(np.uint8), 256)["image"]
    assert np.ptp(small) <= 50
    assert small.mean() == pytest.approx(100, abs=2)


@pytest.mark.parametrize("image", [(480, 640), (721, 1281), (2160, 3840), (100, 90)])
def test_everything_stays_in_its_place_when_an_image_is_scaled(image):
    half = np.zeros((*image, 3), np.uint8)
    half[:, image[1] // 2 :] = 200
    small = detector(["people"], (192, 256)).request(half, 256)["image"]
    assert small[0, :, :127].max() == 0
    assert small[0, :, 129:].min() == 200


@pytest.mark.parametrize(("order", "channel"), [("RGB", 2), ("BGR", 0)])
def test_colours_are_in_the_networks_order(order, channel):
    image = np.zeros((64, 64, 3), np.uint8)
    image[..., 0] = 200
    request = detector(["people"], parameters={"colour_order": order}).request(image, 64)
    assert request["image"][0, ..., channel].mean() == 200


def test_openpose_maps_are_read_as_people():
    cmap, paf = scene(np.random.default_rng(3), 1, OPENPOSE_THIN)
    maps = np.zeros((1, 56, 56, 57), np.float32)
    maps[0, ..., OPENPOSE_CHANNELS] = cmap
    maps[0, ..., OPENPOSE_HEATMAPS:] = paf.transpose(1, 2, 0)
    (one,) = people(detector(["maps"]), {"maps": maps}, (448, 896))
    person, part = one.keypoints, 5
    row, column = np.unravel_index(cmap[part].argmax(), cmap[part].shape)
    np.testing.assert_allclose(person[part, :2], [(column + 0.5) * 16, (row + 0.5) * 8], atol=16)


def test_trt_pose_maps_are_read_as_people():
    cmap, paf = scene(np.random.default_rng(3), 1, TRT_POSE)
    (one,) = people(detector(["cmap", "paf"]), {"cmap": cmap[None], "paf": paf[None]}, (56, 56))
    assert one.keypoints.shape == (18, 3)
    assert np.isfinite(one.keypoints).all()


def test_movenet_people_with_joints_left_out():
    rows = np.zeros((1, 6, 56), np.float32)
    rows[0, :3, 55] = 0.9, 0.9, 0.1
    rows[0, 0, :51] = np.column_stack([np.linspace(0.2, 0.8, 17), np.full(17, 0.5), np.full(17, 0.7)]).ravel()
    rows[0, 0, 2] = 0.05  # the nose is not sure
    (one,) = people(detector(["people"]), {"people": rows}, (100, 200))
    assert one.keypoints.shape == (18, 3)
    assert np.isnan(one.keypoints[0, :2]).all()
    np.testing.assert_allclose(one.keypoints[16], [100, 80, 0.7], atol=1e-4)


def test_boxes_are_told_in_pixels_of_what_was_shown():
    rows = np.zeros((1, 64, 5), np.float32)
    rows[0, :4] = (32, 16, 64, 112, 0.9), (33, 16, 65, 110, 0.8), (160, 20, 190, 110, 0.6), (200, 20, 230, 110, 0.1)
    first, second = people(detector(["boxes"], parameters={"size_multiple": "32"}), {"boxes": rows}, (512, 640))
    np.testing.assert_allclose(first.box, (64, 32, 128, 224))
    np.testing.assert_allclose(second.box, (320, 40, 380, 220))
    assert first.region.x == pytest.approx(96)
    assert first.region.height == pytest.approx(192)


def test_a_detector_that_sees_a_thousand_people_is_taken_at_its_surest():
    places = np.stack(np.meshgrid(np.arange(40) * 8.0, np.arange(25) * 8.0), -1).reshape(-1, 2)
    scores = np.linspace(0.3, 0.99, 1000)[:, None]
    rows = np.concatenate([places, places + np.array([4, 7]), scores], axis=1)[None].astype(np.float32)
    found = people(detector(["boxes"]), {"boxes": rows}, (200, 320))
    assert len(found) == MOST_PEOPLE
    assert min(one.score for one in found) > 0.9


def test_damaged_answers_are_refused():
    with pytest.raises(GaitError, match="NaN"):
        people(detector(["people"]), {"people": np.full((1, 6, 56), np.nan)}, (9, 9))
    with pytest.raises(GaitError, match="NaN"):
        people(detector(["boxes"]), {"boxes": np.full((1, 64, 5), np.inf)}, (9, 9))
    with pytest.raises(GaitError, match="not \\(people, 5\\)"):
        people(detector(["boxes"]), {"boxes": np.zeros((1, 64, 4))}, (9, 9))


def test_a_network_that_finds_nobody_is_refused():
    with pytest.raises(GaitError, match="choose another model"):
        detector(["embedding"])


def test_a_trt_pose_network_of_another_topology_is_read_by_its_own_and_refused_unless_it_is_of_people():
    parts = list(TRT_POSE.parts)
    chain = {"name": "person", "keypoints": parts, "skeleton": [[k, k + 1] for k in range(1, 18)]}
    maps = scene(np.random.default_rng(2), 2, Topology.from_coco_category(chain))
    read = detector(["cmap", "paf"], parameters={"topology": json.dumps(chain)}).decode
    assert len(read({"cmap": maps[0][None], "paf": maps[1][None]}, (56, 56))) == 2
    hand = {"name": "hand", "keypoints": ["wrist", "thumb"], "skeleton": [[1, 2]]}
    with pytest.raises(GaitError, match="finds a hand, not people"):
        detector(["cmap", "paf"], parameters={"topology": json.dumps(hand)})
