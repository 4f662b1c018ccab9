"""A robot that is a process of its own, and says what it does in lines of JSON."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path


class Robot:
    """A process of a script beside this file; `said` is what it said so far. Its own files are below `folder`."""

    def __init__(self, script, folder, *words):
        here = {"XDG_DATA_HOME": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.said = []
        self._log = folder.with_suffix(".log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, Path(__file__).with_name(script), *words],
                env=os.environ | here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self):
        for line in self._process.stdout:
            self.said.append(json.loads(line))

    def tell(self, *words):
        self._process.stdin.write(f"{' '.join(words)}\n")
        self._process.stdin.flush()

    def until(self, what, fits=lambda each: True, **fields):
        """The first that it says of this."""
        deadline = time.monotonic() + 1800
        while True:
            for each in list(self.said):
                if each["what"] == what and all(each[key] == value for key, value in fields.items()) and fits(each):
                    return each
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, (self.said, self._log.read_text())
            time.sleep(0.05)

    def end(self):
        """As its computer ends it; its exit code, 0 where it closed what it had without an error."""
        self._process.terminate()
        try:
            return self._process.wait(300)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
