import pytest

from rt_gait_ros.edge.choice import Accuracy, Demand, Operation, Variant, choose, fit, nearest, pareto_front


def variant(name, latency=None, accuracy=None, rate=100.0, watts=None, energy=None, memory=None, per_look=1):
    known = None if accuracy is None else Accuracy(accuracy, "kth", "rank-1")
    return Variant(name, (Operation("grpc", rate, latency, watts, energy),), memory, known, per_look=per_look)


def front(*variants):
    return [each.name for each in pareto_front(variants)]


def test_the_front_holds_what_nothing_else_beats():
    quick, sure, worse = variant("quick", 10, 0.6), variant("sure", 40, 0.9), variant("worse", 40, 0.8)
    assert front(quick, sure, worse) == ["quick", "sure"]
    assert front(quick, variant("same", 10, 0.6)) == ["quick", "same"]


def test_a_missing_figure_is_no_disadvantage_and_no_advantage():
    known = variant("known", 10, 0.9, energy=5.0)
    assert front(known, variant("slower", 20, 0.8)) == ["known"], "beaten in all that it has"
    assert front(variant("quicker", 5), variant("sure", 10, 0.9)) == ["quicker", "sure"], "unknown accuracy beats none"
    assert front(known, Variant("nothing")) == ["known"]


def test_a_look_of_a_streaming_network_is_several_inferences():
    stream = variant("stream", 2, energy=3.0, per_look=5)
    assert stream.axes()["energy"] == 15.0
    (miss,) = fit(stream, Demand(looks=40)).misses
    assert miss.text == "rate 20 looks/s where 40 looks/s is asked, 20 too little"


def test_the_most_accurate_that_meets_it_is_chosen_and_then_the_one_of_least_energy():
    demand = Demand(looks=40, latency_ms=200, watts=10)
    hungry = variant("hungry", 50, 0.95, watts=12)
    fits = [fit(each, demand) for each in (variant("a", 50, 0.8, watts=8), variant("b", 90, 0.9, watts=9), hungry)]
    assert choose(fits).variant.name == "b"
    frugal = fit(variant("c", 100, 0.9, watts=9, energy=2.0), demand)
    assert choose([*fits, frugal]).variant.name == "c"


def test_of_the_loads_that_meet_it_the_one_of_least_power_is_told():
    loads = [Operation("idle", 5, 10, 3), Operation("much", 100, 90, 9), Operation("some", 50, 60, 6)]
    found = fit(Variant("v", tuple(loads)), Demand(looks=40, latency_ms=200))
    assert (found.operation.what, found.misses) == ("some", ())


@pytest.mark.parametrize(
    ("demand", "text"),
    [
        (Demand(watts=5), "its power was not measured"),
        (Demand(looks=200), "rate 100 looks/s where 200 looks/s is asked, 100 too little"),
        (Demand(latency_ms=8), "latency 10 ms where 8 ms is asked, 2 too much"),
        (Demand(accuracy=0.9), "accuracy 0.6 where 0.9 is asked, 0.3 too little"),
        (Demand(memory_mib=100), "memory 300 MiB where 100 MiB is asked, 200 too much"),
    ],
)
def test_a_miss_says_by_how_much(demand, text):
    found = fit(variant("v", 10, 0.6, memory=300), demand)
    assert [miss.text for miss in found.misses] == [text]
    assert choose([found]) is None


def test_the_nearest_has_its_figures_and_misses_least():
    demand = Demand(looks=40, accuracy=0.8)
    unknown, far, near = variant("unknown", 1), variant("far", 1, 0.4), variant("near", 1, 0.75)
    assert nearest([fit(each, demand) for each in (unknown, far, near)]).variant is near


def test_a_network_of_which_only_the_accuracy_is_known_carries_nobody():
    found = fit(Variant("v", accuracy=Accuracy(0.9, "kth", "rank-1")), Demand(looks=1))
    assert [miss.text for miss in found.misses] == ["its rate was not measured"]
