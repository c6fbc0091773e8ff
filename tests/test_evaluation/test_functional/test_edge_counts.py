"""Counts of edges: readers, thresholds, ignored pixels, padding, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.morphology import thin
from torch import Tensor

from mmdymu.evaluation.functional import (
    EdgeProtocol,
    Sums,
    add_sums,
    edge_counts,
    edge_scores,
    edges,
    match_edges,
    suppress_non_maxima,
)
from mmdymu.evaluation.functional.edge_protocol import HED_THRESHOLDS, SURVEY_THRESHOLDS

SIZE = (40, 50)


def example(seed: int = 0) -> tuple[Tensor, Tensor]:
    """A label with wavy edges and a prediction of it, blurred, moved and noisy; (1, 40, 50) each."""
    rng = np.random.default_rng(seed)
    label = thin(np.abs(gaussian_filter(rng.standard_normal(SIZE), 4)) < 0.01)
    prob = gaussian_filter(np.roll(label, 1, axis=1).astype(float), 1.2) + 0.1 * gaussian_filter(rng.random(SIZE), 1)
    return torch.tensor(prob / prob.max())[None].float(), torch.tensor(label)[None].long()


def plain(pred: Tensor, target: Tensor, protocol: EdgeProtocol) -> dict[str, list[int]]:
    """Every threshold by itself, from scikit-image's thinning."""
    prob = np.float32(np.round(pred[0].numpy() * 255)) / np.float32(255) if protocol.quantize else pred[0].numpy()
    if protocol.reader == "seism":
        prob = suppress_non_maxima(prob)
    passes = np.greater_equal if protocol.reader == "survey" else np.greater
    maps = [thin(passes(prob, np.float32(t))) for t in protocol.thresholds]
    label = thin(target[0].numpy() == 1)
    return {
        "matched": [match_edges(edges, label, protocol.max_distance) for edges in maps],
        "total_pred": [int(edges.sum()) for edges in maps],
        "total_gt": [int(label.sum())],
    }


def same(first: Sums, second: Sums) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("quantize", [True, False])
@pytest.mark.parametrize("reader", ["seism", "survey"])
def test_equals_every_threshold_by_itself(reader: Any, quantize: bool) -> None:
    protocol = EdgeProtocol(reader, max_distance=0.03, quantize=quantize)
    pred, target = example()
    counts = edge_counts(pred, target, protocol)
    expected = plain(pred, target, protocol)
    assert {name: counts[name].reshape(-1).tolist() for name in expected} == expected
    assert len(set(expected["matched"])) > 10
    f = [
        2 * m / (n + expected["total_gt"][0]) for m, n in zip(expected["matched"], expected["total_pred"], strict=True)
    ]
    best = f.index(max(f))
    assert counts["best_matched"].item() == expected["matched"][best]
    assert counts["best_total_pred"].item() == expected["total_pred"][best]
    assert counts["pixels"].item() == math.prod(SIZE)


def test_thresholds_of_the_readers() -> None:
    assert len(HED_THRESHOLDS) == 101 and len(SURVEY_THRESHOLDS) == 99
    assert HED_THRESHOLDS[:3] == (0.001, 0.01, 0.02) and HED_THRESHOLDS[-2:] == (0.99, 0.999)
    assert EdgeProtocol().thresholds == HED_THRESHOLDS and EdgeProtocol("survey").thresholds == SURVEY_THRESHOLDS


@pytest.mark.parametrize("reader", ["seism", "survey"])
def test_chosen_thresholds_count_as_they_do_among_all(reader: Any) -> None:
    chosen = (0.1, 0.2, 0.5, 0.9)
    few, every = (EdgeProtocol(reader, max_distance=0.03, thresholds=values) for values in (chosen, ()))
    pred, target = example()
    counts, full = edge_counts(pred, target, few), edge_counts(pred, target, every)
    places = [every.thresholds.index(value) for value in chosen]
    for name in ("matched", "total_pred"):
        assert counts[name].tolist() == full[name][places].tolist()
    assert len(set(counts["matched"].tolist())) == 4
    expected = plain(pred, target, few)
    assert counts["matched"].tolist() == expected["matched"]


@pytest.mark.parametrize("thresholds", [(0.5, 0.5), (0.5, 0.2), (0.5, 1.0), (-0.1,), (math.nan,)])
def test_bad_thresholds_are_refused(thresholds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"thresholds=\(.*\) must be at most 255 rising numbers in \[0, 1\)"):
        EdgeProtocol(thresholds=thresholds)
    with pytest.raises(ValueError, match="at most 255"):
        EdgeProtocol(thresholds=tuple(np.linspace(0, 0.99, 256)))


@pytest.mark.parametrize(("reader", "passed"), [("seism", 20), ("survey", 20)])
def test_a_probability_equal_to_a_threshold(reader: Any, passed: int) -> None:
    """0.2 is 51 of 255: above .001 and .01 to .19 (20 of HED's), at least .01 to .2 (20 of the survey's)."""
    pred = torch.zeros(1, 21, 21)
    pred[:, :, 10] = 0.2
    counts = edge_counts(pred, (pred > 0).long(), EdgeProtocol(reader))
    assert (counts["total_pred"] > 0).sum() == passed


def test_equal_maps_are_thinned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(edges, "thin_edges", lambda mask: calls.append(mask.sum()) or thin(mask))
    pred = torch.zeros(1, 21, 21)
    pred[:, :, 4], pred[:, :, 15] = 0.4, 0.8
    counts = edge_counts(pred, (pred > 0.5).long(), EdgeProtocol("survey"))
    assert len(calls) == 4, "the label; both lines, the stronger, none"
    assert counts["total_pred"].tolist() == 40 * [42] + 40 * [21] + 19 * [0]
    assert counts["matched"].tolist() == 80 * [21] + 19 * [0]


@pytest.mark.parametrize("reader", ["seism", "survey"])
def test_padding_makes_no_difference(reader: Any) -> None:
    pred, target = example()
    pad = (3, 6, 8, 1)
    padded = torch.nn.functional.pad(pred, pad, value=0.9), torch.nn.functional.pad(target, pad, value=255)
    assert same(edge_counts(*padded, EdgeProtocol(reader)), edge_counts(pred, target, EdgeProtocol(reader)))


@pytest.mark.parametrize("label", ["edges", "regions"])
@pytest.mark.parametrize("reader", ["seism", "survey"])
def test_ignored_pixels_are_neither_predictions_nor_labels(reader: Any, label: Any) -> None:
    pred, target = example()
    target[:, 10:25, 12:30] = 255
    protocol = EdgeProtocol(reader, label=label)
    counts = edge_counts(pred, target, protocol)
    assert counts["pixels"].item() == math.prod(SIZE) - 15 * 18
    emptied, full = pred.clone(), pred.clone()
    # Deep inside, beyond the reach of suppression and smoothing, predictions make no difference.
    emptied[:, 17:18, 20:22], full[:, 17:18, 20:22] = 0, 1
    assert same(edge_counts(emptied, target, protocol), counts) and same(edge_counts(full, target, protocol), counts)
    only_inside = torch.zeros_like(pred)
    only_inside[:, 10:25, 12:30] = 1
    assert edge_counts(only_inside, target, EdgeProtocol("survey", label=label))["total_pred"].sum() == 0
    assert 0 < counts["total_gt"] < edge_counts(*example(), protocol)["total_gt"]


def test_labels_of_regions() -> None:
    target = torch.zeros(1, 12, 14).long()
    target[:, :, 7:] = 300
    pred = torch.zeros(1, 12, 14)
    pred[:, :, 6] = 1
    counts = edge_counts(pred, target, EdgeProtocol("survey", label="regions", max_distance=0))
    assert counts["matched"].tolist() == [12] * 99 and counts["total_gt"].item() == 12


def test_the_own_prediction_of_a_label_is_perfect() -> None:
    _, target = example()
    counts = edge_counts(target.float(), target, EdgeProtocol("survey"))
    scores = edge_scores(counts, SURVEY_THRESHOLDS)
    assert (scores["odsF"], scores["oisF"]) == (100, 100)


def test_best_thresholds_of_images_beat_one_for_all() -> None:
    protocol = EdgeProtocol(max_distance=0.03)
    samples = [example(seed) for seed in range(3)]
    parts = [
        edge_counts(pred * factor, target, protocol)
        for (pred, target), factor in zip(samples, (1, 0.6, 0.3), strict=True)
    ]
    total: Sums = {}
    for part in parts:
        total = add_sums(total, part)
    scores = edge_scores(total, protocol.thresholds)
    assert scores["oisF"] > scores["odsF"] + 1
    best = [2 * p["best_matched"] / (p["best_total_pred"] + p["total_gt"]) for p in parts]
    alone = [edge_scores(part, protocol.thresholds)["odsF"] for part in parts]
    assert [100 * value.item() for value in best] == pytest.approx(alone)


def test_mirroring_left_and_right_changes_nothing_without_thinning() -> None:
    """Thin, straight predictions: neither reader prefers a side."""
    pred, target = torch.zeros(2, 1, 30, 30)
    pred[:, :, 11], target[:, :, 10] = 0.6, 1
    for reader in ("seism", "survey"):
        protocol = EdgeProtocol(reader, max_distance=0.03)
        assert same(edge_counts(pred, target, protocol), edge_counts(pred.flip(-1), target.flip(-1), protocol))


def test_no_labelled_pixel_counts_nothing() -> None:
    counts = edge_counts(torch.ones(1, 6, 7), torch.full((1, 6, 7), 255))
    assert all(value.sum() == 0 for value in counts.values())
    assert counts["matched"].shape == counts["total_pred"].shape == (101,)


def test_half_precision_and_plain_images_are_taken() -> None:
    pred, target = example()
    pred = pred.half()
    assert same(edge_counts(pred, target), edge_counts(pred.float()[0], target[0].to(torch.uint8)))


def test_wrong_input_is_named() -> None:
    pred, target = example()
    with pytest.raises(ValueError, match=r"edges: prediction \(1, 40, 50\) and label \(1, 40, 49\)"):
        edge_counts(pred, target[..., 1:])
    with pytest.raises(ValueError, match=r"edges: shape \(2, 40, 50\) is not that of one image"):
        edge_counts(pred.expand(2, -1, -1), target.expand(2, -1, -1))
    with pytest.raises(ValueError, match=r"edges: predictions from .* to 3\.\d* are not probabilities"):
        edge_counts(pred * 3.5, target)
    with pytest.raises(ValueError, match=r"edges: predictions from nan to nan are not probabilities"):
        edge_counts(pred * math.nan, target)
    with pytest.raises(ValueError, match=r"edges: labels \[7\]; .* need label='regions'"):
        edge_counts(pred, 7 * target)
    with pytest.raises(ValueError, match=r"max_distance=4\.7 must be a share"):
        EdgeProtocol(max_distance=4.7)
    with pytest.raises(ValueError, match=r"reader='bsds' must be one of 'seism', 'survey'"):
        EdgeProtocol(reader="bsds")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"label='lines' must be one of 'edges', 'regions'"):
        EdgeProtocol(label="lines")  # type: ignore[arg-type]
