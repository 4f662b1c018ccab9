"""The compose file of docs/fleet_containers.md: each line is what failed when it ran."""

import re
import subprocess
from pathlib import Path

import yaml

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fleet_containers.md"


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
        # both are in one ROS domain: there would be two nodes of each name
        assert robot["command"][-3:] == ["--ros-args", "-r", f"__ns:=/{name}"]
        assert robot["read_only"] is True
        assert robot["cap_drop"] == ["ALL"]


def test_every_later_command_of_docker_compose_finds_what_the_file_asks_for(tmp_path: Path) -> None:
    """Given to `up` alone, the variables were missing when the logins were made."""
    page = PAGE.read_text("utf-8")
    [script] = [block for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) if "owner spot rover" in block]
    subprocess.run(["bash", "-euc", f"sudo() {{ :; }}\n{script}"], cwd=tmp_path, check=True)
    needed = set(re.findall(r"\$\{(\w+):\?", page))
    assert needed == {line.partition("=")[0] for line in (tmp_path / ".env").read_text().splitlines()}
    secrets = yaml.safe_load(re.findall(r"```yaml\n(x-robot.*?)```", page, re.DOTALL)[0])["secrets"]
    for each in (".env", *(secret["file"] for secret in secrets.values())):
        assert (tmp_path / each).stat().st_mode & 0o777 == 0o600
