import numpy as np
import pytest

from rt_gait_ros.gallery import search
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.gallery.search import TemplateMatrix, nearest, sketch

SHAPE = (8, 512)


@pytest.fixture
def templates():
    """60 persons of two walks each, which are nearer to each other than to anybody else's."""
    random = np.random.default_rng(1)
    persons = random.normal(0, 1, (60, 1, *SHAPE))
    return (persons + random.normal(0, 0.5, (60, 2, *SHAPE))).reshape(-1, *SHAPE).astype(np.float16)


def test_sketches_keep_distances(templates):
    found = search._estimates(templates[:20], sketch(templates))
    exact = distances(templates[:20], templates)
    apart = exact > 0
    ratio = found[apart] / exact[apart]
    assert abs(ratio.mean() - 1) < 0.01
    assert ratio.std() < 0.06


def test_the_nearest_are_exact_and_the_others_near_enough(templates):
    starts = np.arange(0, 120, 2)
    matrix = TemplateMatrix(list(templates))
    queries = templates[[0, 7, 31]].astype(np.float32) + 0.2
    found = nearest(queries, matrix.rows, matrix.sketches, starts)
    exact = np.minimum.reduceat(distances(queries, templates), starts, axis=1)
    assert found.argmin(axis=1).tolist() == exact.argmin(axis=1).tolist() == [0, 3, 15]
    for row, truth in zip(found, exact, strict=True):
        assert row.min() == pytest.approx(truth.min(), rel=1e-3)
    assert np.abs(found / exact - 1).max() < 0.15


def test_what_is_taken_off_a_distance_counts_before_the_nearest_is_looked_for(templates):
    starts = np.arange(0, 120, 2)
    matrix = TemplateMatrix(list(templates))
    off = np.zeros((2, 120))
    off[0, 90] = 50.0  # the second query is nearest to whom it is from
    found = nearest(templates[[0, 7]].astype(np.float32), matrix.rows, matrix.sketches, starts, allowance=off)
    assert found.argmin(axis=1).tolist() == [45, 3]
    assert found[0, 45] == pytest.approx(distances(templates[[0]], templates[[90]])[0, 0] - 50.0, rel=1e-3)


def test_one_query_is_compared_with_one_template_after_the_other(templates):
    query = templates[7].astype(np.float32) + 0.2
    compare = search.Comparison(query)
    found = [compare(template) for template in templates]
    np.testing.assert_allclose(found, distances(query[None], templates)[0], rtol=1e-5)
    assert search.Comparison(templates[7])(templates[7]) == 0.0


def test_short_embeddings_are_compared_exactly():
    rows = np.random.default_rng(1).normal(0, 1, (40, 1, 4)).astype(np.float32)
    matrix = TemplateMatrix(list(rows))
    assert matrix.sketches is None
    found = nearest(rows[:3], matrix.rows, None, np.arange(40))
    np.testing.assert_array_equal(found, distances(rows[:3], rows))


def test_persons_have_any_number_of_walks(templates):
    starts = np.array([0, 1, 5, 20, 21, 60, *range(61, 120)])
    matrix = TemplateMatrix(list(templates))
    found = nearest(templates[[30]].astype(np.float32), matrix.rows, matrix.sketches, starts)
    assert (found.argmin(), found.min()) == (4, pytest.approx(0.0, abs=0.05))


def test_a_matrix_that_grew_leaves_the_former_as_it_was(templates):
    first = TemplateMatrix(list(templates[:10]))
    second = first.grown(list(templates[10:12]))
    third = second.grown(list(templates[12:14]))
    assert second.rows.base is third.rows.base  # nothing was copied
    other = second.grown(list(templates[20:22]))  # a second way to go on: the room is taken
    for matrix, count, last in ((first, 10, 9), (second, 12, 11), (third, 14, 13), (other, 14, 21)):
        assert len(matrix) == len(matrix.sketches.values) == count
        np.testing.assert_array_equal(matrix.rows[-1], templates[last])
        np.testing.assert_allclose(matrix.sketches.values[-1], sketch(templates[[last]]).values[0])
    assert third.begins([third.row(number) for number in range(14)])
    assert third.begins([*(second.row(number) for number in range(12)), *map(third.row, range(12, 14)), templates[0]])
    assert not third.begins([second.row(number) for number in range(12)])
    assert not third.begins([*templates[:14]])
    roomy = np.zeros((20, *SHAPE), np.float16)
    adopted = TemplateMatrix(list(roomy[:10]), roomy)
    assert adopted.grown([templates[5]]).rows.base is roomy
    copied = TemplateMatrix(list(roomy[:5]))  # of rows that others may still look at
    copied.grown([templates[5]])
    assert not roomy[5].any()
    assert first.grown([np.zeros(SHAPE, np.float32)]).rows.dtype == np.float32
