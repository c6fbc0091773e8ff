from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

import pytest
import tiny_classes
import torch
from mmpretrain.structures import DataSample
from tiny_classes import TASKS
from torch import Tensor
from torch.nn import functional

from mmdymu.engine import AnchorObjective, TrunkObjective, WeightObjective
from mmdymu.engine.objectives.edges import _image_losses
from mmdymu.models import ControllableClassifier
from mmdymu.preference import Preference
from mmdymu.tree import BranchingTree

LABELS = [("trees", 4), ("fish", 0), ("people", 2), ("fish", 3), ("trees", 1), ("fish", 2), ("trees", 0), ("people", 4)]
OWN = {task: [row for row, (name, _) in enumerate(LABELS) if name == task] for task in TASKS}
# Fish and people share two layers, of fish's stream.
TREE = BranchingTree.from_paths([(0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 2, 2)])


@pytest.fixture
def images() -> Tensor:
    return torch.randn(len(LABELS), 3, 32, 32)


def alone(model: ControllableClassifier, images: Tensor) -> dict[str, tuple[Tensor, Any]]:
    """Per task, loss and parts of a single-task network that sees its own images only."""
    found = {}
    for index, task in enumerate(TASKS):
        parts = copy.deepcopy(torch.nn.Sequential(model.backbone.streams[index], model.heads[task])).train()
        truth = torch.tensor([LABELS[row][1] for row in OWN[task]])
        found[task] = functional.cross_entropy(parts(images[OWN[task]]), truth), parts
    return found


def test_the_anchor_trains_as_single_task_networks_on_their_own_images(images: Tensor) -> None:
    model = tiny_classes.build_model()
    model.begin_stage(AnchorObjective())
    expected = alone(model, images)
    losses = model(images, tiny_classes.samples(LABELS), mode="loss")
    sum(losses.values()).backward()
    for index, task in enumerate(TASKS):
        loss, parts = expected[task]
        loss.backward()
        assert torch.allclose(losses[f"{task}.loss"], loss, atol=1e-6)
        found = torch.nn.Sequential(model.backbone.streams[index], model.heads[task])
        for (name, one), other in zip(parts.named_parameters(), found.parameters(), strict=True):
            assert one.grad.any()
            assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-6), name
        for (name, one), other in zip(parts.named_buffers(), found.buffers(), strict=True):
            assert torch.allclose(one, other, rtol=1e-4, atol=1e-6), name


def test_statistics_do_not_depend_on_other_tasks_images(images: Tensor) -> None:
    changed = images.clone()
    changed[OWN["fish"]] += 3
    buffers = []
    for batch in (images, changed):
        model = tiny_classes.build_model()
        model.begin_stage(AnchorObjective())
        model(batch, tiny_classes.samples(LABELS), mode="loss")
        buffers.append([[value.clone() for value in stream.buffers()] for stream in model.backbone.streams])
    same = [all(torch.equal(a, b) for a, b in zip(*streams, strict=True)) for streams in zip(*buffers, strict=True)]
    assert same == [task != "fish" for task in TASKS]


def test_a_node_runs_the_images_of_the_tasks_above_it(images: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_classes.build_model()
    model.begin_stage(WeightObjective())
    run, seen = model.backbone.run_node, {}

    def counted(node: tuple[int, int], x: Tensor, states: Any = None) -> Tensor:
        seen[node] = len(x)
        return run(node, x, states)

    monkeypatch.setattr(model.backbone, "run_node", counted)
    model.tree_losses(images, tiny_classes.samples(LABELS), TREE)
    shared, fish, trees, people = 5, 3, 3, 2
    assert seen == {
        (0, 0): shared, (1, 0): shared, (2, 0): fish, (3, 0): fish,
        (0, 1): trees, (1, 1): trees, (2, 1): trees, (3, 1): trees, (2, 2): people, (3, 2): people,
    }  # fmt: skip


@pytest.mark.parametrize("tree", [TREE, BranchingTree.separate(3, 4), BranchingTree.shared(3, 4, 1)])
def test_own_images_give_what_all_images_give(images: Tensor, tree: BranchingTree) -> None:
    model = tiny_classes.build_model().eval()
    samples = tiny_classes.samples(LABELS)
    everywhere = model.run_tree(images, tree)
    own = model.run_tree(images, tree, rows=model.task_rows(samples))
    assert {task: tuple(raw.shape) for task, raw in everywhere.items()} == dict.fromkeys(TASKS, (len(LABELS), 5))
    for task in TASKS:
        assert torch.allclose(own[task], everywhere[task][OWN[task]], atol=1e-5)
    expected = [
        functional.cross_entropy(everywhere[task][OWN[task]], torch.tensor([LABELS[row][1] for row in OWN[task]]))
        for task in TASKS
    ]
    for outputs in (own, everywhere):
        assert torch.allclose(model.task_losses(outputs, samples)[0], torch.stack(expected), atol=1e-5)


NO_PEOPLE = [("trees", 4), ("fish", 0), ("trees", 1), ("fish", 2)]


class TestAbsentTasks:
    def test_have_no_loss_and_gradients_of_zero(self, images: Tensor) -> None:
        model = tiny_classes.build_model()
        model.begin_stage(AnchorObjective())
        before = [value.clone() for value in model.backbone.streams[2].buffers()]
        losses = model(images[:4], tiny_classes.samples(NO_PEOPLE), mode="loss")
        assert losses["people.loss"] == 0
        assert losses["fish.loss"] > 0
        sum(losses.values()).backward()
        assert all(parameter.grad is not None for p in (model.backbone, model.heads) for parameter in p.parameters())
        absent = [*model.backbone.streams[2].parameters(), *model.heads["people"].parameters()]
        assert not any(parameter.grad.any() for parameter in absent)
        assert all(torch.equal(a, b) for a, b in zip(before, model.backbone.streams[2].buffers(), strict=True))

    def test_of_a_shared_trunk(self, images: Tensor) -> None:
        model = tiny_classes.build_model()
        model.begin_stage(TrunkObjective())
        sum(model(images[:4], tiny_classes.samples(NO_PEOPLE), mode="loss").values()).backward()
        owned = [parameter for parameter in model.parameters() if parameter.requires_grad]
        assert all(torch.isfinite(parameter.grad).all() for parameter in owned)

    def test_of_outputs_for_all_images(self, images: Tensor) -> None:
        model = tiny_classes.build_model()
        outputs = model.run_tree(images[:4], model.anchor_tree)
        losses, _ = model.task_losses(outputs, tiny_classes.samples(NO_PEOPLE))
        assert losses[2] == 0
        assert losses.requires_grad

    def test_of_images_without_any(self, images: Tensor) -> None:
        model = tiny_classes.build_model()
        losses, _ = model.tree_losses(images[:0], [], model.anchor_tree)
        assert losses.tolist() == [0, 0, 0]
        losses.sum().backward()


def test_predicts_the_fields_that_exist(images: Tensor) -> None:
    model = tiny_classes.build_model().eval()
    samples = model(images, tiny_classes.samples(LABELS), mode="predict")
    outputs = model(images)
    for row, (sample, (task, truth)) in enumerate(zip(samples, LABELS, strict=True)):
        assert sample.keys() == [task]
        single: DataSample = sample.get(task)
        assert single.gt_label.tolist() == [truth]
        assert torch.allclose(single.pred_score, outputs[task][row].softmax(0), atol=1e-5)
        assert single.pred_label.tolist() == [int(outputs[task][row].argmax())]


def test_a_preference_selects_a_tree(images: Tensor) -> None:
    model = tiny_classes.build_model().eval()
    with torch.no_grad():
        for parameter in model.edge_hypernet.parameters():
            parameter.add_(torch.randn_like(parameter))
    tree = model.set_preference(Preference.parse([0.7, 0.2, 0.1], cost_weight=0.5, tasks=TASKS))
    expected = model.run_tree(images, tree, model.selection.node_states)
    assert all(torch.equal(raw, expected[task]) for task, raw in model(images).items())


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 8])
def test_losses_of_parts_of_a_batch_have_the_mean_of_the_batch(images: Tensor, parts: int) -> None:
    model = tiny_classes.build_model().eval()
    samples = tiny_classes.samples(LABELS)
    probs = torch.rand(4, 3, 3).softmax(-1)
    outputs = model.run_heads(model.backbone.forward_soft(images, probs))
    losses = _image_losses(model, probs.expand(parts, -1, -1, -1), images, samples)
    assert losses.shape == (parts, 3)
    # Exact where all parts have the same number of a task's images or the factors make up for it.
    counts = defaultdict(list)
    for part in range(parts):
        rows = [row for row in range(len(LABELS)) if row * parts // len(LABELS) == part]
        for task in TASKS:
            counts[task].append(len(set(rows) & set(OWN[task])))
    expected = model.task_losses(outputs, samples)[0]
    assert torch.allclose(losses.mean(dim=0), expected, atol=1e-5)
    assert all((losses[:, index] == 0).tolist() == [not count for count in counts[task]]
               for index, task in enumerate(TASKS))  # fmt: skip


def test_soft_decisions_of_one_tree_are_the_tree(images: Tensor) -> None:
    model = tiny_classes.build_model().eval()
    hard = model.run_tree(images, TREE)
    soft = model.run_heads(model.backbone.forward_soft(images, torch.tensor(TREE.to_edges())))
    assert all(torch.allclose(soft[task], hard[task], atol=1e-5) for task in TASKS)


def test_other_numbers_of_outputs_are_refused(images: Tensor) -> None:
    model = tiny_classes.build_model()
    with pytest.raises(ValueError, match="task 'fish' has 7 outputs for 3 of 8 images"):
        model.task_loss("fish", torch.zeros(7, 5), tiny_classes.samples(LABELS))


def test_a_loss_needs_labels(images: Tensor) -> None:
    model = tiny_classes.build_model()
    samples = tiny_classes.samples(LABELS)
    del samples[1].fish.gt_label
    with pytest.raises(ValueError, match="no gt_label"):
        model.tree_losses(images, samples, model.anchor_tree)


def test_what_a_head_logs_is_named_after_the_task(images: Tensor) -> None:
    heads = {task: {**config, "cal_acc": True} for task, config in tiny_classes.model_config()["heads"].items()}
    model = tiny_classes.build_model(heads=heads)
    model.begin_stage(AnchorObjective())
    losses = model(images, tiny_classes.samples(LABELS), mode="loss")
    assert {f"{task}.accuracy_top-1" for task in TASKS} < set(losses)


def test_starts_from_mmpretrains_single_task_models(images: Tensor, tmp_path: Any) -> None:
    source = tiny_classes.build_model(seed=1).eval()
    paths = {}
    for index, task in enumerate(TASKS):
        stream = source.backbone.stream(index)
        state = {f"backbone.{key.split('.', 2)[2]}": value for key, value in stream.state_dict().items()}
        state.update({f"head.{key}": value for key, value in source.heads[task].state_dict().items()})
        paths[task] = str(tmp_path / f"{task}.pth")
        torch.save({"state_dict": state}, paths[task])
    model = tiny_classes.build_model(anchor={"checkpoints": paths})
    model.init_weights()
    model.eval()
    assert all(torch.equal(raw, source(images)[task]) for task, raw in model(images).items())
