"""What a segmentor is built from, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import tiny
import torch
from mmengine.registry import init_default_scope

from mmdymu.models import ControllableSegmentor
from mmdymu.registry import MODELS
from mmdymu.tree import BranchingTree

TASKS = tiny.TASKS


def build(**changes: Any) -> ControllableSegmentor:
    init_default_scope("mmdymu")
    return MODELS.build(tiny.model_config(**changes))


@pytest.mark.parametrize("num_tasks", [1, 2, 3, 5, 20])
def test_any_number_of_tasks(num_tasks: int) -> None:
    tasks = tuple(f"{('semseg', 'depth', 'normals')[i % 3]}{i}" for i in range(num_tasks))
    model = tiny.build_model(tasks).eval()
    assert model.tasks == tasks
    assert (model.num_tasks, model.num_layers) == (num_tasks, 5)
    assert model.anchor_tree == BranchingTree.separate(num_tasks, 5)
    paths = num_tasks**6
    assert model.path_losses.numel() == (paths if paths <= 20_000 else 0)
    assert not model.is_controllable
    with torch.no_grad():
        outputs = model(torch.randn(1, 3, *tiny.SIZE), mode="tensor")
    assert list(outputs) == list(tasks)
    channels = {"semseg": tiny.CLASSES, "depth": 1, "normals": 3}
    for task, output in outputs.items():
        assert output.shape[:2] == (1, channels[task.rstrip("0123456789")])


def test_before_a_preference_the_anchor_runs() -> None:
    model = tiny.build_model().eval()
    x = torch.randn(2, 3, *tiny.SIZE)
    assert model.selection is None
    outputs = model(x)
    for index, task in enumerate(TASKS):
        alone = model.heads[task](model.backbone.streams[index](x))
        assert alone.any()
        assert torch.equal(outputs[task], alone)


def test_streams_start_equal_and_heads_do_not_share() -> None:
    model = build()
    model.init_weights()
    x = torch.randn(1, 3, *tiny.SIZE)
    first, *others = [stream.eval()(x) for stream in model.backbone.streams]
    assert all(torch.equal(a, b) for other in others for a, b in zip(first, other, strict=True))
    assert len({id(p) for p in model.parameters()}) == len(list(model.parameters()))


HYPERNETS = [
    {},
    {"weight_hypernet": None},
    {"weight_hypernet": {"type": "mmdymu.ChunkedHypernet"}, "edge_hypernet": {"type": "mmdymu.FixedEdges"}},
]


@pytest.mark.parametrize("hypernets", HYPERNETS)
def test_hypernets_change_no_other_draw(hypernets: dict) -> None:
    models = []
    for settings in ({}, hypernets):
        torch.manual_seed(3)
        models.append(build(**settings))
        models[-1].init_weights()
        models[-1].draw = torch.rand(1)
    first, other = models
    assert torch.equal(first.draw, other.draw)
    state, shared = other.state_dict(), ("backbone.", "heads.", "edge_hypernet.embedding")
    names = [name for name in first.state_dict() if name.startswith(shared) and name in state]
    assert len(names) > 10
    assert all(torch.equal(value, state[name]) for name, value in first.state_dict().items() if name in names)


def test_hypernets_begin_anew_as_they_began() -> None:
    torch.manual_seed(4)
    model = build()
    before = {name: value.clone() for name, value in model.state_dict().items() if "hypernet" in name}
    with torch.no_grad():
        for hypernet in (model.edge_hypernet, model.weight_hypernet):
            for parameter in hypernet.parameters():
                parameter.normal_()
    draw = torch.get_rng_state()
    model.reset_hypernets()
    assert torch.equal(torch.get_rng_state(), draw)
    assert before
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())


def test_where_a_search_has_not_ended_there_is_no_network_yet() -> None:
    model = build(edge_hypernet={"type": "mmdymu.FreeEdges"}, weight_hypernet=None)
    model.loss_scale.fill_(1.0)
    assert not model.is_controllable
    model.edge_hypernet.decide(model.anchor_tree)
    assert model.is_controllable


@pytest.mark.parametrize("tasks", [(), "semseg", ("semseg", "semseg")])
def test_refuses_bad_tasks(tasks: Any) -> None:
    with pytest.raises(ValueError, match=r"model\.tasks=.* must be a non-empty sequence of unique task names"):
        build(tasks=tasks, heads={"semseg": tiny.head("semseg")})


def test_refuses_a_config_without_tasks() -> None:
    with pytest.raises(ValueError, match=r"model\.tasks=\(\)"):
        ControllableSegmentor()


@pytest.mark.parametrize("heads", [None, {}, ("semseg",), (*TASKS, "edges")])
def test_refuses_heads_of_other_tasks(heads: Any) -> None:
    given = {task: tiny.head(task) for task in heads} if heads else heads
    with pytest.raises(ValueError, match=r"model\.heads has \[.*model\.tasks is \['semseg', 'depth', 'normals'\]"):
        build(heads=given)


def test_refuses_a_config_without_a_stream() -> None:
    with pytest.raises(ValueError, match=r"model\.stream is missing"):
        build(stream=None)


@pytest.mark.parametrize(
    ("anchor", "message"),
    [
        ({"checkpoint": "a.pth"}, r"model\.anchor has \['checkpoint'\]"),
        ({"checkpoints": {"semseg": "a.pth"}}, r"names the tasks \['semseg'\], the model has \['semseg', 'depth'"),
        ({"checkpoints": dict.fromkeys((*TASKS, "edges"), "a.pth")}, "'edges'"),
    ],
)
def test_refuses_anchor_settings_that_do_not_fit(anchor: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(anchor=anchor)


def test_refuses_an_unknown_mode() -> None:
    with pytest.raises(ValueError, match="mode='features' is unknown, use 'tensor', 'predict' or 'loss'"):
        build()(torch.zeros(1, 3, *tiny.SIZE), mode="features")


@pytest.mark.parametrize(("inputs", "mode"), [(None, "tensor"), (torch.zeros(1, 3, *tiny.SIZE), "predict")])
def test_refuses_a_missing_argument(inputs: Any, mode: str) -> None:
    with pytest.raises(ValueError, match=f"mode='{mode}' needs inputs, and 'predict' also data_samples"):
        build()(inputs, mode=mode)


def test_predictions_are_attached_in_the_size_of_the_label() -> None:
    model = tiny.build_model().eval()
    samples = tiny.samples(count=2)
    x = torch.randn(2, 3, *tiny.SIZE)
    with torch.no_grad():
        found = model(x, samples, mode="predict")
    assert found == samples
    for sample in found:
        assert sample.get("semseg").pred_sem_seg.data.shape == (1, *tiny.SIZE)
        assert sample.get("semseg").seg_logits.data.shape == (tiny.CLASSES, *tiny.SIZE)
        assert sample.get("depth").pred_depth_map.data.shape == (1, *tiny.SIZE)
        normals = sample.get("normals").pred_normals.data
        torch.testing.assert_close(normals.norm(dim=0), torch.ones(tiny.SIZE))


@pytest.mark.parametrize("mode", ["predict", "loss"])
def test_data_without_one_of_the_tasks_are_refused(mode: str) -> None:
    model = tiny.build_model()
    with pytest.raises(ValueError, match=r"task 'normals'.*\['depth', 'semseg'\]"):
        model(torch.randn(2, 3, *tiny.SIZE), tiny.samples(("semseg", "depth")), mode=mode)


def test_test_step_takes_what_a_loader_gives() -> None:
    model = tiny.build_model().eval()
    data = [tiny.TinyDataset()[i] for i in range(2)]
    batch = {key: [item[key] for item in data] for key in data[0]}
    with torch.no_grad():
        samples = model.test_step(batch)
    assert all("pred_sem_seg" in sample.get("semseg") for sample in samples)


def test_a_stock_train_loop_trains_the_anchor() -> None:
    model = tiny.build_model().train()
    losses = model(torch.randn(2, 3, *tiny.SIZE), tiny.samples(), mode="loss")
    assert {f"{task}.loss" for task in TASKS} <= set(losses)
    total, _ = model.parse_losses(losses)
    total.backward()
    assert all(p.grad is not None for p in model.backbone.parameters())
    assert all(p.grad is None for p in model.edge_hypernet.parameters())


def test_costs_are_counted_once_and_reported() -> None:
    model = tiny.build_model()
    report = model.report()
    assert report["nodes_used"] == report["nodes_total"] == 15
    assert report["share"] == pytest.approx(1)
    assert report["tree"] == model.anchor_tree.draw(TASKS)
    assert report["gflops"] == pytest.approx(model.complexity.flops(model.anchor_tree) / 1e9)
    assert model.complexity is model.complexity
    assert model.complexity.input_shape == (3, *tiny.SIZE)
