"""Two robots that see generated people with the package's own networks, and one server."""

import sys
from contextlib import closing
from functools import partial

import pytest
from robot_process import Robot

from rt_gait_ros.fleet.opening import open_gallery

SCENE = "synthetic://crossing?people=1&seed=3&seconds=20"


@pytest.mark.slow
def test_who_is_enrolled_by_a_walk_on_one_is_named_on_the_other_and_forgotten_on_both(postgres, site, tmp_path):
    """rover has looked at the walker before, and names her by the first answer that it gives once its copy has her."""
    place = f"{postgres.owner}&site={site}&robot="
    started = partial(Robot, "robot_with_camera.py")
    robots = {"rover": started(tmp_path / "rover", f"{place}rover", SCENE)}
    try:
        rover = robots["rover"]
        rover.until("looked", name="")
        spot = robots["spot"] = started(tmp_path / "spot", f"{place}spot", SCENE, "Ada")
        enrolled = spot.until("enrolled")
        assert enrolled["error"] == ""
        known, named = rover.until("known"), rover.until("looked", name="Ada")
        sys.stdout.write(
            f"rover's copy had her {known['at'] - enrolled['at']:.2f} s after spot's, and she was named by image "
            f"{named['images'] - known['images']} of its next ones, {named['at'] - enrolled['at']:.2f} s after that\n"
        )
        # what is said of the image in which her copy came may be of before that
        since = [each for each in rover.said if each["what"] == "looked" and each["images"] > known["images"]]
        assert all(each["name"] == "Ada" for each in since if each["images"] <= named["images"])
        with closing(open_gallery(f"{place}owner")) as server:
            (ada,) = server.persons
            assert (ada.person_id, {walk.robot for walk in ada.templates}) == (enrolled["person_id"], {"spot"})
            server.forget("Ada")
        for each in robots.values():
            each.until("forgotten")
    finally:
        ended = [each.end() for each in robots.values()]
    assert ended == [0, 0]
