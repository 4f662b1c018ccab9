import cv2
import numpy as np
import pytest

from rt_gait_ros.silhouette.flow import FlowFrames, Place, placed, window_starts


@pytest.fixture
def texture() -> np.ndarray:
    """(240, 240) uint8: soft blobs of several sizes."""
    draw = np.random.default_rng(4)
    layers = [cv2.resize(draw.standard_normal((n, n)).astype(np.float32), (240, 240), interpolation=cv2.INTER_CUBIC)
              for n in (12, 30, 60, 120)]  # fmt: skip
    return (128 + 35 * sum(layers)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def swing() -> np.ndarray:
    """(240, 240, 2) float32: a still background, before which a trunk moves and two legs swing against each other."""
    y, x = np.mgrid[0:240, 0:240].astype(np.float32)
    motion = np.zeros((240, 240, 2), np.float32)
    motion[(abs(x - 120) < 30) & (y > 30) & (y <= 130), 0] = 4
    for side, reach in ((-1, 8), (1, -8)):
        leg = (abs(x - 120 - 15 * side) < 14) & (y > 130) & (y < 210)
        motion[leg, 0] = 4 + reach * (y[leg] - 130) / 80
    return cv2.GaussianBlur(motion, (0, 0), 2)


def moved(image: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """The image after `motion` of its pixels."""
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    back = np.zeros_like(motion)
    for _ in range(8):  # inverse of the motion by fixed point
        back = -cv2.remap(motion, x + back[..., 0], y + back[..., 1], cv2.INTER_LINEAR)
    return cv2.remap(image, x + back[..., 0], y + back[..., 1], cv2.INTER_LINEAR)


def flow_of(first: np.ndarray, second: np.ndarray, x=120.0, y=120.0, side=240.0) -> np.ndarray | None:
    flow = FlowFrames()
    for image in (first, second):
        flow.add(np.repeat(image[..., None], 3, axis=2))
    return flow.frame(x, y, side)


def error(found: np.ndarray, motion: np.ndarray) -> float:
    """Mean end-point error in hundredths of a pixel where something moves."""
    truth = cv2.resize(motion, (60, 60), interpolation=cv2.INTER_AREA) * 200
    return float(np.linalg.norm(found - truth, axis=-1)[np.linalg.norm(truth, axis=-1) > 50].mean())


def test_it_finds_the_swing_of_the_legs(texture, swing):
    after = moved(texture, swing)
    still = error(np.zeros((60, 60, 2)), swing)
    assert error(flow_of(texture, after), swing) < 0.4 * still


@pytest.mark.parametrize("size", [240, 480])
def test_units_are_those_of_a_picture_of_480_rows(texture, size):
    """One step of 1/80 of the height is 6 pixels of 480, whatever the camera's resolution."""
    step = size // 80
    big = cv2.resize(texture, (size, size), interpolation=cv2.INTER_CUBIC)
    frame = flow_of(big, np.roll(big, step, axis=1), size / 2, size / 2, size)
    assert frame.shape == (60, 60, 2)
    assert frame.dtype == np.int16
    np.testing.assert_allclose(np.median(frame, axis=(0, 1)), (600, 0), atol=15)


def test_there_is_no_flow_without_two_images_in_a_row(texture):
    flow = FlowFrames()
    image = np.repeat(texture[..., None], 3, axis=2)
    assert flow.frame(120, 120, 100) is None
    flow.add(image)
    assert flow.frame(120, 120, 100) is None
    flow.add(image[:200])
    assert flow.frame(120, 120, 100) is None, "two sizes"
    flow.add(image[:200])
    assert not flow.frame(120, 120, 100).any(), "nothing moves"
    flow.restart()
    flow.add(image[:200])
    assert flow.frame(120, 120, 100) is None


def walk(offsets, height=60 / 1.3):
    """Places of frames in images in a row; with this height a cell is a pixel."""
    return [Place(image, float(x), height) for image, x in enumerate(offsets)]


def test_a_window_is_placed_by_its_middle_frame():
    frames = np.zeros((25, 60, 60, 2), np.int16)
    frames[:, :, 29:31] = 7
    person = placed(frames, walk(100 + 2.0 * np.arange(25)))[:, 0, :, 0]
    assert [int(np.flatnonzero(row)[0]) for row in person[[0, 12, 24]]] == [29 - 24, 29, 29 + 24]
    gone = placed(frames, walk(np.where(np.arange(25) == 12, 0.0, 1e6)))
    assert not gone[0].any()
    assert gone[12].any()


def test_steps_are_measured_by_the_size_that_the_person_has():
    """Twice as tall, the same step in pixels is half as many cells; to grow on the spot is no step."""
    frames = np.zeros((25, 60, 60, 2), np.int16)
    frames[:, :, 29:31] = 7
    tall = placed(frames, walk(4.0 * np.arange(25), height=2 * 60 / 1.3))
    np.testing.assert_array_equal(tall, placed(frames, walk(2.0 * np.arange(25))))
    nearer = [Place(image, 500.0, 50.0 + image) for image in range(25)]
    np.testing.assert_array_equal(placed(frames, nearer), frames)


@pytest.mark.parametrize(("length", "count"), [(0, 0), (24, 0), (25, 1), (29, 1), (35, 3)])
def test_windows_begin_every_five_frames(length, count):
    assert window_starts(walk(np.zeros(length))) == [5 * n for n in range(count)]


def test_no_window_reaches_over_a_pause():
    before = walk(np.zeros(30))
    gap = [Place(place.image + 35, *place[1:]) for place in before]  # images 30 to 34 are missing: five
    longer = [Place(place.image + 36, *place[1:]) for place in before]
    assert window_starts(before + gap) == list(range(0, 36, 5))
    assert window_starts(before + longer) == [0, 5, 30, 35]
    assert window_starts(before + longer, 25, 25) == [0, 30]
