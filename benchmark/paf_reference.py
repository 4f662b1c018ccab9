"""Scenes of people as maps, and a plain NumPy and SciPy part affinity field parser to hold ours against."""

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.optimize import linear_sum_assignment

from rt_gait_ros.pose.topology import Topology

# One upright person, x and y in body heights from the hips, in trt_pose's order.
FIGURE = np.array(
    [
        (0.02, -0.42), (0.04, -0.45), (0.0, -0.45), (0.06, -0.43), (-0.02, -0.43), (0.10, -0.30), (-0.10, -0.30),
        (0.15, -0.14), (-0.15, -0.14), (0.17, 0.0), (-0.17, 0.0), (0.07, 0.02), (-0.07, 0.02),
        (0.09, 0.25), (-0.08, 0.25), (0.10, 0.48), (-0.09, 0.48), (0.0, -0.31),
    ]
)  # fmt: skip


def scene(
    random: np.random.Generator,
    people: int,
    topology: Topology,
    cells: int = 56,
    *,
    noise: float = 0.0,
    drop: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Maps of random people: cmap (K, cells, cells) and paf (F, cells, cells), float32.

    noise: standard deviation added to both. drop: probability that a part of somebody is missing.
    """
    cmap = np.zeros((len(topology.parts), cells, cells))
    paf = np.zeros((topology.field_channels, cells, cells))
    rows, columns = np.mgrid[0:cells, 0:cells] + 0.5
    for _ in range(people):
        height = cells * random.uniform(0.15, 0.5)
        figure = (
            FIGURE * height + random.uniform(0.1 * cells, 0.9 * cells, 2) + random.normal(0, 0.02 * height, (18, 2))
        )
        inside = ((figure > 0) & (figure < cells)).all(axis=1) & (random.random(18) >= drop)
        strength = random.uniform(0.4, 1.0, 18)
        for part in np.flatnonzero(inside):
            x, y = figure[part]
            heat = strength[part] * np.exp(((columns - x) ** 2 + (rows - y) ** 2) / -2.0)
            cmap[part] = np.maximum(cmap[part], heat)
        for row, column, start, end in topology.links:
            if inside[start] and inside[end]:
                _add_link(paf[row], paf[column], figure[start], figure[end], rows, columns)
    cmap += random.normal(0, noise, cmap.shape) if noise else 0.0
    paf += random.normal(0, noise, paf.shape) if noise else 0.0
    return cmap.astype(np.float32), paf.astype(np.float32)


def _add_link(
    field_row: np.ndarray,
    field_column: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
) -> None:
    """A unit vector field one cell to either side of the line start -> end (x, y)."""
    along = end - start
    length = float(np.hypot(*along))
    if length < 1e-3:
        return
    x, y = columns - start[0], rows - start[1]
    ahead = (x * along[0] + y * along[1]) / length
    aside = np.abs(x * along[1] - y * along[0]) / length
    near = (ahead >= -0.5) & (ahead <= length + 0.5) & (aside <= 1.0)
    field_row[near], field_column[near] = along[1] / length, along[0] / length


def parse(
    cmap: np.ndarray,
    paf: np.ndarray,
    topology: Topology,
    *,
    threshold: float = 0.1,
    window: int = 5,
    samples: int = 7,
    link_threshold: float = 0.1,
    bounded_centroids: bool = False,
) -> np.ndarray:
    """People (P, K, 3) of x, y (0..1) and confidence, as trt_pose groups them; see rt_gait_ros.pose.paf.PafParser."""
    peaks = [_peaks(plane, threshold, window, bounded_centroids) for plane in cmap]
    size = np.array(cmap.shape[1:], np.float32)
    joined: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row, column, start, end in topology.links:
        if len(peaks[start]) and len(peaks[end]):
            scores = _scores(paf[row], paf[column], peaks[start][:, :2] * size, peaks[end][:, :2] * size, samples)
            # Among equally good assignments, earlier peaks go with earlier ones.
            earlier = np.outer(np.arange(len(scores), 0, -1), np.arange(scores.shape[1], 0, -1))
            for a, b in zip(*linear_sum_assignment(scores + 1e-10 * np.sqrt(earlier), maximize=True), strict=True):
                if scores[a, b] > np.float32(link_threshold):
                    joined.setdefault((start, a), []).append((end, b))
                    joined.setdefault((end, b), []).append((start, a))
    people = []
    visited: set[tuple[int, int]] = set()
    for part, found in enumerate(peaks):
        for number in range(len(found)):
            if (part, number) not in visited:
                people.append(_person((part, number), joined, visited, peaks))
    return np.array(people, np.float32).reshape(-1, len(peaks), 3)


def _person(
    seed: tuple[int, int],
    joined: dict[tuple[int, int], list[tuple[int, int]]],
    visited: set[tuple[int, int]],
    peaks: list[np.ndarray],
) -> np.ndarray:
    """Everything connected with seed, breadth first."""
    person = np.full((len(peaks), 3), (np.nan, np.nan, 0.0), np.float32)
    queue = [seed]
    while queue:
        node = queue.pop(0)
        if node in visited:
            continue
        visited.add(node)
        row, column, value = peaks[node[0]][node[1]]
        person[node[0]] = column, row, min(value, 1.0)
        queue += joined.get(node, [])
    return person


def _peaks(plane: np.ndarray, threshold: float, window: int, bounded: bool) -> np.ndarray:
    """Refined peaks (N, 3): row and column in 0..1, and value."""
    highest = maximum_filter(plane, window, mode="constant", cval=-np.inf)
    half = window // 2
    padded = np.pad(plane, half, mode="reflect")
    offsets = np.arange(-half, half + 1).astype(np.float32)
    peaks = []
    # float32 and one after the other, as in the original: points on the edge of two cells must fall to the same side.
    size, centre = np.array(plane.shape, np.float32), np.float32(0.5)
    for cell in np.argwhere((plane >= np.float32(threshold)) & (plane == highest)):
        weights = padded[cell[0] : cell[0] + window, cell[1] : cell[1] + window]
        places = np.meshgrid(np.float32(cell[0]) + offsets, np.float32(cell[1]) + offsets, indexing="ij")
        mass, *moments = (np.cumsum(values)[-1] for values in (weights, *(weights * place for place in places)))
        place = np.array(moments) / mass if mass != 0 else cell
        if bounded and (mass < 0 or (np.abs(place - cell) > half).any()):
            place = cell
        peaks.append((*((place.astype(np.float32) + centre) / size), plane[tuple(cell)]))
    return np.array(peaks, np.float32).reshape(-1, 3)


def _scores(
    field_row: np.ndarray, field_column: np.ndarray, starts: np.ndarray, ends: np.ndarray, samples: int
) -> np.ndarray:
    """Line integrals (A, B) between all starts and ends (row, column in cells)."""
    along = ends[None] - starts[:, None]
    length = np.sqrt(along[..., 0] * along[..., 0] + along[..., 1] * along[..., 1])
    unit = along / (length.astype(np.float64) + 1e-5).astype(np.float32)[..., None]
    progress = np.linspace(0, 1, samples, dtype=np.float32)[:, None]
    points = (starts[:, None, None] + progress * along[:, :, None]).astype(int)
    inside = ((points >= 0) & (points < field_row.shape)).all(axis=-1)
    i, j = np.where(inside[..., None], points, 0).transpose(3, 0, 1, 2)
    dots = field_row[i, j] * unit[:, :, None, 0] + field_column[i, j] * unit[:, :, None, 1]
    return np.cumsum(np.where(inside, dots, np.float32(0)), axis=-1)[..., -1] / np.float32(samples)
