import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation import households
from rt_gait_ros.evaluation.households import COMES_AND_GOES, GROUPS, IN_A_COAT, OTHER_WAY, Table, evaluate
from rt_gait_ros.gait.calibration import Calibration

KNOWN = Calibration("m", 20.0, 12.0, 0.5, 0.1, 0.02, 10, 10, "")
LOOKS = 5  # of which three stand on a whole window


def embedded(people=6, *, moved=(), views=("000", "090"), looks=LOOKS):
    """People 1 apart, whose looks differ by 0.1. moved: who is like the next person in a coat."""
    random = np.random.default_rng(0)
    places = random.normal(0.0, np.sqrt(0.5 / 16), (people + 1, 1, 16))
    made = {}
    for person in range(people):
        walks = {}
        for sequence in ("nm-01", "nm-05", "bg-01", "cl-01"):
            place = places[person + 1] if sequence == "cl-01" and person in moved else places[person]
            each = place + random.normal(0.0, 0.1 / np.sqrt(32), (looks, 1, 16))
            walks |= {f"{sequence}/{view}": each.astype(np.float16) for view in views}
        made[f"{person + 1:03}"] = walks | {"damaged": np.array(0), "refused": np.array([], np.str_)}
    return made


def run(walks, **options):
    options = {"members": 2, "households": 4, "views": ("000", "090")} | options
    return evaluate(walks, "m", KNOWN, **options)


def test_who_is_like_herself_is_named_and_strangers_are_not():
    result = run(embedded())
    everything = result.everything
    assert (everything.right, everything.nearest, everything.wrong, everything.named) == (1.0, 1.0, 0.0, 0.0)
    assert everything.accuracy == 1.0
    assert 0.5 < everything.mean_confidence < 1.0
    assert everything.names == everything.members
    # of each household, condition and view: 2 + 2 + 1 + 1 members in the first four groups, 1 + 1 + 1 + 2 strangers
    assert (everything.members, everything.strangers) == (4 * 6 * 6, 4 * 6 * 5)
    assert {key for (key,) in result.by("group")} == set(GROUPS)
    assert len(result.rows) == 3 * 2 * len(GROUPS)
    report = result.to_json()
    assert (report["protocol"], report["lost"], report["people"]) == ("households", 0, 6)
    assert report["summary"]["right"] == 1.0
    alone = next(row for row in report["rows"] if row["group"] == "one stranger")
    assert (alone["right"], alone["named"], alone["mean_confidence"], alone["names"]) == (None, 0.0, None, 0)


def test_people_may_be_enrolled_from_several_sides():
    walks = embedded()
    for person in walks.values():
        for sequence in ("nm-01", "nm-05", "bg-01", "cl-01"):
            person[f"{sequence}/090"] = person[f"{sequence}/090"] + np.float16(0.6)  # everybody is elsewhere there
    front, both = (run(walks, enrolled_views=views) for views in (("000",), ("000", "090")))
    assert {view: table.right for (view,), table in front.by("view").items()} == {0: 1.0, 90: 0.0}
    assert {view: table.right for (view,), table in both.by("view").items()} == {0: 1.0, 90: 1.0}
    assert both.everything.nearest == 1.0
    assert both.to_json()["enrolled_views"] == ["000", "090"]
    del walks["002"]["nm-01/090"]
    with pytest.raises(UsageError, match="5 people have a walk nm-01 of 30 frames from 000 and 090 degrees"):
        run(walks, enrolled_views=("000", "090"), members=3)


def test_those_in_view_may_share_neither_way_nor_clothes_nor_time():
    views = ("000", "090", "180")
    walks = embedded(moved=range(6), views=views, looks=7)
    del walks["001"]["cl-01/180"]
    result = run(walks, views=views, mixed=True)
    assert result.left_out.keys() >= {OTHER_WAY, COMES_AND_GOES}, "its walk is missing there"
    assert result.to_json()["left_out"] == dict(result.left_out)
    found = result.by("group", "condition", "view")
    groups = {group for group, _, _ in found}
    assert groups == {*GROUPS, OTHER_WAY, IN_A_COAT, COMES_AND_GOES}
    assert {view for group, _, view in found if group == OTHER_WAY} == {0, 180}
    assert {condition for group, condition, _ in found if group == IN_A_COAT} == {"NM", "BG"}
    for group in (OTHER_WAY, COMES_AND_GOES):
        assert found[(group, "NM", 0)].right == 1.0, "they look as they do in any other clip"
    # of two members one is in a coat, and then like somebody else, perhaps like the other
    assert 0.0 < found[(IN_A_COAT, "NM", 0)].right <= 0.5
    assert run(walks, views=views).by("group").keys() == {(group,) for group in GROUPS}


def test_who_is_there_for_two_looks_alone_has_no_name(monkeypatch):
    monkeypatch.setattr(households, "BRIEF", (4, 6))
    found = run(embedded(looks=7), mixed=True).by("group")
    assert found[(COMES_AND_GOES,)].right == 0.5
    assert found[("all members",)].right == 1.0


def test_who_is_like_somebody_else_in_a_coat_is_wrong_there_alone():
    found = run(embedded(moved=range(6)), households=12).by("condition")
    assert (found[("NM",)].wrong, found[("BG",)].wrong) == (0.0, 0.0)
    coats = found[("CL",)]
    assert 0.0 < coats.wrong < 1.0
    assert coats.right == 0.0
    assert coats.wrong + coats.ambiguous + coats.unknown == pytest.approx(1.0)
    assert coats.accuracy == 0.0
    assert coats.named > 0.0, "a stranger who is like a member is named, too"


def test_walks_that_are_not_there_are_lost_and_too_few_people_refused():
    walks = embedded()
    del walks["002"]["cl-01/090"], walks["003"]["nm-01/000"]
    result = run(walks)
    assert result.lost == 2
    # nobody whose template is missing is drawn, and of whom a walk is missing as a member or a stranger
    clips = 4 * 6 * len(GROUPS)
    counted = sum(result.left_out.values()) + len({(o.condition, o.view, o.group) for o in result.outcomes})
    assert 0 < sum(result.left_out.values()) < clips
    assert "one member" not in result.left_out, "another member is taken"
    assert counted <= clips
    short = embedded()
    for key in ("001", "002", "004"):
        short[key]["nm-01/000"] = short[key]["nm-01/000"][:2]
    with pytest.raises(UsageError, match=r"3 people have a walk nm-01 of 30 frames from 000 degrees"):
        run(short)
    for key in ("001", "002", "004"):
        del walks[key]["nm-01/000"]
    with pytest.raises(UsageError, match=r"2 people have a walk nm-01 of 30 frames .*: a household of 2 .* need 4"):
        run(walks)
    with pytest.raises(UsageError, match="nothing to compare"):
        run({"001": {"damaged": np.array(3), "refused": np.array([], np.str_)}})


def test_no_tracks_are_no_share():
    assert all(
        value is None for name, value in Table.of([]).to_json().items() if name not in ("members", "strangers", "names")
    )
