from __future__ import annotations

import json
import logging
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tiny

from mmdymu import BranchingTree, Preference
from mmdymu.budget import Budget
from mmdymu.models import ControllableSegmentor
from mmdymu.search import NodeProfile, tree_within_budget
from mmdymu.search.profile import model_signature


@cache
def model() -> ControllableSegmentor:
    return tiny.build_model(stream=tiny.SHORT).eval()


def profile(**changes: Any) -> NodeProfile:
    values: dict[str, Any] = {
        "node_ms": (1.0, 2.0, 4.0),
        "head_ms": (0.5, 0.25, 0.25),
        "overhead_ms": 0.125,
        "size": tiny.SIZE,
        "device": "cpu",
        "model": model_signature(model()),
        "about": {"batch": 1},
    }
    return NodeProfile(**{**values, **changes})


def test_adds_up_nodes_heads_and_overhead() -> None:
    assert profile().latency_ms(BranchingTree.shared(3, 3, 1)) == 7 + 1 + 0.125
    assert profile().latency_ms(BranchingTree.heuristic(3, 3, 0, 2)) == 1 + 2 + 12 + 1 + 0.125


def test_a_file_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "new" / "profile.json"
    profile().save(path)
    assert NodeProfile.load(path) == profile()
    NodeProfile.load(path).check(model())


def test_a_configs_file_is_read_for_budgets_of_latency_alone(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    profile().save(path)
    latency, flops = Budget("latency_ms", 20.0), Budget("flops", 1e8)
    assert NodeProfile.of_config({"profile": str(path)}, None, flops, latency) == profile()
    assert NodeProfile.of_config({"profile": "nowhere.json"}, None, flops) is None
    assert NodeProfile.of_config({}, latency) is None
    with pytest.raises(FileNotFoundError, match=r"nowhere\.json"):
        NodeProfile.of_config({"profile": "nowhere.json"}, latency)


def test_budgets_of_latency_are_kept_and_the_smallest_is_named() -> None:
    preference, times = Preference.uniform(tiny.TASKS), profile()
    for limit in (8.125, 9.3, 12.0, 22.2):
        found = tree_within_budget(model(), preference, {"latency_ms": limit}, times)
        assert times.latency_ms(found.tree) == pytest.approx(found.cost)
        assert found.cost <= limit
    with pytest.raises(
        ValueError, match=r"budget.latency_ms=8 is too small.* needs budget.latency_ms=8.125, the small"
    ):
        tree_within_budget(model(), preference, {"latency_ms": 8.0}, times)
    with pytest.raises(ValueError, match=r"budget.latency_ms needs a profile"):
        tree_within_budget(model(), preference, {"latency_ms": 8.0})


@pytest.mark.parametrize(
    ("name", "value"), [("tasks", ["a", "b", "c"]), ("node_params", [1, 2, 3]), ("head_params", None)]
)
def test_refuses_the_profile_of_another_model(name: str, value: Any) -> None:
    other = profile(model={**model_signature(model()), name: value})
    with pytest.raises(ValueError, match=f"one of another model: its {name} is"):
        other.check(model())
    with pytest.raises(ValueError, match="another model"):
        tree_within_budget(model(), Preference.uniform(tiny.TASKS), {"latency_ms": 20.0}, other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": (64, 64)}, "measured on images of 64x64, the model's are 32x48"),
        ({"device": "cuda"}, "measured on 'cuda', the model is on 'cpu'"),
        ({"about": {"batch": 2}}, "measured with batch=2, here it is 1"),
        ({"about": {"batch": 1, "threads": 99}}, "measured with threads=99, here it is"),
        ({}, None),
    ],
)
def test_warns_of_other_surroundings(
    changes: dict[str, Any], message: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int]] = []
    monkeypatch.setattr("mmdymu.search.profile.print_log", lambda text, _logger, level: told.append((text, level)))
    profile(**changes).check(model())
    assert [level for _, level in told] == [logging.WARNING] * len(changes)
    assert message is None or message in told[0][0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"node_ms": (1.0, -2.0, 4.0)}, "node_ms=.* must be finite times"),
        ({"node_ms": (1.0, "2", 4.0)}, "node_ms"),
        ({"node_ms": ()}, "node_ms"),
        ({"node_ms": (0.0, 0.0, 0.0)}, "all zero"),
        ({"head_ms": float("nan")}, "head_ms"),
        ({"head_ms": [1.0, float("inf"), 1.0]}, "head_ms"),
        ({"overhead_ms": "much"}, "overhead_ms"),
        ({"overhead_ms": -1.0}, "overhead_ms"),
        ({"size": (32,)}, "size"),
        ({"size": "32"}, "size"),
        ({"device": "tpu"}, "device='tpu'"),
        ({"model": None}, "model and about"),
    ],
)
def test_bad_values_are_named(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        profile(**changes)
    # The same in a file.
    path = tmp_path / "profile.json"
    profile().save(path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **changes}))
    with pytest.raises(ValueError, match=f"profile.json' is damaged: .*{message}"):
        NodeProfile.load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON file"),
        ("[1, 2]", "is no profile of tools/profile_nodes.py"),
        ("{}", "must have format 1"),
        ('{"format": 1, "node_ms": [1.0]}', "is no profile"),
        ('{"format": 2}', "must have format 1"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        NodeProfile.load(tmp_path / "p.json")
    with pytest.raises(FileNotFoundError, match=r"profile '.*nowhere.json' does not exist: measure one"):
        NodeProfile.load(tmp_path / "nowhere.json")


def test_a_failed_write_leaves_the_profile_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.json"
    profile().save(path)

    def fail(file: Path, text: str, encoding: str) -> None:
        file.write_bytes(text[:9].encode(encoding))
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OSError, match="disk full"):
        profile().save(path)
    assert NodeProfile.load(path) == profile()
    assert list(tmp_path.iterdir()) == [path]
