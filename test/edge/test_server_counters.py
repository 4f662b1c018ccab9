import socketserver
import threading

import pytest

from rt_gait_ros.edge.server_counters import Counters, parse_counters, read_counters
from rt_gait_ros.serving.inference import InferenceError

TEXT = """\
# HELP nv_inference_count Number of inferences performed (does not include cached requests)
nv_inference_request_success{model="gaitset",version="1"} 24
nv_inference_count{model="gaitset",version="1"} 96
nv_inference_count{model="gaitset_small",version="1"} 7
nv_inference_exec_count{model="gaitset",version="1"} 12
nv_inference_queue_duration_us{model="gaitset",version="1"} 48000
nv_inference_compute_infer_duration_us{model="gaitset",version="1"} 1.2e5
"""


def test_the_sums_of_one_network_are_read():
    found = parse_counters(TEXT, "gaitset")
    assert found == Counters(24.0, 96.0, 12.0, 48000.0, 120000.0)
    assert (found.queue_ms, found.compute_ms, found.batch) == (2.0, 5.0, 8.0)
    assert found.since(found) == Counters()
    assert Counters().queue_ms == Counters().batch == 0.0


def test_a_port_that_does_not_answer_is_said():
    with pytest.raises(InferenceError, match=r"no metrics of Triton at 127\.0\.0\.1:1: "):
        read_counters("127.0.0.1:1", "gaitset")


class Answers(socketserver.BaseRequestHandler):
    """Says what the server holds, whatever is asked."""

    def handle(self):
        self.request.recv(4096)
        self.request.sendall(self.server.text.encode())


@pytest.fixture
def answering():
    """answering(text) is the address of a program that says this."""
    with socketserver.TCPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()

        def say(text):
            server.text = text
            return f"127.0.0.1:{server.server_address[1]}"

        yield say
        server.shutdown()
        thread.join()


def test_another_program_on_the_port_is_said(answering):
    with pytest.raises(InferenceError, match="no metrics of Triton at"):
        read_counters(answering("hello\r\n\r\n"), "gaitset")


def test_a_proxy_of_the_environment_is_not_asked(answering, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    address = answering(f"HTTP/1.1 200 OK\r\nContent-Length: {len(TEXT)}\r\n\r\n{TEXT}")
    assert read_counters(address, "gaitset").inferences == 96.0
