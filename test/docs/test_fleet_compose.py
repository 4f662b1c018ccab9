"""The compose file of docs/fleet.md: each line is what failed when it ran."""

import re
from pathlib import Path

import yaml

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fleet.md"


def test_the_compose_file_of_a_server_and_two_robots() -> None:
    [text] = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL) if "db:" in block]
    services = yaml.safe_load(text)["services"]
    # while the database is made, a server listens on the socket: by that one it was healthy too early
    assert "127.0.0.1" in services["db"]["healthcheck"]["test"]
    for name in ("spot", "rover"):
        robot = services[name]
        # as one string, what stands behind the & of a camera's address was cut off
        assert isinstance(robot["command"], list)
        # the image holds no Triton, and the schema has to be there
        assert "--triton=external" in robot["command"]
        assert robot["depends_on"]["schema"] == {"condition": "service_completed_successfully"}
        # the copy of the gallery has to last
        assert f"{name}:/data" in robot["volumes"]
        assert robot["environment"]["HOME"] == "/data"
        assert robot["read_only"] is True
        assert robot["cap_drop"] == ["ALL"]
