"""The losses of the dense tasks against loops written from their definitions."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from mmdymu.models.losses.dense import depth_loss, normals_loss, weighted_bce_loss


def pixels(*shape: int) -> Iterator[tuple[int, ...]]:
    return iter(torch.cartesian_prod(*(torch.arange(n) for n in shape)).tolist())


@pytest.fixture
def depth() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    target = torch.rand(2, 1, 6, 7) * 5 + 0.5
    target[torch.rand_like(target) < 0.2] = 0
    return torch.rand(2, 1, 6, 7).mul(6).requires_grad_(), target


@pytest.fixture
def normals() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    target = torch.nn.functional.normalize(torch.randn(2, 3, 4, 5), dim=1)
    target[:, :, :2, 1] = 0
    return torch.randn(2, 3, 4, 5).requires_grad_(), target


@pytest.fixture
def binary() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    target = (torch.rand(2, 1, 4, 5) < 0.3).long()
    target[0, 0, 0] = 255
    return torch.randn(2, 1, 4, 5).requires_grad_(), target


def plain_depth(pred: Tensor, target: Tensor) -> float:
    errors = [
        abs(pred[b, 0, y, x].item() - target[b, 0, y, x].item())
        for b, _, y, x in pixels(*pred.shape)
        if target[b, 0, y, x].item() > 0
    ]
    return sum(errors) / len(errors)


def plain_sobel(pred: Tensor, target: Tensor) -> float:
    across = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    total, count = 0.0, int((target > 0).sum())
    batch, _, height, width = pred.shape
    for b, y, x in pixels(batch, height - 2, width - 2):
        window = [(y + i, x + j) for i in range(3) for j in range(3)]
        if any(target[b, 0, v, u] <= 0 for v, u in window):
            continue
        for vertical in (False, True):
            gradient = 0.0
            for v, u in window:
                weight = across[u - x][v - y] if vertical else across[v - y][u - x]
                gradient += weight * (pred[b, 0, v, u] - target[b, 0, v, u]).item()
            total += abs(gradient)
    return total / count


def plain_normals(raw: Tensor, target: Tensor, kind: str) -> float:
    total, count = 0.0, 0
    for b, y, x in pixels(raw.size(0), raw.size(2), raw.size(3)):
        truth, vector = target[b, :, y, x].tolist(), raw[b, :, y, x].tolist()
        if truth == [0, 0, 0]:
            continue
        length = math.sqrt(sum(v * v for v in vector))
        unit = [v / length for v in vector]
        if kind == "cosine":
            total += 1 - sum(a * b for a, b in zip(unit, truth, strict=True))
        else:
            total += sum(abs(a - b) for a, b in zip(unit, truth, strict=True))
        count += 3 if kind == "l1_elements" else 1
    return total / count


def plain_bce(logits: Tensor, target: Tensor, weight: float | None, divisor: str) -> float:
    x, y = logits.flatten().tolist(), target.flatten().tolist()
    valid = [(a, b) for a, b in zip(x, y, strict=True) if b != 255]
    if weight is None:
        weight = sum(b == 0 for _, b in valid) / len(valid)
    total = sum(
        weight * math.log1p(math.exp(-a)) if b == 1 else (1 - weight) * math.log1p(math.exp(a)) for a, b in valid
    )
    return total / (len(valid) if divisor == "valid" else len(x))


def test_depth_l1_equals_loop(depth: tuple[Tensor, Tensor]) -> None:
    assert depth_loss(*depth).item() == pytest.approx(plain_depth(*depth), rel=1e-5)


def test_depth_sobel_equals_loop(depth: tuple[Tensor, Tensor]) -> None:
    pred, target = depth
    target[:, :, :5, :5] = target[:, :, :5, :5].clamp(min=0.5)
    expected = plain_depth(pred, target) + plain_sobel(pred, target)
    assert plain_sobel(pred, target) > 0
    assert depth_loss(pred, target, "l1_sobel").item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["l1_pixels", "l1_elements", "cosine"])
def test_normals_equal_loop(normals: tuple[Tensor, Tensor], kind: str) -> None:
    assert normals_loss(*normals, kind).item() == pytest.approx(plain_normals(*normals, kind), rel=1e-5)


def test_normals_ignore_length(normals: tuple[Tensor, Tensor]) -> None:
    raw, target = normals
    assert normals_loss(7 * raw, target).item() == pytest.approx(normals_loss(raw, target).item(), rel=1e-5)


@pytest.mark.parametrize("weight", [None, 0.95, 0.8])
@pytest.mark.parametrize("divisor", ["valid", "all"])
def test_weighted_bce_equals_loop(binary: tuple[Tensor, Tensor], weight: float | None, divisor: str) -> None:
    expected = plain_bce(*binary, weight, divisor)
    assert weighted_bce_loss(*binary, weight, divisor).item() == pytest.approx(expected, rel=1e-5)


def test_balanced_bce_equals_pos_weight_of_torch(binary: tuple[Tensor, Tensor]) -> None:
    logits, target = binary
    valid = target != 255
    weight = (target == 0).sum() / valid.sum()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(
        logits[valid], target[valid].float(), pos_weight=weight / (1 - weight)
    )
    assert weighted_bce_loss(logits, target).item() == pytest.approx(((1 - weight) * expected).item(), rel=1e-5)


def test_no_positive_pixel_gives_zero_when_balanced() -> None:
    assert weighted_bce_loss(torch.randn(1, 1, 3, 3), torch.zeros(1, 1, 3, 3).long()).item() == 0


@pytest.mark.parametrize("kind", ["depth", "depth_sobel", "normals", "binary", "balanced"])
def test_no_valid_pixel_gives_zero_with_gradient(kind: str) -> None:
    channels = 3 if kind == "normals" else 1
    raw = torch.randn(2, channels, 4, 4, requires_grad=True)
    empty, ignored = torch.zeros_like(raw), torch.full_like(raw, 255).long()
    loss = {
        "depth": lambda: depth_loss(raw, empty),
        "depth_sobel": lambda: depth_loss(raw, empty, "l1_sobel"),
        "normals": lambda: normals_loss(raw, empty),
        "binary": lambda: weighted_bce_loss(raw, ignored, 0.95),
        "balanced": lambda: weighted_bce_loss(raw, ignored),
    }[kind]()
    loss.backward()
    assert loss.item() == 0
    assert raw.grad is not None and bool((raw.grad == 0).all())


def test_gradients_reach_valid_pixels_only(depth: tuple[Tensor, Tensor], normals: tuple[Tensor, Tensor]) -> None:
    depth_loss(*depth).backward()
    assert bool(((depth[0].grad != 0) == (depth[1] > 0)).all())
    normals_loss(*normals).backward()
    valid = (normals[1] != 0).any(dim=1)
    assert bool(((normals[0].grad != 0).any(dim=1) == valid).all())


def test_non_finite_depth_label_is_invalid(depth: tuple[Tensor, Tensor]) -> None:
    pred, target = depth
    expected = depth_loss(pred, torch.where(target > 3, 0, target)).item()
    for value in (math.nan, math.inf):
        assert depth_loss(pred, torch.where(target > 3, value, target)).item() == pytest.approx(expected)


def test_half_precision_is_computed_in_float32(depth: tuple[Tensor, Tensor]) -> None:
    assert depth_loss(depth[0].half(), depth[1]).dtype == torch.float32


@pytest.mark.parametrize("loss", [depth_loss, normals_loss, weighted_bce_loss])
def test_mismatched_shapes_are_named(loss: object) -> None:
    with pytest.raises(ValueError, match=r"\(1, 3, 4, 4\).*\(1, 3, 4, 5\)"):
        loss(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5))


def test_unknown_option_is_named(depth: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(ValueError, match=r"kind must be one of \['l1', 'l1_sobel'\], got 'l2'"):
        depth_loss(*depth, "l2")
