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
        ({"PGHOSTADDR": "127.0.0.1"}, "postgresql://r@db.example/p?hostaddr="),
        ({"PGSSLMODE": "prefer"}, "postgresql://r@db.example/p"),
        ({}, "postgresql://r@localhost/p?hostaddr=192.0.2.1"),
        ({}, "postgresql://r@localhost/p?hostaddr=127.0.0.1,192.0.2.1"),
        ({}, "postgresql://r@/p?host=/run/postgresql,db.example"),
        ({}, "postgresql://r@db.example/p?hostaddr=127.0.0.1"),
    ],
)
def test_a_server_elsewhere_that_is_not_named_by_its_host_has_to_as_well(monkeypatch, variables, text):
    """Before, whoever answered there was believed."""
    assert "sslmode" not in parse("postgresql://r@/p").conninfo
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert parse(text).conninfo.endswith("sslmode=verify-full&sslrootcert=system")


def test_what_variables_say_of_tls_counts_for_a_server_that_variables_name(monkeypatch):
    """Before, an authority of one's own was overruled by the system's."""
    monkeypatch.setenv("PGSSLROOTCERT", "/etc/own.crt")
    assert parse("postgresql://r@db.example/p").conninfo == "postgresql://r@db.example/p?sslmode=verify-full"
    monkeypatch.setenv("PGHOST", "db.example")
    assert parse("postgresql://r@/p").conninfo == "postgresql://r@/p?sslmode=verify-full"
    monkeypatch.setenv("PGSSLMODE", "verify-ca")
    assert parse("postgresql://r@/p").conninfo == "postgresql://r@/p?sslmode=verify-ca"


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({}, "postgresql://r@/p?service=people"),
        ({}, "postgresql://r@localhost/p?service=people"),
        ({}, "postgresql://r@/p?host=/run/postgresql&service=people"),
        ({}, "postgresql://r@localhost/p?hostaddr=127.0.0.1&service=people"),
        ({"PGHOSTADDR": "127.0.0.1"}, "postgresql://r@/p?service=people"),
        ({"PGSERVICE": "people"}, "postgresql://r@/p"),
        ({"PGSERVICE": "people"}, "postgresql://r@db.example/p"),
    ],
)
def test_an_address_with_a_section_says_itself_how_tls_is(monkeypatch, variables, text):
    """Before, a section's hostaddr was believed without a certificate, and its own sslrootcert was overruled."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="write sslmode=verify-full into the address"):
        parse(text)
    address = parse(f"{text}{'&' if '?' in text else '?'}sslmode=verify-full")
    assert address.conninfo.endswith("sslmode=verify-full")


@pytest.mark.parametrize("text", ["postgresql://r:Geheim@db/p", "postgresql://r@db/p?password=Geheim"])
def test_a_password_in_an_address_is_refused_and_not_repeated(text):
    with pytest.raises(UsageError, match="passfile") as caught:
        parse(text)
    assert "Geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["sslpassword", "sslpass%77ord", "SSLPassword", "oauth_client_secret", "scram_client_key"]
)
def test_any_other_secret_in_an_address_is_refused_and_not_repeated(name):
    with pytest.raises(UsageError, match=r"holds \w+, which .*service=") as caught:
        parse(f"postgresql://r@db/p?{name}=Geheim&sslmode=require")
    assert "Geheim" not in str(caught.value)


@pytest.mark.parametrize("secret", ["pass%77ord", "sslpass%77ord", "scram_client_key", "%73cram_server_key"])
@pytest.mark.parametrize(
    "text",
    [
        "postgresql://r@db/p?",
        "postgresql://r@db:x/p?",
        "postgresql://r@db/p?nonsense&",
        "postgresql://r:1@db/p?",
        "postgresql://r@db/p?site=../x&",
        "postgresql://r@db/p?service=a&",
        f"postgresql://r@db/p?robot={'x' * 65}&",
    ],
)
def test_no_line_about_an_address_repeats_a_secret(text, secret):
    """Before, a name of a setting that was written by numbers was not known as a secret's."""
    with pytest.raises(UsageError) as caught:
        parse(f"{text}{secret}=Geheim")
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


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        ("postgresql://r@db.example/p", "main-469029e57de3"),
        ("postgresql://r@db:5433/p?site=hall", "hall-36f9bca5e7b7"),
        ("postgresql://r@db/p?port=5433", "main-78bcf847fbe5"),
        ("postgresql://r@localhost/p?hostaddr=10.0.0.5", "main-4f24cee41e77"),
        ("postgresql://r@/p?host=/run/postgresql&port=5433", "main-078416696e60"),
        ("postgresql:///p?service=people&sslmode=require", "main-1badc1739dec"),
    ],
)
def test_an_update_finds_the_copy_of_before_and_who_was_forgotten_in_it(text, copy):
    """Under another path a person who was forgotten while the server was away would come back."""
    assert parse(text).copy_path.name == f"{copy}.gallery"
