"""What a network's config.pbtxt says of its TensorRT engine, for NVIDIA's Triton and for TensorRT in process."""

from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from rt_gait_ros.serving.tensorrt_build import EngineOptions
from rt_gait_ros.serving.tensorrt_provider import DLA_PARAMETER, PRECISION_PARAMETER


def engine_parameters(options: EngineOptions) -> dict[str, str]:
    """Parameters by which TensorRT in process computes as the engine does."""
    parameters = {PRECISION_PARAMETER: options.precision}
    if options.dla is not None:
        parameters[DLA_PARAMETER] = str(options.dla)
    return parameters


def engine_config(options: EngineOptions) -> ModelConfig:
    """The instance_group by which Triton's TensorRT backend finds the profiles and the DLA core; none by default.

    Of several profiles it takes for each request the one whose batch is nearest; without the list, always the first.
    """
    config = ModelConfig()
    if len(options.profiles) == 1 and options.dla is None:
        return config
    group = config.instance_group.add(count=1, kind=ModelInstanceGroup.KIND_GPU)
    if len(options.profiles) > 1:
        group.profile.extend(str(number) for number in range(len(options.profiles)))
    if options.dla is not None:
        group.secondary_devices.add(kind=ModelInstanceGroup.SecondaryDevice.KIND_NVDLA, device_id=options.dla)
    return config
