"""Heads of the dense tasks on mmseg decoders."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models import DepthwiseSeparableASPPHead, FCNHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmdymu.models.heads import DepthHead, EdgesHead, NormalsHead, SaliencyHead
from mmdymu.models.heads.dense_head import DenseHead
from mmdymu.models.losses.dense import depth_loss
from mmdymu.registry import MODELS

CHANNELS = {DepthHead: 1, NormalsHead: 3, EdgesHead: 1, SaliencyHead: 1}
HEADS = list(CHANNELS)


def fcn(num_classes: int) -> FCNHead:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mmseg: threshold of a head with one channel
        return FCNHead(in_channels=4, channels=4, num_convs=1, num_classes=num_classes, norm_cfg=dict(type="BN"))


def build(kind: type[DenseHead], **options: object) -> DenseHead:
    torch.manual_seed(0)
    return kind(decoder=fcn(CHANNELS[kind]), **options)


def label_of(kind: type[DenseHead], size: tuple[int, int]) -> tuple[str, Tensor]:
    if kind is DepthHead:
        return "gt_depth_map", torch.rand(1, *size) + 1
    if kind is NormalsHead:
        return "gt_normals", nn.functional.normalize(torch.randn(3, *size), dim=0)
    return "gt_sem_seg", torch.randint(0, 2, (1, *size))


def make_samples(kind: type[DenseHead], size: tuple[int, int] = (8, 12), count: int = 2) -> list[SegDataSample]:
    samples = []
    for index in range(count):
        meta = {"ori_shape": size, "img_shape": size, "img_path": f"{index}.png"}
        field, data = label_of(kind, size)
        sample = SegDataSample(metainfo=meta)
        sample.set_data({field: PixelData(data=data)})
        samples.append(sample)
    return samples


@pytest.mark.parametrize("kind", HEADS)
def test_built_from_the_registry(kind: type[DenseHead]) -> None:
    head = MODELS.build(dict(type=kind.__name__, decoder=fcn(CHANNELS[kind])))
    assert type(head) is kind


@pytest.mark.parametrize("kind", HEADS)
def test_loss_is_finite_and_reaches_the_decoder(kind: type[DenseHead]) -> None:
    head = build(kind)
    raw = head([torch.randn(2, 4, 4, 6)])
    assert raw.shape == (2, CHANNELS[kind], 4, 6)
    losses = head.loss_by_feat(raw, make_samples(kind))
    assert all("loss" in name for name in losses)
    sum(losses.values()).backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in head.parameters())
    assert head.decoder.conv_seg.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", HEADS)
def test_loss_weight_scales_the_loss(kind: type[DenseHead]) -> None:
    raw, samples = torch.randn(2, CHANNELS[kind], 4, 6), make_samples(kind)
    (one,), (two,) = (build(kind, loss_weight=w).loss_by_feat(raw, samples).values() for w in (1.0, 2.0))
    assert two.item() == pytest.approx(2 * one.item())


def test_loss_is_taken_at_the_size_of_the_label() -> None:
    raw, samples = torch.rand(2, 1, 4, 6), make_samples(DepthHead)
    enlarged = nn.functional.interpolate(raw, size=(8, 12), mode="bilinear", align_corners=False)
    expected = depth_loss(enlarged, torch.stack([s.get("gt_depth_map").data for s in samples]))
    (loss,) = build(DepthHead).loss_by_feat(raw, samples).values()
    assert loss.item() == pytest.approx(expected.item())


@pytest.mark.parametrize("kind", HEADS)
def test_predictions_have_the_size_of_the_label(kind: type[DenseHead]) -> None:
    samples = make_samples(kind)
    build(kind).attach(torch.randn(2, CHANNELS[kind], 4, 6), samples)
    field = {DepthHead: "pred_depth_map", NormalsHead: "pred_normals"}.get(kind, "pred_sem_seg")
    assert all(s.get(field).data.shape == (CHANNELS[kind], 8, 12) for s in samples)


def test_depth_is_biased_and_clamped() -> None:
    head = build(DepthHead, depth_bias=2.5, depth_range=(0.5, 3.0))
    nn.init.zeros_(head.decoder.conv_seg.weight)
    nn.init.zeros_(head.decoder.conv_seg.bias)
    assert torch.equal(head([torch.randn(1, 4, 2, 3)]), torch.full((1, 1, 2, 3), 2.5))
    raw = torch.tensor([-1.0, 0.7, 9.0]).view(1, 1, 1, 3)
    (depth,) = head.predict_by_feat(raw, [{"ori_shape": (1, 3), "img_shape": (1, 3)}])
    assert depth.flatten().tolist() == pytest.approx([0.5, 0.7, 3.0])


def test_normals_are_unit_vectors() -> None:
    samples = make_samples(NormalsHead)
    build(NormalsHead).attach(torch.randn(2, 3, 4, 6), samples)
    assert torch.allclose(samples[0].get("pred_normals").data.norm(dim=0), torch.ones(8, 12), atol=1e-5)


@pytest.mark.parametrize("kind", [EdgesHead, SaliencyHead])
def test_binary_predictions_are_probabilities(kind: type[DenseHead]) -> None:
    samples = make_samples(kind, (2, 2), count=1)
    build(kind).attach(torch.tensor([[-2.0, 2.0], [0.1, -0.1]]).view(1, 1, 2, 2), samples)
    expected = [1 / (1 + math.exp(-x)) for x in (-2.0, 2.0, 0.1, -0.1)]
    assert samples[0].seg_logits.data.flatten().tolist() == pytest.approx(expected)
    assert samples[0].pred_sem_seg.data.flatten().tolist() == [0, 1, 1, 0]


def test_deeplab_decoder_fits() -> None:
    decoder = DepthwiseSeparableASPPHead(
        in_channels=8,
        in_index=1,
        channels=4,
        num_classes=3,
        dilations=(1, 2),
        c1_in_channels=4,
        c1_channels=2,
        norm_cfg=dict(type="BN"),
    )
    head = NormalsHead(decoder)
    raw = head([torch.randn(2, 4, 8, 8), torch.randn(2, 8, 4, 4)])
    assert raw.shape == (2, 3, 8, 8)


def test_wrong_decoder_is_refused() -> None:
    with pytest.raises(ValueError, match="NormalsHead needs a decoder with num_classes=3, got 7"):
        NormalsHead(fcn(7))
    with pytest.raises(TypeError, match="decoder must be a built mmseg decode head, got dict"):
        DepthHead(dict(type="mmseg.FCNHead"))


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (DepthHead, {"depth_range": (3, 1)}, "depth_range"),
        (EdgesHead, {"pos_weight": 95}, "pos_weight"),
    ],
)
def test_wrong_options_are_refused(kind: type[DenseHead], options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(kind, **options)


def test_missing_label_and_mixed_sizes_are_named() -> None:
    head, raw = build(DepthHead), torch.zeros(2, 1, 4, 6)
    with pytest.raises(KeyError, match=r"0\.png has no 'gt_depth_map'"):
        head.loss_by_feat(raw, make_samples(EdgesHead))
    mixed = make_samples(DepthHead, count=1) + make_samples(DepthHead, (9, 12), count=1)
    with pytest.raises(ValueError, match=r"\(1, 8, 12\).*\(1, 9, 12\)"):
        head.loss_by_feat(raw, mixed)
    with pytest.raises(ValueError, match=r"\(3, 1, 4, 6\).*\(2, 1, 8, 12\)"):
        head.loss_by_feat(torch.zeros(3, 1, 4, 6), make_samples(DepthHead))
