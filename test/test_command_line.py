import subprocess
import sys

import pytest

SCRIPT = """
import sys
from rt_gait_ros.command_line import hide_credentials
hide_credentials()
print(open("/proc/self/cmdline").read().split(chr(0))[-4:-1], sys.argv[1:])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc")
def test_passwords_are_not_in_the_list_of_processes() -> None:
    words = ["a b", "-psource:=rtsp://ada:s3cret@host/a", "http://h/?pwd=sé"]
    said = subprocess.run([sys.executable, "-c", SCRIPT, *words], capture_output=True, text=True, check=True).stdout
    hidden = ["a b", "-psource:=rtsp://ada:******@host/a", "http://h/?pwd=***"]
    assert said.strip() == f"{hidden} {words}"
