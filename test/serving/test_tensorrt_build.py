"""Building engines, as far as a machine without TensorRT can tell: what is asked of it, and what is refused."""

import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving import tensorrt_build
from rt_gait_ros.serving.inference import TensorSpec
from rt_gait_ros.serving.tensorrt_build import (
    EngineOptions,
    TensorRTError,
    build_engine,
    require_builder,
    trtexec_command,
)

IMAGE = (TensorSpec("image", "uint8", (-1, 224, 224, 3)),)


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        (EngineOptions("fp32", max_batch=4), []),
        (EngineOptions("fp16", max_batch=4), ["--fp16"]),
        (EngineOptions("int8", max_batch=4), ["--fp16", "--int8"]),
        (EngineOptions("fp16", dla=1), ["--fp16", "--useDLACore=1", "--allowGPUFallback"]),
    ],
)
def test_the_command_says_what_is_asked(options: EngineOptions, flags: list[str]) -> None:
    command = trtexec_command("trtexec", Path("a.onnx"), Path("a.plan"), IMAGE, options)
    most = options.max_batch
    assert command == [
        "trtexec",
        "--onnx=a.onnx",
        "--saveEngine=a.plan",
        "--skipInference",
        "--minShapes=image:1x224x224x3",
        f"--optShapes=image:{most}x224x224x3",
        f"--maxShapes=image:{most}x224x224x3",
        *flags,
    ]


def test_an_engine_for_several_batches_has_a_profile_for_each_and_takes_all_of_them_in_each() -> None:
    options = EngineOptions("fp16", max_batch=8, batches=(1, 8))
    command = trtexec_command("trtexec", Path("a.onnx"), Path("a.plan"), IMAGE, options)
    assert command[4:] == [
        "--profile=0",
        "--minShapes=image:1x224x224x3",
        "--optShapes=image:1x224x224x3",
        "--maxShapes=image:8x224x224x3",
        "--profile=1",
        "--minShapes=image:1x224x224x3",
        "--optShapes=image:8x224x224x3",
        "--maxShapes=image:8x224x224x3",
        "--fp16",
    ]
    with pytest.raises(UsageError, match="for batches of 1 to 8 cannot be tuned to 9"):
        EngineOptions("fp16", max_batch=8, batches=(1, 9))


def test_a_dla_core_computes_int8_by_ranges_alone() -> None:
    with pytest.raises(UsageError, match="by the ranges of a calibration cache"):
        build_engine(b"network", IMAGE, EngineOptions("int8", dla=0))


def program(folder: Path, script: str) -> str:
    """A stand-in for trtexec."""
    path = folder / "trtexec"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def without_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_build.importlib.util, "find_spec", lambda name: None)


@pytest.mark.usefixtures("without_module")
def test_the_programs_engine_is_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'for a in "$@"; do case $a in --onnx=*) i=${a#*=};; --saveEngine=*) o=${a#*=};; esac; done; cp $i $o'
    monkeypatch.setattr(tensorrt_build, "_trtexec", lambda: program(tmp_path, script))
    assert build_engine(b"network", IMAGE, EngineOptions("fp16")) == b"network"


@pytest.mark.usefixtures("without_module")
def test_the_program_reads_the_ranges_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'for a in "$@"; do case $a in --calib=*) i=${a#*=};; --saveEngine=*) o=${a#*=};; esac; done; cp $i $o'
    monkeypatch.setattr(tensorrt_build, "_trtexec", lambda: program(tmp_path, script))
    built = build_engine(b"network", IMAGE, EngineOptions("int8", dla=0, ranges={"a": 127.0}))
    assert built.splitlines()[1:] == [b"a: 3f800000"]


@pytest.mark.usefixtures("without_module")
def test_the_programs_reason_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'echo "[I] begin"; echo "[E] Error[4]: no such layer" >&2; exit 1'
    monkeypatch.setattr(tensorrt_build, "_trtexec", lambda: program(tmp_path, script))
    with pytest.raises(TensorRTError, match=r"cannot build the engine: \[E\] Error\[4\]: no such layer"):
        build_engine(b"network", IMAGE, EngineOptions("fp16"))


@pytest.mark.usefixtures("without_module")
def test_a_machine_without_either_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_build, "_trtexec", lambda: None)
    with pytest.raises(TensorRTError, match="apt install tensorrt") as caught:
        build_engine(b"network", IMAGE, EngineOptions("fp16"))
    assert "\n" not in str(caught.value)


@pytest.fixture
def with_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_build.importlib.util, "find_spec", lambda name: name)


@pytest.mark.usefixtures("with_module")
@pytest.mark.parametrize("version", ["8.5.3.1", "11.0.0", "12.0rc1"])
def test_other_releases_are_refused_before_the_work_begins(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_build.importlib, "import_module", lambda name: SimpleNamespace(__version__=version))
    for build in (require_builder, lambda: build_engine(b"network", IMAGE, EngineOptions("fp16"))):
        with pytest.raises(TensorRTError, match=f"TensorRT {version} is installed: engines are built with 8"):
            build()


@pytest.mark.usefixtures("with_module")
@pytest.mark.parametrize("kind", [ImportError, OSError])
def test_a_module_whose_libraries_are_missing_is_one_line(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str) -> None:
        raise kind("libnvinfer.so.10: cannot open shared object file:\nNo such file or directory")

    monkeypatch.setattr(tensorrt_build.importlib, "import_module", load)
    with pytest.raises(TensorRTError, match=r"does not load \(libnvinfer.so.10: .*\): install TensorRT's") as caught:
        require_builder()
    assert "\n" not in str(caught.value)


def test_ranges_are_of_tensors_of_floats_that_are_there() -> None:
    """Before, images in bytes were given one, and an output that nothing takes was a traceback."""
    trt = SimpleNamespace(DataType=SimpleNamespace(FLOAT=0, HALF=1, UINT8=2))
    image, inner = (SimpleNamespace(name=name, dtype=kind, dynamic_range=None) for name, kind in (("a", 2), ("b", 0)))
    layer = SimpleNamespace(num_outputs=2, get_output=lambda number: (inner, None)[number])
    network = SimpleNamespace(num_inputs=1, get_input=lambda _: image, num_layers=1, get_layer=lambda _: layer)
    tensorrt_build._set_ranges(trt, network, {"a": 255.0, "b": 2.0})
    assert (image.dynamic_range, inner.dynamic_range) == (None, (-2.0, 2.0))
    with pytest.raises(TensorRTError, match="of another network"):
        tensorrt_build._set_ranges(trt, network, {"c": 1.0})
