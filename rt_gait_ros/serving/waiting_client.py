"""Any client, waited for: what comes out no longer depends on how fast the networks answer."""

from concurrent.futures import Future

import numpy as np

from rt_gait_ros.serving.inference import InferenceClient, ModelSpec, Sequence, Tensors


class WaitingClient:
    """An InferenceClient whose futures are done when `submit` returns. It does not close the client that it asks."""

    def __init__(self, client: InferenceClient, patience: float = 0.0) -> None:
        """patience: seconds that every inference has at least, whatever deadline it names."""
        self._client = client
        self._patience = patience

    def submit(
        self, model: str, inputs: Tensors, *, deadline: float | None = None, sequence: Sequence | None = None
    ) -> "Future[dict[str, np.ndarray]]":
        """Run one inference to its end; see InferenceClient.submit."""
        if deadline is not None:
            deadline = max(deadline, self._patience)
        future = self._client.submit(model, inputs, deadline=deadline, sequence=sequence)
        future.exception()  # waits, and raises nothing: whoever asks the future hears of it
        return future

    def describe(self, model: str, *, deadline: float | None = None) -> ModelSpec:
        """As InferenceClient.describe."""
        return self._client.describe(model, deadline=deadline)

    def close(self) -> None:
        """Nothing: the client that is asked is closed by whoever opened it."""
