"""Two robots that see generated people with the package's own networks, and one server."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from rt_gait_ros.fleet.opening import open_gallery

SCENE = "synthetic://crossing?people=1&seed=3&seconds=20"


class Robot:
    """A process with a camera; `said` is what it said so far."""

    def __init__(self, folder, *words):
        here = {"XDG_DATA_HOME": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.said = []
        self._log = folder.with_suffix(".log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("robot_with_camera.py"), *words],
                env=os.environ | here, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self):
        for line in self._process.stdout:
            self.said.append(json.loads(line))

    def until(self, what, **fields):
        """The first that it says of this."""
        deadline = time.monotonic() + 1800
        while True:
            for each in list(self.said):
                if each["what"] == what and all(each[key] == value for key, value in fields.items()):
                    return each
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, (self.said, self._log.read_text())
            time.sleep(0.05)

    def end(self):
        """As its computer ends it; its exit code, 0 where its pipeline closed without an error."""
        self._process.terminate()
        try:
            return self._process.wait(300)
        finally:
            self._process.kill()
            self._process.wait()


@pytest.mark.slow
def test_who_is_enrolled_by_a_walk_on_one_is_named_on_the_other_and_forgotten_on_both(postgres, site, tmp_path):
    """rover has looked at the walker before, and names her by the first answer that it gives once its copy has her."""
    place = f"{postgres.owner}&site={site}&robot="
    robots = {"rover": Robot(tmp_path / "rover", f"{place}rover", SCENE)}
    try:
        rover = robots["rover"]
        rover.until("looked", name="")
        spot = robots["spot"] = Robot(tmp_path / "spot", f"{place}spot", SCENE, "Ada")
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
