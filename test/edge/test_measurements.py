import json

import pytest
from measured import bench_gait, kth, pruned, put, sweep

from rt_gait_ros.edge.measurements import accuracy_of, read_measurements
from rt_gait_ros.errors import GaitError, UsageError


def test_files_are_joined_by_the_name_of_the_network(tmp_path):
    words = [sweep(tmp_path, "small", energy=30.0), kth(tmp_path / "s.json", "small", 0.7), sweep(tmp_path, "large")]
    variants, latency, accuracy, notes = read_measurements(words).variants()
    large, small = variants
    assert small.axes() == pytest.approx({"latency": 25.0, "energy": 30.0, "accuracy": 0.7, "memory": 400.0})
    assert large.axes() == {"latency": 25.0, "memory": 400.0}, "nothing is put in the place of what is missing"
    assert len(small.operations) == 2, "the point that failed is no measurement"
    assert latency == "p95 of a request, by `rt-gait bench serve`"
    assert accuracy == "kth, rank-1 of all probes, scene normalisation on, 96 passes"
    assert notes == []


def test_figures_of_another_kind_are_left_out_and_it_is_said(tmp_path):
    words = [sweep(tmp_path, "small"), bench_gait(tmp_path / "b.json", "large", 12.0)]
    (large, small), _, _, notes = read_measurements(words).variants()
    assert (large.axes(), len(small.operations)) == ({}, 2)
    assert notes == [
        "large: only its median of a request in process, one at a time, by `rt-gait bench gait`, which is not compared "
        "with the others'"
    ]
    (alone,), latency, _, _ = read_measurements(words[1:]).variants()
    assert "through Triton" in latency
    assert [(each.latency_ms, each.rate) for each in alone.operations] == [(12.0, 1e3 / 12), (48.0, 1e3 / 12)]


def test_rows_of_a_report_have_names_of_their_own_or_the_one_that_is_said(tmp_path):
    file = pruned(tmp_path / "report.json")
    variants, _, accuracy, _ = read_measurements([file]).variants()
    assert [variant.name for variant in variants] == ["gaitset@0", "gaitset@30"]
    assert accuracy == "prune, of the pruned network before any training"
    (variant,), _, _, _ = read_measurements([f"slim={file}@30"]).variants()
    assert (variant.name, variant.axes()) == ("slim", {"latency": 17.0, "accuracy": 0.5})
    with pytest.raises(UsageError, match=r"has no row of 40 % for slim: it has 0, 30"):
        read_measurements([f"slim={file}@40"])


@pytest.mark.parametrize(
    ("value", "share", "basis"),
    [
        (
            {
                "protocol": "casia-b",
                "summary": {name: {"without_identical_view": share} for name, share in (("NM", 0.6), ("CL", 0.2))},
                "people": 24,
            },
            0.4,
            "rank-1 across views, mean of NM, CL, 24 people",
        ),
        (
            {
                "protocol": "tum-gaid",
                "rows": [{"rank1": 1.0, "probes": 30}, {"rank1": 0.5, "probes": 10}],
                "people": 155,
                "ties": "lowest",
            },
            0.875,
            "rank-1 of all probe videos, 155 people, ties to the lowest",
        ),
        (
            {"protocol": "kth-flow", "rows": [{"rank1": 0.25, "probes": 12}], "people": 12, "ties": "lowest"},
            0.25,
            "rank-1 of all probe videos, 12 people, ties to the lowest",
        ),
        (
            {
                "protocol": "virtual",
                "scene_normalisation": [{"scene_normalisation": True, "rank1": 0.8}],
                "people": 40,
                "seed": 7,
            },
            0.8,
            "rank-1 across azimuths, scene normalisation on, 40 virtual people of seed 7",
        ),
    ],
)
def test_the_figure_of_each_protocol(value, share, basis):
    found = accuracy_of(value)
    assert (found.share, found.basis) == (pytest.approx(share), basis)


def test_a_figure_that_is_none_is_not_measured():
    value = {"protocol": "virtual", "people": 4, "seed": 1}
    switches = [{"scene_normalisation": True, "rank1": json.loads("NaN")}]
    assert accuracy_of(value | {"scene_normalisation": switches}) is None
    assert accuracy_of({"protocol": "mot", "rows": []}) is None


def test_what_cannot_be_compared_is_refused(tmp_path):
    small, other = sweep(tmp_path, "small"), sweep(tmp_path, "large", cores=8)
    with pytest.raises(UsageError, match="small was measured with cores 2, and large with 8: figures of different"):
        read_measurements([small, other]).variants()
    with pytest.raises(UsageError, match="small is there twice, by p95"):
        read_measurements([small, small])
    words = [kth(tmp_path / "a.json", "small", 0.5), kth(tmp_path / "b.json", "large", 0.5, passes=80)]
    with pytest.raises(UsageError, match=r"96 passes, and that of large .* 80 passes: evaluate both alike"):
        read_measurements(words).variants()
    found = read_measurements([words[0], pruned(tmp_path / "report.json")])
    with pytest.raises(UsageError, match="accuracies by kth, prune: choose one with --protocol"):
        found.variants()
    assert found.variants("prune")[2].startswith("prune")
    with pytest.raises(UsageError, match="no file has an accuracy by virtual: there is kth, prune"):
        found.variants("virtual")


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ([], "is no result of bench serve"),
        ({}, "is no result of bench serve"),
        ({"network": "gaitset", "removed": 3}, "is no result of bench serve"),
        ({"conditions": {}, "points": []}, "does not say which network"),
        ({"bench": "serve", "rows": []}, "name the sweep's folder, output/serve/NAME"),
        ({"bench": "gait", "rows": []}, "has no times of a network"),
        ({"bench": "paf", "rows": []}, "of bench, serve and gait are compared"),
        ({"protocol": "mot", "model": "m", "rows": []}, "has no rank-1 of m"),
        ({"protocol": "kth", "model": "m", "rows": []}, "is no result of bench serve"),
        ({"conditions": 5, "points": []}, "is no result of bench serve"),
        ({"protocol": "mot", "model": 5, "rows": []}, "is no result of bench serve"),
        ({"protocol": "virtual", "model": "m", "scene_normalisation": [{"rank1": 10**400}]}, "is no result"),
        ({"network": "n", "rows": [{"percentile": 10**400, "milliseconds": 1.0}]}, "is no result of bench serve"),
    ],
)
def test_other_files_are_refused_in_a_line(tmp_path, value, line):
    with pytest.raises(GaitError, match=line):
        read_measurements([put(tmp_path / "file.json", value)])


def test_a_sweep_that_is_not_at_its_end_and_files_that_are_not_there(tmp_path):
    (tmp_path / "points.jsonl").write_text("{}\n")
    with pytest.raises(UsageError, match="is not at its end: go on with the same"):
        read_measurements([str(tmp_path)])
    with pytest.raises(UsageError, match=r"absent\.json cannot be read: No such file"):
        read_measurements([str(tmp_path / "absent.json")])
    (tmp_path / "text").write_text("{")
    with pytest.raises(GaitError, match="text is no JSON"):
        read_measurements([str(tmp_path / "text")])
    with pytest.raises(UsageError, match="there is no user nobody_of_this_name here"):
        read_measurements(["~nobody_of_this_name/text"])


@pytest.mark.parametrize("text", ['{"conditions": 5, "points": []}', '{"conditions": {}}', "[" * 200_000])
def test_a_folder_whose_sweep_is_none_is_refused_in_a_line(tmp_path, text):
    (tmp_path / "sweep.json").write_text(text)
    with pytest.raises(GaitError, match=r"is no result of|does not say"):
        read_measurements([str(tmp_path)])
