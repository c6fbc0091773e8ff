"""Parts of this package under the default scope of a sibling library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mmengine.logging
import pytest
import tiny
from mmengine.registry import DefaultScope, Registry, init_default_scope

from mmdymu.datasets.decoders import MatDecoder
from mmdymu.engine import EdgeObjective
from mmdymu.registry import LABEL_DECODERS, MODELS, OBJECTIVES, build_own, similar_type


@pytest.fixture(autouse=True)
def mmseg_scope() -> Iterator[None]:
    before = DefaultScope.get_current_instance()
    init_default_scope("mmseg")
    yield
    if before is not None:
        init_default_scope(before.scope_name)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    written: list[str] = []
    monkeypatch.setattr(mmengine.logging, "print_log", lambda text, *_, **__: written.append(text))
    return written


@pytest.mark.parametrize("prefix", ["mmdymu.", ""])
@pytest.mark.parametrize(
    ("registry", "config", "kind"),
    [
        (OBJECTIVES, {"type": "EdgeObjective", "regularizer": {"type": "BranchingRegularizedLoss"}}, EdgeObjective),
        (LABEL_DECODERS, {"type": "MatDecoder", "key": "depth"}, MatDecoder),
    ],
)
def test_own_kinds_of_part_build_without_a_warning(
    registry: Registry, config: dict[str, Any], kind: type, prefix: str, lines: list[str]
) -> None:
    named = {**config, "type": prefix + config["type"]}
    if "regularizer" in config:
        named["regularizer"] = {"type": prefix + config["regularizer"]["type"]}
    assert isinstance(build_own(registry, named), kind)
    assert not [line for line in lines if "Failed to search registry" in line]
    scope = DefaultScope.get_current_instance()
    assert scope is not None
    assert scope.scope_name == "mmseg"


@pytest.mark.parametrize(
    ("part", "config"),
    [
        ("data_preprocessor", {"type": "MultiTaskDataPreprocessor"}),
        ("edge_hypernet", {"type": "EdgeHypernet"}),
        ("weight_hypernet", {"type": "WeightHypernet"}),
        ("heads", {"depth": {**tiny.head("depth"), "type": "DepthHead"}}),
    ],
)
def test_a_part_without_prefix_is_told_to_take_it(part: str, config: dict[str, Any]) -> None:
    kind = config.get("type", "DepthHead")
    with pytest.raises(KeyError, match=rf"type='{kind}' .* default_scope='mmseg': write type='mmdymu\.{kind}'"):
        MODELS.build(tiny.model_config(("depth",), stream=tiny.SHORT, **{part: config}))


@pytest.mark.parametrize(
    ("text", "similar"),
    [
        ("MultiTaskDataset is not in the mmseg::dataset registry. Please", "mmdymu.MultiTaskDataset"),
        ("mmdymu.MultitaskRandomFlip is not in the mmdymu::transform registry. Please", "mmdymu.MultiTaskRandomFlip"),
        ("MultiTaskDataset is not in the mmseg::transform registry. Please", ""),
        ("Unheard is not in the mmseg::dataset registry. Please", ""),
        ("EdgesObjective is not in the mmdymu::objective registry. Please", "mmdymu.EdgeObjective"),
        ("BorderDecoder is not in the mmdymu::label decoder registry. Please", "mmdymu.BordersDecoder"),
        ("something else", ""),
    ],
)
def test_a_similar_type(text: str, similar: str) -> None:
    assert similar_type(text) == similar


def test_parts_of_the_default_scope_need_no_prefix() -> None:
    heads = {"semseg": {**tiny.head("semseg"), "type": "FCNHead"}}
    model = MODELS.build(tiny.model_config(("semseg",), stream=tiny.SHORT, heads=heads))
    assert type(model.heads["semseg"]).__module__.startswith("mmseg.")


def test_an_unknown_part_stays_an_error() -> None:
    with pytest.raises(KeyError, match="Typo is not in the"):
        MODELS.build(tiny.model_config(("depth",), stream=tiny.SHORT, edge_hypernet={"type": "Typo"}))
