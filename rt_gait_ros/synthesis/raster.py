"""Capsules in a picture to signed distances: what every mask, edge and blur of a walker is made of."""

import numpy as np

from rt_gait_ros.compiled import compiled

FAR = 24.0  # pixels: distances are told up to here


@compiled(fastmath=True)
def signed_distance(capsules: np.ndarray, field: np.ndarray, owner: np.ndarray) -> None:
    """Distance of every pixel's centre to the nearest capsule's edge, negative inside, in pixels up to FAR.

    capsules: (N, 6) float32 x, y, x, y, radius, radius; one with both radii 0 or less is not there. field: (H, W)
    float32 and owner: (H, W) int16, the number of that capsule or -1; both are written.
    """
    rows, columns = field.shape
    field[:] = FAR
    owner[:] = -1
    for number in range(len(capsules)):
        ax, ay, bx, by, first, second = capsules[number]
        widest = max(first, second)
        if widest <= 0.0:
            continue
        reach = widest + FAR / 3
        left, right = max(int(min(ax, bx) - reach), 0), min(int(max(ax, bx) + reach) + 1, columns)
        top, bottom = max(int(min(ay, by) - reach), 0), min(int(max(ay, by) + reach) + 1, rows)
        ux, uy = bx - ax, by - ay
        length = ux * ux + uy * uy + np.float32(1e-6)
        for y in range(top, bottom):
            py = np.float32(y) + np.float32(0.5) - ay
            for x in range(left, right):
                px = np.float32(x) + np.float32(0.5) - ax
                along = (px * ux + py * uy) / length
                along = min(max(along, np.float32(0.0)), np.float32(1.0))
                dx, dy = px - along * ux, py - along * uy
                distance = np.sqrt(dx * dx + dy * dy) - (first + along * (second - first))
                if distance < field[y, x]:
                    field[y, x] = distance
                    owner[y, x] = number


@compiled()
def surface(
    capsules: np.ndarray,
    depth: np.ndarray,
    focal: float,
    near: np.ndarray,
    owner: np.ndarray,
    along: np.ndarray,
    normal: np.ndarray,
    cover: np.ndarray,
) -> None:
    """What a camera sees of capsules: for every pixel the nearest surface.

    capsules: (N, 6) x, y, x, y, radius, radius, pixels. depth: (N, 2) of their ends, metres. focal: pixels.
    Written: near (H, W) float32 depth, metres, infinity where nothing is; owner (H, W) int16, the capsule's number or
    -1; along (H, W) float32, 0 to 1 on its axis in space; normal (H, W, 3) float32 in the optical frame (right, down,
    ahead); cover (H, W) float32, share of the pixel that is covered, for soft edges.
    """
    rows, columns = near.shape
    near[:] = np.inf
    owner[:] = -1
    cover[:] = 0.0
    for number in range(len(capsules)):
        ax, ay, bx, by, first, second = capsules[number]
        first_depth, second_depth = depth[number]
        reach = max(first, second) + 1.0
        if reach <= 1.0:
            continue
        left, right = max(int(min(ax, bx) - reach), 0), min(int(max(ax, bx) + reach) + 1, columns)
        top, bottom = max(int(min(ay, by) - reach), 0), min(int(max(ay, by) + reach) + 1, rows)
        ux, uy = bx - ax, by - ay
        length = ux * ux + uy * uy + 1e-6
        for y in range(top, bottom):
            for x in range(left, right):
                px, py = x + 0.5 - ax, y + 0.5 - ay
                place = min(max((px * ux + py * uy) / length, 0.0), 1.0)
                dx, dy = px - place * ux, py - place * uy
                radius = first + place * (second - first)
                square = dx * dx + dy * dy
                if square >= (radius + 0.5) ** 2:
                    continue
                distance = np.sqrt(square)
                cover[y, x] = max(cover[y, x], min(radius + 0.5 - distance, 1.0))
                axis = 1.0 / ((1.0 - place) / first_depth + place / second_depth)
                if distance > radius:  # the outer half of an edge pixel
                    dx, dy = dx * radius / distance, dy * radius / distance
                dx, dy = dx / radius, dy / radius
                bulge = np.sqrt(max(1.0 - dx * dx - dy * dy, 0.0))
                front = axis - bulge * radius * axis / focal
                if front < near[y, x]:
                    near[y, x] = front
                    owner[y, x] = number
                    along[y, x] = place * axis / second_depth
                    normal[y, x, 0] = dx
                    normal[y, x, 1] = dy
                    normal[y, x, 2] = -bulge
