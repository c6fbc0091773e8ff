from __future__ import annotations

import math

import pytest
from test_evaluation.test_sweep.sweeps import TASKS, header, lines

from mmdymu.evaluation.functional import hypervolume, uniformity
from mmdymu.evaluation.sweep import flat_summary, json_ready, summarize_sweep, sweep_table
from mmdymu.evaluation.sweep import summary as summary_module


def test_numbers_by_cost_weight() -> None:
    single, runs, brackets = lines(preferences=7)
    found = summarize_sweep(header(preferences=7), single, runs, brackets)
    for row, c in zip(found["by_cost_weight"], (0.0, 1.0), strict=True):
        own = [run for run in runs if run["cost_weight"] == c]
        relative = [[a / b for a, b in zip(run["losses"], single["losses"], strict=True)] for run in own]
        weighted = [
            sum(map(math.prod, zip(run["weights"], x, strict=True))) for run, x in zip(own, relative, strict=True)
        ]
        assert row["cost_weight"] == c
        for name in ("share", "flops", "params"):
            assert row[f"mean_{name}"] == pytest.approx(sum(run[name] for run in own) / 7)
        assert row["weighted_loss"] == pytest.approx(sum(weighted) / 7)
        expected = sum(uniformity(run["weights"], x) for run, x in zip(own, relative, strict=True)) / 7
        assert row["uniformity"] == pytest.approx(expected)
        assert row["hypervolume"] == {"2.0": hypervolume(relative, [2] * 3), "3.0": hypervolume(relative, [3] * 3)}
        assert row["hypervolume_root"]["3.0"] ** 3 == pytest.approx(row["hypervolume"]["3.0"])
        assert row["delta_m"] == pytest.approx(-3.0 - c - 3)
        assert row["losses"] == {
            task: pytest.approx(sum(x[number] for x in relative) / 7) for number, task in enumerate(TASKS)
        }
        assert row["metrics"] == {
            name: pytest.approx(sum(run["metrics"][name] for run in own) / 7)
            for name in ("semseg/mIoU", "depth/rmse", "normals/mean")
        }
        indexes = [run["index"] for run in own]
        for choice in ("controller", "heuristic"):
            values = [
                sum(
                    r * a / b
                    for r, a, b in zip(runs[line["index"]]["weights"], line["losses"], single["losses"], strict=True)
                )
                for line in brackets
                if line["choice"] == choice and line["index"] in indexes
            ]
            assert row["brackets"][choice] == pytest.approx(sum(values) / 7)


def test_marginal_curves_average_the_other_weights_out() -> None:
    single, runs, _ = lines(preferences=10)
    found = summarize_sweep(header(preferences=10), single, runs, [])
    for number, task in enumerate(TASKS):
        for part, c in zip(found["marginal"][task], (0.0, 1.0), strict=True):
            own = sorted((run["weights"][number], run["losses"][number]) for run in runs if run["cost_weight"] == c)
            assert [entry["count"] for entry in part["bins"]] == [2] * 5
            for entry, pair in zip(part["bins"], zip(own[::2], own[1::2], strict=True), strict=True):
                assert entry["weight"] == pytest.approx((pair[0][0] + pair[1][0]) / 2)
                assert entry["loss"] == pytest.approx((pair[0][1] + pair[1][1]) / 2 / single["losses"][number])


def test_a_metric_that_one_test_has_not_is_not_known() -> None:
    single, runs, _ = lines()
    runs[0]["metrics"]["depth/rmse"] = None
    first, second = summarize_sweep(header(), single, runs, [])["by_cost_weight"]
    assert math.isnan(first["metrics"]["depth/rmse"])
    assert math.isfinite(first["metrics"]["semseg/mIoU"])
    assert math.isfinite(second["metrics"]["depth/rmse"])


def test_control_ranges() -> None:
    single, runs, _ = lines(preferences=4)
    found = summarize_sweep(header(preferences=4), single, runs, [])["control_range"]
    for number, task in enumerate(TASKS):
        for part in found[task]:
            own = [run["losses"][number] for run in runs if run["cost_weight"] == part["cost_weight"]]
            expected = min(own) / single["losses"][number], max(own) / single["losses"][number]
            assert (part["lowest"], part["highest"]) == pytest.approx(expected)


def test_a_task_without_a_loss_leaves_the_other_numbers() -> None:
    single, runs, brackets = lines()
    runs[0]["losses"][1] = None
    found = json_ready(summarize_sweep(header(), single, runs, brackets))
    first, second = found["by_cost_weight"]
    assert first["uniformity"] is None
    assert first["hypervolume"] == {"2.0": None, "3.0": None}
    assert first["mean_share"] is not None
    assert second["uniformity"] is not None
    assert math.isnan(flat_summary(found)["sweep/uniformity_c0"])


def test_a_task_without_any_label_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(summary_module, "print_log", lambda text, *_: logged.append(text))
    single, runs, brackets = lines()
    single["losses"][1] = None
    found = json_ready(summarize_sweep(header(), single, runs, brackets))
    assert found["by_cost_weight"][0]["weighted_loss"] is None
    assert len(logged) == 1
    assert "tasks ['depth'] have no label" in logged[0]


def test_scalars_for_the_log() -> None:
    single, runs, brackets = lines()
    found = summarize_sweep(header(), single, runs, brackets)
    scalars = flat_summary(found)
    first, second = found["by_cost_weight"]
    assert scalars["sweep/hypervolume_c1"] == second["hypervolume"]["2.0"]
    assert scalars["sweep/mean_share_c0"] == first["mean_share"]
    assert scalars["multi_task/delta_m"] == -4.0


def test_an_unknown_gain_makes_the_mean_unknown() -> None:
    single, runs, brackets = lines()
    runs[0]["delta_m"] = None
    first, second = json_ready(summarize_sweep(header(), single, runs, brackets))["by_cost_weight"]
    assert first["delta_m"] is None
    assert second["delta_m"] == -4.5


def test_the_table_has_a_row_for_every_cost_weight() -> None:
    single, runs, brackets = lines()
    summary = {"header": header(), **summarize_sweep(header(), single, runs, brackets)}
    *_, titles, first, second = sweep_table(json_ready(summary)).splitlines()
    assert "HV (ref. 2)" in titles
    assert "rL heuristic" in titles
    assert first.split()[:2] == ["0", f"{summary['by_cost_weight'][0]['mean_share']:.3f}"]
    assert second.split()[-1] == "-4.50"
    assert len(titles) == len(first) == len(second)
