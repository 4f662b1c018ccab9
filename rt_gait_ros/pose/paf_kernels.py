"""The compiled steps of the part affinity field parser (numba, one thread, float32 as trt_pose computes).

Peaks live in flat arrays: those of part k are numbers starts[k] ... starts[k + 1] - 1.
"""

import numpy as np

from rt_gait_ros.compiled import compiled
from rt_gait_ros.pose.assignment import assign

OK, NOT_FINITE, TOO_MANY_PEAKS = 0, 1, 2

# Bit patterns of float32 values grow with them, so whole rows meet a threshold as integers: it vectorises.
_MAGNITUDE = np.int32(0x7FFFFFFF)
_INFINITE = np.int32(0x7F800000)
# Peaks of a plateau can be refined to one and the same point; among equally good assignments, earlier peaks then go
# with earlier ones. Far below the precision of a score, far above that of a sum of them.
TIE = 1e-10

# Cells from its peak beyond which a centroid is none: whole numbers of 32 bits end not far behind.
_FAR = np.float32(1e6)

_EPSILON = 1e-5  # trt_pose: keeps a link of length zero from dividing by zero


@compiled()
def _largest_magnitude(bits: np.ndarray) -> np.int32:
    """The greatest |value| of a flat view, as bits."""
    largest = np.int32(0)
    for k in range(bits.size):
        largest = max(largest, bits[k] & _MAGNITUDE)
    return largest


@compiled()
def _is_peak(plane: np.ndarray, i: int, j: int, half: int) -> bool:
    """No larger value within half cells; equal ones are all peaks, as in trt_pose."""
    height, width = plane.shape
    value = plane[i, j]
    for ii in range(max(i - half, 0), min(i + half + 1, height)):
        for jj in range(max(j - half, 0), min(j + half + 1, width)):
            if plane[ii, jj] > value:
                return False
    return True


@compiled()
def _find_peaks(
    cmap: np.ndarray, threshold: np.float32, half: int, limit: int, starts: np.ndarray, cells: np.ndarray
) -> int:
    """Fill starts (K + 1,) and cells (K * limit, 2) with the peaks, row by row."""
    parts, height, width = cmap.shape
    bits = cmap.view(np.int32)
    threshold_bits = np.array([threshold], np.float32).view(np.int32)[0]
    count = 0
    for part in range(parts):
        starts[part] = count
        for i in range(height):
            largest = _largest_magnitude(bits[part, i])
            if largest >= _INFINITE:
                return NOT_FINITE
            if largest < threshold_bits:
                continue
            for j in range(width):
                if cmap[part, i, j] >= threshold and _is_peak(cmap[part], i, j, half):
                    if count - starts[part] >= limit:
                        return TOO_MANY_PEAKS
                    cells[count, 0] = i
                    cells[count, 1] = j
                    count += 1
    starts[parts] = count
    return OK


@compiled()
def _reflect(index: int, size: int) -> int:
    """Mirror at the border cells."""
    if index < 0:
        return -index
    if index >= size:
        return 2 * size - 2 - index
    return index


@compiled()
def _refine(plane: np.ndarray, i: int, j: int, half: int, bounded: bool) -> tuple[np.float32, np.float32]:
    """Weighted centroid around a peak, as (row, column) in 0..1; bounded: the peak where that leaves its window."""
    height, width = plane.shape
    row, column, mass = np.float32(0), np.float32(0), np.float32(0)
    for ii in range(i - half, i + half + 1):
        for jj in range(j - half, j + half + 1):
            weight = plane[_reflect(ii, height), _reflect(jj, width)]
            row += weight * np.float32(ii)
            column += weight * np.float32(jj)
            mass += weight
    # Negative noise can outweigh the peak: its centroid then lies anywhere, or nowhere.
    reach = np.float32(half) if bounded else _FAR
    near = mass != 0 and abs(row / mass - i) <= reach and abs(column / mass - j) <= reach
    if not near or (bounded and mass < 0):
        row, column, mass = np.float32(i), np.float32(j), np.float32(1)
    centre = np.float32(0.5)
    return (row / mass + centre) / np.float32(height), (column / mass + centre) / np.float32(width)


@compiled(error_model="numpy")
def _link_scores(
    rows: np.ndarray, columns: np.ndarray, start: np.ndarray, ends: np.ndarray, samples: int, work: np.ndarray
) -> np.ndarray:
    """Mean dot product of the field with the directions start -> ends, along those lines: (B,) float32.

    rows, columns: (H, W), the field's components. start: (2,), ends: (2, B), both row and column in cells.
    work: (5, B) float32 scratch. Loops run over the ends innermost and without branches, so that they vectorise.
    """
    height, width = np.int32(rows.shape[0]), np.int32(rows.shape[1])
    field_row, field_column = rows.ravel(), columns.ravel()
    row, column = start
    end_row, end_column = ends
    along_row, along_column, unit_row, unit_column, total = work
    for b in range(end_row.size):
        along_row[b], along_column[b] = end_row[b] - row, end_column[b] - column
        length = np.sqrt(along_row[b] * along_row[b] + along_column[b] * along_column[b])
        length = np.float32(np.float64(length) + _EPSILON)
        unit_row[b], unit_column[b] = along_row[b] / length, along_column[b] / length
        total[b] = 0
    for step in range(samples):
        progress = np.float32(step) / np.float32(samples - 1)
        for b in range(end_row.size):
            i = np.int32(row + progress * along_row[b])
            j = np.int32(column + progress * along_column[b])
            inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
            # Unsigned: numba would test signed indices for counting from the end.
            cell = np.uint32(i * width + j) if inside else np.uint32(0)
            dot = field_row[cell] * unit_row[b] + field_column[cell] * unit_column[b]
            total[b] += dot if inside else np.float32(0)
    return total / np.float32(samples)


@compiled()
def _connect(
    paf: np.ndarray,
    link: np.ndarray,
    starts: np.ndarray,
    points: np.ndarray,
    samples: int,
    threshold: np.float32,
    forward: np.ndarray,
    backward: np.ndarray,
    scores: np.ndarray,
) -> None:
    """Optimal pairs of one link: forward[a] = b, backward[b] = a (peak numbers, -1 without), scores[a]."""
    first_a, first_b = starts[link[2]], starts[link[3]]
    count_a, count_b = starts[link[2] + 1] - first_a, starts[link[3] + 1] - first_b
    if count_a == 0 or count_b == 0:
        return
    turned = count_a > count_b
    rows, columns = (count_b, count_a) if turned else (count_a, count_b)
    cost = np.empty((rows, columns), np.float64)
    ends = points[first_b : first_b + count_b].T.copy()
    work = np.empty((5, count_b), np.float32)
    for a in range(count_a):
        row_scores = _link_scores(paf[link[0]], paf[link[1]], points[first_a + a], ends, samples, work)
        for b in range(count_b):
            tie = TIE * np.sqrt((count_a - a) * (count_b - b))
            cost[(b, a) if turned else (a, b)] = -row_scores[b] - tie
    match = np.empty(rows, np.int32)
    assign(cost, rows, columns, match)
    for row in range(rows):
        a, b = (match[row], row) if turned else (row, match[row])
        score = np.float32(-cost[row, match[row]] - TIE * np.sqrt((count_a - a) * (count_b - b)))
        if score > threshold:
            forward[first_a + a] = first_b + b
            backward[first_b + b] = first_a + a
            scores[first_a + a] = score


@compiled()
def _group_connected(
    links: np.ndarray, part_of: np.ndarray, forward: np.ndarray, backward: np.ndarray, people: np.ndarray
) -> int:
    """trt_pose's grouping: breadth first; whatever is connected is one person, the last of a part met stays."""
    peaks = part_of.size
    visited = np.zeros(peaks, np.bool_)
    queue = np.empty(peaks + 2 * forward.size, np.int32)
    count = 0
    for seed in range(peaks):
        if visited[seed]:
            continue
        queue[0] = seed
        head, tail = 0, 1
        while head < tail:
            peak = queue[head]
            head += 1
            if visited[peak]:
                continue
            visited[peak] = True
            people[count, part_of[peak]] = peak
            for k in range(len(links)):
                if links[k, 2] == part_of[peak] and forward[k, peak] >= 0:
                    queue[tail] = forward[k, peak]
                    tail += 1
                if links[k, 3] == part_of[peak] and backward[k, peak] >= 0:
                    queue[tail] = backward[k, peak]
                    tail += 1
        count += 1
    return count


@compiled()
def _group_separately(part_of: np.ndarray, forward: np.ndarray, scores: np.ndarray, people: np.ndarray) -> int:
    """Strongest link first; two groups join unless both have some part already."""
    peaks = part_of.size
    group = np.arange(peaks)
    for peak in range(peaks):
        people[peak, part_of[peak]] = peak
    order = np.argsort(-scores.ravel(), kind="mergesort")
    for position in order:
        k, a = position // peaks, position % peaks
        b = forward[k, a]
        if b < 0:
            continue
        into, gone = min(group[a], group[b]), max(group[a], group[b])
        if into == gone or np.any((people[into] >= 0) & (people[gone] >= 0)):
            continue
        for part in range(people.shape[1]):
            peak = people[gone, part]
            if peak >= 0:
                people[into, part] = peak
                people[gone, part] = -1
                group[peak] = into
    count = 0
    for row in range(peaks):
        if np.any(people[row] >= 0):
            people[count] = people[row]
            count += 1
    return count


@compiled()
def _confidence(
    members: np.ndarray, links: np.ndarray, forward: np.ndarray, scores: np.ndarray, values: np.ndarray
) -> np.float32:
    """Mean of a person's part confidences and of the scores of the links between them."""
    total, count = np.float32(0), 0
    for part in range(members.size):
        if members[part] >= 0:
            total += values[members[part]]
            count += 1
    for k in range(len(links)):
        a, b = members[links[k, 2]], members[links[k, 3]]
        if a >= 0 and b >= 0 and forward[k, a] == b:
            total += min(scores[k, a], np.float32(1))
            count += 1
    return total / np.float32(count)


@compiled()
def _refined_peaks(
    cmap: np.ndarray, starts: np.ndarray, cells: np.ndarray, half: int, bounded: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per peak: its part, its place in 0..1 and in cells (row, column), and its confidence."""
    parts, height, width = cmap.shape
    peaks = starts[parts]
    part_of = np.empty(peaks, np.int32)
    places = np.empty((peaks, 2), np.float32)
    points = np.empty((peaks, 2), np.float32)
    values = np.empty(peaks, np.float32)
    for part in range(parts):
        for peak in range(starts[part], starts[part + 1]):
            i, j = cells[peak]
            row, column = _refine(cmap[part], i, j, half, bounded)
            part_of[peak] = part
            places[peak, 0], places[peak, 1] = row, column
            points[peak, 0], points[peak, 1] = row * np.float32(height), column * np.float32(width)
            values[peak] = min(cmap[part, i, j], np.float32(1))
    return part_of, places, points, values


@compiled()
def parse(
    cmap: np.ndarray,
    paf: np.ndarray,
    links: np.ndarray,
    threshold: np.float32,
    window: int,
    samples: int,
    link_threshold: np.float32,
    min_parts: int,
    separate: bool,
    max_peaks: int,
    bounded: bool,
) -> tuple[int, np.ndarray, np.ndarray]:
    """The whole parser: status, keypoints (P, K, 3), confidence (P,), as PafPeople describes them."""
    parts = cmap.shape[0]
    nobody = np.empty((0, parts, 3), np.float32), np.empty(0, np.float32)
    if _largest_magnitude(paf.view(np.int32).ravel()) >= _INFINITE:
        return NOT_FINITE, nobody[0], nobody[1]
    starts = np.zeros(parts + 1, np.int32)
    cells = np.empty((parts * max_peaks, 2), np.int32)
    status = _find_peaks(cmap, threshold, window // 2, max_peaks, starts, cells)
    peaks = starts[parts]
    if status != OK or peaks == 0:
        return status, nobody[0], nobody[1]
    part_of, places, points, values = _refined_peaks(cmap, starts, cells, window // 2, bounded)
    forward = np.full((len(links), peaks), -1, np.int32)
    backward = np.full((len(links), peaks), -1, np.int32)
    scores = np.full((len(links), peaks), -np.inf, np.float32)
    for k in range(len(links)):
        _connect(paf, links[k], starts, points, samples, link_threshold, forward[k], backward[k], scores[k])
    people = np.full((peaks, parts), -1, np.int32)
    if separate:
        count = _group_separately(part_of, forward, scores, people)
    else:
        count = _group_connected(links, part_of, forward, backward, people)
    keypoints = np.zeros((count, parts, 3), np.float32)
    confidence = np.zeros(count, np.float32)
    kept = 0
    for person in range(count):
        members = people[person]
        if np.sum(members >= 0) < min_parts:
            continue
        for part in range(parts):
            peak = members[part]
            keypoints[kept, part, 0] = places[peak, 1] if peak >= 0 else np.float32(np.nan)
            keypoints[kept, part, 1] = places[peak, 0] if peak >= 0 else np.float32(np.nan)
            keypoints[kept, part, 2] = values[peak] if peak >= 0 else np.float32(0)
        confidence[kept] = _confidence(members, links, forward, scores, values)
        kept += 1
    return OK, keypoints[:kept], confidence[:kept]
