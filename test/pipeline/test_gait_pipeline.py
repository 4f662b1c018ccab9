"""An image in, people with names out: what the library's user sees of it."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from rt_gait_ros import (
    EnrollError,
    EnrollmentRefused,
    Frame,
    GaitError,
    GaitPipeline,
    Gallery,
    IdentityStatus,
    PipelineClosed,
    PoseConfig,
    TrackState,
    UsageError,
    recognizer_config,
)
from rt_gait_ros.fleet.copy_store import CopyStore
from rt_gait_ros.fleet.opening import local_path
from rt_gait_ros.gallery import GalleryError, GalleryInUse, GalleryModelMismatch, Template, UnknownPerson
from rt_gait_ros.pose import PoseError, PoseSettingsError
from rt_gait_ros.serving import ModelUnavailable, ServerUnavailable

# The walkers of these tests are drawn: the lines are far apart from the calibration's, which is of people.
SETTINGS = {"accept_distance": 0.3, "margin": 0.0, "beyond_calibration": True, "enroll_frames": 30}
ADA, BOB = 6, 12  # breadths
WALK = 60  # images: enough to be enrolled, or named
BLACK = np.zeros((48, 64, 3), np.uint8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.gallery"


@pytest.fixture
def gait(path, made_up):
    with GaitPipeline(path, recognizer=recognizer_config(**SETTINGS)) as gait:
        yield gait


def show(gait, frames):
    """What is said after the last of these images."""
    for frame in frames:
        people = gait.process(frame)
    return people


@pytest.fixture
def ada(gait, images):
    """Ada is enrolled, and has left."""
    (person,) = show(gait, images(ADA, 5))
    enrollment = gait.enroll(person.body_id, "Ada")
    show(gait, images(ADA, WALK))
    assert enrollment.done, enrollment.gathered
    assert not enrollment.message
    show(gait, images(0, 60))
    return enrollment


def test_who_is_enrolled_is_named_when_they_come_again(gait, images, ada):
    (person,) = show(gait, images(ADA, WALK))
    assert (person.status, person.name, person.person_id) == (IdentityStatus.IDENTIFIED, "Ada", ada.person_id)
    assert (person.reason, person.state, person.walking) == ("", TrackState.CONFIRMED, True)
    assert 0.5 < person.probability <= 1.0
    assert 0.0 <= person.distance < 0.3
    assert person.candidates[0].person_id == ada.person_id
    assert person.keypoints.shape == (18, 3)
    assert person.box.shape == (4,)
    assert person.position is None


def test_strangers_get_no_name_and_the_reason_is_said(gait, images, ada):
    show(gait, images(BOB, 3))
    (person,) = show(gait, images(BOB, 7))
    assert (person.status, person.name) == (IdentityStatus.COLLECTING, "")
    assert "of 20 good walking frames" in person.reason
    assert math.isnan(person.probability)
    (person,) = show(gait, images(BOB, WALK))
    assert (person.status, person.name, person.person_id) == (IdentityStatus.UNKNOWN, "", "")
    assert person.reason.startswith("is like nobody who is enrolled: the nearest is Ada")
    assert person.distance > 0.3


def test_the_same_images_give_the_same_answers(tmp_path, made_up, images):
    """Ids of bodies, too: nothing depends on when a network answers."""
    frames = [images(ADA, 5), images(ADA, WALK), images(0, 60), images(BOB, WALK), images(0, 60), images(ADA, WALK)]

    def run(path):
        said = []
        with GaitPipeline(path, recognizer=recognizer_config(**SETTINGS)) as gait:
            for part, shown in enumerate(frames):
                for frame in shown:
                    people = gait.process(frame)
                    said.append([(p.body_id, p.status, p.name, p.distance, p.reason) for p in people])
                if part == 0:
                    gait.enroll("", "Ada")
        return said

    first, second = run(tmp_path / "a" / "people.gallery"), run(tmp_path / "b" / "people.gallery")
    assert str(first) == str(second)  # as text: NaN is not equal to NaN
    assert "Ada" in str(first[-1])


def test_who_returns_has_the_body_id_of_before(gait, images, ada):
    (before,) = show(gait, images(ADA, 2 * WALK))  # the name has stood for a second: the body is Ada's
    show(gait, images(0, 60))
    (after,) = show(gait, images(ADA, 2 * WALK))
    assert after.body_id == before.body_id


def test_what_is_enrolled_is_in_the_file_at_once(gait, ada, path):
    assert [person.name for person in Gallery(path).persons] == ["Ada"]


def test_persons_are_renamed_merged_and_forgotten(gait, images, ada):
    gait.enroll(show(gait, images(ADA, 5))[0].body_id, "Eve")
    show(gait, images(ADA, WALK))
    assert gait.rename("Ada", "Ada Lovelace").name == "Ada Lovelace"
    merged = gait.merge("Ada Lovelace", "Eve")
    assert [person.person_id for person in gait.persons] == [merged.person_id]
    assert gait.forget("Ada Lovelace").person.person_id == merged.person_id
    assert gait.persons == ()
    with pytest.raises(UnknownPerson, match="Ada"):
        gait.forget("Ada")


def test_what_is_said_cannot_be_changed(gait, images):
    (person,) = show(gait, images(ADA, 5))
    with pytest.raises(FrozenInstanceError):
        person.name = "Eve"


def test_an_image_alone_is_taken_now_or_when_it_is_said(gait):
    assert gait.process(BLACK, 1) == ()
    assert gait.tracks.stamp == 1
    gait.process(BLACK)
    assert gait.tracks.stamp > 10**18
    with pytest.raises(UsageError, match="stamp of its own"):
        gait.process(Frame(BLACK, 2), 3)


@pytest.mark.parametrize("stamp", [1.5, -1, "now", float("nan")])
@pytest.mark.parametrize("wrapped", [False, True])
def test_seconds_are_no_stamp(gait, stamp, wrapped):
    with pytest.raises(UsageError, match="give whole nanoseconds"):
        gait.process(Frame(BLACK, stamp)) if wrapped else gait.process(BLACK, stamp)


def test_any_thread_may_ask_while_another_one_processes(gait, images):
    frames = images(ADA, WALK)
    (person,) = show(gait, frames[:5])
    with ThreadPoolExecutor(1) as other:
        running = other.submit(show, gait, frames[5:])
        enrollment = gait.enroll(person.body_id, "Ada", frames=20)
        while not running.done():
            assert gait.problem == ""
        running.result()
    show(gait, images(ADA, WALK))  # for what came too late
    assert enrollment.done
    assert [known.name for known in gait.persons] == ["Ada"]


@pytest.mark.parametrize(
    ("image", "line"),
    [
        (None, "of type NoneType"),
        ("walk.mp4", "of type str"),
        (np.zeros((48, 64), np.uint8), r"uint8 \(48, 64\)"),
        (np.zeros((48, 64, 4), np.uint8), r"\(48, 64, 4\)"),
        (np.zeros((48, 64, 3), np.float32), "float32"),
        (np.zeros((0, 64, 3), np.uint8), "not empty"),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_is_no_image_is_refused_and_the_next_one_is_not(tmp_path, image, line, wrapped):
    with GaitPipeline(tmp_path / "people.gallery") as gait:
        with pytest.raises(PoseError, match=line):
            gait.process(Frame(image, 1) if wrapped else image)
        assert gait.process(BLACK) == ()


def test_a_closed_pipeline_says_so_whatever_is_asked(path):
    gait = GaitPipeline(path)
    gait.close()
    gait.close()
    for use in (
        lambda: gait.process(BLACK),
        lambda: gait.enroll("abcde", "Ada"),
        lambda: gait.rename("Ada", "Eve"),
        lambda: gait.merge("Ada", "Eve"),
        lambda: gait.forget("Ada"),
        lambda: gait.persons,
        lambda: gait.problem,
    ):
        with pytest.raises(PipelineClosed, match="closed: make another"):
            use()


def test_one_gallery_has_one_pipeline_at_a_time(path, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    with GaitPipeline(path):
        for same in (path, tmp_path / "link" / "people.gallery"):
            with pytest.raises(GalleryInUse, match="used by another pipeline"):
                GaitPipeline(same)
        with GaitPipeline(tmp_path / "others.gallery"):
            pass
    with GaitPipeline(path):
        pass


def test_a_pipeline_that_nobody_has_any_more_holds_no_gallery(path):
    GaitPipeline(path)
    with GaitPipeline(path):
        pass


def test_a_gallery_that_is_open_is_used_and_stays_open(path):
    gallery = Gallery(path)
    with GaitPipeline(gallery) as gait:
        assert gait.people.gallery is gallery
        with pytest.raises(GalleryInUse):
            GaitPipeline(path)
    assert gallery.persons == ()


def test_an_address_is_no_file(tmp_path, monkeypatch):
    """Where its server is not there the pipeline goes on with a copy, and no folder is made of the address.

    Before, nobody heard that a damaged copy had been made anew.
    """
    pytest.importorskip("psycopg", reason="the extra [fleet] is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    address = "postgresql://127.0.0.1:9/people?connect_timeout=2"
    copy = local_path(address)
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"damaged")
    with GaitPipeline(address) as gait:
        (line,) = gait.notices()
        assert "a new copy is made" in line
        assert gait.notices() == []
        assert gait.people.gallery.path.is_relative_to(tmp_path / "data")
        deadline = time.monotonic() + 300
        while not gait.problem:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert "goes on with its copy" in gait.problem
    assert [file.name for file in tmp_path.iterdir()] == ["data"]


def test_a_gallery_of_another_network_is_refused_and_left_free(path, template_of):
    Gallery(path).add("Ada", [template_of(4)], model="another", gait_frame_kind="silhouette")
    for _ in range(2):
        with pytest.raises(GalleryModelMismatch, match="another"):
            GaitPipeline(path)


def test_a_robots_copy_of_another_network_is_said_until_it_follows_its_server(path, template_of):
    """Before, the pipeline was refused, and with it the way to the server."""
    Gallery(path).add("Ada", [template_of(4)], model="another", gait_frame_kind="silhouette")
    with GaitPipeline(Gallery(CopyStore(None, path))) as gait:
        gait.process(np.zeros((48, 64, 3), np.uint8))
        assert "was made with gait model another" in gait.problem


def test_a_file_that_is_no_gallery_is_refused_and_stays(path):
    path.write_bytes(b"no gallery")
    with pytest.raises(GalleryError, match="is not a gallery"):
        GaitPipeline(path)
    assert path.read_bytes() == b"no gallery"


@pytest.fixture
def template_of():
    return lambda parts: Template(np.ones((parts, 8), np.float32), 1)


def test_who_is_not_there_cannot_be_enrolled(gait, images):
    show(gait, images(ADA, 5))
    with pytest.raises(EnrollmentRefused, match="there is no live track zzzzz: live are") as refused:
        gait.enroll("zzzzz", "Ada")
    assert refused.value.enrollment.error is EnrollError.UNKNOWN_BODY
    assert isinstance(refused.value, GaitError)


def test_a_name_that_is_taken_cannot_be_enrolled_again(gait, images, ada):
    (person,) = show(gait, images(BOB, 5))
    with pytest.raises(EnrollmentRefused, match="already enrolled") as refused:
        gait.enroll(person.body_id, "Ada")
    assert refused.value.enrollment.error is EnrollError.DUPLICATE_NAME


def test_the_time_for_an_enrolment_is_the_cameras(gait, images):
    (person,) = show(gait, images(ADA, 5))
    enrollment = gait.enroll(person.body_id, "Ada", timeout=1.0)
    show(gait, images(0, 20))
    assert not enrollment.done
    show(gait, images(0, 10))
    assert enrollment.error is EnrollError.TIMEOUT


def test_networks_that_are_not_there_are_said_at_once(path):
    with pytest.raises(ModelUnavailable, match="no_such"):
        GaitPipeline(path, recognizer=recognizer_config(model="no_such", accept_distance=1.0, margin=0.1))
    with pytest.raises(UsageError, match="no calibration"):
        GaitPipeline(path, model="no_such")
    with pytest.raises(ServerUnavailable, match="no Triton server answers"):
        GaitPipeline(path, triton_url="127.0.0.1:9")
    with GaitPipeline(path):  # which nobody holds after all that
        pass


def test_settings_that_do_not_fit_together_are_refused(path):
    with pytest.raises(PoseSettingsError, match=r"takes silhouette frames and pose makes flow"):
        GaitPipeline(path, pose=PoseConfig(gait_frame_kind="flow"))
    with pytest.raises(UsageError, match="give one of them"):
        GaitPipeline(path, model="gaitset", recognizer=recognizer_config())


def test_the_clients_own_networks_stay_open(path, model_repository):
    from rt_gait_ros.serving import OnnxClient

    client = OnnxClient(model_repository, timeout=600.0)
    with GaitPipeline(path, client=client) as gait:
        assert gait.process(BLACK) == ()
    with GaitPipeline(path, client=client) as gait:
        assert gait.process(BLACK) == ()
    client.close()


def test_networks_on_a_triton_server_are_found_by_its_address(path, triton_server):
    with GaitPipeline(path, triton_url=triton_server.url) as gait:
        assert gait.process(BLACK) == ()
        assert gait.problem == ""


def test_a_walk_is_enrolled_and_named_through_a_triton_server(path, triton_server, made_up, images):
    with GaitPipeline(path, triton_url=triton_server.url, recognizer=recognizer_config(**SETTINGS)) as gait:
        (person,) = show(gait, images(ADA, 5))
        gait.enroll(person.body_id, "Ada")
        (person,) = show(gait, images(ADA, 2 * WALK))
        assert (person.name, gait.problem) == ("Ada", "")
