"""Archives of arrays (.npz, a zip) that a broken disk or somebody else changed."""

import struct
import zipfile
import zlib

# All that reading one may raise but OSError: of the zip, of what is packed in it, and of the arrays.
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,  # another way of packing, or a password
    MemoryError,  # a shape that is none
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
)
