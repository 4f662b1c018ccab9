import argparse
import os

import pytest

from rt_gait_ros.serving.tensorrt_build import EngineOptions


@pytest.fixture
def on_gallery():
    """on_gallery(command, path) gives what runs a subcommand of `command`, with its arguments, on the gallery."""

    def on(command, path):
        def call(name, *arguments):
            parser = argparse.ArgumentParser()
            command.add_arguments(parser)
            return command.run(parser.parse_args([name, "--gallery", os.fspath(path), *arguments]))

        return call

    return on


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[EngineOptions]:
    """What engines were asked for, of a TensorRT that is stood in for."""
    asked: list[EngineOptions] = []

    def build(model: bytes, inputs: object, options: EngineOptions) -> bytes:
        asked.append(options)
        return b"engine"

    monkeypatch.setattr("rt_gait_ros.cli.export_engine.require_builder", lambda: None)
    monkeypatch.setattr("rt_gait_ros.cli.export_engine.build_engine", build)
    return asked
