"""Predictions and losses for every kind of head, padding included."""

from __future__ import annotations

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models import FCNHead
from mmseg.structures import SegDataSample
from torch import nn

from mmdymu.models.heads import DepthHead, attach_predictions, head_loss
from mmdymu.models.heads.resizing import resize, to_original_size


def fcn(num_classes: int = 5, **options: object) -> FCNHead:
    return FCNHead(in_channels=4, channels=4, num_convs=0, num_classes=num_classes, **options)


def sample(label_size: tuple[int, int] | None = None, **meta: object) -> SegDataSample:
    item = SegDataSample(metainfo=meta)
    if label_size is not None:
        item.set_data({"gt_sem_seg": PixelData(data=torch.randint(0, 5, (1, *label_size)))})
    return item


def test_mmseg_head_gets_the_likeliest_class_at_label_size() -> None:
    samples = [sample((6, 8), img_shape=(6, 8)) for _ in range(2)]
    raw = torch.randn(2, 5, 3, 4)
    returned = attach_predictions(fcn(), raw, samples)
    expected = nn.functional.interpolate(raw, size=(6, 8), mode="bilinear", align_corners=False)
    for index, item in enumerate(returned):
        assert item is samples[index]
        assert torch.equal(item.seg_logits.data, expected[index])
        assert torch.equal(item.pred_sem_seg.data, expected[index].argmax(0, keepdim=True))


def test_mmseg_head_with_one_channel_uses_its_threshold() -> None:
    head = fcn(2, out_channels=1, threshold=0.9)
    item = sample((1, 2), img_shape=(1, 2))
    attach_predictions(head, torch.tensor([1.0, 5.0]).view(1, 1, 1, 2), [item])
    assert item.pred_sem_seg.data.flatten().tolist() == [0, 1]


def test_without_label_the_original_size_counts() -> None:
    item = sample(img_shape=(6, 8), ori_shape=(12, 16))
    attach_predictions(fcn(), torch.randn(1, 5, 3, 4), [item])
    assert item.pred_sem_seg.data.shape == (1, 12, 16)
    with pytest.raises(KeyError, match="ori_shape"):
        attach_predictions(fcn(), torch.randn(1, 5, 3, 4), [sample(img_shape=(6, 8))])


@pytest.mark.parametrize("named", [True, False])
def test_padding_is_cut_before_resizing(named: bool) -> None:
    """A raw map that is constant on the image and wild on the padding gives a constant prediction."""
    raw = torch.full((1, 1, 8, 8), 9.0)
    raw[..., :6, :4] = 2.0
    meta = {"img_shape": (6, 4), "pad_shape": (8, 8)} | ({"img_padding_size": (0, 4, 0, 2)} if named else {})
    (maps,) = to_original_size(raw, [meta], [(12, 8)])
    assert torch.equal(maps, torch.full((1, 12, 8), 2.0))


def test_padding_stays_where_labels_are_padded_too() -> None:
    raw = torch.randn(1, 1, 8, 8)
    meta = {"img_shape": (6, 4), "pad_shape": (8, 8), "padding_size": (0, 4, 0, 2), "labels_padded": True}
    assert torch.equal(to_original_size(raw, [meta], [(8, 8)])[0], raw[0])
    assert torch.equal(to_original_size(raw, [meta], [(6, 4)])[0], raw[0, :, :6, :4])


def test_images_of_one_batch_may_have_different_sizes() -> None:
    metas = [{"img_shape": (4, 8), "pad_shape": (8, 8)}, {"img_shape": (8, 6), "pad_shape": (8, 8)}]
    maps = to_original_size(torch.randn(2, 3, 4, 4), metas, [(4, 8), (16, 12)])
    assert [tuple(m.shape) for m in maps] == [(3, 4, 8), (3, 16, 12)]


def test_resizing_to_the_same_size_copies_nothing() -> None:
    maps = torch.randn(1, 2, 4, 4)
    assert resize(maps, (4, 4)) is maps


def test_head_loss_sums_losses_and_hands_on_logs() -> None:
    head, raw = fcn(), torch.randn(2, 5, 3, 4, requires_grad=True)
    samples = [sample((6, 8), img_shape=(6, 8)) for _ in range(2)]
    loss, logs = head_loss(head, raw, samples)
    entries = head.loss_by_feat(raw, samples)
    assert loss.shape == () and loss.item() == pytest.approx(entries["loss_ce"].item())
    assert set(logs) == {"acc_seg"} and not logs["acc_seg"].requires_grad
    loss.backward()
    assert raw.grad is not None


class ListHead(nn.Module):
    def loss_by_feat(self, raw: torch.Tensor, samples: object) -> dict:
        return {
            "loss_a": [raw.new_tensor([1.0, 3.0]), raw.new_tensor(4.0)],
            "loss_b": raw.new_tensor(5.0),
            "n": raw.sum(),
        }


class LoglessHead(nn.Module):
    def loss_by_feat(self, raw: torch.Tensor, samples: object) -> dict:
        return {"accuracy": raw.sum()}


def test_head_loss_follows_mmengine_on_lists() -> None:
    loss, logs = head_loss(ListHead(), torch.zeros(1), [])
    assert loss.item() == 2 + 4 + 5 and set(logs) == {"n"}
    with pytest.raises(ValueError, match="LoglessHead gave no entry with 'loss'"):
        head_loss(LoglessHead(), torch.zeros(1), [])


@pytest.mark.parametrize("avg_non_ignore", [True, False])
def test_mmseg_loss_without_any_label_is_a_zero_with_gradient(avg_non_ignore: bool) -> None:
    head = fcn(loss_decode=dict(type="CrossEntropyLoss", avg_non_ignore=avg_non_ignore))
    item, raw = sample((6, 8)), torch.randn(1, 5, 3, 4, requires_grad=True)
    item.gt_sem_seg.data.fill_(255)
    loss, _ = head_loss(head, raw, [item])
    loss.backward()
    assert loss.item() == 0 and bool((raw.grad == 0).all())


@pytest.mark.parametrize("head", [fcn(), DepthHead(nn.Conv2d(4, 1, 1))])
def test_wrong_number_of_samples_is_named(head: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"\(2, 1, 3, 4\) does not fit 1 samples"):
        attach_predictions(head, torch.zeros(2, 1, 3, 4), [sample((6, 8))])
