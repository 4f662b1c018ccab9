"""`rt-gait bench variants`: its table, what it goes on from, and what it refuses."""

import json
import sys
from contextlib import closing

import pytest

from rt_gait_ros.cli.main import main
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.repository import read_repository

sys.path.append(str(resource("benchmark")))

import variants_measuring
import variants_table as table

CONDITIONS = {"cpu": "one", "runs": 2}


def test_the_rows_of_a_network_and_their_names():
    rows = table.variants_of("g", (10.0, 30.0), streams=True)
    assert [row.model for row in rows[:6]] == ["g", "g_p10", "g_p30", "g_int8", "g_p10_int8", "g_p30_int8"]
    assert [row.model for row in rows[6:8]] == ["g_stream", "g_p10_stream"]
    assert [row.title for row in rows[:6]] == [
        "plain",
        "pruned 10 %",
        "pruned 30 %",
        "int8",
        "pruned 10 % + int8",
        "pruned 30 % + int8",
    ]
    assert {row.plain.model for row in rows} == {"g"}
    assert len(table.variants_of("flow", (10.0,), streams=False)) == 4


def test_figures_are_kept_and_others_conditions_and_weights_are_refused(tmp_path):
    plain = table.Variant("g")
    table.FiguresFile(tmp_path, CONDITIONS).add(plain, {"macs": 3, "digest": "abc"})
    again = table.FiguresFile(tmp_path, CONDITIONS)
    assert again.has(plain, "macs")
    assert not again.has(plain, "process")
    again.add(plain, {"process": {"1": 2.0}})
    assert table.FiguresFile(tmp_path, CONDITIONS).rows["g"] == {"macs": 3, "digest": "abc", "process": {"1": 2.0}}
    again.require_weights(plain, "abc")
    with pytest.raises(UsageError, match="figures of g with other weights"):
        again.require_weights(plain, "xyz")
    with pytest.raises(UsageError, match="holds figures with runs 2, and this is with 5"):
        table.FiguresFile(tmp_path, CONDITIONS | {"runs": 5})
    (tmp_path / table.FILE).write_text('{"conditions": [1], "rows": {}}')
    with pytest.raises(GaitError, match="is damaged: remove it"):
        table.FiguresFile(tmp_path, CONDITIONS)
    (tmp_path / table.FILE).write_text('{"conditions": {}, "rows": [')
    with pytest.raises(GaitError, match="is damaged: remove it"):
        table.FiguresFile(tmp_path, CONDITIONS)


def test_people_bind_rank_1_alone(tmp_path):
    plain, people = table.Variant("g"), {"people": "1-12", "views": "000", "frames": 30}
    table.FiguresFile(tmp_path, CONDITIONS).add(plain, {"process": {"1": 2.0}})
    kept = table.FiguresFile(tmp_path, CONDITIONS, {**people, "people": "1-24"})
    kept = table.FiguresFile(tmp_path, CONDITIONS, people)  # no rank-1 of others was measured
    kept.add(plain, {"rank1": {"NM": 0.9}})
    assert table.FiguresFile(tmp_path, CONDITIONS).recognition == people  # times alone are asked for
    with pytest.raises(UsageError, match="holds figures with people 1-12, and this is with 1-24"):
        table.FiguresFile(tmp_path, CONDITIONS, {**people, "people": "1-24"})
    former = {"conditions": CONDITIONS | people, "rows": kept.rows}
    (tmp_path / table.FILE).write_text(json.dumps(former))
    assert table.FiguresFile(tmp_path, CONDITIONS, people).rows == kept.rows


def test_the_table_shows_what_is_known_and_invents_nothing():
    whole, cut, pose = table.Variant("g"), table.Variant("g", 30.0, "int8"), table.Variant("p")
    rows = {
        whole.model: {
            "parameters": 2_500_000,
            "process": {"1": 40.0, "8": 36.0},
            "rank1": {"NM": 0.9, "BG": 0.8, "CL": 0.4},
        },
        cut.model: {"process": {"1": 10.0}, "weights": "pruned and trained on (again/network.pth)", "macs": 9_500_000},
        pose.model: {"weights": table.RANDOM},
    }
    text = table.markdown([whole, cut, pose], rows, ["p"])
    header, line, *shown = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert {len(cells) for cells in shown} == {len(header)} == {len(line)}
    first, second, third = (dict(zip(header, cells, strict=True)) for cells in shown)
    assert (first["variant"], first["parameters M"], first["MACs G"]) == ("plain", "2.50", "–")
    assert first["ms in process, 1 / 8 / 32"] == "40.0 / 36.0 / –"
    assert (first["rank-1 NM / BG / CL %"], first["mean"]) == ("90.0 / 80.0 / 40.0", "70.0")
    assert (second["variant"], second["× plain"]) == ("pruned 30 % + int8, trained on", "4.0")
    assert (second["MACs G"], second["rank-1 NM / BG / CL %"], second["people at 25/s"]) == ("0.0095", "–", "–")
    assert (third["rank-1 NM / BG / CL %"], third["people at 25/s"]) == ("random weights", "takes images")


def test_times_that_were_taken_beside_other_programs_have_a_star_until_they_are_taken_again(tmp_path):
    one, other = table.Variant("g"), table.Variant("g", 10.0)
    kept = table.FiguresFile(tmp_path, CONDITIONS)
    kept.add(one, {"macs": 3, "process": {"1": 40.0}, "processor": {"1": 41.0}, "busy": {"process": 0.9}})
    shown = table.markdown([one], kept.rows)  # most of them: it is said once
    assert "*" not in shown
    assert shown.endswith("busy for 1 of the 1 times and numbers of people (median 90 %).\n")
    kept.add(other, {"process": {"1": 30.0}, "busy": {"process": 0.02, "triton": None}})
    shown = table.markdown([one, other], kept.rows)
    assert "| 40.0 / – / –\\* |" in shown
    assert "| 30.0 / – / – |" in shown
    assert shown.endswith("\n\\* other programs kept more than 10 % of the cores busy.\n")
    kept.forget([one, other], ["process", "processor"])
    rows = table.FiguresFile(tmp_path, CONDITIONS).rows
    assert rows["g"] == {"macs": 3, "busy": {}}
    assert "busy." not in table.markdown([one, other], rows)


def test_a_request_that_takes_too_long_has_fewer_runs_and_no_larger_batch(monkeypatch):
    clock, asked = [0.0], []

    def runs(client, repository, variant, batches):
        for batch in batches:
            yield batch, lambda batch=batch: (asked.append(batch), clock.__setitem__(0, clock[0] + 0.1 * batch))

    monkeypatch.setattr(variants_measuring, "_runs", runs)
    monkeypatch.setattr(variants_measuring.time, "perf_counter", lambda: clock[0])
    times = variants_measuring.milliseconds(None, None, table.Variant("g"), (32, 8, 1), 5, 2.0)
    assert asked == [1] * 6 + [8] * 3  # one of each does not count
    assert times.left_out == [32]
    assert times.wall == pytest.approx({"1": 100.0, "8": 100.0})
    assert variants_measuring.milliseconds(None, None, table.Variant("g"), (32,), 5, 2.0).left_out == []


def test_how_busy_others_are_is_a_share_or_unknown(monkeypatch):
    share = variants_measuring.busy_share(0.05)
    assert share is None or 0.0 <= share <= 1.0

    def gone(path, encoding):
        raise OSError

    monkeypatch.setattr(variants_measuring.Path, "read_text", gone)
    assert variants_measuring.busy_share(0.0) is None


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nobody"], "has no network 'nobody', and it is none of gaitbase, flow2d"),
        (["g=missing.pth"], "missing.pth"),
        (["--percentiles", "10,100"], "--percentiles '10,100': percentages of all filters, above 0 and below 100"),
        (["--percentiles", "ten"], "--percentiles 'ten'"),
        (["--what", "process,luck"], "'luck' is none of process, triton, rank1, subjects"),
        (["--trained", "g@20=a.pth"], "--trained 'g@20=a.pth': NAME@PERCENTILE=FILE is wanted"),
        (["cnn2d", "--trained", "cnn3d@10=a.h5"], "'cnn3d@10=a.h5': the table has no network 'flow3d', but flow2d"),
        (["--batches", "1,64"], "--batches '1,64': whole numbers from 1 to 32"),
        (["--what", "process", "--again", "triton"], "--again 'triton': 'triton' is none of process"),
        (["--longest", "0"], "--longest 0: seconds above 0 are wanted"),
        (["--runs", "0"], "--runs 0, --seconds 2: at least 1 and 0.1 are wanted"),
        (["--data", "nowhere", "--views", "017"], "--views '017'"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, capsys, words, complaint):
    pytest.importorskip("torch", reason="needs the extra [train]")
    assert main(["bench", "variants", *words, "--output", str(tmp_path / "out")]) == 2
    shown = capsys.readouterr()
    assert complaint in shown.err.splitlines()[-1]
    assert shown.out == ""


def test_a_missing_server_is_said_before_anything_is_made_or_forgotten(tmp_path, capsys, monkeypatch):
    pytest.importorskip("torch", reason="needs the extra [train]")
    monkeypatch.setenv("RT_GAIT_TRITONSERVER", str(tmp_path / "absent"))
    command = ["bench", "variants", "flow2d", "--percentiles", "", "--output", str(tmp_path)]
    assert main([*command, "--what", "process,triton"]) == 1
    assert "absent, which is not a program: correct or unset it" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "repository").exists()
    figures = json.loads((tmp_path / table.FILE).read_text())
    figures["rows"] = {name: {"triton": {"1": 2.0}} for name in ("flow2d", "flow2d_int8")}
    (tmp_path / table.FILE).write_text(json.dumps(figures))
    assert main([*command, "--what", "triton", "--again", "triton"]) == 1
    assert json.loads((tmp_path / table.FILE).read_text()) == figures


@pytest.mark.slow
def test_a_network_is_measured_in_each_variant_and_a_second_call_measures_nothing(tmp_path, capsys):
    pytest.importorskip("torch", reason="needs the extra [train]")
    import torch

    from rt_gait_ros.networks.flow_networks import FlowNet2D
    from rt_gait_ros.networks.keras_checkpoints import write_flow_network

    torch.manual_seed(0)
    write_flow_network(tmp_path / "narrow.hdf5", FlowNet2D((8,) * 4, 8, 8, 8, 5))
    command = ["bench", "variants", f"narrow={tmp_path / 'narrow.hdf5'}", "--percentiles", "30", "--runs", "1"]
    command += ["--what", "process", "--output", str(tmp_path / "out"), "--json"]
    calibration = tmp_path / "calibration"
    calibration.mkdir()
    _write_samples(calibration, 8)
    command += ["--calibration", str(calibration)]
    assert main(command) == 0
    shown = capsys.readouterr()
    rows = {row["name"]: row for row in json.loads(shown.out)["rows"]}
    for model in ("narrow", "narrow_p30", "narrow_int8", "narrow_p30_int8"):
        assert rows[f"{model}_process_batch_32_item"]["value"] > 0
        assert rows[f"{model}_processor_batch_1_item"]["value"] > 0
    assert rows["narrow_p30_parameters"]["ratio"] < 1
    assert rows["narrow_p30_macs"]["ratio"] < 1 == rows["narrow_int8_macs"]["ratio"]
    assert set(read_repository(tmp_path / "out/repository")) == {
        "narrow",
        "narrow_p30",
        "narrow_int8",
        "narrow_p30_int8",
    }
    assert (tmp_path / "out/variants.md").read_text().count("\n| `narrow` |") == 4
    assert (tmp_path / "out/checkpoints/narrow_p30.hdf5").is_file()

    figures = (tmp_path / "out/figures.json").read_bytes()
    assert main(command) == 0
    said = capsys.readouterr().err
    assert "exporting" not in said
    assert " ms at batch " not in said
    assert (tmp_path / "out/figures.json").read_bytes() == figures

    assert main([*command, "--again", "process"]) == 0
    said = capsys.readouterr().err
    assert "exporting" not in said
    assert said.count(" ms at batch 1,") == 4


def _write_samples(folder, count):
    """Windows of flow as TUM-GAID's prepared samples."""
    import h5py
    import numpy as np

    random = np.random.default_rng(0)
    for number in range(count):
        with h5py.File(folder / f"p{number + 1:03}-n01-01.h5", "w") as file:
            file["data"] = random.integers(-400, 400, (60, 60, 50)).astype(np.int16)


def test_a_look_of_a_stream_is_timed_for_one_track_and_for_many(streaming_repository):
    with closing(OnnxClient(streaming_repository, timeout=600.0)) as client:
        stream = table.Variant("window", form=table.STREAM)
        times = variants_measuring.milliseconds(client, streaming_repository, stream, (1, 8), 1)
    assert list(times.wall) == list(times.processor) == ["1", "8"]
    assert min(times.wall.values()) > 0
