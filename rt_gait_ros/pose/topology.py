"""Which parts a part affinity field network knows, and which of its channels link them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_gait_ros.pose.errors import PoseError


@dataclass(frozen=True)
class Topology:
    """Parts of a skeleton and the directed links between them.

    name: of the skeleton, for messages ("person").
    parts: one name per confidence map, in channel order.
    links: (L, 4) int32, one row per link, trt_pose's convention: channel of the field's row (y) component, channel of
        its column (x) component, part it points from, part it points to. Networks that store x before y, or run some
        links the other way, differ in these numbers only.
    """

    name: str
    parts: tuple[str, ...]
    links: np.ndarray

    def __post_init__(self) -> None:
        """Refuse links to parts or channels that cannot exist."""
        links = self.links
        if links.ndim != 2 or links.shape[1] != 4:
            raise PoseError(f"topology {self.name!r}: links must be (L, 4), not {links.shape}")
        if len(links) and (links.min() < 0 or links[:, 2:].max() >= len(self.parts)):
            raise PoseError(f"topology {self.name!r}: a link names a part outside 0..{len(self.parts) - 1}")

    @property
    def field_channels(self) -> int:
        """Channels the part affinity field must have at least."""
        return int(self.links[:, :2].max()) + 1 if len(self.links) else 0

    @classmethod
    def from_coco_category(cls, category: dict[str, object], source: str = "category") -> "Topology":
        """Topology of a COCO category: `keypoints` (names) and `skeleton` (1-based pairs of them).

        Link k owns field channels 2k (row) and 2k + 1 (column), as trt_pose trains them. Raises PoseError, one line,
        naming source, when a key is missing or a pair is not one of two existing keypoints.
        """
        keypoints, skeleton = category.get("keypoints"), category.get("skeleton")
        if not (isinstance(keypoints, list) and keypoints and all(isinstance(name, str) for name in keypoints)):
            raise PoseError(
                f'{source}: no "keypoints", a list of names; give a COCO category, as trt_pose\'s human_pose.json'
            )
        if not isinstance(skeleton, list):
            raise PoseError(f'{source}: no "skeleton", a list of pairs of 1-based keypoint numbers')
        links = np.zeros((len(skeleton), 4), np.int32)
        for k, pair in enumerate(skeleton):
            if not _is_pair(pair, len(keypoints)):
                raise PoseError(
                    f"{source}: skeleton[{k}] = {pair} is not two different keypoints of 1..{len(keypoints)}"
                )
            links[k] = 2 * k, 2 * k + 1, pair[0] - 1, pair[1] - 1
        return cls(str(category.get("name", "person")), tuple(keypoints), links)

    @classmethod
    def load(cls, path: str | Path) -> "Topology":
        """Read a COCO-category JSON file. Raises PoseError, one line, for a missing or wrong one."""
        try:
            category = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise PoseError(f"{path}: cannot read the topology: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise PoseError(f"{path}: the topology is not JSON: {error}") from error
        if not isinstance(category, dict):
            raise PoseError(
                f"{path}: the topology must be one COCO category (an object), not a {type(category).__name__}"
            )
        return cls.from_coco_category(category, str(path))


def _is_pair(pair: object, parts: int) -> bool:
    """Two different whole numbers of 1..parts."""
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(part, int) and 1 <= part <= parts for part in pair)
        and pair[0] != pair[1]
    )
