"""Pose networks in less than 32 bits for a CPU: parts stay where they are, and one that moves them is refused."""

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


class Brightest(nn.Module):
    """The map of its one part is the picture itself, a quarter as large; moved by `cells` rows."""

    def __init__(self, cells=0):
        super().__init__()
        self.cells = cells
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.maps = nn.Conv2d(4, 1, 1, bias=False)
        nn.init.constant_(self.conv.weight, 1 / 27)
        nn.init.constant_(self.maps.weight, 1 / 4)

    def forward(self, image):
        pixels = image.permute(0, 3, 1, 2).float() / 255
        maps = nn.functional.avg_pool2d(torch.relu(self.maps(self.conv(pixels))), 4)
        return torch.roll(maps, self.cells, 2), maps


def exported(cells=0):
    return to_onnx(Brightest(cells).eval(), torch.zeros(2, 64, 64, 3, dtype=torch.uint8), "image", ["cmap", "paf"])


@pytest.fixture(scope="module")
def model():
    return exported()


@pytest.fixture(scope="module")
def images():
    """A bright square of 12 pixels, at another place in each."""
    made = np.full((10, 1, 64, 64, 3), 20, np.uint8)
    for number, image in enumerate(made):
        image[0, 4 * number : 4 * number + 12, 40 - 4 * number : 52 - 4 * number] = 250
    return list(made)


@pytest.mark.parametrize(("precision", "type_"), [("fp16", TensorProto.FLOAT16), ("int8", TensorProto.INT8)])
def test_parts_stay_where_they_are(model, images, precision, type_):
    chosen, compared = in_precision(model, precision, images, 0.0)
    assert (chosen.precision, chosen.loss, compared) == (precision, 0.0, [chosen])
    weights = {
        entry.data_type for entry in onnx.load_from_string(chosen.model).graph.initializer if len(entry.dims) == 4
    }
    assert weights == {type_}


def test_a_variant_that_moves_more_parts_than_asked_is_refused(model, images, monkeypatch):
    monkeypatch.setattr(pose_precision, "quantise_static", lambda *_, **more: exported(cells=3))
    assert in_precision(model, "int8", images)[0].loss == 1.0
    with pytest.raises(UsageError, match=r"int8 moves 100.0 % of the parts in 10 images, more than the 2 % allowed"):
        in_precision(model, "int8", images, 0.02)


def test_best_is_the_fastest_of_those_that_move_no_more_than_asked(model, images, monkeypatch):
    monkeypatch.setattr(pose_precision, "quantise_static", lambda *_, **more: exported(cells=3))
    times = iter([3.0, 2.0, 1.0, 3.0, 2.0, 1.0])
    monkeypatch.setattr(pose_precision, "_seconds", lambda *_: next(times))
    chosen, compared = in_precision(model, "best", images)
    assert [(each.precision, each.seconds, each.loss) for each in compared] == [
        ("fp32", 3.0, 0.0),
        ("fp16", 2.0, 0.0),
        ("int8", 1.0, 1.0),
    ]
    assert chosen.precision == "fp16"
    assert in_precision(model, "best", images, 1.0)[0].precision == "int8"


def test_images_of_nobody_tell_no_loss(model, images):
    nobody = [np.zeros_like(images[0])]
    assert np.isnan(in_precision(model, "fp16", nobody)[0].loss)
    for precision, most in (("fp16", 0.1), ("best", None)):
        with pytest.raises(UsageError, match="no part of anybody is seen in the calibration images"):
            in_precision(model, precision, nobody, most)
