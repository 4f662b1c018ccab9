import pytest

from rt_gait_ros.edge.meter_opening import known_openers, open_meter
from rt_gait_ros.edge.meters import NoMeter


def test_a_machine_without_a_meter_says_what_was_tried(tmp_path):
    openers = [(name, opener) for name, opener in known_openers(tmp_path) if name in ("INA3221", "RAPL")]
    with pytest.raises(NoMeter, match=r"no power meter can be read .*tried INA3221 \(no rail .*RAPL \(no intel-rapl"):
        open_meter(openers)


def test_the_rails_of_the_board_come_before_the_counter_of_the_processor(orin, laptop):
    assert orin == laptop  # one made-up tree with both
    openers = known_openers(orin)
    assert [name for name, _ in openers] == ["INA3221", "jetson-stats", "NVML", "RAPL"]
    meter = open_meter(openers)
    assert meter.name == "INA3221"
    meter.close()
