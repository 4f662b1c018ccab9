import os

import pytest
from gait_goals import Asked, Walkers, enroll

from rt_gait_ros.action import EnrollPerson
from rt_gait_ros.gait import scene_file
from rt_gait_ros.msg import GaitIdentity, GaitIdentityArray
from rt_gait_ros.srv import ForgetPerson, ListPersons, MergePersons, RenamePerson, SetGallery

RESULT = EnrollPerson.Result


def test_enrolled_walker_is_named(ears, gait):
    def meanwhile(feedback):
        ears.until(lambda: feedback)
        second = Asked(ears, ears.until, EnrollPerson, "enroll_person", body_id="aaaaa", name="Bob").result
        assert second.error_code == RESULT.ERROR_BUSY
        assert "aaaaa is being enrolled already" in second.error_msg

    result, feedback = enroll(
        ears,
        gait,
        body_id="aaaaa",
        name="Ada",
        frames=150,
        timeout=600.0,
        between=meanwhile,
    )
    assert (result.error_code, result.error_msg) == (RESULT.ERROR_NONE, "")
    assert result.embeddings >= 1
    assert all(not message.views and "not known" in message.advice for message in feedback)  # treads on the spot
    assert {message.frames_wanted for message in feedback} == {150}
    gathered = [message.frames_gathered for message in feedback]
    assert gathered == sorted(gathered)

    def named():
        (identity,) = ears.heard["gait_identities"][-1].identities or [GaitIdentity()]
        return identity.status == GaitIdentity.STATUS_IDENTIFIED and identity

    identity = gait.until(named)
    assert (identity.body_id, identity.name, identity.person_id) == ("aaaaa", "Ada", result.person_id)
    assert identity.header.frame_id == "front"
    persons = ears.call(ListPersons, "/gait_node/list_persons")
    assert [person.name for person in persons.persons] == ["Ada"]
    assert persons.model == "gaitset_small_v5_stream"


@pytest.mark.parametrize(
    ("fields", "error", "line"),
    [
        ({"body_id": "zzzzz", "name": "Ada"}, RESULT.ERROR_UNKNOWN_BODY, "zzzzz"),
        ({"body_id": "aaaaa", "name": " "}, RESULT.ERROR_BAD_REQUEST, "is no name"),
        ({"body_id": "aaaaa", "name": "Ada", "timeout": -1.0}, RESULT.ERROR_BAD_REQUEST, "-1 s"),
        ({"body_id": "aaaaa", "name": "Ada", "frames": 1000, "timeout": 0.3}, RESULT.ERROR_TIMEOUT, "came in time"),
    ],
)
def test_enrolment_is_refused_with_a_reason(ears, gait, fields, error, line):
    result, _ = enroll(ears, gait, **fields)
    assert result.error_code == error
    assert line in result.error_msg
    assert result.person_id == ""


def test_taken_name_and_lost_track(ears, gait):
    assert enroll(ears, gait, name="Ada", frames=20)[0].error_code == RESULT.ERROR_NONE
    assert enroll(ears, gait, name="ada", frames=20)[0].error_code == RESULT.ERROR_DUPLICATE_NAME
    assert enroll(ears, gait, name="Ada", extend=True, frames=20)[0].error_code == RESULT.ERROR_NONE
    result, _ = enroll(ears, gait, name="Bob", frames=900, between=lambda feedback: gait.widths.clear())
    assert result.error_code == RESULT.ERROR_TRACK_LOST


def test_services_change_the_gallery(ears, gait, tmp_path):
    enroll(ears, gait, name="Ada", frames=20)
    enroll(ears, gait, name="Bob", frames=20)
    rename = ears.call(RenamePerson, "/gait_node/rename_person", person="Bob", new_name="Ada")
    assert not rename.success
    assert "already enrolled" in rename.message
    assert ears.call(RenamePerson, "/gait_node/rename_person", person="Bob", new_name="Bert").success
    assert ears.call(MergePersons, "/gait_node/merge_persons", into_person="Ada", from_person="Bert").success
    assert not ears.call(ForgetPerson, "/gait_node/forget_person", person="Bert").success
    aside = tmp_path / "people.gallery.corrupt-20260101T000000-abcd"
    aside.write_bytes(b"once a gallery")
    forgotten = ears.call(ForgetPerson, "/gait_node/forget_person", person="Ada")
    assert forgotten.success
    assert str(aside) in forgotten.message
    assert not ears.call(ListPersons, "/gait_node/list_persons").persons
    other = str(tmp_path / "other.gallery")
    assert ears.call(SetGallery, "/gait_node/set_gallery", path=other).success
    assert not ears.call(SetGallery, "/gait_node/set_gallery", path="/dev/null/x").success
    thesis = tmp_path / "thesis.pdf"
    thesis.write_bytes(b"%PDF")
    refused = ears.call(SetGallery, "/gait_node/set_gallery", path=str(thesis))
    assert (refused.success, thesis.read_bytes()) == (False, b"%PDF")
    assert "is not a gallery" in refused.message
    assert ears.call(ListPersons, "/gait_node/list_persons").path == other


def test_services_before_configuring_say_so(launch, ears, tmp_path):
    parameters = {"autostart": "false", "gallery": f"'{tmp_path}/g'", "gallery_folder": "'~nobody_of_this_name/g'"}
    node = launch("gait_node", parameters)
    answer = ears.call(ForgetPerson, "/gait_node/forget_person", person="Ada")
    assert not answer.success
    assert "configure it first" in answer.message
    assert not ears.change_state("gait_node", "configure")
    node.wait_until_says("cannot configure: ~nobody_of_this_name/g: there is no user nobody_of_this_name here")
    assert "Traceback" not in node.said


def test_what_walkers_share_is_kept_when_the_node_ends(ears, launch, tmp_path):
    ears.listen(GaitIdentityArray, "gait_identities")
    gallery = tmp_path / "people.gallery"
    node = launch("gait_node", {"inference": "onnxruntime", "model": "gait_energy_image", "gallery": f"'{gallery}'"})
    walkers = Walkers(ears)
    walkers.until(lambda: ears.heard["gait_identities"])
    walkers.until(lambda: "0 walkers seen; from 8 on" in ears.diagnosis("gait_node").get("scene", ""))
    enroll(ears, walkers, name="Ada", frames=40)
    walkers.until(lambda: [i.status for i in ears.heard["gait_identities"][-1].identities] != [0])
    node.end()
    (file,) = scene_file.files(scene_file.folder_of(gallery))
    assert scene_file.name_of(file) == "front"
    assert scene_file.read(file).votes.shape == (1, 1, 2816)
    assert file.stat().st_mode & 0o777 == 0o600


def test_no_caller_leads_set_gallery_out_of_its_folder_or_the_node_astray(ears, launch, tmp_path):
    gallery = tmp_path / "own" / "people.gallery"
    launch("gait_node", {"inference": "onnxruntime", "model": "gait_energy_image", "gallery": f"'{gallery}'"})
    assert ears.call(SetGallery, "/gait_node/set_gallery", path="guests.gallery").success
    os.mkfifo(gallery.parent / "pipe")
    (gallery.parent / "zero").symlink_to("/dev/zero")
    names = (
        "n" * 300,
        "~nobodyofthatname/x",
        "../x.gallery",
        "pipe",
        "zero",
        "/dev/zero",
        str(tmp_path / "x"),
        "\x1b[31m",
    )
    for path in names:
        refused = ears.call(SetGallery, "/gait_node/set_gallery", path=path)
        assert not refused.success
        assert refused.message.isprintable()
    assert ears.call(ListPersons, "/gait_node/list_persons").path == str(gallery.with_name("guests.gallery"))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("x")] == []
