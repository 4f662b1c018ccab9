import numpy as np
import pytest

from rt_gait_ros.pose.layouts import LEFT_WRIST, NECK, NOSE, PARTS, RIGHT_WRIST, TRT_POSE
from rt_gait_ros.silhouette.flow import SQUARE, FlowFrames
from rt_gait_ros.synthesis.motion import INDEX, Mood
from rt_gait_ros.synthesis.people import Outfit, person
from rt_gait_ros.synthesis.render import Renderer
from rt_gait_ros.synthesis.scenes import Actor, Crowd
from rt_gait_ros.synthesis.sight import sight
from rt_gait_ros.synthesis.truth import (
    HIDDEN,
    OUTSIDE,
    VISIBLE,
    PersonTruth,
    flow,
    flow_frames,
    masks,
    pose_targets,
    truths,
)
from rt_gait_ros.synthesis.view import Camera
from rt_gait_ros.synthesis.walks import walk

CAMERA = Camera(height=1.0, pitch=0.0, focal=600.0, width=640, height_px=480)


def scene(clothes: Outfit, how: Mood, *people: tuple[np.ndarray, float, np.ndarray]) -> Crowd:
    """People with (T, 2) positions, one heading and (T,) phases."""
    actors = []
    for number, (positions, heading, phase) in enumerate(people):
        who = person(number, 1.0, 0.0)
        headings = np.full(len(positions), heading)
        seen = walk(who, clothes, how, CAMERA, positions, headings, phase)
        actors.append(Actor(number + 1, who, seen))
    return Crowd("test", 0, CAMERA, 25.0, tuple(actors))


def at(ahead: float, left: float, images: int = 1) -> np.ndarray:
    return np.tile([ahead, left], (images, 1)).astype(float)


def one(crowd: Crowd, index: int = 0, number: int = 0) -> PersonTruth:
    return truths(crowd, sight(crowd, number), number)[index]


def visibility(truth: PersonTruth) -> dict[str, int]:
    return dict(zip(PARTS, truth.keypoints[:, 2].astype(int), strict=True))


def test_keypoints_are_the_projected_joints_in_trt_poses_order(plain: Outfit, usual: Mood):
    crowd = scene(plain, usual, (at(4.0, 0.3), np.pi / 2, np.zeros(1)))
    truth = one(crowd)
    wrist = truth.joints[INDEX["left_wrist"]]
    np.testing.assert_allclose(
        truth.keypoints[LEFT_WRIST, :2],
        [320 - 600 * wrist[1] / wrist[0], 240 - 600 * (wrist[2] - 1.0) / wrist[0]],
        atol=1e-3,
    )
    shoulders = truth.joints[[INDEX["left_shoulder"], INDEX["right_shoulder"]]].mean(axis=0)
    np.testing.assert_allclose(truth.keypoints[NECK, 0], 320 - 600 * shoulders[1] / shoulders[0], atol=1e-3)


def test_from_behind_the_face_is_hidden_and_from_before_it_is_not(plain: Outfit, usual: Mood):
    away = visibility(one(scene(plain, usual, (at(4.0, 0.0), 0.0, np.full(1, 0.2)))))
    near = visibility(one(scene(plain, usual, (at(4.0, 0.0), np.pi, np.full(1, 0.2)))))
    for part in ("nose", "left_eye", "right_eye"):
        assert (away[part], near[part]) == (HIDDEN, VISIBLE)
    for part in ("left_ankle", "right_shoulder", "left_knee", "neck", "right_hip"):
        assert away[part] == near[part] == VISIBLE


def test_from_the_side_the_far_side_is_hidden(plain: Outfit, usual: Mood):
    shown = visibility(one(scene(plain, usual, (at(4.0, 0.0), np.pi / 2, np.full(1, 0.25)))))  # to the left
    for part in ("shoulder", "hip", "ear"):
        assert shown[f"left_{part}"] == VISIBLE  # the camera stands on the walker's left
        assert shown[f"right_{part}"] == HIDDEN
    assert shown["nose"] == VISIBLE


def test_who_stands_behind_is_hidden_and_who_is_half_out_is_outside(plain: Outfit, usual: Mood):
    behind = scene(
        plain,
        usual,
        (at(5.0, 0.0), np.pi, np.zeros(1)),
        (at(3.0, 0.0), np.pi, np.zeros(1)),
        (at(4.0, 2.1), np.pi / 2, np.zeros(1)),
    )
    back, front, border = truths(behind, sight(behind, 0), 0)
    assert set(visibility(back).values()) == {HIDDEN}
    assert back.visible < 0.1
    assert front.visible == 1.0
    assert OUTSIDE in visibility(border).values()
    assert border.box[0] < 0.0
    assert VISIBLE in visibility(border).values() or HIDDEN in visibility(border).values()


def test_who_is_not_in_the_picture_has_no_truth(plain: Outfit, usual: Mood):
    crowd = scene(plain, usual, (at(4.0, 9.0), 0.0, np.zeros(1)), (at(4.0, 0.0), 0.0, np.zeros(1)))
    assert [truth.identity for truth in truths(crowd, sight(crowd, 0), 0)] == [2]
    assert list(masks(crowd, sight(crowd, 0))) == [2]


def test_the_box_holds_the_mask_tightly(plain: Outfit, usual: Mood):
    crowd = scene(plain, usual, (at(4.0, 0.2), 1.0, np.zeros(1)))
    truth, mask = one(crowd), masks(crowd, sight(crowd, 0))[1]
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y, width, height = truth.box
    np.testing.assert_allclose(
        [x, y, x + width, y + height], [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], atol=1.5
    )


def test_who_moves_across_flows_as_the_depth_says(plain: Outfit, usual: Mood):
    positions = np.array([[4.0, 0.0], [4.0, -0.05]])
    crowd = scene(plain, usual, (positions, -np.pi / 2, np.full(2, 0.3)))
    seen = sight(crowd, 0)
    field = flow(crowd, seen, 0)
    body = seen.who == 0
    np.testing.assert_allclose(field[body][:, 0], 600 * 0.05 / seen.near[body], rtol=2e-3)
    np.testing.assert_allclose(field[body][:, 1], 0.0, atol=1e-6)
    assert not field[~body].any()
    assert not flow(crowd, seen, 1).any()  # the last image leads nowhere


def test_flow_carries_keypoints_to_where_they_are_in_the_next_image(plain: Outfit, usual: Mood):
    phase = np.arange(20) / 27.0
    positions = np.column_stack([np.full(20, 4.0), 0.6 - 0.05 * np.arange(20)])
    crowd = scene(plain, usual, (positions, -np.pi / 2, phase))
    errors, steps = [], []
    for number in range(19):
        seen = sight(crowd, number)
        field = flow(crowd, seen, number)
        now, then = one(crowd, number=number).keypoints, one(crowd, number=number + 1).keypoints
        # only what lies on the limb that the pixel shows: the near arm and leg
        for part in (RIGHT_WRIST, PARTS.index("right_elbow"), PARTS.index("right_knee"), PARTS.index("right_ankle")):
            if now[part, 2] == VISIBLE:
                x, y = now[part, :2].astype(int)
                step = then[part, :2] - now[part, :2]
                errors.append(np.hypot(*(field[y, x] - step)))
                steps.append(np.hypot(*step))
    assert len(errors) > 40
    assert np.mean(steps) > 6.0
    assert np.median(errors) < 0.6
    assert np.percentile(errors, 95) < 3.0


def test_flow_brings_the_mask_to_the_next_mask(plain: Outfit, usual: Mood):
    phase = np.array([0.30, 0.34])
    crowd = scene(plain, usual, (np.array([[4.0, 0.0], [3.95, -0.06]]), -1.3, phase))
    seen, after = sight(crowd, 0), sight(crowd, 1)
    rows, columns = np.nonzero(seen.who == 0)
    moved = np.column_stack([columns, rows]) + 0.5 + flow(crowd, seen, 0)[rows, columns]
    x, y = moved.astype(int).T
    still = (seen.who[y, x] == 0).mean()
    assert (after.who[y, x] == 0).mean() > max(0.985, still)


def test_pose_targets_lie_on_the_keypoints(plain: Outfit, usual: Mood):
    crowd = scene(plain, usual, (at(4.0, 0.3), np.pi, np.zeros(1)), (at(4.0, 2.2), np.pi, np.zeros(1)))
    people = truths(crowd, sight(crowd, 0), 0)
    maps, fields = pose_targets(people, (48, 64), (640, 480))
    assert maps.shape == (18, 48, 64)
    assert fields.shape == (TRT_POSE.field_channels, 48, 64)
    x, y = people[0].keypoints[NOSE, :2] / 10.0
    peak = np.unravel_index(maps[NOSE, :, :50].argmax(), (48, 50))
    assert peak == (int(y), int(x))
    outside = [k for k in range(18) if people[1].keypoints[k, 2] == OUTSIDE]
    alone, _ = pose_targets(people[:1], (48, 64), (640, 480))
    assert outside
    np.testing.assert_array_equal(maps[outside], alone[outside])


@pytest.mark.parametrize("cells", [(48, 64), (10, 10)])
def test_an_empty_picture_teaches_emptiness(cells: tuple[int, int]):
    maps, fields = pose_targets([], cells, (640, 480))
    assert maps.shape == (18, *cells)
    assert not maps.any()
    assert not fields.any()


def test_flow_frames_are_what_the_pose_node_measures_in_the_pictures(plain: Outfit, usual: Mood):
    positions = np.column_stack([np.full(8, 4.0), 0.2 - 0.05 * np.arange(8)])
    crowd = scene(plain, usual, (positions, -np.pi / 2, 0.2 + np.arange(8) / 27.0))
    known = flow_frames(crowd, 1, range(1, 8)).astype(float)
    assert known.shape == (7, 60, 60, 2)
    measured, drawn = FlowFrames(), Renderer(crowd)
    measured.add(drawn.image(3))
    measured.add(drawn.image(4))
    x, y, width, height = one(crowd, number=4).box
    live = measured.frame(x + width / 2, y + height / 2, SQUARE * height)
    assert live is not None
    middle = known[3]  # the one that `placed` leaves where it was
    moving = np.abs(middle[..., 0]) > 300
    assert moving.sum() > 200
    apart = np.abs(live.astype(float) - middle)[moving]
    assert np.median(apart) < 0.25 * np.median(np.abs(middle[..., 0][moving]))


def test_flow_frames_of_somebody_who_is_not_there_are_refused(plain: Outfit, usual: Mood):
    crowd = scene(plain, usual, (at(4.0, 9.0, 3), 0.0, np.zeros(3)))
    with pytest.raises(ValueError, match="person 1 is not in image 1"):
        flow_frames(crowd, 1, range(1, 3))
