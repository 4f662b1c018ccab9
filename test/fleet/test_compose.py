"""What the compose file of docs/fleet_containers.md says of the database, done on a server of its own."""

import re
from pathlib import Path

import pytest
import yaml

from rt_gait_ros.cli.main import main
from rt_gait_ros.fleet import exchange
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.connection import AccessDenied, connected
from rt_gait_ros.fleet.copy_store import CopyStore
from rt_gait_ros.fleet.opening import open_gallery
from rt_gait_ros.gallery.gallery import Gallery

PAGE = Path(__file__).parents[2] / "docs" / "fleet_containers.md"
SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


@pytest.fixture(scope="module")
def db(make_server):
    """The service `db`: a server whose owner is `owner` and has a password, and a database `people`."""
    server = make_server()
    server.sql("alter role owner password 'of the owner'")
    server.sql("create database people")
    return server


@pytest.fixture(scope="module")
def services():
    """Those of the file, by name."""
    (text,) = re.findall(r"```yaml\n(x-robot: .*?)```", PAGE.read_text(), re.DOTALL)
    return yaml.safe_load(text)["services"]


@pytest.fixture
def address(db, services, tmp_path):
    """address("spot") is the one that the service's command has, with the port and the secrets of here."""

    def make(name):
        command = services[name]["command"]
        words = " ".join(command) if isinstance(command, list) else command
        (found,) = re.findall(r"postgresql://[^\s\"]+", words)
        role = parse(found).conninfo.split("//")[1].split("@")[0]
        secret = tmp_path / f"{role}.pgpass"
        secret.write_text(f"127.0.0.1:{db.port}:people:{role}:of the {role}\n")
        secret.chmod(0o600)
        assert services[name]["secrets"] == [f"{role}_pgpass"]
        there = found.replace("@db/", f"@127.0.0.1:{db.port}/")
        return there.replace(f"/run/secrets/{role}_pgpass", str(secret))

    return make


def test_the_compose_file_makes_a_gallery_that_two_robots_share(db, address, template, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(exchange.Exchange, "start", lambda self: None)
    assert main(["gallery", "migrate", "--gallery", address("schema")]) == 0
    assert "site=hall" in capsys.readouterr().out
    with pytest.raises(AccessDenied):  # "Until then it says that the server refuses it"
        open_gallery(address("spot"))
    (block,) = re.findall(r"for robot in spot rover; do\n(.*?)done \|", PAGE.read_text(), re.DOTALL)
    statements = re.findall(r'echo "(.*)"', block)
    assert len(statements) == 2
    people = {}
    import psycopg

    with psycopg.connect(db.owner.replace("/postgres?", "/people?"), autocommit=True) as connection:
        for robot in ("spot", "rover"):
            for statement in statements:
                text = statement.replace("$(cat $robot.password)", f"of the {robot}").replace("$robot", robot)
                connection.execute(text)
    for robot in ("spot", "rover"):
        place = parse(address(robot))
        assert place.robot == robot
        people[robot] = Gallery(CopyStore(place, tmp_path / robot))
    people["spot"].add("Ada", [template(20)], **SILHOUETTE)
    for robot in ("spot", "rover"):
        with connected(parse(address(robot))) as connection:
            people[robot].store._exchange.contact(connection)
        people[robot].refresh()
        assert [(person.name, person.templates[0].robot) for person in people[robot].persons] == [("Ada", "spot")]
