"""TensorRT's calibration cache: the ranges of a network's values, by which it computes in int8 without Q/DQ nodes.

A DLA core takes int8 in this way alone. The file is text: a line that names the release and the method, then
`TENSOR: SCALE` for each tensor, the scale as the eight hexadecimal digits of a big-endian float32; a value of 127
times the scale is the largest that int8 can say. ONNX Runtime's TensorRT provider (`ReadDynamicRange`), trtexec
(`--calib`) and TensorRT's calibrators read the same file.
"""

import math
import struct
from collections.abc import Mapping

from rt_gait_ros.errors import UsageError

# Its name beside model.onnx.
CACHE_FILE = "calibration.cache"
# TensorRT compares the method, and ONNX Runtime looks for "TRT-"; the release, here 8.6, is for people.
_HEAD = "TRT-8600-EntropyCalibration2"
_LARGEST = 127.0


def cache_of(ranges: Mapping[str, float]) -> bytes:
    """The file's content. ranges: largest absolute value of each tensor by name, above 0 and finite."""
    lines = (f"{name}: {struct.pack('>f', most / _LARGEST).hex()}" for name, most in sorted(ranges.items()))
    return ("\n".join((_HEAD, *lines)) + "\n").encode()


def ranges_of(content: bytes, source: str) -> dict[str, float]:
    """Largest absolute value of each tensor by name, from a file's content, without those that are always 0.

    source: the file's name, for messages. Raises UsageError for what is no such file.
    """
    try:
        head, *lines = content.decode("utf-8").splitlines()
        if not (head.startswith("TRT-") and "Calibration" in head):
            raise ValueError(head)
        parts = (line.rpartition(":") for line in lines if line.strip())
        ranges = {
            name: _LARGEST * struct.unpack(">f", bytes.fromhex(scale.strip().zfill(8)))[0] for name, _, scale in parts
        }
    except (ValueError, struct.error):  # the former of text, hexadecimal digits and a file without a line as well
        raise UsageError(f"{source} is no calibration cache of TensorRT") from None
    known = {name: most for name, most in ranges.items() if most != 0}
    if not known or not all(name and math.isfinite(most) and most > 0 for name, most in known.items()):
        raise UsageError(f"{source} has no ranges of tensors, or some that are none: calibrate again")
    return known
