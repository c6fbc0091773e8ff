"""A checkpoint knows its tasks, and a model of other tasks refuses it however it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch
from mmengine.runner import Runner, load_checkpoint

from mmdymu.models import ControllableSegmentor
from mmdymu.preference import Preference

TASKS = tiny.TASKS


def save(model: ControllableSegmentor, folder: Path) -> str:
    path = folder / "model.pth"
    torch.save({"meta": {}, "state_dict": model.state_dict()}, path)
    return str(path)


def by_torch(model: ControllableSegmentor, path: str) -> None:
    model.load_state_dict(torch.load(path, weights_only=True)["state_dict"], strict=False)


def by_mmengine(model: ControllableSegmentor, path: str) -> None:
    load_checkpoint(model, path, map_location="cpu", strict=False)


def by_runner(model: ControllableSegmentor, path: str) -> None:
    runner = Runner(model, str(Path(path).parent), experiment_name=str(id(model)))
    runner.load_checkpoint(path)


LOADERS = [by_torch, by_mmengine, by_runner]


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize(
    "tasks",
    [("depth", "semseg", "normals"), ("semseg", "depth"), ("semseg", "depth", "normals2")],
)
def test_a_checkpoint_of_other_tasks_is_refused(
    load: Callable[[ControllableSegmentor, str], None], tasks: tuple[str, ...], tmp_path: Path
) -> None:
    path = save(tiny.build_model(tasks), tmp_path)
    with pytest.raises(ValueError) as caught:
        load(tiny.build_model(), path)
    message = f"the checkpoint belongs to tasks {list(tasks)}, the model has {list(TASKS)}"
    assert message in str(caught.value)


@pytest.mark.parametrize("load", LOADERS)
def test_a_checkpoint_of_the_same_tasks_loads_and_refreshes(
    load: Callable[[ControllableSegmentor, str], None], tmp_path: Path
) -> None:
    source, target = tiny.build_model(seed=1).eval(), tiny.build_model().eval()
    source.loss_scale.fill_(2.0)
    preference = Preference.uniform(TASKS)
    source.set_preference(preference)
    target.set_preference(preference)
    load(target, save(source, tmp_path))
    assert target.is_controllable
    x = torch.randn(1, 3, *tiny.SIZE)
    expected, found = source(x), target(x)
    assert all(torch.equal(found[task], expected[task]) for task in TASKS)


def test_the_task_set_survives_any_task_name(tmp_path: Path) -> None:
    tasks = ("semseg", "depth in m", "normals-ü")
    path = save(tiny.build_model(tasks), tmp_path)
    by_torch(tiny.build_model(tasks), path)


def test_a_state_without_task_names_loads_leniently() -> None:
    model = tiny.build_model()
    state = {key: value for key, value in tiny.build_model(seed=1).state_dict().items() if "extra" not in key}
    assert model.load_state_dict(state, strict=False).missing_keys == ["_extra_state"]


@pytest.mark.parametrize("load", LOADERS)
def test_a_checkpoint_of_another_network_is_refused(
    load: Callable[[ControllableSegmentor, str], None], tmp_path: Path
) -> None:
    path = save(tiny.build_model(stream={"backbone": {**tiny.RESNET, "stem_channels": 8}}), tmp_path)
    with pytest.raises(ValueError, match=r"another network: \d+ of its tensors .* 'backbone\.streams\.0\."):
        load(tiny.build_model(), path)
