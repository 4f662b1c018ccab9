"""Variants of one export: each computes nearly the same, too great a loss is refused, and `best` is the fastest."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks import precision
from rt_gait_ros.networks.flow_export import export_flow_network
from rt_gait_ros.networks.flow_networks import FlowNet2D, example_frames
from rt_gait_ros.networks.gait_export import write_gait
from rt_gait_ros.networks.gait_integers import Change
from rt_gait_ros.networks.precision import Variant, in_precision
from rt_gait_ros.serving.onnx_client import OnnxClient


@pytest.fixture(scope="module")
def sets():
    """Blobs of ten widths that move: (12, 64, 64) uint8 each."""
    rows, columns = np.mgrid[:64, :64]
    swings = 4 * np.sin(rows / 9 + np.arange(12)[:, None, None])
    return [np.where(abs(columns - 32 + swings) < width, 255, 0).astype(np.uint8) for width in range(4, 14)]


@pytest.fixture
def export(small_export):
    return small_export


def kinds_of_weights(model):
    return {entry.data_type for entry in onnx.load_from_string(model).graph.initializer if len(entry.dims) > 1}


def test_half_precision_is_served_with_the_tensors_of_the_whole(export, sets, tmp_path):
    chosen, compared = in_precision(export, "fp16", sets, 0.2)
    assert (chosen.precision, len(compared)) == ("fp16", 1)
    assert kinds_of_weights(chosen.export.whole) == {TensorProto.FLOAT16}
    assert len(chosen.export.whole) < 0.6 * len(export.whole)
    for changed in chosen.changes.values():
        assert 0 < changed.shift < 0.05 * changed.between
    write_gait(chosen.export, tmp_path, "half")
    client = OnnxClient(tmp_path, timeout=600.0)
    try:
        found = client.submit("half", {"gait_frames": sets[3][None]}).result()["embedding"]
    finally:
        client.close()
    session = onnxruntime.InferenceSession(export.whole, providers=["CPUExecutionProvider"])
    (exact,) = session.run(None, {"gait_frames": sets[3][None]})
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, atol=0.01 * np.abs(exact).max())
    stateful = onnxruntime.InferenceSession(chosen.export.stateful, providers=["CPUExecutionProvider"])
    assert {entry.name: entry.type for entry in stateful.get_inputs()}["state_in"] == "tensor(float)"


def losing(shares, monkeypatch):
    """Has variants change the nearest of so many sequences, and take so long; their networks are not made."""

    def variant(export, name, sets):
        nearest, _ = shares[name]
        changes = {} if name == "fp32" else {"whole": Change(0.1, 1.0, nearest, 1.0)}
        return Variant(name, replace(export, whole=name.encode()), changes)

    monkeypatch.setattr(precision, "_variant", variant)
    monkeypatch.setattr(precision, "_seconds", lambda export, frames: shares[export.whole.decode()][1])


def test_best_is_the_fastest_of_those_that_lose_no_more_than_asked(export, sets, monkeypatch):
    losing({"fp32": (1.0, 0.03), "fp16": (0.99, 0.04), "int8": (0.97, 0.01)}, monkeypatch)
    chosen, compared = in_precision(export, "best", sets)
    assert chosen.precision == "fp32", "1 % is allowed where nothing is said"
    assert [variant.precision for variant in compared] == ["fp32", "fp16", "int8"]
    assert in_precision(export, "best", sets, 0.05)[0].precision == "int8"


def test_a_variant_that_loses_more_is_refused(export, sets, monkeypatch):
    losing({"int8": (0.97, 0.01)}, monkeypatch)
    assert in_precision(export, "int8", sets)[0].loss == pytest.approx(0.03)
    with pytest.raises(UsageError, match=r"int8 changes the nearest of 3\.0 % of 10 .* the 2 % allowed: nothing was"):
        in_precision(export, "int8", sets, 0.02)


def test_networks_on_flow_have_all_of_them():
    export = export_flow_network("flow2d", FlowNet2D((8, 8, 8, 8), 16, 16, 16, 0).eval())
    windows = list(example_frames(8).numpy())
    chosen, compared = in_precision(export, "best", windows, 0.99)
    assert [variant.precision for variant in compared] == ["fp32", "fp16", "int8"]
    assert all(variant.seconds > 0 for variant in compared)
    assert chosen in compared
    assert kinds_of_weights(compared[1].export.model) == {TensorProto.FLOAT16}
