"""Weights that anybody can refill, and the reference outputs made from them."""

import ast
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")


def refilled(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """The values that the reference outputs were made with (rule in the reference data's README)."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    if name.endswith("running_var"):
        return 1 + 0.1 * abs(noise)
    if name.endswith(("running_mean", "bias")):
        return 0.1 * noise
    if noise.ndim == 1:
        return 1 + 0.1 * noise
    fan_in = shape[1] if name == "fc_bin.0" else np.prod(shape[1:])
    return noise * np.sqrt(2 / fan_in)


@pytest.fixture
def listed_state(shared: Path) -> Callable[[str, int], dict]:
    """Makes a checkpoint's state from its list of names and shapes: listed_state(list_name, seed)."""

    def make(name: str, seed: int) -> dict:
        state = {}
        for index, line in enumerate((shared / "data/checkpoints" / f"{name}.txt").read_text().splitlines()):
            parameter, _, shape_text = line.partition(" ")
            shape = tuple(ast.literal_eval(shape_text))
            if parameter.endswith("num_batches_tracked"):
                state[parameter] = torch.tensor(0)
            else:
                values = refilled(parameter, shape, seed * 1000 + index)
                state[parameter] = torch.from_numpy(values.astype(np.float32))
        return state

    return make


@pytest.fixture
def golden(shared: Path) -> Callable[[str], dict[str, np.ndarray]]:
    """Reads reference outputs: golden(name)."""
    return lambda name: dict(np.load(shared / "data/golden" / f"{name}.npz"))
