"""Images in, tracks out; and what the recogniser says of them."""

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.pipeline.tracking import TrackingPipeline
from rt_gait_ros.pose.pipeline import PoseConfig
from rt_gait_ros.tracking.config import TrackerConfig

ADA = 6  # breadth of a walker


def test_people_are_followed_from_image_to_image(made_up, images):
    pipeline = TrackingPipeline(None, PoseConfig(), TrackerConfig(confirm_after=1), seed=0)
    assert pipeline.poses is None
    first, *others = images(ADA, 10)
    (track,) = pipeline.process(first).tracks
    for frame in others:
        (again,) = pipeline.process(frame).tracks
        assert again.body_id == track.body_id
    assert pipeline.poses is not None
    assert pipeline.poses.stamp == others[-1].stamp


def test_the_same_seed_gives_the_same_ids(made_up, images):
    (frame,) = images(ADA, 1)
    ids = [TrackingPipeline(None, seed=seed).process(frame).tracks[0].body_id for seed in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]


def test_who_returns_gets_the_body_id_of_before(made_up, images):
    """As long as the recogniser says so: once for a name that stands, and never for a mere candidate."""
    pipeline = TrackingPipeline(None, seed=0)
    informed = pipeline.informed

    def show(breadth, count, status=IdentityStatus.IDENTIFIED):
        for frame in images(breadth, count):
            tracks = pipeline.process(frame)
            identities = [
                Identity(
                    track.body_id, status, frame.stamp, "p1" * (status is IdentityStatus.IDENTIFIED), confidence=0.99
                )
                for track in tracks.tracks
            ]
            informed.take(IdentityFrame(frame.stamp, "camera", "model", identities))
        return [track.body_id for track in tracks.tracks]

    before = show(ADA, 60)
    show(0, 60)
    assert show(ADA, 60, IdentityStatus.UNKNOWN) != before
    assert show(ADA, 60) == before
    assert informed.feedback.changes["reattached"] == 1


def test_only_who_has_a_name_is_identified():
    sure = Identity("abcde", IdentityStatus.IDENTIFIED, 1, "p1", "Ada", 0.9)
    unsure = Identity("bcdef", IdentityStatus.AMBIGUOUS, 1, confidence=0.6)
    frame = IdentityFrame(1, "camera", "model", [sure, unsure])
    assert frame.identified == [sure]
