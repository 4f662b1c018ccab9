from rt_gait_ros.nodes.moments import Moments

WANTED = ("image", "tracks")


def test_parts_of_one_stamp_come_together_in_any_order():
    moments = Moments()
    assert moments.add(1, "image", "i1", WANTED) is None
    assert moments.add(2, "tracks", "t2", WANTED) is None
    assert moments.add(2, "image", "i2", WANTED) == {"image": "i2", "tracks": "t2"}
    assert moments.add(1, "tracks", "t1", WANTED) is None  # given up: a later one was whole
    assert moments.add(3, "image", "i3", ("image",)) == {"image": "i3"}


def test_stamps_of_the_future_take_nobodys_place():
    moments = Moments(waiting=30)
    for number in range(1000):
        moments.add(10**18 + number, "tracks", "t", WANTED)
    assert len(moments) == 30
    for stamp in range(1, 100):
        assert moments.add(stamp, "image", "i", WANTED) is None
        assert moments.add(stamp, "tracks", "t", WANTED) == {"image": "i", "tracks": "t"}
    assert len(moments) == 0


def test_stamps_that_jump_back_go_on():
    moments = Moments()
    for stamp in (1000, 2000, 10, 20):
        moments.add(stamp, "image", "i", WANTED)
        assert moments.add(stamp, "tracks", "t", WANTED)


def test_a_moment_that_is_never_whole_is_given_up():
    now = [0.0]
    moments = Moments(patience=5.0, clock=lambda: now[0])
    moments.add(10**18, "tracks", "t", WANTED)
    now[0] = 6.0
    moments.add(1, "tracks", "t", WANTED)
    assert len(moments) == 1
    assert moments.add(10**18, "image", "i", WANTED) is None
