"""The file of ranges that a DLA core computes int8 by, in TensorRT's own form."""

import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.calibration_cache import cache_of, ranges_of

# As onnxruntime's tensorrt_execution_provider_utils.h describes TensorRT's own file: the scale is 2.0083382.
THEIRS = b"TRT-7103-EntropyCalibration2\ndata_0: 4000889d\nnever_used: 0\n"


def test_a_file_of_tensorrt_is_read_as_onnx_runtime_reads_it() -> None:
    (scale,) = np.frombuffer(bytes.fromhex("4000889d"), ">f4")
    assert ranges_of(THEIRS, "x") == {"data_0": pytest.approx(127 * float(scale))}


def test_what_is_written_is_read_again_in_any_order_and_with_any_name() -> None:
    ranges = {"/1/conv:0 out": 3.5, "a": 1e-7, "image": 255.0}
    content = cache_of(ranges)
    assert content.startswith(b"TRT-")
    assert ranges_of(content, "x") == pytest.approx(ranges)
    assert cache_of(dict(reversed(ranges.items()))) == content


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "is no calibration cache"),
        (b"\xff\xfe", "is no calibration cache"),
        (b"a: 3f800000\n", "is no calibration cache"),
        (b"TRT-8600-EntropyCalibration2\na: nothing\n", "is no calibration cache"),
        (b"TRT-8600-EntropyCalibration2\na: 3f80000000\n", "is no calibration cache"),
        (b"TRT-8600-EntropyCalibration2\n", "has no ranges of tensors"),
        (b"TRT-8600-EntropyCalibration2\na: 7fc00000\n", "or some that are none"),
        (b"TRT-8600-EntropyCalibration2\na: bf800000\n", "or some that are none"),
        (b"TRT-8600-EntropyCalibration2\na: 0\n", "has no ranges of tensors"),
    ],
)
def test_another_file_is_refused_in_a_line(content: bytes, line: str) -> None:
    with pytest.raises(UsageError, match=rf"^old\.cache [^\n]*{line}[^\n]*$"):
        ranges_of(content, "old.cache")
