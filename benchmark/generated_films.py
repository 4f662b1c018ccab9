"""Names of the films of generated walkers that are kept: what they are made of tells two versions apart."""

import hashlib
from pathlib import Path

from rt_gait_ros import synthesis
from rt_gait_ros.demo import video
from rt_gait_ros.evaluation.embedding_jobs import fingerprint


def made_of(scene: object) -> str:
    """A hash of the scene, by its repr, and of all that its pictures are made by."""
    parts = repr(scene) + fingerprint(sources(), content=True)
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def sources() -> list[Path]:
    """The generator with its data, and what writes a video."""
    generator = Path(synthesis.__file__).parent
    made_by = [path for path in generator.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return [*sorted(made_by), Path(video.__file__)]
