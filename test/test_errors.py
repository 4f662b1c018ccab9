from rt_gait_ros.errors import LONGEST, GaitError, UsageError


def test_an_error_is_one_line_whatever_stands_in_it() -> None:
    said = str(UsageError("name 'a\n\x1b[2Jb' is taken"))
    assert said == "name 'a\\n\\x1b[2Jb' is taken"
    assert len(str(GaitError("x" * 10 * LONGEST))) <= LONGEST
