import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.sources.source import SourceOptions, as_bgr, fit_image


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((0, 0), (120, 160)),
        ((80, 0), (60, 80)),
        ((0, 240), (240, 320)),
        ((80, 1000), (60, 80)),
        ((1000, 30), (30, 40)),
        ((1, 0), (1, 1)),
    ],
)
def test_fit_keeps_the_aspect(limits: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fit_image(np.zeros((120, 160, 3), np.uint8), *limits).shape[:2] == expected


def test_fit_copies_nothing_when_the_size_is_right() -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    assert fit_image(image, 160, 120) is image


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 1), (4, 6, 3), (4, 6, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_everything_becomes_bgr(shape: tuple[int, ...], dtype: type) -> None:
    level = 200 if dtype is np.uint8 else 200 << 8
    image = as_bgr(np.full(shape, level, dtype))
    assert image.shape == (4, 6, 3)
    assert image.dtype == np.uint8
    assert (image == 200).all()


@pytest.mark.parametrize(
    "wrong", [{"width": -1}, {"height": -2}, {"fps": -1.0}, {"fps": 5000.0}, {"fps": float("nan")}]
)
def test_senseless_options_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=r"^[^\n]+$"):
        SourceOptions(**wrong)  # type: ignore[arg-type]
