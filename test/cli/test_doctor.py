import json
import shutil

import pytest

from rt_gait_ros.cli import doctor
from rt_gait_ros.cli.main import main
from rt_gait_ros.serving.network_files import listed_files


def findings(capsys, *words):
    code = main(["doctor", "--json", *words])
    return code, {row["check"]: row for row in json.loads(capsys.readouterr().out)["findings"]}


@pytest.fixture(autouse=True)
def own_gallery(monkeypatch, tmp_path):
    monkeypatch.setenv("RT_GAIT_GALLERY", str(tmp_path / "people.gallery"))
    return tmp_path / "people.gallery"


def test_a_sound_machine_has_no_problem(capsys):
    code, found = findings(capsys)
    assert code == 0
    assert found["ROS 2"]["level"] == found["messages"]["level"] == found["networks"]["level"] == "ok"


def test_networks_that_a_release_has_left_out_are_told(monkeypatch, tmp_path, all_networks):
    for name in ("gait_energy_image", "nanodet"):
        shutil.copytree(all_networks / name, tmp_path / name)
    (tmp_path / "nanodet/1/model.onnx").unlink()
    (tmp_path / "SHA256SUMS").write_text(
        "".join(
            f"{sha256}  {name}\n" for name, sha256 in listed_files(all_networks).items() if name[:4] in ("nano", "gait")
        )
    )
    monkeypatch.setattr(doctor, "resource", lambda *parts: tmp_path)
    there, absent = doctor._networks()
    assert (there.level, there.text) == ("ok", "gait_energy_image")
    assert absent.level == "warning"
    assert "nanodet" in absent.text
    assert "`rt-gait models fetch" in absent.text


def test_a_missing_dds_profile_is_a_problem(monkeypatch, capsys):
    monkeypatch.setenv("FASTRTPS_DEFAULT_PROFILES_FILE", "/nowhere.xml")
    code, found = findings(capsys)
    assert code == 1
    assert found["Fast DDS profile"]["level"] == "problem"
    assert "/nowhere.xml" in found["Fast DDS profile"]["text"]


def test_a_damaged_gallery_is_a_problem(own_gallery, capsys):
    own_gallery.write_bytes(b"not a gallery")
    code, found = findings(capsys)
    assert code == 1
    assert found["gallery"]["level"] == "problem"


def test_a_gallery_that_cannot_be_made_is_a_problem(monkeypatch, capsys):
    monkeypatch.setenv("RT_GAIT_GALLERY", "/dev/null/people.gallery")
    code, found = findings(capsys)
    assert code == 1
    assert found["gallery"]["text"] == (
        "none yet, and /dev/null/people.gallery cannot be made: /dev/null cannot be written"
    )


def test_a_server_that_answers_is_found(triton_server, capsys):
    _, found = findings(capsys, "--triton-url", triton_server.url)
    assert found["Triton"]["level"] == "ok"
    _, found = findings(capsys, "--triton-url", "127.0.0.1:9")
    assert found["Triton"]["level"] == "warning"


def test_a_gallery_on_a_server_that_is_away_is_a_warning(monkeypatch, tmp_path, capsys):
    pytest.importorskip("psycopg", reason="the extra [fleet] is not installed")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("RT_GAIT_GALLERY", "postgresql://robot@127.0.0.1:1/people")
    _, found = findings(capsys)
    assert found["gallery's server"]["level"] == "warning"
    assert "cannot be reached" in found["gallery's server"]["text"]
    assert "gallery" not in found  # there is no copy yet
