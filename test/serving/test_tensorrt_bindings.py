"""Every name of TensorRT 10's Python API by which engines are built, looked up in NVIDIA's own module.

`pip install --no-deps tensorrt-cu12-bindings==10.3.0` (JetPack 6.1's release) brings the module without the libraries
behind it, which are not in the package index. Its classes are all there once their few functions are stood in for, and
no object of them can be made: each object is a stand-in that has what its class has, and nothing else.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("tensorrt_bindings") is None,
        reason="pip install --no-deps tensorrt-cu12-bindings==10.3.0: the names of TensorRT's API",
    ),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler"),
]

# What the module wants of the libraries (nm --undefined-only), none of which is called.
FUNCTIONS = (
    *("createInferBuilder_INTERNAL", "createInferRefitter_INTERNAL", "createInferRuntime_INTERNAL"),
    *("createNvOnnxParser_INTERNAL", "createNvOnnxParserRefitter_INTERNAL", "getNvOnnxParserVersion"),
    *("getBuilderPluginRegistry", "getPluginRegistry", "initLibNvInferPlugins"),
)
LIBRARIES = ("nvinfer", "nvonnxparser", "nvinfer_plugin")

# In a process of its own: the module has types that TensorRT-RTX's has as well.
SCRIPT = """\
import json, sys, types
from unittest.mock import create_autospec
import tensorrt_bindings as real
from rt_gait_ros.serving import tensorrt_build
from rt_gait_ros.serving.inference import TensorSpec

def object_of(kind, **answers):
    made = create_autospec(kind, instance=True, spec_set=True)
    for name, answer in answers.items():
        getattr(made, name).return_value = answer
    return made

tensor = object_of(real.ITensor)
tensor.name, tensor.dtype = "image", real.DataType.FLOAT
other = object_of(real.ITensor)
other.name, other.dtype = "nobody knows it", real.DataType.HALF
layer = object_of(real.ILayer, get_output=other)
layer.num_outputs = 1
network = object_of(real.INetworkDefinition, get_input=tensor, get_layer=layer)
network.num_inputs = network.num_layers = 1
profile = object_of(real.IOptimizationProfile)
config = object_of(real.IBuilderConfig)
builder = object_of(
    real.Builder,
    create_network=network,
    create_builder_config=config,
    create_optimization_profile=profile,
    build_serialized_network=b"engine",
)
names = ("Logger", "NetworkDefinitionCreationFlag", "BuilderFlag", "DataType", "DeviceType", "__version__")
module = types.SimpleNamespace(
    Builder=lambda logger: builder,
    OnnxParser=lambda network, logger: object_of(real.OnnxParser, parse=True),
    **{name: getattr(real, name) for name in names},
)
tensorrt_build.importlib.util.find_spec = lambda name: name
tensorrt_build.importlib.import_module = lambda name: module
image = (TensorSpec("image", "uint8", (-1, 8, 8, 3)),)
asked = json.loads(sys.argv[1])
ranges = {"image": 2.0} if asked.pop("ranges") else None
options = tensorrt_build.EngineOptions(**{**asked, "batches": tuple(asked["batches"])}, ranges=ranges)
assert tensorrt_build.build_engine(b"network", image, options) == b"engine"
print(json.dumps({
    "flags": [call.args[0].name for call in config.set_flag.call_args_list],
    "profiles": [call.args for call in profile.set_shape.call_args_list],
    "added": config.add_optimization_profile.call_count,
    "dla": config.DLA_core if options.dla is not None else None,
    "device": config.default_device_type.name if options.dla is not None else None,
    "range": tensor.dynamic_range if ranges else None,
}))
"""


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with libraries of the right names that can do nothing."""
    folder = tmp_path_factory.mktemp("libraries")
    source = folder / "nothing.c"
    source.write_text("".join(f"void *{name}(void) {{ return 0; }}\n" for name in FUNCTIONS))
    for library in LIBRARIES:
        name = f"lib{library}.so.10"
        command = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", str(folder / name), str(source)]
        subprocess.run(command, check=True)
    return folder


def built(libraries: Path, **options: object) -> dict[str, object]:
    """What the builder was asked for."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
    words = [sys.executable, "-c", SCRIPT, json.dumps({"batches": [], "ranges": False, **options})]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_several_profiles_are_asked_for_by_names_that_there_are(libraries: Path) -> None:
    asked = built(libraries, precision="fp16", max_batch=8, batches=[1, 8])
    assert asked["flags"] == ["FP16"]
    shapes = {batch: [batch, 8, 8, 3] for batch in (1, 8)}
    assert asked["profiles"] == [["image", shapes[1], shapes[tuned], shapes[8]] for tuned in (1, 8)]
    assert asked["added"] == 2


def test_a_dla_core_and_its_ranges_are_asked_for_by_names_that_there_are(libraries: Path) -> None:
    asked = built(libraries, precision="int8", dla=1, ranges=True)
    assert asked["flags"] == ["FP16", "INT8", "GPU_FALLBACK"]
    assert (asked["device"], asked["dla"], asked["range"]) == ("DLA", 1, [-2.0, 2.0])
