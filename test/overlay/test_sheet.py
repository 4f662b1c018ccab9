import numpy as np
import pytest

from rt_gait_ros.overlay import contact_sheet


@pytest.mark.parametrize(("images", "columns", "rows"), [(1, 3, 1), (3, 3, 1), (4, 3, 2), (6, 2, 3)])
def test_pictures_fill_rows(images, columns, rows):
    page = contact_sheet([np.full((90, 160, 3), 200, np.uint8)] * images, columns=columns, width=640)
    assert page.shape[1] == 640
    across = min(columns, images)
    tile = (640 - 4 * (across + 1)) // across * 90 / 160
    assert page.shape[0] == pytest.approx(4 + rows * (tile + 4), abs=rows)


def test_captions_leave_the_pictures_alone():
    image = np.full((90, 160, 3), 200, np.uint8)
    page = contact_sheet([image, image], ["one", "two"], columns=2, width=640)
    assert (image == 200).all()
    assert (page[-20:-10, 10:20] != contact_sheet([image, image], columns=2, width=640)[-20:-10, 10:20]).any()


@pytest.mark.parametrize(
    "arguments", [{"images": []}, {"images": [np.zeros((2, 2, 3), np.uint8)], "captions": ["a", "b"]}]
)
def test_wrong_calls_are_refused(arguments):
    with pytest.raises(ValueError, match="image"):
        contact_sheet(**arguments)
