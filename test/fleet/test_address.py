import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.fleet.address import is_address, parse


@pytest.mark.parametrize(
    ("text", "yes"),
    [("postgresql://db/x", True), ("postgres://db/x", True), ("postgresql:/db/x", True), ("people.gallery", False),
     ("/var/postgresql/x", False)],
)  # fmt: skip
def test_addresses_and_paths_are_told_apart(text, yes):
    assert is_address(text) is yes


def test_what_is_ours_does_not_reach_libpq():
    address = parse("postgresql://robot@db.example:5433/people?site=hall&robot=spot&sslmode=require")
    assert address.conninfo == "postgresql://robot@db.example:5433/people?sslmode=require"
    assert (address.site, address.robot) == ("hall", "spot")
    assert address.name == "postgresql://db.example:5433/people?site=hall"


def test_a_server_elsewhere_has_to_prove_who_it_is():
    assert "sslmode=verify-full&sslrootcert=system" in parse("postgresql://r@db.example/p").conninfo
    assert "sslmode" not in parse("postgresql://r@localhost/p").conninfo
    assert "sslmode" not in parse("postgresql://r@/p?host=/run/postgresql").conninfo


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"PGHOST": "db.example"}, "postgresql://r@/p"),
        ({"PGHOSTADDR": "192.0.2.1"}, "postgresql://r@localhost/p"),
        ({"PGSERVICE": "people"}, "postgresql://r@/p"),
        ({}, "postgresql://r@/p?service=people"),
        ({}, "postgresql://r@localhost/p?hostaddr=192.0.2.1"),
    ],
)
def test_a_server_elsewhere_that_is_not_named_by_its_host_has_to_as_well(monkeypatch, variables, text):
    """Before, whoever answered there was believed."""
    for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    assert "sslmode" not in parse("postgresql://r@/p").conninfo
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert "sslmode=verify-full&sslrootcert=system" in parse(text).conninfo


@pytest.mark.parametrize("text", ["postgresql://r:Geheim@db/p", "postgresql://r@db/p?password=Geheim"])
def test_a_password_in_an_address_is_refused_and_not_repeated(text):
    with pytest.raises(UsageError, match="passfile") as caught:
        parse(text)
    assert "Geheim" not in str(caught.value)


@pytest.mark.parametrize("name", ["sslpassword", "sslpass%77ord", "oauth_client_secret", "scram_client_key"])
def test_any_other_secret_in_an_address_is_refused_and_not_repeated(name):
    with pytest.raises(UsageError, match=r"holds \w+, which .*service=") as caught:
        parse(f"postgresql://r@db/p?{name}=Geheim&sslmode=require")
    assert "Geheim" not in str(caught.value)


@pytest.mark.parametrize("text", ["postgresql://db:x/p", "postgresql://db/p?site=../x", "postgresql://db/p?nonsense"])
def test_what_is_no_address_is_one_line(text):
    with pytest.raises(UsageError):
        parse(text)


def test_two_sites_have_two_copies(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    one, other = (parse(f"postgresql://r@localhost/p?site={site}") for site in ("a", "b"))
    assert one.copy_path.parent == tmp_path / "rt_gait_ros" / "copies"
    assert one.copy_path != other.copy_path
    assert parse("postgresql://another@localhost/p?site=a").copy_path == one.copy_path


def test_servers_that_are_sections_of_a_file_have_a_copy_each():
    one, other = (parse(f"postgresql:///people?service={section}") for section in ("hall", "lab"))
    assert one.copy_path != other.copy_path
    assert "service=hall" in one.name
