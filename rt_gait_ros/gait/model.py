"""What a gait network declares about itself."""

from dataclasses import dataclass

from rt_gait_ros.gait.adapter import CONTRACT, PARAMETERS, Adapter, adapt
from rt_gait_ros.serving.inference import InferenceClient, ModelMismatch, ModelSpec
from rt_gait_ros.serving.streaming import WINDOW_PARAMETER
from rt_gait_ros.silhouette.kinds import GAIT_FRAME_KINDS

# The parameter of config.pbtxt that says which networks' embeddings may be compared with one another: those of the same
# weights, in another precision, streaming or one-sided.
FAMILY_PARAMETER = "embedding_family"


@dataclass(frozen=True, slots=True)
class GaitModel:
    """A gait network by its own description (config.pbtxt).

    gait_frame_kind: what it takes, a key of GAIT_FRAME_KINDS. frame_shape: of one gait frame, (H, W) or (H, W, C).
    min_frames, max_frames: gait frames that one embedding may stand on. embedding_shape: (P, C), -1 for any.
    stream_window: for a network that keeps a set per track on the server, the frames of its sliding window, 0 for a set
    that grows; None for a network that is sent all frames each time. adapter: the way to the network's tensors.
    family: networks of one family give embeddings that may be compared; "" is nobody's. kept_as: the network whose name
    a gallery has for its embeddings, where it is another one.
    """

    name: str
    gait_frame_kind: str
    frame_shape: tuple[int, ...]
    min_frames: int
    max_frames: int
    embedding_shape: tuple[int, int]
    stream_window: int | None = None
    adapter: Adapter = CONTRACT
    family: str = ""
    kept_as: str = ""

    @property
    def gallery_name(self) -> str:
        """The model that a gallery names which is searched with its embeddings."""
        return self.kept_as or self.name

    @classmethod
    def from_spec(cls, spec: ModelSpec) -> "GaitModel":
        """Read a server's description. Raises ModelMismatch where it is not one of a gait network."""
        kind = spec.parameters.get("gait_frame_kind", "")
        if kind not in GAIT_FRAME_KINDS:
            raise ModelMismatch(
                f"model {spec.name} declares gait_frame_kind {kind!r}: set it to one of {', '.join(GAIT_FRAME_KINDS)} "
                "in the parameters of its config.pbtxt"
            )
        adapted = adapt(spec, kind)
        window = _count(spec, WINDOW_PARAMETER, 0, 0) if WINDOW_PARAMETER in spec.parameters else None
        if window is not None and (declared := [key for key in PARAMETERS if key in spec.parameters]):
            raise ModelMismatch(
                f"model {spec.name} declares {WINDOW_PARAMETER} and {declared[0]}: a streaming network has the "
                "tensors that docs/streaming.md describes"
            )
        shortest, longest = _count(spec, "min_frames", 1), _count(spec, "max_frames", 100)
        if adapted.length > 0:
            shortest, longest = (shortest if adapted.adapter.fill else adapted.length), adapted.length
        if shortest > longest:
            raise ModelMismatch(f"model {spec.name} declares min_frames {shortest}, and takes {longest} frames at most")
        shape = adapted.embedding_shape
        family = spec.parameters.get(FAMILY_PARAMETER, "")
        return cls(spec.name, kind, adapted.frame_shape, shortest, longest, shape, window, adapted.adapter, family)

    def refuse_kind(self, kind: str) -> str:
        """Why gait frames of this kind are of no use, in one line; "" where they are."""
        if kind == self.gait_frame_kind:
            return ""
        return (
            f"gait model {self.name} takes {self.gait_frame_kind} frames, and {kind} frames come in: set the pose "
            "node's gait_frame_kind, or choose another gait model"
        )

    def refuse_shape(self, shape: tuple[int, ...]) -> str:
        """Why a gait frame of this shape is of no use, in one line; "" where it is."""
        if shape == self.frame_shape:
            return ""
        return f"gait model {self.name} takes gait frames of shape {list(self.frame_shape)}, and {list(shape)} came in"


def describe(client: InferenceClient, name: str) -> GaitModel:
    """Ask the server what the gait network `name` is. Raises InferenceError."""
    return GaitModel.from_spec(client.describe(name))


def _count(spec: ModelSpec, key: str, default: int, least: int = 1) -> int:
    text = spec.parameters.get(key, str(default))
    if not text.isdecimal() or int(text) < least:
        raise ModelMismatch(f"model {spec.name} declares {key} {text!r}: a whole number from {least} is wanted")
    return int(text)
