from rt_gait_ros.silhouette.lead_in import LeadIn

PERIOD = 40_000_000


def fed(lead_in, walking, first=0):
    """What counts with each image."""
    return [
        [frame for _, frame in lead_in.take(number, number * PERIOD, walking=walks)]
        for number, walks in enumerate(walking, start=first)
    ]


def test_what_was_seen_in_the_second_before_counts_once_the_track_walks():
    counted = fed(LeadIn(60), [False] * 40 + [True] * 3)
    assert counted[:40] == [[]] * 40
    assert counted[40:] == [list(range(15, 41)), [41], [42]]


def test_no_more_waits_than_is_told():
    assert fed(LeadIn(10), [False] * 20 + [True])[-1] == list(range(11, 21))


def test_what_was_cleared_never_counts():
    lead_in = LeadIn(60)
    fed(lead_in, [False] * 10)
    lead_in.clear()
    assert fed(lead_in, [False, True], first=10)[-1] == [10, 11]


def test_stamps_that_jump_back_begin_anew():
    lead_in = LeadIn(60)
    fed(lead_in, [False] * 10, first=100)
    assert fed(lead_in, [False, True])[-1] == [0, 1]
