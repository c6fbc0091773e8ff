from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import tiny
import torch
from mmseg.models.decode_heads import decode_head
from test_deploy.nets import (
    FIVE,
    build,
    build_classifier,
    difference,
    images,
    preferences,
)
from torch import nn

from mmdymu import BranchingTree, Preference
from mmdymu.deploy import fix
from mmdymu.engine import calibrate
from mmdymu.engine.frames import Batch
from mmdymu.models import ControllableNet
from mmdymu.models.segmentors import Selection

BEFORE, AFTER = 1e-5, 1e-4


@pytest.fixture(scope="module")
def model() -> ControllableNet:
    """Not to be changed."""
    return build()


@pytest.mark.parametrize(
    ("backbone", "kind", "tasks", "changes"),
    [
        ("resnet18", "DepthwiseSeparableASPPHead", tiny.TASKS, {}),
        ("resnet18", "FCNHead", ("semseg", "depth"), {"weight_hypernet": None}),
        ("resnet18", "PSPHead", ("semseg", "edges"), {}),
        ("resnet50", "DepthwiseSeparableASPPHead", FIVE[:4], {}),
        ("mobilenet", "DepthwiseSeparableASPPHead", FIVE, {}),
        ("mobilenet", "ASPPHead", tiny.TASKS, {"head_changes": {"align_corners": True}}),
    ],
)
def test_a_fixed_network_equals_the_model(backbone: str, kind: str, tasks: tuple[str, ...], changes: dict) -> None:
    model = build(backbone, kind, tasks, **changes)
    x, drawn = images(), preferences(model, 40)
    other = next(r for r in drawn if model.predict_tree(r) != model.predict_tree(drawn[0]))
    for preference in (drawn[0], other):
        model.set_preference(preference)
        wanted = model(x)
        assert difference(fix(model, preference, fold=False)(x), wanted) <= BEFORE
        folded = fix(model, preference)
        assert difference(folded(x), wanted) <= AFTER
        assert not [part for part in folded.modules() if isinstance(part, nn.BatchNorm2d)]


@pytest.mark.parametrize("granularity", ["stage", "block"])
def test_a_fixed_classifier_equals_the_model(granularity: str) -> None:
    model = build_classifier(
        stream={"backbone": {"type": "mmdymu.ResNet9", "base_channels": 2}, "granularity": granularity}
    )
    x = images(size=(32, 32))
    for preference in preferences(model, 3):
        model.set_preference(preference)
        assert difference(fix(model, preference, fold=False)(x), model(x)) <= BEFORE
        assert difference(fix(model, preference)(x), model(x)) <= AFTER


def test_preferences_change_the_network(model: ControllableNet) -> None:
    first, second = (fix(model, preference)(images()) for preference in preferences(model, 2))
    assert difference(first, second) > 0.01


def test_norm_shifts_are_in_the_network(model: ControllableNet) -> None:
    preference = preferences(model, 1)[0]
    unshifted = Selection(preference, model.predict_tree(preference))
    assert difference(fix(model, unshifted)(images()), fix(model, preference)(images())) > 0.01


def test_calibrated_statistics_are_in_the_network_heads_included() -> None:
    model = build()
    x, running = images(), fix(model, preferences(model, 1)[0])
    model.set_preference(preferences(model, 1)[0])
    model.set_norm_statistics("calibrated")
    states = calibrate(model, model.selection, [Batch(images(8, seed=1), tiny.samples(count=8))])
    assert any(layer == model.num_layers for layer, _ in states)
    model.attach_states(states)
    for network in (fix(model), fix(model, preferences(model, 1)[0]), fix(model, model.selection)):
        assert difference(network(x), model(x)) <= AFTER
        assert network.manifest["norm_statistics"] == "calibrated"
    assert difference(running(x), model(x)) > 0.01
    assert running.manifest["norm_statistics"] == "running"


def test_without_a_preference_the_anchor_is_fixed(model: ControllableNet) -> None:
    network = fix(model)
    assert difference(network(images()), model(images())) <= AFTER
    assert network.manifest["preference"] is None
    assert network.manifest["tree"]["parents"] == [list(row) for row in model.anchor_tree.parents]


@pytest.mark.parametrize("tree", [BranchingTree.shared(3, 5, 1), BranchingTree.heuristic(3, 5, 2, 3)])
def test_a_given_tree(tree: BranchingTree) -> None:
    model = build()
    model.set_preference(Preference.uniform(model.tasks), tree)
    network = fix(model)
    assert difference(network(images()), model(images())) <= AFTER
    nodes = [[int(name) for name, _ in layer.named_children()] for layer in network.layers.children()]
    assert nodes == [list(streams) for streams in tree.used_nodes]


def test_the_model_is_left_as_it_was() -> None:
    model = build().train()
    model.set_preference(preferences(model, 1)[0])
    before, selection = copy.deepcopy(model.state_dict()), model.selection
    network = fix(model, preferences(model, 2)[1])
    network(images())
    torch.testing.assert_close(before, model.state_dict(), rtol=0, atol=0, equal_nan=True)
    assert model.selection is selection
    assert model.training
    assert model.heads["semseg"].dropout.training
    shared = {parameter.data_ptr() for parameter in model.parameters()}
    assert not shared & {parameter.data_ptr() for parameter in network.parameters()}


def test_batch_and_size_are_free(model: ControllableNet) -> None:
    preference = preferences(model, 1)[0]
    network, selection = fix(model, preference), Selection(preference, *_chosen(model, preference))
    for batch, size in ((1, (32, 48)), (3, (47, 61)), (2, (64, 33))):
        x = images(batch, size)
        assert difference(network(x), model.run_tree(x, selection.tree, selection.node_states)) <= AFTER


def _chosen(model: ControllableNet, preference: Preference):
    with torch.no_grad():
        tree = model.predict_tree(preference)
        return tree, model.norm_states(preference, tree)


def test_only_layers_of_torch_are_left(model: ControllableNet) -> None:
    network = fix(model, preferences(model, 1)[0])
    parts = [part for name, part in network.named_modules() if name]
    assert {type(part).__module__.split(".")[0] for part in parts} == {"torch"}
    assert not [part for part in parts if isinstance(part, (nn.Dropout2d, nn.Identity))]
    assert not [parameter for parameter in network.parameters() if parameter.requires_grad]
    assert not network.training
    convolutions = [part for part in parts if isinstance(part, nn.Conv2d)]
    assert all(conv.weight.is_contiguous(memory_format=torch.channels_last) for conv in convolutions)


def test_scripted_and_pickled_networks_are_equal(model: ControllableNet) -> None:
    network = fix(model, preferences(model, 1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(network)
    file = io.BytesIO()
    torch.save(network, file)
    file.seek(0)
    loaded = [pickle.loads(pickle.dumps(network)), torch.load(file, weights_only=False), copy.deepcopy(network)]
    for x in (images(), images(3, (47, 61))):
        wanted = network(x)
        assert difference(scripted(x), wanted) <= 1e-6
        assert all(difference(other(x), wanted) == 0 for other in loaded)
    assert all(other.manifest == network.manifest for other in loaded)


def test_it_loads_without_the_libraries_that_built_it(model: ControllableNet, tmp_path: Path) -> None:
    network = fix(model, preferences(model, 1)[0], postprocess=True)
    torch.save((network, images(), network(images())), tmp_path / "network.pth")
    code = (
        "import sys\n"
        "for name in ('mmdymu', 'mmengine', 'mmcv', 'mmseg', 'mmpretrain'): sys.modules[name] = None\n"
        "import torch\n"
        "network, x, wanted = torch.load('network.pth', weights_only=False)\n"
        "found = network(x)\n"
        "print(all(torch.equal(found[task], wanted[task]) for task in wanted), network.manifest['tasks'])\n"
        "torch.jit.script(network)\n"
    )
    # As many threads as here: they decide in which order sums are taken.
    options = {"cwd": tmp_path, "env": {"OMP_NUM_THREADS": "1"}}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "True ['semseg', 'depth', 'normals']"


def test_a_budget_is_kept(model: ControllableNet) -> None:
    smallest = model.complexity.flops(BranchingTree.shared(3, 5, 0))
    limit = (smallest + model.complexity.flops(model.anchor_tree)) / 2
    preference = Preference.uniform(model.tasks)
    network = fix(model, preference, budget={"flops": limit})
    assert network.manifest["flops"] <= limit
    assert network.manifest["budget"]["flops"] == limit
    assert network.manifest["budget"]["cost"] == network.manifest["flops"]
    with pytest.raises(ValueError, match="too small for any tree"):
        fix(model, preference, budget={"flops": smallest / 2})
    with pytest.raises(ValueError, match="a budget needs a preference"):
        fix(model, budget={"flops": limit})
    with pytest.raises(ValueError, match="cost_weight"):
        fix(model, Preference.uniform(model.tasks, 0.5), budget={"flops": limit})


def test_a_sync_norm_becomes_a_plain_one() -> None:
    model = build("resnet18", "FCNHead", ("semseg", "depth"))
    plain = fix(model)
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(model)).eval()
    assert difference(fix(converted)(images()), plain(images())) <= BEFORE


def test_checkpointed_blocks_are_traced() -> None:
    model = build("resnet18", "FCNHead", ("semseg", "depth"))
    with_cp = build("resnet18", "FCNHead", ("semseg", "depth"))
    for part in with_cp.modules():
        if hasattr(part, "with_cp"):
            part.with_cp = True
    assert difference(fix(with_cp)(images()), fix(model)(images())) == 0


@pytest.mark.parametrize(
    ("preference", "message"),
    [([0.5, 0.5], "2 entries for 3 tasks"), ({"edges": 1.0}, r"unknown tasks \['edges'\]"), ([0, 0, 0], "all zero")],
)
def test_other_tasks_are_refused(model: ControllableNet, preference: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fix(model, preference)


def test_an_untrained_controller_is_refused() -> None:
    model = tiny.build_model().eval()
    with pytest.raises(ValueError, match="edge hypernet is not trained"):
        fix(model, [1, 1, 1])
    assert difference(fix(model)(images()), model(images())) <= AFTER


def test_statistics_that_are_not_there_are_refused() -> None:
    model = build()
    model.set_norm_statistics("batch")
    with pytest.raises(ValueError, match="norm_statistics='batch'"):
        fix(model)
    model.set_norm_statistics("calibrated")
    with pytest.raises(ValueError, match="no statistics of this preference"):
        fix(model, [1, 1, 1])


@pytest.mark.parametrize("shape", [(3, 32, 48), (2, 1, 32, 48)])
def test_images_of_another_shape_are_refused(model: ControllableNet, shape: tuple[int, ...]) -> None:
    with pytest.raises(AssertionError, match=r"images must have the shape \(B, 3, H, W\)"):
        fix(model, preferences(model, 1)[0])(torch.zeros(shape))


def test_another_module_is_refused() -> None:
    with pytest.raises(TypeError, match="got a Linear"):
        fix(nn.Linear(1, 1))


def test_heads_that_look_at_sizes_are_refused() -> None:
    class Choosy(nn.Module):
        def forward(self, features: tuple[torch.Tensor, ...]) -> torch.Tensor:
            return features[-1] if features[-1].mean() > 0 else features[0]

    model = build("resnet18", "FCNHead", ("semseg", "depth"))
    model.complexity  # noqa: B018  # counted with the true heads
    model.heads["depth"] = Choosy()
    with pytest.raises(ValueError, match="decides by the size or the values of a tensor"):
        fix(model)


@pytest.mark.parametrize("base", ["initial", None])
@pytest.mark.parametrize("family", ["segmentor", "classifier"])
def test_all_weights_of_a_hypernet_are_in_the_network(family: str, base: str | None) -> None:
    parts = {
        "edge_hypernet": {"type": "mmdymu.FixedEdges"},
        "weight_hypernet": {"type": "mmdymu.ChunkedHypernet", "base": base, "hidden": 20},
    }
    model = build(**parts) if family == "segmentor" else build_classifier(**parts)
    x = images(size=tiny.SIZE if family == "segmentor" else (32, 32))
    outputs = []
    for preference in preferences(model, 2):
        model.set_preference(preference)
        plain, folded = fix(model, preference, fold=False), fix(model, preference)
        outputs.append(plain(x))
        assert difference(plain(x), model(x)) <= BEFORE
        assert difference(folded(x), model(x)) <= AFTER
        assert plain.manifest["stored_params"] == model.weight_hypernet.plan.numbers
    assert difference(*outputs) > 0.01


class WithDropout(nn.Module):
    """A head that drops features in a function, whether or not it is trained."""

    def __init__(self, head: nn.Module, *args: object, **options: object) -> None:
        super().__init__()
        self.head, self.args, self.options = head, args, options

    def forward(self, features: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return nn.functional.dropout(self.head(features), *self.args, **self.options)


@pytest.mark.parametrize(("args", "options"), [((), {}), ((0.5, True), {}), ((), {"training": True})])
def test_dropout_in_evaluation_mode_stays(args: tuple, options: dict) -> None:
    model = build("resnet18", "FCNHead", ("semseg", "depth"))
    plain = fix(model)(images())["depth"]
    model.heads["depth"] = WithDropout(model.heads["depth"], *args, **options)
    dropped = fix(model)(images())["depth"]
    assert 0.2 < (dropped == 0).double().mean() < 0.8
    assert torch.equal(dropped[dropped != 0], (2 * plain)[dropped != 0])


@pytest.mark.parametrize(("args", "options"), [((0.5, False), {}), ((), {"training": False})])
def test_dropout_of_training_is_left_out(args: tuple, options: dict) -> None:
    model = build("resnet18", "FCNHead", ("semseg", "depth"))
    plain = fix(model)(images())["depth"]
    model.heads["depth"] = WithDropout(model.heads["depth"], *args, **options)
    network = fix(model)
    assert not [node for node in network.graph.nodes if node.target is nn.functional.dropout]
    assert torch.equal(network(images())["depth"], plain)


def test_a_head_that_resizes_its_inputs() -> None:
    model = build(
        "resnet18",
        "FCNHead",
        ("semseg", "depth"),
        {"input_transform": "resize_concat", "in_index": [0, 1], "in_channels": [4, 32], "align_corners": True},
    )
    before = decode_head.resize
    network = fix(model)
    assert decode_head.resize is before
    for x in (images(), images(3, (47, 61))):
        assert difference(network(x), model(x)) <= AFTER
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(network)
    assert difference(scripted(images()), network(images())) <= 1e-6


def test_calibrated_statistics_that_nobody_attached_are_refused() -> None:
    model = build()
    preference = preferences(model, 1)[0]
    model.set_preference(preference)
    selection = model.selection
    model.set_norm_statistics("calibrated")
    for asked in (None, preference, selection):
        with pytest.raises(ValueError, match="no statistics of this preference's network"):
            fix(model, asked)
    states = calibrate(model, selection, [Batch(images(8, seed=1), tiny.samples(count=8))])
    calibrated = selection.with_states(states)
    assert fix(model, calibrated).manifest["norm_statistics"] == "calibrated"
    # The anchor's own statistics are its running ones.
    model.clear_preference()
    assert fix(model).manifest["norm_statistics"] == "running"


def test_without_norms_there_is_nothing_to_calibrate() -> None:
    backbone = {**tiny.RESNET, "norm_cfg": {"type": "GN", "num_groups": 2, "requires_grad": True}}
    heads = {task: {**tiny.FCN, "num_classes": 4, "norm_cfg": None} for task in ("semseg", "parts")}
    model = tiny.build_model(("semseg", "parts"), stream={"backbone": backbone}, heads=heads, weight_hypernet=None)
    model.loss_scale.fill_(1.0)
    model.eval().set_preference(Preference.uniform(model.tasks))
    model.set_norm_statistics("calibrated")
    assert difference(fix(model)(images()), model(images())) <= BEFORE


def test_the_selection_of_another_model_is_refused(model: ControllableNet) -> None:
    tree = model.anchor_tree
    with pytest.raises(ValueError, match=r"selection is about tasks \['a', 'b', 'c'\], the model has \['semseg'"):
        fix(model, Selection(Preference.uniform(("a", "b", "c")), tree))
    with pytest.raises(ValueError, match="tree has 3 tasks and 4 layers, the model has 3 tasks and 5 layers"):
        fix(model, Selection(Preference.uniform(model.tasks), BranchingTree.shared(3, 4, 1)))
    with pytest.raises(ValueError, match="tree has 2 tasks"):
        fix(model, Selection(Preference.uniform(model.tasks), BranchingTree.shared(2, 5, 1)))
