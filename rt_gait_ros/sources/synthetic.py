"""`synthetic://`: a generated scene as a source of frames, for when there is no camera and no video."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.sources.recorded import RecordedSource
from rt_gait_ros.sources.source import SourceOptions
from rt_gait_ros.synthesis.render import Renderer
from rt_gait_ros.synthesis.scenes import KINDS, Crowd, crowd
from rt_gait_ros.synthesis.walks import FPS, VGA

_EXAMPLE = "synthetic://crossing?people=2&seed=3&seconds=20"
_WHOLE, _FRACTIONS = ("people", "seed"), ("seconds", "height")


def read_scene(uri: str, fps: float = 0.0) -> Crowd:
    """The scene that synthetic://KIND?people=2&seed=0&seconds=20&height=1.1&size=640x480 names; all but KIND may lack.

    fps: images a second; 0: 25. Raises UsageError, one line.
    """
    parts = urlsplit(uri)
    kind = parts.netloc or parts.path.strip("/")
    if kind not in KINDS:
        raise UsageError(f"source {uri}: scenes are {', '.join(KINDS)}, for example {_EXAMPLE}")
    settings: dict[str, float] = {}
    size = VGA
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == "size":
            size = _size(uri, value)
        elif name in (*_WHOLE, *_FRACTIONS):
            settings[name] = _number(uri, name, value)
        else:
            raise UsageError(f"source {uri}: {name} is not known; known are people, seed, seconds, height, size")
    try:
        return crowd(
            kind,
            people=int(settings.get("people", 2)),
            seed=int(settings.get("seed", 0)),
            seconds=settings.get("seconds", 20.0),
            fps=fps or FPS,
            size=size,
            height=settings.get("height", 1.1),
        )
    except UsageError as error:
        raise UsageError(f"source {uri}: {error}") from None


def _number(uri: str, name: str, value: str) -> float:
    if name in _WHOLE:
        if not value.isdecimal():
            raise UsageError(f"source {uri}: {name} is a whole number from 0, not {value!r}")
        return int(value)
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"source {uri}: {name} is a number, not {value!r}") from None


def _size(uri: str, value: str) -> tuple[int, int]:
    width, times, height = value.partition("x")
    if not (times and width.isdecimal() and height.isdecimal()):
        raise UsageError(f"source {uri}: size is WIDTHxHEIGHT in pixels, not {value!r}")
    return int(width), int(height)


class SyntheticSource(RecordedSource):
    """The images of a generated scene, as a recording: the same each time, with an end.

    scene: what is shown; image number n of a pass has the truths of `truth.truths(scene, sight(scene, n), n)`.
    """

    def __init__(self, uri: str, options: SourceOptions) -> None:
        """Raises UsageError for a URI that names no scene."""
        self.scene = read_scene(uri, options.fps)
        self._renderer: Renderer | None = None  # made for the first image: a source may be opened only to check it
        super().__init__(uri, options, self.scene.fps)

    def _images(self) -> Iterator[np.ndarray | None]:
        if self._renderer is None:
            self._renderer = Renderer(self.scene)
        for number in range(len(self.scene)):
            yield self._renderer.image(number)
