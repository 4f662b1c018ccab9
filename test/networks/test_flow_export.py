import keras_files
import numpy as np
import pytest
import torch

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.embedder import WindowEmbedder, read_embedding
from rt_gait_ros.gait.model import describe
from rt_gait_ros.networks.flow_export import export_flow_network, write_flow
from rt_gait_ros.networks.flow_networks import example_frames
from rt_gait_ros.networks.keras_checkpoints import load_flow_network
from rt_gait_ros.networks.kinds import FLOW_NETWORKS
from rt_gait_ros.serving.onnx_client import OnnxClient


@pytest.mark.parametrize("kind", FLOW_NETWORKS)
def test_from_keras_to_an_embedding(kind, tmp_path):
    layers = keras_files.weights(kind, keras_files.NARROW[kind], 6)
    export = export_flow_network(*load_flow_network(keras_files.write(tmp_path / "model.hdf5", layers)))
    assert export.agreement.holds
    write_flow(export, tmp_path / "repository", kind)
    client = OnnxClient(tmp_path / "repository", timeout=600.0)
    try:
        model = describe(client, kind)
        assert (model.gait_frame_kind, model.frame_shape, model.min_frames) == ("flow", (60, 60, 2), 25)
        frames = example_frames(1)
        embedder = WindowEmbedder(client, model, 30, deadline=30.0)
        embedding = read_embedding(embedder.embed(frames[0].numpy()).result(), model)
        with torch.no_grad():
            np.testing.assert_allclose(embedding, export.network(frames)[0], atol=1e-4)
    finally:
        client.close()
    with pytest.raises(UsageError, match="there already"):
        write_flow(export, tmp_path / "repository", kind)
