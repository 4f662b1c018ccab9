import os

import pytest

from rt_gait_ros.edge.meters import MeterGone, NoMeter
from rt_gait_ros.edge.sysfs_meters import Ina3221, Rapl


def test_rails_of_a_board_are_volts_times_amperes_and_its_input_is_the_whole(orin):
    meter = Ina3221(orin)
    assert meter.read() == pytest.approx({"VDD_IN": 6.0, "VDD_CPU_GPU_CV": 2.0, "VDD_SOC": 1.5})
    assert meter.total == ("VDD_IN",)


def test_without_an_input_rail_all_rails_are_the_whole(orin):
    next(orin.rglob("in1_label")).write_text("VDDQ_VDD2_1V8AO\n")
    assert Ina3221(orin).total == ("VDDQ_VDD2_1V8AO", "VDD_CPU_GPU_CV", "VDD_SOC")


def test_a_channel_that_nothing_is_wired_to_is_no_rail(orin):
    next(orin.rglob("in3_label")).write_text("NC\n")
    assert set(Ina3221(orin).read()) == {"VDD_IN", "VDD_CPU_GPU_CV"}


def test_rails_of_an_older_jetpack_are_found_at_their_place(tmp_path):
    device = tmp_path / "bus/i2c/drivers/ina3221x/6-0040/iio:device0"
    device.mkdir(parents=True)
    for file, value in (("rail_name_0", "POM_5V_IN"), ("in_voltage0_input", 5000), ("in_current0_input", 700)):
        (device / file).write_text(f"{value}\n")
    assert Ina3221(tmp_path).read() == pytest.approx({"POM_5V_IN": 3.5})


@pytest.mark.parametrize("left", ["", "unknown\n"])
def test_a_rail_that_vanishes_is_said_with_its_file(orin, left):
    meter = Ina3221(orin)
    file = next(orin.rglob("curr2_input"))
    file.write_text(left)  # as an unbound driver leaves it
    with pytest.raises(MeterGone, match=r"curr2_input holds no number any longer"):
        meter.read()


def test_a_machine_without_rails_says_where_they_would_be(tmp_path):
    with pytest.raises(NoMeter, match=r"no rail under .*bus/i2c/drivers/ina3221"):
        Ina3221(tmp_path)


def set_counter(sysfs, zone, microjoules):
    (sysfs / "class/powercap" / zone / "energy_uj").write_text(f"{microjoules}\n")


def test_packages_and_memory_are_the_whole_and_what_is_within_them_is_not_added(laptop):
    meter = Rapl(laptop)
    assert meter.total == ("package-0", "dram")
    for zone, value in (("intel-rapl:0", 3_000_000), ("intel-rapl:0:1", 600_000), ("intel-rapl:1", 9_500_000)):
        set_counter(laptop, zone, value)
    assert meter.read() == pytest.approx({"package-0": 2.0, "core": 0.0, "dram": 0.5, "psys": 0.5})


def test_a_counter_that_begins_again_goes_on(laptop):
    meter = Rapl(laptop)
    for value in (9_000_000, 500_000):  # 8 J, and 1.5 J over the end at 10 J
        set_counter(laptop, "intel-rapl:0", value)
        energy = meter.read()
    assert energy["package-0"] == pytest.approx(9.5)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_counters_that_only_root_reads_say_so(laptop):
    (laptop / "class/powercap/intel-rapl:0/energy_uj").chmod(0)
    with pytest.raises(NoMeter, match="may be read by root alone"):
        Rapl(laptop)


def test_the_refusal_of_a_counter_is_said_with_what_to_do(laptop, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied", str(laptop / "energy_uj"))

    monkeypatch.setattr("rt_gait_ros.edge.sysfs_meters.os.open", refuse)
    with pytest.raises(NoMeter, match="energy_uj may be read by root alone: run as root, or give the group"):
        Rapl(laptop)


def test_a_counter_that_is_no_number_is_no_meter(laptop):
    set_counter(laptop, "intel-rapl:1", "none")
    with pytest.raises(NoMeter, match=r"powercap cannot be read: .*energy_uj holds no number"):
        Rapl(laptop)


def test_a_machine_without_counters_says_where_they_would_be(tmp_path):
    with pytest.raises(NoMeter, match=r"no intel-rapl zone under .*class/powercap"):
        Rapl(tmp_path)
