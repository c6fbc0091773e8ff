from __future__ import annotations

from collections.abc import Sequence

import pytest
import tiny
import torch
from torch import Tensor, nn

from mmdymu import BranchingTree, Preference
from mmdymu.engine import Batch, Frames, calibrate
from mmdymu.models import ControllableSegmentor
from mmdymu.models.segmentors import Selection

TREE = BranchingTree(((0, 0, 1), (0, 0, 2), (0, 1, 2)))


@pytest.fixture
def model() -> ControllableSegmentor:
    return tiny.build_model(stream=tiny.SHORT).eval()


def batches(model: ControllableSegmentor, size: int) -> list[Batch]:
    loader = tiny.test_loader(size=8)
    return Frames(loader["dataset"]).batches(model, batch_size=size)


def selection(model: ControllableSegmentor, tree: BranchingTree = TREE) -> Selection:
    preference = Preference.uniform(model.tasks)
    return Selection(preference, tree, model.norm_states(preference, tree))


def module_of(model: ControllableSegmentor, node: tuple[int, int]) -> nn.Module:
    return model.heads[model.tasks[node[1]]] if node[0] == model.num_layers else model.backbone.node(node)


def norm_inputs(model: ControllableSegmentor, tree: BranchingTree, inputs: Tensor) -> dict[nn.Module, Tensor]:
    """What each batch norm of the tree gets when all norms use the batch's own statistics."""
    seen: dict[nn.Module, Tensor] = {}
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(lambda norm, args: seen.update({norm: args[0]})) for norm in norms]
    model.set_norm_statistics("batch")
    with torch.no_grad():
        model.run_tree(inputs, tree)
    model.set_norm_statistics("running")
    for hook in hooks:
        hook.remove()
    return seen


def test_statistics_are_means_over_the_batches(model: ControllableSegmentor) -> None:
    frames = batches(model, 4)
    states = calibrate(model, selection(model), frames)
    inputs = [norm_inputs(model, TREE, batch.inputs) for batch in frames]
    checked = 0
    for node, state in states.items():
        for name, norm in module_of(model, node).named_modules():
            if isinstance(norm, nn.BatchNorm2d):
                seen = [batch[norm].transpose(0, 1).flatten(1) for batch in inputs]
                mean = torch.stack([values.mean(1) for values in seen]).mean(0)
                var = torch.stack([values.var(1) for values in seen]).mean(0)
                assert torch.allclose(state[f"{name}.running_mean"], mean, atol=1e-5)
                assert torch.allclose(state[f"{name}.running_var"], var, rtol=1e-4, atol=1e-5)
                checked += 1
    assert checked == len(inputs[0])


def test_used_nodes_and_heads_get_statistics(model: ControllableSegmentor) -> None:
    states = calibrate(model, selection(model), batches(model, 8))
    used = {(layer, i) for layer, nodes in enumerate(TREE.used_nodes) for i in nodes}
    assert set(states) == used | {(3, 0), (3, 1), (3, 2)}
    assert all(name.endswith(("running_mean", "running_var")) for state in states.values() for name in state)


def test_one_batch_gives_what_batch_statistics_give(model: ControllableSegmentor) -> None:
    (batch,) = batches(model, 8)
    chosen = selection(model)
    states = calibrate(model, chosen, [batch])
    seen = norm_inputs(model, TREE, batch.inputs)
    for node, state in states.items():
        for name, norm in module_of(model, node).named_modules():
            if isinstance(norm, nn.BatchNorm2d):
                count = seen[norm].numel() / seen[norm].shape[1]
                state[f"{name}.running_var"] *= (count - 1) / count  # Stored variances are unbiased.
    with torch.no_grad():
        found = model.run_tree(batch.inputs, TREE, chosen.with_states(states).node_states)
        model.set_norm_statistics("batch")
        expected = model.run_tree(batch.inputs, TREE, chosen.node_states)
    for task in model.tasks:
        assert torch.allclose(found[task], expected[task], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("setting", ["running", "batch"])
@pytest.mark.parametrize("training", [False, True])
def test_the_model_stays_as_it_was(model: ControllableSegmentor, setting: str, training: bool) -> None:
    model.train(training)
    model.set_norm_statistics(setting)
    modes = [(m.training, getattr(m, "momentum", 0), getattr(m, "track_running_stats", 0)) for m in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    calibrate(model, selection(model), batches(model, 4))
    after = [(m.training, getattr(m, "momentum", 0), getattr(m, "track_running_stats", 0)) for m in model.modules()]
    assert after == modes
    assert all(torch.equal(value.nan_to_num(), state[name].nan_to_num()) for name, value in model.state_dict().items())


def test_statistics_belong_to_the_shifted_norms(model: ControllableSegmentor) -> None:
    with torch.no_grad():
        for output in model.weight_hypernet.deltas.values():
            output.bias.fill_(0.3)
    frames = batches(model, 8)
    plain = calibrate(model, Selection(Preference.uniform(model.tasks), TREE), frames)
    shifted = calibrate(model, selection(model), frames)
    assert not _equal(plain[2, 0], shifted[2, 0])


def _equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_the_order_of_batches_does_not_matter(model: ControllableSegmentor) -> None:
    frames: Sequence[Batch] = batches(model, 2)
    forward = calibrate(model, selection(model), frames)
    backward = calibrate(model, selection(model), frames[::-1])
    for node, state in forward.items():
        for name, value in state.items():
            assert torch.allclose(backward[node][name], value, rtol=1e-4, atol=1e-5)
