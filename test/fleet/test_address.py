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


@pytest.mark.parametrize("text", ["postgresql://r:Geheim@db/p", "postgresql://r@db/p?password=Geheim"])
def test_a_password_in_an_address_is_refused_and_not_repeated(text):
    with pytest.raises(UsageError, match="passfile") as caught:
        parse(text)
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
