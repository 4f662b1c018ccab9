"""Large inputs of requests in memory that a Triton server on the same machine reads, not sent through its socket.

Crops of two people are 0.4 MB; gRPC copies them several times on either side (docs/pose.md says what that costs).
"""

import mmap
import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from rt_gait_ros.lines import one_line
from rt_gait_ros.serving.inference import Tensors

# Requests under way at once that have a place, and its bytes: eight crops of 256 x 256 in three colours. What is
# larger, and what comes while all places are taken, goes through the socket, as do inputs too small to be worth it.
PLACES, PLACE_BYTES = 8, 8 * 256 * 256 * 3
LEAST_BYTES = 64 * 1024
# Seconds from one attempt to share memory with a server that is not there to the next, for one to be answered, and for
# the answer that the server has let go of it: a node that ends does not wait for a server that is stuck.
_PAUSE, _PATIENCE, _FAREWELL = 2.0, 5.0, 0.5
_ROOT = Path("/dev/shm")  # where POSIX keeps named memory on Linux
# What Triton says of a request that names memory which it does not know: it was started anew.
FORGOTTEN = "shared memory region"
# What it says, with the status of a server that is not there, where shared memory is closed to its clients.
_RESTRICTED = "restricted"
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Lent:
    """Inputs in a place that is lent to one request.

    over: to be called once when it has ended, with what the server said of it, "" where that was its answer.
    """

    inputs: list[InferInput]
    over: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Region:
    """name: under which the server knows it."""

    name: str
    memory: mmap.mmap


class SharedInputs:
    """Memory shared with one server, if it is on this machine and takes it. Thread-safe.

    The first request asks for it, in a thread of its own: until the server has answered, requests go through the
    socket. Once both have the memory its name is taken away: it is gone with them, and nobody else can open it.
    """

    def __init__(self, url: str, client: InferenceServerClient) -> None:
        """url: of the server. client: connected to it."""
        self._client = client
        self._lock = threading.Lock()
        self._region: _Region | None = None
        self._free: list[int] = []
        self._asking: threading.Thread | None = None
        self._again = 0.0  # when to ask again
        self._refusal = "" if _is_local(url) else "the server is on another machine"
        self._closed = False

    @property
    def state(self) -> str:
        """How large inputs get to the server, one line for people."""
        if self._refusal:
            return f"by socket: {self._refusal}"
        return "by shared memory" if self._region is not None else "by socket: the server was not asked yet"

    def lend(self, tensors: Tensors) -> Lent | None:
        """`tensors` in shared memory, or None where they have to go through the socket."""
        size = sum(tensor.nbytes for tensor in tensors.values())
        if self._refusal or not LEAST_BYTES <= size <= PLACE_BYTES or not all(map(_is_plain, tensors.values())):
            return None
        with self._lock:
            region = self._region
            if region is None:
                self._ask()
                return None
            if not self._free:
                return None
            place = self._free.pop()
        offset, inputs = place * PLACE_BYTES, []
        for name, tensor in tensors.items():
            np.frombuffer(region.memory, tensor.dtype, tensor.size, offset).reshape(tensor.shape)[...] = tensor
            named = InferInput(name, list(tensor.shape), np_to_triton_dtype(tensor.dtype))
            named.set_shared_memory(region.name, tensor.nbytes, offset)
            inputs.append(named)
            offset += tensor.nbytes

        def over(said: str) -> None:
            with self._lock:
                if self._region is not region:
                    return
                self._free.append(place)
                if FORGOTTEN in said:  # it is asked again
                    self._region, self._again = None, 0.0

        return Lent(inputs, over)

    def close(self) -> None:
        """Have the server let go of the memory. Nothing is lent from then on."""
        with self._lock:
            self._closed, self._refusal = True, "the client is closed"
            region, self._region = self._region, None
        if region is not None:
            self._unregister(region)

    def _ask(self) -> None:
        """Ask the server, unless that is under way, or was in vain a moment ago. Called with the lock held."""
        if self._asking is None and time.monotonic() >= self._again:
            asking = threading.Thread(target=self._share, name="shared inputs", daemon=True)
            with suppress(RuntimeError):  # no thread is to be had: the next request asks
                asking.start()
                self._asking = asking

    def _share(self) -> None:
        """Make the memory and have the server open it. Runs in a thread of its own."""
        region, refusal = None, ""
        try:
            region = self._open()
        except OSError as error:
            refusal = f"there is no shared memory to be had: {error.strerror}"
        except InferenceServerException as error:
            said = one_line(" ".join(str(error.message()).split()))
            absent = error.status() in ("StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED")
            if _RESTRICTED in said or not absent:
                refusal = f"the server takes no shared memory: {said}"
        except ValueError:  # the client was closed meanwhile
            pass
        with self._lock:
            self._asking, self._again = None, time.monotonic() + _PAUSE
            self._refusal = self._refusal or refusal
            if not self._closed and region is not None:
                self._region, self._free, region = region, list(range(PLACES)), None
        if region is not None:
            self._unregister(region)

    def _open(self) -> _Region:
        """Memory that this process and the server have. Raises OSError, InferenceServerException, ValueError."""
        name, size = f"rt_gait_{os.getpid()}_{secrets.token_hex(6)}", PLACES * PLACE_BYTES
        path = _ROOT / name
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(handle, 0, size)  # else a full file system ends the process when it is written to
            memory = mmap.mmap(handle, size)
            self._client.register_system_shared_memory(name, f"/{name}", size, client_timeout=_PATIENCE)
        finally:
            os.close(handle)
            path.unlink()
        return _Region(name, memory)

    def _unregister(self, region: _Region) -> None:
        try:
            self._client.unregister_system_shared_memory(region.name, client_timeout=_FAREWELL)
        except (InferenceServerException, ValueError):
            return  # the server went away, and its half of the memory with it, or will when it does


def _is_plain(tensor: np.ndarray) -> bool:
    """Whether its bytes are what Triton takes."""
    return not tensor.dtype.hasobject and np_to_triton_dtype(tensor.dtype) is not None


def _is_local(url: str) -> bool:
    return url.startswith("unix:") or url.rpartition(":")[0] in _LOCAL_HOSTS
