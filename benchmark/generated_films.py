"""Films of generated walkers, kept by a name that tells two versions of the generator apart."""

import hashlib
from pathlib import Path

from rt_gait_ros import synthesis
from rt_gait_ros.demo import video
from rt_gait_ros.evaluation.embedding_jobs import fingerprint
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.synthesis.render import Renderer
from rt_gait_ros.synthesis.scenes import Crowd


def filmed(scene: Crowd, name: str, made_from: object) -> Path:
    """The scene as a video, filmed once by each version of the generator. made_from: as `made_of` takes it."""
    path = cache_folder() / "footage" / f"{name}_{made_of(made_from)}.mp4"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        renderer = Renderer(scene)
        with video.VideoWriter(path, scene.fps) as writer:
            for number in range(len(scene)):
                writer.write(renderer.image(number))
    return path


def made_of(scene: object) -> str:
    """A hash of the scene, by its repr, and of all that its pictures are made by."""
    parts = repr(scene) + fingerprint(sources(), content=True)
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def sources() -> list[Path]:
    """The generator with its data, and what writes a video."""
    generator = Path(synthesis.__file__).parent
    made_by = [path for path in generator.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return [*sorted(made_by), Path(video.__file__)]
