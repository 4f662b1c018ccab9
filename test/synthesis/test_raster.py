import numpy as np

from rt_gait_ros.synthesis.raster import FAR, signed_distance, surface


def brute_force(capsules: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Distances (N, H, W) to every capsule, from the definition."""
    y, x = np.mgrid[:rows, :columns] + 0.5
    points = np.stack([x, y], -1)[None]
    start, end = capsules[:, None, None, 0:2], capsules[:, None, None, 2:4]
    axis = end - start
    along = ((points - start) * axis).sum(-1) / ((axis**2).sum(-1) + 1e-6)
    along = np.clip(along, 0.0, 1.0)
    radius = capsules[:, None, None, 4] + along * (capsules[:, None, None, 5] - capsules[:, None, None, 4])
    return np.linalg.norm(points - start - along[..., None] * axis, axis=-1) - radius


def test_distances_and_owners_are_those_of_a_brute_force():
    random = np.random.default_rng(0)
    capsules = np.concatenate([random.uniform(0, 60, (12, 4)), random.uniform(1, 9, (12, 2))], 1).astype(np.float32)
    field, owner = np.empty((60, 70), np.float32), np.empty((60, 70), np.int16)
    signed_distance(capsules, field, owner)
    expected = brute_force(capsules.astype(float), 60, 70)
    near = expected.min(axis=0) < FAR / 3 - 1
    np.testing.assert_allclose(field[near], expected.min(axis=0)[near], atol=1e-3)
    clear = near & (np.diff(np.sort(expected, axis=0)[:2], axis=0)[0] > 1e-2)  # no two equally near
    np.testing.assert_array_equal(owner[clear], expected.argmin(axis=0)[clear])
    assert clear.mean() > 0.5


def test_far_from_everything_is_far_and_nobodys():
    field, owner = np.empty((40, 200), np.float32), np.empty((40, 200), np.int16)
    signed_distance(np.array([[20, 20, 20, 20, 5, 5]], np.float32), field, owner)
    assert field[20, 199] == FAR
    assert owner[20, 199] == -1
    assert owner[20, 20] == 0


def test_a_capsule_without_radius_and_one_outside_the_picture_leave_nothing():
    field, owner = np.empty((40, 40), np.float32), np.empty((40, 40), np.int16)
    signed_distance(np.array([[20, 20, 30, 20, 0, 0], [-90, 20, -80, 20, 9, 9]], np.float32), field, owner)
    assert (owner == -1).all()
    assert (field == FAR).all()


def seen_of(capsules: list[list[float]], depth: list[list[float]], focal: float = 100.0) -> dict[str, np.ndarray]:
    shape = (60, 60)
    seen = {
        "near": np.empty(shape, np.float32),
        "owner": np.empty(shape, np.int16),
        "along": np.empty(shape, np.float32),
        "normal": np.zeros((*shape, 3), np.float32),
        "cover": np.empty(shape, np.float32),
    }
    surface(np.array(capsules), np.array(depth), focal, *seen.values())
    return seen


def test_a_ball_bulges_towards_the_camera_by_its_radius():
    seen = seen_of([[30.5, 30.5, 30.5, 30.5, 10, 10]], [[5.0, 5.0]])
    assert seen["near"][30, 30] == np.float32(5.0 - 10 * 5.0 / 100.0)
    np.testing.assert_allclose(seen["normal"][30, 30], [0, 0, -1])
    np.testing.assert_allclose(seen["normal"][30, 37], [0.7, 0, -np.sqrt(1 - 0.49)], atol=1e-6)
    area = seen["cover"].sum()
    assert abs(area - np.pi * 100) < 3  # soft edges keep the area


def test_the_nearer_capsule_is_seen_whatever_the_order():
    near, far = [10, 30, 50, 30, 5, 5], [30, 10, 30, 50, 5, 5]
    for order in ([near, far], [far, near]):
        seen = seen_of(order, [[2.0, 2.0] if one is near else [4.0, 4.0] for one in order])
        assert order[seen["owner"][30, 30]] is near
        assert order[seen["owner"][15, 30]] is far


def test_half_way_in_the_picture_is_not_half_way_in_space():
    seen = seen_of([[10.5, 30.5, 50.5, 30.5, 4, 4]], [[2.0, 6.0]])
    # 1/z is linear in the picture: at its middle z = 3, a quarter of the way from 2 to 6
    assert seen["along"][30, 30] == np.float32(0.25)
