import argparse
import json
import os

import keras_files
import pytest

from rt_gait_ros.cli import export
from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.repository import read_model


def rt_gait_export(*arguments):
    parser = argparse.ArgumentParser()
    export.add_arguments(parser)
    return export.run(parser.parse_args([os.fspath(argument) for argument in arguments]))


def test_a_keras_file_becomes_a_folder_of_the_repository(tmp_path, capsys):
    pytest.importorskip("torch", reason="needs the extra [train]")
    layers = keras_files.weights("flow2d", keras_files.NARROW["flow2d"], 6)
    path = keras_files.write(tmp_path / "model_2D_150.hdf5", layers)
    rt_gait_export("gait", path, "--repository", tmp_path / "repository", "--tensorrt", "fp16", "--json")
    report = json.loads(capsys.readouterr().out)
    assert (report["network"], report["window"]) == ("flow2d", 25)
    assert report["agreement"]["whole"]["difference"] < 1e-4
    parameters = read_model(tmp_path / "repository/flow2d").spec.parameters
    assert (parameters["gait_frame_kind"], parameters["tensorrt_precision"]) == ("flow", "fp16")
    with pytest.raises(UsageError, match="where flow3d has 'conv3d'"):
        rt_gait_export("gait", path, "--network", "flow3d", "--repository", tmp_path / "other")
