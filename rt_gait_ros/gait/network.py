"""A gait network that a recogniser may go on with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rt_gait_ros.gait.embedder import Embedder
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.gait.translation import Translation


@dataclass(frozen=True, slots=True)
class Network:
    """A gait network that a recogniser may go on with, ready to answer.

    settings: fields of the recogniser's configuration that are others with it. apart: why its embeddings may not be
    compared with those of the network that the gallery is of; "" where they may. translation: the gallery in its own
    embeddings, where they may not.
    """

    model: GaitModel
    embedder: Embedder
    settings: Mapping[str, Any] = field(default_factory=dict)
    apart: str = ""
    translation: Translation | None = None


def no_enrolment(model: GaitModel) -> str:
    """Why nobody is enrolled while a network looks whose embeddings the gallery cannot take."""
    return (
        f"many people are in view, so that the lighter network {model.name} looks at them, whose embeddings cannot go "
        f"into a gallery of {model.gallery_name}: ask again when there are fewer"
    )
