from __future__ import annotations

from mmdymu.evaluation.metric_info import main_metrics, metric_info, similar_metrics


def test_units_and_directions() -> None:
    for name, unit, higher in (("semseg/mIoU", "%", True), ("depth/rmse", "m", False), ("normals/mean", "°", False)):
        info = metric_info(name)
        assert info is not None
        assert (info.unit, info.higher_is_better) == (unit, higher)


def test_the_root_mean_square_of_normals_is_an_angle() -> None:
    assert [info.unit for name in ("rmse", "depth/rmse", "normals2/rmse") if (info := metric_info(name))] == [
        "m",
        "m",
        "°",
    ]


def test_unknown_metrics() -> None:
    assert metric_info("semseg/mine") is None


def test_one_metric_stands_for_a_task() -> None:
    names = ["semseg/aAcc", "semseg/mIoU", "normals/rmse", "normals/mean", "depth/abs_rel", "depth/rmse", "x/mine"]
    assert main_metrics(names) == {"semseg": "semseg/mIoU", "normals": "normals/mean", "depth": "depth/rmse"}


def test_numbers_of_a_sweep() -> None:
    for name, higher in (("hypervolume_c0", True), ("uniformity_c0.5", True), ("rL_c1", False)):
        info = metric_info(f"sweep/{name}")
        assert info is not None
        assert info.higher_is_better is higher


def test_mistyped_metrics() -> None:
    assert similar_metrics("semseg/mIou") == ["semseg/mIoU"]
    assert similar_metrics("depth/rsme") == ["depth/rmse"]
    assert similar_metrics("depth/mine") == []
