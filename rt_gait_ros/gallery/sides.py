"""When two sides that somebody was seen from are one."""

SAME_SIDE = 35.0  # degrees within which two views are one


def apart(first: float, second: float) -> float:
    """Angle between two directions in degrees, 0 to 180."""
    return abs((first - second + 180.0) % 360.0 - 180.0)
