"""Pose networks in less than 32 bits for a CPU: parts stay where they are, and one that loses them is refused."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from torch import nn

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks import pose_precision
from rt_gait_ros.networks.export import to_onnx
from rt_gait_ros.networks.pose_precision import in_precision
from rt_gait_ros.pose.topology import Topology

TOPOLOGY = Topology("figure", ("head", "foot"), np.array([[0, 1, 0, 1]], np.int32))


class Figures(nn.Module):
    """Heads are red, feet are green and to the right of their heads. `cells`: rows by which feet are moved;
    `height`: of the peaks; `way`: of the field, from head to foot where it is 1."""

    def __init__(self, cells=0, height=1.0, way=1.0):
        super().__init__()
        self.cells, self.height, self.way = cells, height, way
        self.conv = nn.Conv2d(3, 2, 1, bias=False)
        with torch.no_grad():
            self.conv.weight.copy_(torch.eye(3)[:2, :, None, None])

    def forward(self, image):
        pixels = image.permute(0, 3, 1, 2).float() / 255
        maps = nn.functional.avg_pool2d(torch.relu(self.conv(pixels)), 4) * self.height
        head, foot = maps[:, :1], torch.roll(maps[:, 1:], self.cells, 2)
        return torch.cat([head, foot], 1), torch.cat([0 * head, 0 * head + self.way], 1)


def exported(**changes):
    return to_onnx(Figures(**changes).eval(), torch.zeros(2, 64, 64, 3, dtype=torch.uint8), "image", ["cmap", "paf"])


@pytest.fixture(scope="module")
def model():
    return exported()


@pytest.fixture(scope="module")
def images():
    """Two figures in each, at other places; the lower one is fainter."""
    made = np.zeros((10, 1, 64, 64, 3), np.uint8)
    rows, columns = np.mgrid[:64, :64]
    for number, image in enumerate(made):
        for row, column, value in ((13.5, 9.5 + 4 * (number % 5), 250), (41.5 + 4 * (number % 3), 9.5, 200)):
            for channel in (0, 1):
                squared = (rows - row) ** 2 + (columns - column - 24 * channel) ** 2
                image[0, ..., channel] = np.maximum(image[0, ..., channel], value * np.exp(-squared / 50))
    return list(made)


@pytest.mark.parametrize(("precision", "type_"), [("fp16", TensorProto.FLOAT16), ("int8", TensorProto.INT8)])
def test_parts_stay_where_they_are(model, images, precision, type_):
    chosen, compared = in_precision(model, precision, images, TOPOLOGY, 0.0)
    assert (chosen.precision, chosen.loss, compared) == (precision, 0.0, [chosen])
    weights = {
        entry.data_type for entry in onnx.load_from_string(chosen.model).graph.initializer if len(entry.dims) == 4
    }
    assert weights == {type_}


@pytest.mark.parametrize(
    ("changes", "loss"),
    [
        ({"cells": 3}, 0.5),
        ({"height": 0.01}, 1.0),  # nobody is found any more, though the highest cells are where they were
        ({"way": -1.0}, 1.0),  # nor here, where the field leads astray
        ({"height": float("nan")}, 1.0),
    ],
    ids=["three cells", "too low", "astray", "no numbers"],
)
def test_a_variant_that_loses_more_parts_than_asked_is_refused(model, images, monkeypatch, changes, loss):
    monkeypatch.setattr(pose_precision, "quantise_static", lambda *_, **more: exported(**changes))
    assert in_precision(model, "int8", images, TOPOLOGY)[0].loss == loss
    line = f"int8 loses {100 * loss:.1f} % of the parts in 5 images, more than the 2 % allowed"
    with pytest.raises(UsageError, match=line):
        in_precision(model, "int8", images, TOPOLOGY, 0.02)


def test_parts_are_lost_that_lie_elsewhere_or_are_in_one_of_the_two_alone():
    one = np.array([[[3.0, 3.0, 0.9], [9.0, 3.0, 0.9]]])
    for after, loss in (
        (np.add(one, [0.9, 0.9, 0.0]), 0.0),
        (np.add(one, [1.1, 0.0, 0.0]), 1.0),
        (np.concatenate([np.add(one, [20.0, 0.0, 0.0]), one]), 0.5),
        (one[:0], 1.0),
        (one * [[[1.0], [np.nan]]], 0.5),
    ):
        assert pose_precision._loss([one, one[:0]], [after, one[:0]]) == pytest.approx(loss)


def test_what_int8_was_made_by_does_not_tell_what_it_loses(model, images, monkeypatch):
    made_by = []
    monkeypatch.setattr(
        pose_precision, "quantise_static", lambda *words, **more: made_by.extend(words[2]) or exported(cells=3)
    )
    nobody = [np.zeros_like(images[0])] * 5
    mixed = [image for pair in zip(images[:5], nobody, strict=True) for image in pair]
    assert np.isnan(in_precision(model, "int8", mixed, TOPOLOGY)[0].loss)
    assert [image.any() for image in made_by] == [True] * 5


def test_best_is_the_fastest_of_those_that_lose_no_more_than_asked(model, images, monkeypatch):
    monkeypatch.setattr(pose_precision, "quantise_static", lambda *_, **more: exported(cells=3))
    times = iter([3.0, 2.0, 1.0, 3.0, 2.0, 1.0])
    monkeypatch.setattr(pose_precision, "_seconds", lambda *_: next(times))
    chosen, compared = in_precision(model, "best", images, TOPOLOGY)
    assert [(each.precision, each.seconds, each.loss) for each in compared] == [
        ("fp32", 3.0, 0.0),
        ("fp16", 2.0, 0.0),
        ("int8", 1.0, 0.5),
    ]
    assert chosen.precision == "fp16"
    assert in_precision(model, "best", images, TOPOLOGY, 0.6)[0].precision == "int8"


def test_images_of_nobody_tell_no_loss(model, images):
    nobody = [np.zeros_like(images[0])]
    assert np.isnan(in_precision(model, "fp16", nobody, TOPOLOGY)[0].loss)
    for precision, most in (("fp16", 0.1), ("best", None)):
        with pytest.raises(UsageError, match="nobody is found in the calibration images"):
            in_precision(model, precision, nobody, TOPOLOGY, most)
