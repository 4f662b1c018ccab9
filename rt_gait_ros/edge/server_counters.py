"""What a Triton server counts itself, read from its metrics port: inferences, and where their time went."""

import http.client
import re
import urllib.request
from dataclasses import dataclass, fields

from rt_gait_ros.serving.inference import InferenceError

_DEADLINE = 5.0
# The server is on this machine or beside it, where a proxy of the environment (http_proxy) does not lead.
_WITHOUT_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# nv_inference_count{model="gaitset",version="1"} 96
_LINE = re.compile(r'^nv_inference_(\w+)\{.*?model="([^"]*)".*?\} ([-+0-9.eE]+)$', re.MULTILINE)
# The fields of Counters, by Triton's names (user guide, "Metrics").
_NAMES = {
    "request_success": "requests",
    "count": "inferences",
    "exec_count": "executions",
    "queue_duration_us": "queue_us",
    "compute_infer_duration_us": "compute_us",
}


@dataclass(frozen=True, slots=True)
class Counters:
    """Sums of one network since the server started.

    requests: answered well. inferences: items of them. executions: runs of the network, each of one batch or of several
    that the server joined. queue_us, compute_us: microseconds that requests waited, and that the network ran for them.
    """

    requests: float = 0.0
    inferences: float = 0.0
    executions: float = 0.0
    queue_us: float = 0.0
    compute_us: float = 0.0

    def since(self, start: "Counters") -> "Counters":
        """What was counted after `start`."""
        return Counters(*(getattr(self, each.name) - getattr(start, each.name) for each in fields(self)))

    @property
    def queue_ms(self) -> float:
        """Milliseconds that a request waited in the server, on average."""
        return 1e-3 * self.queue_us / self.requests if self.requests else 0.0

    @property
    def compute_ms(self) -> float:
        """Milliseconds that the network ran for a request, on average."""
        return 1e-3 * self.compute_us / self.requests if self.requests else 0.0

    @property
    def batch(self) -> float:
        """Items of a run of the network, on average."""
        return self.inferences / self.executions if self.executions else 0.0


def read_counters(metrics_url: str, model: str) -> Counters:
    """Ask the metrics port, "host:port". Raises InferenceError when it does not answer."""
    try:
        with _WITHOUT_PROXY.open(f"http://{metrics_url}/metrics", timeout=_DEADLINE) as answer:
            text = answer.read().decode("utf-8", errors="replace")
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise InferenceError(f"no metrics of Triton at {metrics_url}: {error}") from None
    return parse_counters(text, model)


def parse_counters(text: str, model: str) -> Counters:
    """The sums of a network, over its versions, in Prometheus' text format; 0 where the network is not in it."""
    sums = dict.fromkeys(_NAMES.values(), 0.0)
    for name, network, value in _LINE.findall(text):
        if network == model and name in _NAMES:
            sums[_NAMES[name]] += float(value)
    return Counters(**sums)
