import threading

import pytest

from rt_gait_ros.edge.energy import Recorder
from rt_gait_ros.edge.meters import MeterGone
from rt_gait_ros.edge.sysfs_meters import Ina3221, Rapl


class Script:
    """A meter that gives one value after the other, on a clock that goes on by a second with each."""

    name, interval = "script", 1000.0

    def __init__(self, *values, counts=False, total=("all",)):
        self.values, self.counts, self.total = list(values), counts, total
        self.seconds = -1.0
        self.closed = False

    def read(self):
        self.seconds += 1.0
        value = self.values.pop(0)
        if isinstance(value, Exception):
            raise value
        return value if isinstance(value, dict) else {"all": value}

    def clock(self):
        return max(self.seconds, 0.0)

    def close(self):
        self.closed = True


def becomes(counter, microjoules):
    """In one write: the kernel never shows half a number, and the recorder reads in a thread of its own."""
    with open(counter, "r+b", buffering=0) as file:
        file.write(f"{microjoules:<15}\n".encode())


def test_power_is_integrated_between_the_readings():
    meter = Script(2.0, 4.0, 10.0)
    with Recorder(meter, meter.clock) as recorder:
        first = recorder.now()
        second = recorder.now()
    assert (first.total, first.seconds, first.watts) == (3.0, 1.0, 3.0)
    assert second.since(first).total == 7.0
    assert second.since(first).millijoules_per(1000) == 7.0
    assert meter.closed


def test_energy_that_the_meter_counts_is_taken_as_it_is():
    meter = Script(5.0, 5.5, 8.0, counts=True)
    with Recorder(meter, meter.clock) as recorder:
        assert recorder.now().total == 0.5
        assert recorder.now().total == 3.0


def test_parts_of_the_whole_are_shown_and_not_added():
    values = [{"in": 6.0, "cpu": 2.0}] * 4
    meter = Script(*values, total=("in",))
    with Recorder(meter, meter.clock) as recorder:
        start = recorder.now()
        taken = recorder.now().since(start)  # of three seconds one
        recorder.spent("inference", 3, taken)
        recorder.spent("inference", 1, taken)
        recorder.spent("identity", 0, taken)  # nobody was named: no figure is made up
        rows = {row.name: (row.value, row.unit) for row in recorder.rows()}
    assert rows == {
        "energy": (18.0, "J"),
        "power": (6.0, "W"),
        "energy in": (18.0, "J"),
        "energy cpu": (6.0, "J"),
        "energy_per_inference": (3000.0, "mJ"),
        "energy_readings": (4.0, "readings"),
    }


@pytest.mark.parametrize("lost", [MeterGone("curr1_input: No such device"), {"other": 1.0}])
def test_a_meter_that_vanishes_is_said_once_and_for_all_later_questions(lost):
    meter = Script(2.0, lost)
    with Recorder(meter, meter.clock) as recorder:
        for _ in range(2):  # a second reading would find the script at its end
            with pytest.raises(MeterGone, match=r"the meter script was lost after 1\.0 s, energy is unknown: "):
                recorder.now()
        assert recorder.reading() is None


def test_the_thread_reads_the_rails_by_itself_and_stops_where_they_vanish(orin):
    meter = Ina3221(orin)
    enough, original = threading.Event(), meter.read

    def read():
        enough.readings += 1
        if enough.readings == 5:
            enough.set()
        return original()

    enough.readings = 0
    meter.read = read
    with Recorder(meter) as recorder:
        assert enough.wait(60.0)
        energy = recorder.now()
        assert energy.watts == pytest.approx(6.0)
        assert set(energy.joules) == {"VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"}
        next(orin.rglob("in1_input")).write_text("")
        recorder._thread.join(60.0)
        assert not recorder._thread.is_alive()
        with pytest.raises(MeterGone, match=r"the meter INA3221 was lost after .*in1_input holds no number"):
            recorder.now()


def test_a_processors_counters_are_summed_over_their_end(laptop):
    with Recorder(Rapl(laptop)) as recorder:
        counter = laptop / "class/powercap/intel-rapl:0/energy_uj"
        becomes(counter, 9_000_000)
        start = recorder.now()
        becomes(counter, 1_000_000)
        assert recorder.now().since(start).total == pytest.approx(2.0)
