"""The parts of the benchmark scripts that decide whether a contract is met."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from script_module import script_module
from torch import Tensor, nn

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NAMES = ("dynamic", "unfolded", "folded", "hand", "separate")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import a file of benchmarks/ as ``python benchmarks/NAME.py`` does."""

    return lambda name: script_module(monkeypatch, BENCHMARKS / f"{name}.py", "benchmark")


@pytest.fixture
def inference(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("inference")


class Outputs(nn.Module):
    """Gives two tasks' outputs, whose last number can be chosen, in both orders of importance."""

    def __init__(self, first: float = 1.0, second: float = 1.0) -> None:
        super().__init__()
        self.values = (first, second)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {task: torch.tensor([1.0, value]) for task, value in zip("ab", self.values, strict=True)}


def test_equal_outputs_pass(inference: ModuleType) -> None:
    inference.check_outputs({name: Outputs() for name in NAMES}, torch.zeros(1))


@pytest.mark.parametrize("name", ["unfolded", "folded", "hand"])
@pytest.mark.parametrize("broken", [Outputs(2.0), Outputs(math.nan), Outputs(1.0, math.nan)])
def test_other_outputs_and_nan_are_refused(inference: ModuleType, name: str, broken: nn.Module) -> None:
    networks = {**{name: Outputs() for name in NAMES}, name: broken}
    with pytest.raises(ValueError, match=f"{name} computes something else"):
        inference.check_outputs(networks, torch.zeros(1))


def test_contracts(inference: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    times = {name: [1.0, 1.0] for name in NAMES}
    assert inference.show("all", times, 1.0)
    assert not inference.show("slow", {**times, "folded": [1.1, 1.1]}, 1.0)
    for name in NAMES:
        capsys.readouterr()
        left = {other: values for other, values in times.items() if other != name}
        assert not inference.show(f"without {name}", left, 1.0)
        assert "not measured" in capsys.readouterr().out


@pytest.mark.parametrize("fails", [None, "hand"])
def test_a_network_that_raises_is_an_error(inference, monkeypatch, fails: str | None) -> None:
    class Fake(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def forward(self, images: Tensor) -> None:
            if self.name == fails:
                raise RuntimeError("out of memory")

    tree = argparse.Namespace(draw=lambda tasks: "a tree")
    model = Fake("dynamic")
    model.selection, model.anchor_tree, model.tasks = argparse.Namespace(tree=tree), tree, ()
    model.complexity = argparse.Namespace(flops=lambda tree: 1.0)
    monkeypatch.setattr(inference, "build_dynamic", lambda branch: model)
    monkeypatch.setattr(inference, "fix", lambda model, fold=True: Fake("folded" if fold else "unfolded"))
    monkeypatch.setattr(inference, "build_hand", lambda model: Fake("hand"))
    monkeypatch.setattr(inference, "Separate", lambda model: Fake("separate"))
    monkeypatch.setattr(inference, "check_outputs", lambda networks, images: None)
    monkeypatch.setattr(inference, "ratio", lambda times, above, below: 1.0 if {above, below} <= set(times) else None)
    monkeypatch.setattr(sys, "argv", ["inference.py", "--no-memory", "--rounds", "2", "--size", "8", "--threads", "1"])
    assert inference.main() == (0 if fails is None else 1)


def test_nan_is_the_largest_difference(load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = load("fixed")
    found = {
        "before": iter([0.0, math.nan, 0.0]),
        "after": iter([0.25, 0.5, 0.125]),
        "onnx": iter([0.5, math.nan, 0.25]),
    }
    calls = iter(["before", "after"] * 3)
    monkeypatch.setattr(fixed, "relative_difference", lambda *_: next(found[next(calls)]))
    monkeypatch.setattr(fixed, "export_onnx", lambda *_: next(found["onnx"]))
    monkeypatch.setattr(fixed, "fix", lambda *_, **__: lambda images: None)

    class Model:
        tasks, image_size = ("a", "b"), (2, 2)

        def set_preference(self, preference: object) -> str:
            return "tree"

        def __call__(self, images: Tensor) -> None: ...

    worst = fixed.measure(Model(), 3, 3, 0)
    assert math.isnan(worst["before"])
    assert worst["after"] == 0.5
    assert math.isnan(worst["onnx"])
    assert worst["trees"] == 1
