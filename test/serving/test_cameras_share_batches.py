"""Several cameras at one server: what arrives while a network is busy runs together."""

import re
import time
import urllib.request
from pathlib import Path

import numpy as np

from rt_gait_ros.serving.listening import Ports
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.triton_client import TritonClient

CAMERAS, IMAGES = 4, 6
PATIENCE = 300.0  # seconds: the machine may be busy


def count(metrics_port: int, name: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=60.0) as answer:
        text = answer.read().decode()
    return round(sum(float(value) for value in re.findall(rf"^{name}{{[^}}]*}} (\S+)$", text, re.MULTILINE)))


def test_images_of_several_cameras_run_in_batches(triton_installed: None, private_cache: Path) -> None:
    repository = Path(__file__).parents[2] / "model_repository"
    ports = Ports.free(metrics=True)
    with TritonServer(repository, ports, networks=["nanodet"]) as server:
        clients = [TritonClient(server.url, timeout=120.0) for _ in range(CAMERAS)]
        assert all(client.ready(deadline=PATIENCE) for client in clients)  # connected, so that all ask at one time
        image = np.zeros((1, 320, 320, 3), np.uint8)
        waiting = [client.submit("nanodet", {"image": image}) for _ in range(IMAGES) for client in clients]
        assert all(answer.result() for answer in waiting)
        for client in clients:
            client.close()
        deadline = time.monotonic() + PATIENCE
        while count(ports.metrics, "nv_inference_request_success") < CAMERAS * IMAGES:  # counted after the answer
            assert time.monotonic() < deadline, "requests that were answered are not counted"
            time.sleep(0.05)
        asked, ran = (count(ports.metrics, f"nv_inference_{what}") for what in ("request_success", "exec_count"))
    assert asked == CAMERAS * IMAGES
    assert ran < asked
