"""Networks whose tensors are not the contract's: what their config.pbtxt declares of them, and the way there and back.

The file of the network stays as its makers wrote it. Parameters, all of them optional:

    gait_frames_tensor   name of the input that takes the gait frames; gait_frames without it
    gait_frames_layout   its axes, of B (batch), S (frames), C (channels), H, W; axes in brackets are one, the last the
                         fastest: "B (S C) H W" is Embedded-Gait's 2D-CNN. C may stand for a silhouette's one channel
    gait_frames_scale    factor of every value, as a number or a fraction: "1/255"
    gait_frames_rows, gait_frames_columns
                         what is cut out of each frame before: "10:54"
    gait_frames_fill     "repeat": a network for a fixed number of frames is shown fewer ones several times. Right for
                         networks on sets, whose maximum does not mind
    embedding_tensor     name of the output with the embedding; embedding without it
    embedding_layout     its axes, of B, P (parts) and C (channels of a part); without P there is one part
    embedding_normalise  "l2": each part is scaled to length 1
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np

from rt_gait_ros.serving.inference import ModelMismatch, ModelSpec, TensorSpec
from rt_gait_ros.silhouette.kinds import GAIT_FRAME_KINDS

_INPUT, _OUTPUT = "gait_frames", "embedding"
_INPUT_KEYS = tuple(f"{_INPUT}_{key}" for key in ("tensor", "layout", "scale", "rows", "columns", "fill"))
_OUTPUT_KEYS = tuple(f"{_OUTPUT}_{key}" for key in ("tensor", "layout", "normalise"))
PARAMETERS = (*_INPUT_KEYS, *_OUTPUT_KEYS)

# Axes of a tensor in their order, each one letter or several that are one.
Layout = tuple[str, ...]
# First row or column, and the one behind the last; None for all.
Cut = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class Adapter:
    """From gait frames to the network's input tensor, and from its output tensor to the embedding.

    tensor, dtype, layout: of the input; without dtype and layout the values go as they are. scale: factor of its
    values. rows, columns: what is cut out of a frame.
    fill: frames to which fewer ones are repeated, 0 for never. output, parts_layout: of the embedding's tensor.
    normalise: whether its parts are scaled to length 1.
    """

    tensor: str = _INPUT
    dtype: str = ""
    layout: Layout = ()
    output: str = _OUTPUT
    parts_layout: Layout = ("B", "P", "C")
    scale: float = 1.0
    rows: Cut = (0, None)
    columns: Cut = (0, None)
    fill: int = 0
    normalise: bool = False

    def request(self, frames: np.ndarray) -> dict[str, np.ndarray]:
        """The network's input for one sequence of gait frames (S, H, W) or (S, H, W, C)."""
        if self.fill and len(frames) < self.fill:
            frames = frames[np.arange(self.fill) % len(frames)]
        if not self.layout:
            return {self.tensor: frames[None]}
        values = frames[:, slice(*self.rows), slice(*self.columns)]
        axes = "BSHWC"[: values.ndim + 1]
        values = values[None]
        if values.ndim == 4 and "C" in "".join(self.layout):
            values, axes = values[..., None], "BSHWC"
        values = values.astype(self.dtype, copy=False)
        if self.scale != 1.0:
            values = values * np.asarray(self.scale, self.dtype)
        sizes = dict(zip(axes, values.shape, strict=True))
        values = values.transpose([axes.index(letter) for letter in "".join(self.layout)])
        shape = [prod(sizes[letter] for letter in axis) for axis in self.layout]
        return {self.tensor: np.ascontiguousarray(values.reshape(shape))}

    @property
    def batch_axis(self) -> int:
        """Which axis of the input counts the sequences."""
        return self.layout.index("B") if self.layout else 0

    def embedding(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """The embeddings (B, P, C) among the network's outputs; None where there is no tensor of that name and rank."""
        values = outputs.get(self.output)
        if values is None or values.ndim != len(self.parts_layout):
            return None
        if "P" not in self.parts_layout:
            values = np.expand_dims(values.transpose([self.parts_layout.index(letter) for letter in "BC"]), 1)
        else:
            values = values.transpose([self.parts_layout.index(letter) for letter in "BPC"])
        if self.normalise:
            lengths = np.linalg.norm(values, axis=2, keepdims=True)
            values = np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0)
        return values


# What a network of the contract's own tensors needs.
CONTRACT = Adapter()


@dataclass(frozen=True, slots=True)
class Adapted:
    """What an adapter makes of a network. frame_shape: of one gait frame. length: frames that the input is for, -1 for
    any number. embedding_shape: (P, C), -1 for any."""

    adapter: Adapter
    frame_shape: tuple[int, ...]
    length: int
    embedding_shape: tuple[int, int]


def adapt(spec: ModelSpec, kind: str) -> Adapted:
    """Read what a network on gait frames of this kind (a key of GAIT_FRAME_KINDS) declares of its tensors.

    Raises ModelMismatch naming the first parameter that is wrong or does not fit the tensors.
    """
    parameters = spec.parameters
    frames = _tensor(spec, spec.inputs, _INPUT)
    embedding = _tensor(spec, spec.outputs, _OUTPUT)
    parts_layout = _parts_layout(spec, embedding)
    sizes = dict(zip(parts_layout, embedding.shape, strict=True))
    parts = (sizes.get("P", 1), sizes["C"])
    normalise = _choice(spec, "embedding_normalise", "l2")
    if not any(key in parameters for key in _INPUT_KEYS):
        _contract(spec, kind, frames, embedding)
        adapter = Adapter(output=embedding.name, parts_layout=parts_layout, normalise=normalise)
        return Adapted(adapter, frames.shape[2:], frames.shape[1], parts)
    known = GAIT_FRAME_KINDS[kind]
    rows, columns = (_cut(spec, f"{_INPUT}_{key}", known.shape[axis]) for axis, key in enumerate(("rows", "columns")))
    scale = _scale(spec)
    _check_type(spec, frames, known.dtype, scale)
    layout, length = _layout(spec, frames, known.shape, rows, columns)
    fill = _choice(spec, "gait_frames_fill", "repeat")
    if fill and (kind == "flow" or length < 1):
        raise ModelMismatch(
            f"model {spec.name} declares gait_frames_fill: leave it out, for "
            + ("frames of flow follow one another" if kind == "flow" else "the network takes any number of frames")
        )
    adapter = Adapter(
        frames.name,
        frames.dtype,
        layout,
        embedding.name,
        parts_layout,
        scale,
        rows,
        columns,
        length if fill else 0,
        normalise,
    )
    return Adapted(adapter, known.shape, length, parts)


def _tensor(spec: ModelSpec, tensors: Sequence[TensorSpec], name: str) -> TensorSpec:
    key = f"{name}_tensor"
    wanted = spec.parameters.get(key, name)
    for tensor in tensors:
        if tensor.name == wanted:
            return tensor
    has = ", ".join(f"{tensor.name} {tensor.dtype}{list(tensor.shape)}" for tensor in tensors)
    if key in spec.parameters:
        raise ModelMismatch(f"model {spec.name} declares {key} {wanted!r} and has {has}: name one of these")
    raise ModelMismatch(
        f"model {spec.name} has no tensor {name}, but {has}: it is not a gait network, or its config.pbtxt has to say "
        f"with the parameter {key} which of them it is"
    )


def _contract(spec: ModelSpec, kind: str, frames: TensorSpec, embedding: TensorSpec) -> None:
    dtype = np.dtype(GAIT_FRAME_KINDS[kind].dtype).name
    adapted = any(key in spec.parameters for key in _OUTPUT_KEYS)
    if frames.dtype != dtype or len(frames.shape) < 4 or not (adapted or len(embedding.shape) == 3):
        raise ModelMismatch(
            f"model {spec.name} takes gait_frames {frames.dtype}{list(frames.shape)} and gives "
            f"embedding {list(embedding.shape)}: a {kind} network takes {dtype}[B, S, H, W(, C)] "
            "and gives [B, P, C], or declares the way there (gait_frames_layout, gait_frames_scale)"
        )


def _parts_layout(spec: ModelSpec, embedding: TensorSpec) -> Layout:
    rank = len(embedding.shape)
    text = spec.parameters.get("embedding_layout")
    if text is None:
        # another rank is refused with the contract's own words, or here
        layout: Layout = ("B", "P", "C") if rank != 2 else ("B", "C")
    else:
        layout = tuple(text.split())
    if sorted(layout) not in (["B", "C", "P"], ["B", "C"]) or len(layout) != rank:
        raise ModelMismatch(
            f"model {spec.name} gives {embedding.name} {list(embedding.shape)} and declares embedding_layout "
            f"{text or ' '.join(layout)!r}: name its {rank} axes, of B, P and C"
        )
    return layout


def _layout(
    spec: ModelSpec, tensor: TensorSpec, shape: tuple[int, ...], rows: tuple[int, int], columns: tuple[int, int]
) -> tuple[Layout, int]:
    """The declared axes, and the number of frames that the tensor is for (-1: any)."""
    text = spec.parameters.get("gait_frames_layout", "B S H W" if len(shape) == 2 else "B S H W C")
    layout = tuple("".join(axis.strip("()").split()) for axis in re.findall(r"\([^()]*\)|[^\s()]+", text))
    letters = "".join(layout)
    wanted = "BCHSW" if len(shape) == 3 or "C" in letters else "BHSW"
    if "".join(sorted(letters)) != wanted or "B" not in layout:
        raise ModelMismatch(
            f"model {spec.name} declares gait_frames_layout {text!r}: name each of the axes {', '.join(wanted)} once, "
            'with B on its own, as in "B S H W" or "B (S C) H W"'
        )
    sizes = {"H": rows[1] - rows[0], "W": columns[1] - columns[0], "C": shape[2] if len(shape) == 3 else 1}
    length = -1
    fits = len(layout) == len(tensor.shape)
    for axis, size in zip(layout, tensor.shape, strict=False):
        each = prod(sizes.get(letter, 1) for letter in axis)
        if "B" in axis or size < 0:
            continue
        if "S" in axis:
            length = size // each
        fits = fits and size == each * (length if "S" in axis else 1)
    if not fits or length == 0:
        made = " ".join(f"{letter}={size}" for letter, size in sizes.items() if letter in letters)
        raise ModelMismatch(
            f"model {spec.name} takes {tensor.name} {list(tensor.shape)} and declares gait_frames_layout {text!r}, "
            f"which does not fit frames of {made}: correct the layout, or gait_frames_rows and gait_frames_columns"
        )
    return layout, length


def _cut(spec: ModelSpec, key: str, size: int) -> tuple[int, int]:
    text = spec.parameters.get(key, f"0:{size}")
    found = re.fullmatch(r"(\d{1,4}):(\d{1,4})", text)
    first, last = (int(found[1]), int(found[2])) if found else (0, 0)
    if not first < last <= size:
        raise ModelMismatch(f"model {spec.name} declares {key} {text!r}: give FIRST:END within 0:{size}, as in 10:54")
    return first, last


def _scale(spec: ModelSpec) -> float:
    text = spec.parameters.get("gait_frames_scale", "1")
    try:
        scale = float(Fraction(text))
    except (ValueError, ZeroDivisionError, OverflowError):
        scale = 0.0
    if not 0.0 < scale < float("inf"):
        raise ModelMismatch(f"model {spec.name} declares gait_frames_scale {text!r}: give a number above 0, as 1/255")
    return scale


def _check_type(spec: ModelSpec, tensor: TensorSpec, dtype: type[np.generic], scale: float) -> None:
    floating = np.issubdtype(np.dtype(tensor.dtype), np.floating)
    if not floating and (scale != 1.0 or not np.can_cast(dtype, tensor.dtype)):
        raise ModelMismatch(
            f"model {spec.name} takes {tensor.name} as {tensor.dtype}, which cannot hold gait frames of "
            f"{np.dtype(dtype).name} times {scale:g}: another data_type or gait_frames_scale is right"
        )


def _choice(spec: ModelSpec, key: str, only: str) -> bool:
    text = spec.parameters.get(key, "")
    if text not in ("", only):
        raise ModelMismatch(f"model {spec.name} declares {key} {text!r}: {only!r} is the one that there is")
    return text == only
