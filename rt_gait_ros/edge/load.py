"""Load on a network by an asynchronous client: so many requests always under way, and how long each took."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from math import prod
from typing import Any

import numpy as np
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from rt_gait_ros.edge.generated_requests import Requests
from rt_gait_ros.errors import MissingPackage
from rt_gait_ros.pip_packages import extra
from rt_gait_ros.serving.inference import InferenceError
from rt_gait_ros.signals import KeptSignals, kept_signals

# Ways to ask: gRPC, HTTP, gRPC with tensors in system shared memory, and one gRPC stream for each client.
PROTOCOLS = ("grpc", "http", "shm", "stream")
# Seconds for one answer: a box that is asked for too much answers late, and that is a result.
DEADLINE = 120.0
_ENDING = 5.0  # seconds for a stream to end, or for the server to let go of shared memory
_LOOK = 0.1  # seconds between looks whether a signal has come
_CHANNEL = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]

Send = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a server answers. grpc: as TritonClient takes it. http, metrics: "host:port", or "" where it has none."""

    grpc: str
    http: str = ""
    metrics: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a measurement is. warm_up: seconds that do not count, and until every client was answered once.
    seconds: that count. least: answers that count at least, unless that takes more than `limit` seconds."""

    warm_up: float = 1.0
    seconds: float = 3.0
    least: int = 10
    limit: float = 60.0


@dataclass(slots=True)
class Answers:
    """What was answered while it counted. latencies: seconds of each request. start, last: when counting began, and of
    the last answer."""

    pace: Pace
    clients: int
    clock: Callable[[], float] = time.perf_counter
    latencies: list[float] = field(default_factory=list)
    over: bool = False
    _begun: float = 0.0
    _start: float | None = None
    _last: float = 0.0
    _before: int = 0

    def __post_init__(self) -> None:
        self._begun = self.clock()

    def add(self, asked: float, answered: float) -> None:
        """Take a request by the moments it was sent and answered."""
        if self.over:
            return
        if self._start is None:
            self._before += 1
            if answered - self._begun >= self.pace.warm_up and self._before >= self.clients:
                self._start = self._last = answered
            return
        self.latencies.append(answered - asked)
        self._last = answered
        passed = answered - self._start
        enough = passed >= self.pace.seconds and len(self.latencies) >= self.pace.least
        self.over = enough or passed >= self.pace.limit

    @property
    def seconds(self) -> float:
        """From the moment that counting began to the last answer."""
        return self._last - (self._start or 0.0)


def put_load(
    addresses: Addresses,
    requests: Requests,
    protocol: str,
    batch: int,
    concurrency: int,
    pace: Pace,
) -> Answers:
    """Keep `concurrency` requests of `batch` items under way, by one of PROTOCOLS, and time them.

    A signal that asks the process to end is kept until the event loop and its connections are closed: an exception
    would come out of asyncio's own code with tracebacks, or not at all out of gRPC's. In the main thread only.

    Raises InferenceError when a request is not answered well, MissingPackage where a protocol needs one, Ended.
    """
    with kept_signals() as signals:
        try:
            return asyncio.run(_closed_loop(addresses, requests, protocol, batch, concurrency, pace, signals))
        finally:
            signals.heed()  # whatever else went wrong when it was cut off


async def _closed_loop(
    addresses: Addresses,
    requests: Requests,
    protocol: str,
    batch: int,
    concurrency: int,
    pace: Pace,
    signals: KeptSignals,
) -> Answers:
    watch = asyncio.create_task(_cancel_at_a_signal(asyncio.current_task(), signals))  # also while connections open
    try:
        async with _OPENERS[protocol](addresses, requests, batch, concurrency) as send:
            return await _answered(send, requests.model, protocol, concurrency, pace)
    finally:
        watch.cancel()


async def _answered(send: Send, model: str, protocol: str, concurrency: int, pace: Pace) -> Answers:
    answers = Answers(pace, concurrency)

    async def client(number: int) -> None:
        while not answers.over:
            asked = answers.clock()
            await send(number)
            answers.add(asked, answers.clock())

    tasks = [asyncio.create_task(client(number)) for number in range(concurrency)]
    try:
        await asyncio.gather(*tasks)
    except InferenceServerException as error:
        raise InferenceError(f"{model} by {protocol}: {' '.join(str(error).split())}") from None
    except (OSError, asyncio.TimeoutError) as error:
        raise InferenceError(f"{model} by {protocol}: {type(error).__name__} {error}") from None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return answers


async def _cancel_at_a_signal(task: "asyncio.Task[Any] | None", signals: KeptSignals) -> None:
    while not signals.number:
        await asyncio.sleep(_LOOK)
    if task is not None:
        task.cancel()


@asynccontextmanager
async def _grpc(addresses: Addresses, requests: Requests, batch: int, concurrency: int) -> AsyncIterator[Send]:
    from tritonclient.grpc import InferInput
    from tritonclient.grpc.aio import InferenceServerClient

    turns = [cycle(_inputs(InferInput, requests.of_client(n, batch))) for n in range(concurrency)]
    places = [_Place(requests.sequence, n + 1) for n in range(concurrency)]
    async with InferenceServerClient(addresses.grpc, channel_args=_CHANNEL) as client:

        async def send(number: int) -> None:
            place = places[number].next()
            await client.infer(requests.model, next(turns[number]), client_timeout=DEADLINE, **place)

        yield send


@asynccontextmanager
async def _http(addresses: Addresses, requests: Requests, batch: int, concurrency: int) -> AsyncIterator[Send]:
    try:
        from tritonclient.http import InferInput
        from tritonclient.http.aio import InferenceServerClient
    except (ImportError, RuntimeError):  # tritonclient raises the latter
        raise MissingPackage(f"HTTP needs aiohttp and geventhttpclient: {extra('bench')}", name="aiohttp") from None

    turns = [cycle(_inputs(InferInput, requests.of_client(n, batch))) for n in range(concurrency)]
    places = [_Place(requests.sequence, n + 1) for n in range(concurrency)]
    async with InferenceServerClient(addresses.http, conn_limit=concurrency, conn_timeout=DEADLINE) as client:

        async def send(number: int) -> None:
            await client.infer(requests.model, next(turns[number]), **places[number].next())

        yield send


@asynccontextmanager
async def _stream(addresses: Addresses, requests: Requests, batch: int, concurrency: int) -> AsyncIterator[Send]:
    """A bidirectional stream of its own for each client."""
    from tritonclient.grpc import InferInput
    from tritonclient.grpc.aio import InferenceServerClient

    places = [_Place(requests.sequence, n + 1) for n in range(concurrency)]
    turns = [cycle(_inputs(InferInput, requests.of_client(n, batch))) for n in range(concurrency)]
    queues: list[asyncio.Queue[dict[str, Any] | None]] = [asyncio.Queue() for _ in range(concurrency)]

    async def asked(number: int) -> AsyncIterator[dict[str, Any]]:
        while (request := await queues[number].get()) is not None:
            yield request

    async with InferenceServerClient(addresses.grpc, channel_args=_CHANNEL) as client:
        answers = [client.stream_infer(asked(number)) for number in range(concurrency)]

        async def send(number: int) -> None:
            request = {"model_name": requests.model, "inputs": next(turns[number]), **places[number].next()}
            queues[number].put_nowait(request)
            await _next_of(answers[number], DEADLINE)

        try:
            yield send
        finally:
            for queue in queues:
                queue.put_nowait(None)
            for answer in answers:  # the server ends its side as well, before the connection is closed
                with suppress(asyncio.TimeoutError, InferenceServerException):
                    await _next_of(answer, _ENDING)


async def _next_of(answers: AsyncIterator[tuple[Any, InferenceServerException | None]], seconds: float) -> None:
    """Wait for one answer of a stream. Raises InferenceServerException, also where it ends, and TimeoutError."""
    from grpc import RpcError

    try:
        _, error = await asyncio.wait_for(anext(answers), seconds)
    except StopAsyncIteration:
        error = InferenceServerException("the server ended the stream while an answer was due")
    except RpcError as broken:  # tritonclient passes it on as it comes
        said = getattr(broken, "details", str)() or "no reason was given"
        error = InferenceServerException(f"the stream broke: {said}")
    if error is not None:
        raise error


@asynccontextmanager
async def _shm(addresses: Addresses, requests: Requests, batch: int, concurrency: int) -> AsyncIterator[Send]:
    """Tensors in system shared memory, both ways; each client has regions of its own, which only this user can open."""
    from tritonclient.grpc import InferInput, InferRequestedOutput
    from tritonclient.grpc.aio import InferenceServerClient

    places = [_Place(requests.sequence, n + 1) for n in range(concurrency)]
    async with InferenceServerClient(addresses.grpc, channel_args=_CHANNEL) as client:
        with ExitStack() as regions:
            turns: list[Iterator[list[Any]]] = []
            wanted: list[list[Any]] = []
            registered: list[str] = []
            try:
                for number in range(concurrency):
                    asked = requests.of_client(number, batch)
                    size = sum(tensor.nbytes for turn in asked for tensor in turn.values())
                    region = regions.enter_context(_region(f"in{number}", size))
                    await _register(client, region, registered)
                    turns.append(cycle(_write(InferInput, region, asked)))
                    sizes = _output_sizes(requests, batch)
                    answer = regions.enter_context(_region(f"out{number}", sum(sizes.values())))
                    await _register(client, answer, registered)
                    wanted.append([])
                    offset = 0
                    for name, size in sizes.items():
                        output = InferRequestedOutput(name)
                        output.set_shared_memory(answer.name, size, offset)
                        wanted[-1].append(output)
                        offset += size

                async def send(number: int) -> None:
                    await client.infer(
                        requests.model,
                        next(turns[number]),
                        outputs=wanted[number],
                        client_timeout=DEADLINE,
                        **places[number].next(),
                    )

                yield send
            finally:
                await asyncio.gather(*(_unregister(client, name) for name in registered))


_OPENERS = {"grpc": _grpc, "http": _http, "shm": _shm, "stream": _stream}


@dataclass(slots=True)
class _Place:
    """Where a client's requests are in its sequence, for a network that keeps a set."""

    sequence: bool
    number: int
    started: bool = False

    def next(self) -> dict[str, Any]:
        """Arguments of the next request."""
        if not self.sequence:
            return {}
        start, self.started = not self.started, True
        return {"sequence_id": self.number, "sequence_start": start}


def _inputs(kind: type, turns: list[dict[str, np.ndarray]]) -> list[list[Any]]:
    """Requests as tritonclient takes them, made once: what is timed is the server, not numpy."""
    return [
        [
            kind(name, list(tensor.shape), np_to_triton_dtype(tensor.dtype)).set_data_from_numpy(tensor)
            for name, tensor in turn.items()
        ]
        for turn in turns
    ]


@dataclass(frozen=True, slots=True)
class _Region:
    """A region of system shared memory. handle: tritonclient's."""

    name: str
    size: int
    handle: Any


@contextmanager
def _region(name: str, size: int) -> Iterator[_Region]:
    """A region of this process's own, gone afterwards. Raises InferenceError."""
    from tritonclient.utils import shared_memory

    name = f"rt_gait_bench_{os.getpid()}_{name}"
    try:
        handle = shared_memory.create_shared_memory_region(name, f"/{name}", size)
    except shared_memory.SharedMemoryException as error:
        said = " ".join(str(error).split())
        raise InferenceError(f"{size} bytes of shared memory are not to be had: {said}") from None
    try:
        yield _Region(name, size, handle)
    finally:
        shared_memory.destroy_shared_memory_region(handle)


async def _register(client: Any, region: _Region, registered: list[str]) -> None:
    registered.append(region.name)  # first: the server may take it although its answer does not come
    try:
        await client.register_system_shared_memory(region.name, f"/{region.name}", region.size, client_timeout=DEADLINE)
    except InferenceServerException as error:
        said = " ".join(str(error).split())
        raise InferenceError(f"the server takes no shared memory: {said}") from None


async def _unregister(client: Any, name: str) -> None:
    with suppress(InferenceServerException):  # the server went away or hangs, and the region goes all the same
        await client.unregister_system_shared_memory(name, client_timeout=_ENDING)


def _write(kind: type, region: _Region, turns: list[dict[str, np.ndarray]]) -> list[list[Any]]:
    """Put the tensors of all turns into the region, one after the other, and name them so to the server."""
    from tritonclient.utils import shared_memory

    offset = 0
    inputs: list[list[Any]] = []
    for turn in turns:
        inputs.append([])
        for name, tensor in turn.items():
            shared_memory.set_shared_memory_region(region.handle, [np.ascontiguousarray(tensor)], offset)
            tensor_input = kind(name, list(tensor.shape), np_to_triton_dtype(tensor.dtype))
            tensor_input.set_shared_memory(region.name, tensor.nbytes, offset)
            inputs[-1].append(tensor_input)
            offset += tensor.nbytes
    return inputs


def _output_sizes(requests: Requests, batch: int) -> dict[str, int]:
    """Bytes of each output. Raises InferenceError for one whose size is not declared."""
    sizes = {}
    for name, shape, dtype in requests.outputs:
        if any(length < 0 for length in shape):
            raise InferenceError(f"{requests.model} by shm: the size of its output {name} {list(shape)} is not known")
        sizes[name] = batch * prod(shape) * np.dtype(dtype).itemsize
    return sizes
