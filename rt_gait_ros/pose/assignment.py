"""Optimal assignment, compiled: the shortest augmenting path algorithm (Jonker & Volgenant, Computing 38, 1987)."""

import numpy as np

from rt_gait_ros.compiled import compiled


@compiled()
def assign(cost: np.ndarray, rows: int, columns: int, match: np.ndarray) -> None:
    """Cheapest assignment of every row to a column of its own; rows <= columns.

    cost: (>= rows, >= columns) float64, of which the leading block is used. match: (>= rows,) int32, filled in.
    """
    row_price = np.empty(rows, np.float64)
    column_price = np.zeros(columns, np.float64)
    owner = np.full(columns, -1, np.int32)
    # Rows take their cheapest column while it is free: in maps of people this settles nearly all of them.
    for i in range(rows):
        best = 0
        for j in range(1, columns):
            if cost[i, j] < cost[i, best]:
                best = j
        row_price[i] = cost[i, best]
        match[i] = -1
        if owner[best] < 0:
            owner[best] = i
            match[i] = best
    for i in range(rows):
        if match[i] < 0:
            _augment(cost, rows, columns, i, row_price, column_price, owner, match)


@compiled()
def _augment(
    cost: np.ndarray,
    rows: int,
    columns: int,
    start: int,
    row_price: np.ndarray,
    column_price: np.ndarray,
    owner: np.ndarray,
    match: np.ndarray,
) -> None:
    """Give row `start` a column along the cheapest alternating path (Dijkstra on the reduced costs)."""
    distance = np.full(columns, np.inf)
    before = np.full(columns, start, np.int32)
    done = np.zeros(columns, np.bool_)
    row, reached, sink = start, 0.0, -1
    while sink < 0:
        nearest = -1
        for j in range(columns):
            if done[j]:
                continue
            length = reached + cost[row, j] - row_price[row] - column_price[j]
            if length < distance[j]:
                distance[j] = length
                before[j] = row
            if nearest < 0 or distance[j] < distance[nearest]:
                nearest = j
        reached = distance[nearest]
        done[nearest] = True
        if owner[nearest] < 0:
            sink = nearest
        else:
            row = owner[nearest]
    row_price[start] += reached
    for j in range(columns):
        if done[j] and j != sink:
            column_price[j] -= reached - distance[j]
            row_price[owner[j]] += reached - distance[j]
    _turn_path(start, sink, before, owner, match)


@compiled()
def _turn_path(start: int, sink: int, before: np.ndarray, owner: np.ndarray, match: np.ndarray) -> None:
    """Along the path from row `start` to the free column `sink`, every row moves on to its next column."""
    j = sink
    while True:
        i = before[j]
        owner[j] = i
        match[i], j = j, match[i]
        if i == start:
            break
