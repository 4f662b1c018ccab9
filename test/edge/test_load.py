import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException, shared_memory

from rt_gait_ros.edge import load
from rt_gait_ros.edge.generated_requests import Requests
from rt_gait_ros.edge.load import Addresses, Answers, Pace, _region, put_load
from rt_gait_ros.serving.inference import InferenceError
from rt_gait_ros.signals import Ended


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_what_is_answered_before_every_client_was_answered_once_does_not_count():
    answers = Answers(Pace(warm_up=1.0, seconds=2.0, least=2), 2, Clock())
    answers.add(0.0, 2.0)  # late enough, but the other client has no answer yet
    answers.add(0.0, 3.0)  # counting begins here
    answers.add(2.0, 4.0)
    assert (answers.latencies, answers.seconds, answers.over) == ([2.0], 1.0, False)
    answers.add(3.0, 6.0)
    assert (answers.latencies, answers.seconds, answers.over) == ([2.0, 3.0], 3.0, True)
    answers.add(4.0, 9.0)
    assert len(answers.latencies) == 2


@pytest.mark.parametrize(("answered", "over"), [(5.0, False), (60.0, True)])
def test_a_box_that_answers_too_few_ends_at_the_limit(answered, over):
    answers = Answers(Pace(0.0, 1.0, least=10, limit=30.0), 1, Clock())
    answers.add(0.0, 0.0)
    answers.add(0.0, answered)
    assert answers.over is over


def test_shared_memory_that_is_not_to_be_had_is_one_line(monkeypatch):
    def refuse(*words):
        raise shared_memory.SharedMemoryException("unable to create the shared memory region")

    monkeypatch.setattr(shared_memory, "create_shared_memory_region", refuse)
    with (
        pytest.raises(InferenceError, match="1000 bytes of shared memory are not"),
        _region("in0", 1000),
    ):
        pass


@pytest.mark.parametrize("breaks", [False, True], ids=["no answer comes", "the connection breaks"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_load_when_its_connections_are_closed(number, breaks, monkeypatch):
    done = []

    @asynccontextmanager
    async def opened(addresses, requests, batch, concurrency):
        async def send(client):
            os.kill(os.getpid(), number)
            if breaks:
                raise OSError("reset by peer")
            await asyncio.Event().wait()

        try:
            yield send
        finally:
            done.append("closed")

    monkeypatch.setitem(load._OPENERS, "grpc", opened)
    with pytest.raises(Ended) as ended:
        put_load(Addresses("nowhere"), SimpleNamespace(model="m"), "grpc", 1, 2, Pace())
    assert (ended.value.number, done) == (number, ["closed"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_load_while_its_connections_open(number, monkeypatch):
    """Against a server that hangs, they never do."""
    done = []

    @asynccontextmanager
    async def opened(addresses, requests, batch, concurrency):
        os.kill(os.getpid(), number)
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 60.0)
        finally:
            done.append("closed")
        yield

    monkeypatch.setitem(load._OPENERS, "grpc", opened)
    with pytest.raises(Ended) as ended:
        put_load(Addresses("nowhere"), SimpleNamespace(model="m"), "grpc", 1, 2, Pace())
    assert (ended.value.number, done) == (number, ["closed"])


def test_a_server_that_hangs_is_waited_for_within_limits():
    """Registering shared memory, and letting go of it."""
    waited = {}

    class Hanging:
        async def register_system_shared_memory(self, name, key, size, client_timeout=None):
            waited["register"] = client_timeout
            raise InferenceServerException("Deadline Exceeded")

        async def unregister_system_shared_memory(self, name, client_timeout=None):
            waited["unregister"] = client_timeout
            raise InferenceServerException("Deadline Exceeded")

    region, registered = SimpleNamespace(name="in0", size=1), []
    with pytest.raises(InferenceError, match="the server takes no shared memory: Deadline Exceeded"):
        asyncio.run(load._register(Hanging(), region, registered))
    assert registered == ["in0"]
    asyncio.run(load._unregister(Hanging(), "in0"))
    assert waited == {"register": load.DEADLINE, "unregister": load._ENDING}


class BriefStreams(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Answers two requests of each stream, and ends it: well, or not."""

    def __init__(self, abort):
        self.abort = abort

    def ModelStreamInfer(self, request_iterator, context):
        for number, _ in enumerate(request_iterator):
            if number == 2:
                break
            yield service_pb2.ModelStreamInferResponse()
        if self.abort:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many\nstreams")


@pytest.mark.parametrize(
    ("abort", "said"), [(False, "the server ended the stream while an answer was due"), (True, "too many streams")]
)
def test_a_stream_that_the_server_ends_under_load_is_one_line(abort, said):
    with ThreadPoolExecutor(8) as threads:
        server = grpc.server(threads)
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(BriefStreams(abort), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        requests = Requests("m", [[{"x": np.zeros((1, 2), np.float32)}]], 0, 1, False, [])
        try:
            with pytest.raises(InferenceError, match=f"^m by stream: [^\n]*{said}$"):
                put_load(Addresses(f"127.0.0.1:{port}"), requests, "stream", 1, 3, Pace())
        finally:
            server.stop(None).wait()
