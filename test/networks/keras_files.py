"""Keras files of the flow networks with made-up weights, written as Keras writes them."""

from pathlib import Path

import h5py
import numpy as np

KERNELS_2D = [(7, 7), (5, 5), (3, 3), (2, 2)]
KERNELS_3D = [(3, 5, 5), (3, 3, 3), (3, 3, 3), (3, 3, 3), (3, 2, 2), (2, 1, 1)]
STRIDES_3D = [(1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2), (1, 1, 1), (1, 1, 1)]
# each of them but the last in two: over rows and columns, over time
FACTORISED_KERNELS = [(1, 5, 5), (3, 1, 1), *[(1, 3, 3), (3, 1, 1)] * 3, (1, 2, 2), (3, 1, 1), (2, 1, 1)]
FACTORISED_STRIDES = [*[(1, 2, 2), (1, 1, 1)] * 2, *[(1, 2, 2), (2, 1, 1)] * 2, *[(1, 1, 1)] * 3]
KERNELS = {"flow2d": KERNELS_2D, "flow3d": KERNELS_3D, "flow3d-factorised": FACTORISED_KERNELS}
STRIDES = {"flow2d": [(1, 1)] * 4, "flow3d": STRIDES_3D, "flow3d-factorised": FACTORISED_STRIDES}
FULL = {
    "flow2d": (96, 192, 512, 512, 2048, 1024, 1024),
    "flow3d": (64, 128, 256, 512, 512, 512, 1024, 1024),
    "flow3d-factorised": (64, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 1024, 1024),
}
NARROW = {
    "flow2d": (4, 5, 6, 7, 9, 8, 10),
    "flow3d": (3, 4, 5, 6, 7, 8, 9, 10),
    "flow3d-factorised": (3, 4, 5, 4, 5, 6, 5, 7, 6, 7, 8, 9, 10),
}

Weights = dict[str, tuple[np.ndarray, np.ndarray]]


def weights(kind: str, widths: tuple[int, ...], classes: int, first: int = 0) -> Weights:
    """Kernel and bias of every layer by its Keras name. first: number that Keras gives to the first convolution."""
    flat = kind == "flow2d"
    kernels = KERNELS[kind]
    stem, channels = ("conv2d", 50) if flat else ("conv3d", 2)
    names = [stem if first + n == 0 else f"{stem}_{first + n}" for n in range(len(kernels))]
    names += ["dense", "code", "code_1"] if flat else ["grayCode", "code_1"]
    windows: list[tuple[int, ...]] = [*kernels, *([(), (), ()] if flat else [(1, 1, 1), ()])]
    outs = [*widths]
    if classes:
        names, windows, outs = [*names, "probs"], [*windows, ()], [*outs, classes]
    draw = np.random.default_rng(11)
    made: Weights = {}
    for name, window, out in zip(names, windows, outs, strict=True):
        shape = (*window, channels, out)
        scale = np.sqrt(2.0 / np.prod(shape[:-1]))
        made[name] = ((draw.standard_normal(shape) * scale).astype(np.float32), draw.normal(0, 0.1, out).astype("f"))
        channels = out
    return made


def write(path: Path, layers: Weights, whole_model: bool = True, unrolled: bool = False) -> Path:
    """As model.save(path) does, or as model.save_weights(path). unrolled: without the branch that holds the layers."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole_model else file
        branch = {name: values for name, values in layers.items() if name not in ("code_1", "probs")}
        groups = {"input": {}, "convBranch": branch}
        groups |= {name: {name: layers[name]} for name in ("code_1", "probs") if name in layers}
        if unrolled:
            groups = {"input": {}} | {name: {name: values} for name, values in layers.items()}
        root.attrs["layer_names"] = np.array([name.encode() for name in groups])
        root.attrs["backend"] = b"tensorflow"
        for group_name, members in groups.items():
            group = root.create_group(group_name)
            names = []
            for name, (kernel, bias) in members.items():
                for kind, values in (("kernel", kernel), ("bias", bias)):
                    names.append(f"{name}/{kind}:0".encode())
                    group[f"{name}/{kind}:0"] = values
            group.attrs["weight_names"] = np.array(names) if names else np.zeros(0, "S1")
    return path


def descriptor(kind: str, layers: Weights, flow: np.ndarray) -> np.ndarray:
    """What Keras computes: (25, 60, 60, 2) float pixels to the normalised descriptor, in plain NumPy."""
    values = flow
    if kind == "flow2d":  # 50 channels, here as the last axis
        values = np.stack([flow[t, :, :, c] for t in range(25) for c in range(2)], axis=-1)
    strides = [*STRIDES[kind], (1, 1, 1)]  # and of grayCode
    for number, (name, (kernel, bias)) in enumerate(layers.items()):
        if name == "probs":
            break
        if kernel.ndim == 2:
            values = values.reshape(-1) @ kernel + bias
            continue
        values = _convolve(values, kernel, strides[number]) + bias
        if name.startswith("conv"):
            values = np.maximum(values, 0)
        if kind == "flow2d":
            rows, columns, channels = values.shape
            values = values[: rows // 2 * 2, : columns // 2 * 2]
            values = values.reshape(rows // 2, 2, columns // 2, 2, channels).max(axis=(1, 3))
    return values / np.linalg.norm(values)


def _convolve(values: np.ndarray, kernel: np.ndarray, stride: tuple[int, ...]) -> np.ndarray:
    axes = tuple(range(values.ndim - 1))
    windows = np.lib.stride_tricks.sliding_window_view(values, kernel.shape[:-2], axis=axes)
    windows = windows[tuple(slice(None, None, step) for step in stride)]
    # windows: (places..., channels, window...); kernel: (window..., channels, out)
    order = np.moveaxis(kernel, -2, 0)
    return np.tensordot(windows, order, axes=order.ndim - 1)
