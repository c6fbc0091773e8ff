"""A preference selects a tree and norm parameters; nothing runs and nothing is learnt."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence

import pytest
import tiny
import torch
from torch import Tensor

from mmdymu.models import ControllableSegmentor
from mmdymu.preference import Preference
from mmdymu.tree import BranchingTree

TASKS = tiny.TASKS
ASKED = Preference(TASKS, (0.5, 0.3, 0.2), 0.4)


def controllable(tasks: Sequence[str] = TASKS, seed: int = 0, **changes: object) -> ControllableSegmentor:
    """A model whose hypernets say something."""
    model = tiny.build_model(tasks, seed, **changes).eval()
    for name, parameter in model.named_parameters():
        if name.startswith(("weight_hypernet.deltas", "edge_hypernet.logits")):
            parameter.data.normal_(std=0.05 if "deltas" in name else 1.0)
    return model.requires_grad_(False)


def images(count: int = 2) -> Tensor:
    return torch.randn(count, 3, *tiny.SIZE)


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert list(found) == list(expected)
    assert all(torch.equal(found[task], expected[task]) for task in found)


def test_the_tree_is_the_most_likely_one() -> None:
    model = controllable()
    tree = model.set_preference(ASKED)
    logits = model.edge_hypernet(torch.tensor([ASKED.weights]), torch.tensor([ASKED.cost_weight]))[0]
    assert tree == BranchingTree(tuple(map(tuple, logits.argmax(-1).tolist())))
    assert model.selection is not None
    assert (model.selection.tree, model.selection.preference) == (tree, ASKED)
    torch.testing.assert_close(model.edge_logits([ASKED, ASKED])[1], logits)


@pytest.mark.parametrize("seed", range(3))
def test_the_network_that_runs_against_one_with_shifted_weights(seed: int) -> None:
    model = controllable(seed=seed)
    tree = model.set_preference(ASKED)
    by_hand = copy.deepcopy(model)
    nodes = [(layer, i) for layer in range(5) for i in range(3)]
    deltas = model.weight_hypernet(torch.tensor(ASKED.weights), torch.tensor(ASKED.cost_weight), nodes)
    for node in nodes:
        norms = [m for m in by_hand.backbone.node(node).modules() if isinstance(m, torch.nn.BatchNorm2d)]
        start = 0
        for norm in norms:
            channels = slice(start, start + norm.num_features)
            norm.weight += deltas[node][0, channels]
            norm.bias += deltas[node][1, channels]
            start = channels.stop
        assert start == deltas[node].shape[1]
    x = images()
    assert_same(model(x), by_hand.run_tree(x, tree))
    plain = model.run_tree(x, tree)
    assert any(not torch.allclose(plain[task], model(x)[task]) for task in TASKS)


def test_no_image_runs_and_no_parameter_changes() -> None:
    model = controllable()
    before = copy.deepcopy(model.state_dict())
    calls: list[str] = []
    for name, module in [*model.backbone.named_modules(), *model.heads.named_modules()]:
        module.register_forward_hook(lambda *_, name=name: calls.append(name))
    model.set_preference(ASKED)
    assert not calls
    after = model.state_dict()
    # Stage results are NaN before their stage.
    assert all(torch.equal(after[key].nan_to_num(), value.nan_to_num()) for key, value in before.items())


def test_only_used_nodes_have_states() -> None:
    model = controllable()
    seen = set()
    for seed in range(8):
        weights = torch.rand(3, generator=torch.Generator().manual_seed(seed)).tolist()
        tree = model.set_preference(Preference.parse(weights, cost_weight=seed / 8, tasks=TASKS))
        used = {(layer, i) for layer, streams in enumerate(tree.used_nodes) for i in streams}
        assert set(model.selection.node_states) == used
        seen.add(tree)
    assert len(seen) > 1


def test_without_shifts_the_anchors_weights_run() -> None:
    for model in (tiny.build_model().eval(), tiny.build_model(weight_hypernet=None).eval()):
        tree = model.set_preference(ASKED)
        x = images()
        assert_same(model(x), model.run_tree(x, tree))
    assert model.selection.node_states == {}


def test_a_given_tree_runs_in_place_of_the_predicted_one() -> None:
    model = controllable()
    given = next(
        tree for stream in range(3) if (tree := BranchingTree.shared(3, 5, stream)) != model.predict_tree(ASKED)
    )
    assert model.set_preference(ASKED, given, {"budget": {"flops": 1.0}}) == given
    chosen, x = model.selection, images()
    assert (chosen.tree, chosen.preference, chosen.is_given) == (given, ASKED, True)
    assert set(chosen.node_states) == {(layer, given.paths[0][layer]) for layer in range(5)}
    assert_same(model(x), model.run_tree(x, given, model.norm_states(ASKED, given)))
    report = model.report()
    assert (report["chosen_by"], report["budget"], report["nodes_used"]) == (
        "search within a budget",
        {"flops": 1.0},
        5,
    )
    model.attach_states({})
    assert model.selection.about == {"budget": {"flops": 1.0}}
    # Other weights: the tree stays, what was said about it was about the old ones.
    model.load_state_dict(model.state_dict())
    assert model.selection.tree == given
    assert "budget" not in model.report()
    model.set_preference(ASKED)
    assert (model.selection.tree, model.report()["chosen_by"]) == (model.predict_tree(ASKED), "edge hypernet")
    model.clear_preference()
    assert model.report()["chosen_by"] == "anchor"


@pytest.mark.parametrize("tree", [BranchingTree.separate(2, 5), BranchingTree.separate(3, 4)])
def test_refuses_a_tree_of_another_size(tree: BranchingTree) -> None:
    model = controllable()
    with pytest.raises(ValueError, match=rf"tree has {tree.num_tasks} tasks and {tree.num_layers} layers, the model"):
        model.set_preference(ASKED, tree)
    assert model.selection is None


def test_a_second_preference_replaces_the_first() -> None:
    model, x = controllable(), images()
    other = Preference(TASKS, (0.0, 0.0, 1.0), 1.0)
    model.set_preference(ASKED)
    first = model(x)
    model.set_preference(other)
    second = model(x)
    assert any(not torch.equal(first[task], second[task]) for task in TASKS)
    model.set_preference(ASKED)
    assert_same(model(x), first)


@pytest.mark.parametrize("tasks", [("semseg", "depth"), ("depth", "semseg", "normals"), ("a", "b", "c")])
def test_refuses_a_preference_about_other_tasks(tasks: tuple[str, ...]) -> None:
    model = controllable()
    with pytest.raises(ValueError, match=rf"about tasks \['{tasks[0]}'.*the model has \['semseg', 'depth'"):
        model.set_preference(Preference.uniform(tasks))
    assert model.selection is None


def test_attached_states_join_the_selection() -> None:
    model = controllable()
    with pytest.raises(RuntimeError, match="no preference is set: call set_preference first"):
        model.attach_states({})
    tree = model.set_preference(ASKED)
    node = (0, tree.used_nodes[0][0])
    before = model.selection.node_states[node]
    mean = torch.full((4,), 0.3)
    model.attach_states({node: {"bn1.running_mean": mean}, (5, 1): {"decoder.conv_seg.bias": torch.ones(1)}})
    after = model.selection.node_states
    assert torch.equal(after[node]["bn1.running_mean"], mean)
    assert all(torch.equal(after[node][name], value) for name, value in before.items())
    x = images()
    assert_same(model(x), model.run_tree(x, tree, after))
    model.set_preference(ASKED)
    assert "bn1.running_mean" not in model.selection.node_states[node]


def test_loading_other_weights_refreshes_the_selection() -> None:
    model, other, x = controllable(), controllable(seed=1), images()
    for part in (model, other):
        part.set_preference(ASKED)
    model.load_state_dict(other.state_dict())
    assert model.selection.tree == other.selection.tree
    assert_same(model(x), other(x))


def test_a_cast_takes_the_selection_along() -> None:
    model, x = controllable(), images()
    tree = model.set_preference(ASKED)
    model.attach_states({(0, i): {"bn1.running_mean": torch.full((4,), 0.3)} for i in tree.used_nodes[0]})
    before = model(x)
    model.double()
    after = model(x.double())
    for task in TASKS:
        assert after[task].dtype == torch.float64
        torch.testing.assert_close(after[task].float(), before[task], rtol=1e-4, atol=1e-5)
    assert model.set_preference(ASKED) == tree
    assert model(x.double())["semseg"].dtype == torch.float64


def test_a_move_takes_the_selection_along() -> None:
    model = controllable()
    model.set_preference(ASKED)
    model.to("meta")
    values = [value for state in model.selection.node_states.values() for value in state.values()]
    assert values and all(value.device.type == "meta" for value in values)


@pytest.mark.parametrize("chosen", [False, True])
def test_copies_and_pickles_work_alone(chosen: bool) -> None:
    model, x = controllable(), images()
    if chosen:
        model.set_preference(ASKED)
    expected = model(x)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert_same(twin(x), expected)
        for parameter in twin.parameters():
            parameter.zero_()
        assert_same(model(x), expected)
        # The twin's load refreshes the twin's own selection.
        twin.load_state_dict(model.state_dict())
        assert_same(twin(x), expected)


def test_reordering_the_tasks_reorders_everything() -> None:
    """A model with its tasks in another order, and weights moved accordingly, is the same model."""
    model, order = controllable(), (2, 0, 1)
    tasks = tuple(TASKS[i] for i in order)
    other = controllable(tasks)
    for new, old in enumerate(order):
        other.backbone.streams[new].load_state_dict(model.backbone.streams[old].state_dict())
        other.heads[tasks[new]].load_state_dict(model.heads[tasks[new]].state_dict())
    state = {k: v.clone() for k, v in model.state_dict().items() if "hypernet" in k}
    for name in ("edge_hypernet.embedding.tasks", "weight_hypernet.embedding.tasks"):
        state[name] = state[name][list(order)]
    for kind in ("weight", "bias"):
        name = f"edge_hypernet.logits.{kind}"
        table = state[name].unflatten(0, (5, 3, 3))[:, list(order)][:, :, list(order)]
        state[name] = table.flatten(0, 2)
        for layer in range(5):
            rows = [state[f"weight_hypernet.deltas.{layer}_{old}.{kind}"] for old in order]
            state.update({f"weight_hypernet.deltas.{layer}_{new}.{kind}": v for new, v in enumerate(rows)})
    other.load_state_dict(state, strict=False)
    x = images()
    model.set_preference(ASKED)
    other.set_preference(Preference(tasks, tuple(ASKED.weights[i] for i in order), ASKED.cost_weight))
    expected = model(x)
    for task in tasks:
        torch.testing.assert_close(other(x)[task], expected[task])
