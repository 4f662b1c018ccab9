from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.evaluation import virtual
from rt_gait_ros.evaluation.virtual_people import FIRST, Cast, EmbedWalks, silhouettes_of
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.synthesis.strollers import make_stroller

MODEL = GaitModel("m", "silhouette", (64, 64), 3, 100, (1, 2))
CAST = Cast(people=3, strangers=8, azimuths=(0, 90), heights=(1.0,), frames=7)


def at(degrees: float) -> np.ndarray:
    """An embedding of one part: a point on the circle."""
    return np.array([[np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]], np.float16)


def embedded(cast, look, stranger=None):
    """What the jobs give. look, stranger: (place, azimuth) to an embedding or None."""
    tested, strangers = cast.numbers
    made = {}
    for numbers, embedding in ((tested, look), (strangers, stranger)):
        for place, number in enumerate(numbers):
            looks = {f"{azimuth:03d}/1": embedding(place, azimuth) for azimuth in cast.azimuths if embedding}
            made[str(number)] = {name: array for name, array in looks.items() if array is not None}
    return made


def test_rank_1_pairs_different_azimuths_and_lost_walks_are_no_probes():
    # from the side everybody looks turned by 35 degrees; the third person was not seen from there
    places = (0, 40, 80)
    found = virtual.evaluate(
        embedded(CAST, lambda n, azimuth: None if (n, azimuth) == (2, 90) else at(places[n] + (35 if azimuth else 0))),
        CAST,
        "m",
        False,
    )
    rows = {(row["probe"], row["gallery"]): row for row in found.rows}
    # 000 in 090, where 35 and 75 are: 0 is nearest to 35 (right), 40 to 35 (wrong);
    # 090 in 000, where 0, 40 and 80 are: 35 is nearest to 40 (wrong), 75 to 80 (wrong)
    assert (rows["000", "090"]["rank1"], rows["000", "090"]["probes"]) == (0.5, 2)
    assert (rows["090", "000"]["rank1"], rows["090", "000"]["probes"]) == (0.0, 2)
    assert set(rows) == {("000", "090"), ("090", "000")}, "with one height, one azimuth is but the same walks"
    assert found.mean == pytest.approx(0.25)
    assert (found.walks, found.lost) == (12, 7), "six walks, five of them seen, and six of another day, none"
    assert found.by_frames == {}
    report = virtual.to_json([found])
    assert (report["protocol"], report["lost"], report["by_frames"]) == ("virtual", 7, [])
    assert len(found.comparison.genuine) == 4


def test_scene_normalisation_takes_the_view_out():
    def shifted(degrees, azimuth):
        return at(degrees) + np.float16(10 if azimuth else 0)

    made = embedded(CAST, lambda n, azimuth: shifted(120 * n, azimuth), lambda n, azimuth: shifted(45 * n, azimuth))
    plain, normalised = (virtual.evaluate(made, CAST, "m", on) for on in (False, True))
    assert plain.mean < 0.5
    assert normalised.mean == 1.0
    made[str(CAST.numbers[1][0])] = {}
    with pytest.raises(UsageError, match="7 strangers were seen in view 000/1"):
        virtual.evaluate(made, CAST, "m", True)


def test_heights_of_one_azimuth_are_shown_and_are_in_no_mean():
    cast = replace(CAST, heights=(0.5, 1.0), strangers=0)
    made = {
        str(number): {
            name: at(angle + 60 * place)
            for name, angle in {"000/0.5": 0, "000/1": 1, "090/0.5": 0, "090/1": 59}.items()
        }
        for place, number in enumerate(cast.numbers[0])
    }
    found = virtual.evaluate(made, cast, "m", False)
    assert found.rank1[0, 0] == 1.0
    assert found.rank1[1, 1] < 1.0
    assert found.mean == pytest.approx(np.mean([found.rank1[0, 1], found.rank1[1, 0]]))
    # azimuth 90 from 0.5 m is as azimuth 0 from everywhere: only pairs with 1 m go wrong
    assert found.heights[0, 0] == 1.0
    assert found.heights[1, 1] < 1.0
    assert {(row["gallery"], row["probe"]) for row in found.height_rows()} == {
        ("0.5", "0.5"), ("0.5", "1"), ("1", "0.5"), ("1", "1"),
    }  # fmt: skip


def test_frames_are_searched_in_whole_walks_of_the_same_view():
    made = embedded(CAST, lambda place, azimuth: at(60 * place + azimuth))
    for place, number in enumerate(CAST.numbers[0]):
        for azimuth in CAST.azimuths:
            for count, error in ((1, 31), (3, 29), (7, 2)):
                made[str(number)][f"again/{azimuth:03d}/1/{count}"] = at(60 * place + azimuth + error)
    found = virtual.evaluate(made, CAST, "m", False)
    # 31 degrees off, all but the last of the three look like the next one
    assert [(row["frames"], row["rank1"], row["probes"]) for row in found.frame_rows()] == [
        (1, pytest.approx(1 / 3), 6), (3, 1.0, 6), (7, 1.0, 6),
    ]  # fmt: skip
    assert found.lost == 0


def test_nobody_left_is_said():
    with pytest.raises(UsageError, match="too few walks"):
        virtual.evaluate(embedded(CAST, lambda place, azimuth: None), CAST, "m", False)


def test_a_persons_job_embeds_every_view_and_the_first_frames_of_another_day(embedder_of):
    seen = []

    def embed(frames):
        assert frames.shape[1:] == (64, 64)
        assert frames.dtype == np.uint8
        seen.append(frames)
        return np.array([[len(frames), frames.mean()]], np.float32)

    cast = replace(CAST, heights=(0.4, 2.5))
    tested, strangers = cast.numbers
    job = cast.jobs()[0]
    made = job.compute(job.files, embedder_of(embed, MODEL))
    assert job.name == str(FIRST)
    views = {"000/0.4", "000/2.5", "090/0.4", "090/2.5"}
    # the network takes three frames or more; the other day is seen from the height in the middle
    assert set(made) == views | {f"again/{azimuth}/2.5/{count}" for azimuth in ("000", "090") for count in (3, 7)}
    assert made["again/090/2.5/3"][0, 0] == 3
    assert made["000/0.4"].dtype == np.float16
    np.testing.assert_array_equal(seen[-2], seen[-1][:3])
    last = cast.jobs()[-1]
    assert last.name == str(strangers[-1])
    assert set(last.compute(last.files, embedder_of(embed, MODEL))) == views
    assert not set(tested) & set(strangers)


def test_walks_differ_by_day_view_and_person_and_nothing_else_moves_them():
    def walk(number=FIRST, azimuth=90, height=1.2, day=0):
        return silhouettes_of(make_stroller(number), number, azimuth, height, 8, day)

    first = walk()
    np.testing.assert_array_equal(first, walk())
    for other in (walk(number=FIRST + 1), walk(azimuth=72), walk(height=0.4), walk(day=1)):
        assert not np.array_equal(first, other)


def test_no_number_is_one_of_training():
    # training numbers its people (first + cohort) * 1000 + place, and no `first` is beyond a million
    assert (1_000_000 + 999_999) * 1000 + 999 < FIRST == Cast().numbers[0][0]
    assert Cast(seed=1).numbers[0][0] > Cast(people=500_000, strangers=500_000).numbers[1][-1]
    assert Cast(seed=999).numbers[1][-1] < 2**32


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"people": 1}, "people is 1"),
        ({"strangers": -1}, "strangers is -1"),
        ({"azimuths": (90,)}, "two at least"),
        ({"azimuths": (90, 90)}, "all different"),
        ({"azimuths": (0, 360)}, "0 to 359"),
        ({"heights": ()}, "one at least"),
        ({"heights": (float("nan"),)}, "0.1 to 5"),
        ({"frames": 0}, "frames is 0"),
        ({"seed": 1000}, "from 0 to 999"),
    ],
)
def test_a_cast_that_cannot_be_compared_is_refused(wrong, said):
    with pytest.raises(UsageError, match=said):
        Cast(**wrong)


def test_an_embedding_too_large_to_keep_is_said(embedder_of):
    job = EmbedWalks(FIRST, ((90, 1.0),), 4)
    with pytest.raises(GaitError, match="beyond 65504"), np.errstate(over="ignore"):
        job((), embedder_of(lambda frames: np.full((1, 2), 1e6, np.float32), MODEL))
