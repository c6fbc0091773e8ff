from __future__ import annotations

from typing import Any

import pytest

from mmdymu.datasets import TaskSpec, parse_tasks
from mmdymu.datasets.sources import LabelSource


def label(**options: Any) -> TaskSpec:
    return TaskSpec.from_config("semseg", {"kind": "label", "classes": ("a", "b", "c"), **options})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {0: 0, 2: 2, 255: 255, 3: 254}),
        ({"offset": -1, "ignore": (0,)}, {0: 255, 1: 0, 3: 2, 4: 254}),
        ({"value_map": {255: 1, 7: 255}}, {0: 0, 255: 1, 7: 255, 8: 254}),
        ({"value_map": [2, 1, 0]}, {0: 2, 1: 1, 2: 0, 255: 255}),
        ({"ignore": 9}, {9: 255, 255: 255}),
    ],
)
def test_stored_values_become_classes(options: dict[str, Any], expected: dict[int, int]) -> None:
    spec = label(**options)
    assert {value: spec.label_of(value) for value in expected} == expected
    assert {value: int(spec.label_table[value]) for value in expected} == expected


def test_order_defaults_and_metainfo() -> None:
    specs = parse_tasks({"normals": {"kind": "normals"}, "edges": {"kind": "label", "classes": ("no", "yes")}})
    assert list(specs) == ["normals", "edges"]
    assert specs["normals"].metainfo == {"kind": "normals"}
    assert (specs["edges"].source, specs["edges"].optional) == (LabelSource(("edges",), ".png"), False)
    meta = specs["edges"].metainfo
    assert meta["kind"] == "label" and meta["classes"] == ("no", "yes")
    assert meta["palette"][0] != meta["palette"][1]


def test_default_colours_are_distinct() -> None:
    spec = TaskSpec.from_config("t", {"kind": "label", "classes": [str(i) for i in range(200)]})
    assert len(set(spec.palette)) == 200


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"kind": "flow"}, ["semseg", "flow", "label, depth, normals"]),
        ({"classes": ("a", "b")}, ["semseg", "kind"]),
        ({"kind": "label"}, ["semseg", "classes"]),
        ({"kind": "label", "classes": ("a", "b"), "sufix": ".png"}, ["sufix", "suffix"]),
        ({"kind": "depth", "classes": ("a", "b")}, ["depth", "classes"]),
        ({"kind": "label", "classes": ("a", "b"), "scale": 2}, ["scale", "value_map"]),
        ({"kind": "label", "classes": ("a", "b"), "offset": 0.5}, ["offset", "0.5"]),
        ({"kind": "label", "classes": ("a", "b"), "palette": [(0, 0, 0)]}, ["2 classes", "1 palette"]),
    ],
)
def test_wrong_entry(config: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError) as error:
        TaskSpec.from_config("semseg", config)
    assert all(word in str(error.value) for word in words)


def test_no_tasks() -> None:
    with pytest.raises(ValueError, match="tasks is empty"):
        parse_tasks({})
    with pytest.raises(TypeError, match="tasks must be a dict"):
        parse_tasks(["semseg"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="depth"):
        parse_tasks({"depth": "depth"})  # type: ignore[dict-item]


def test_black_is_for_background_alone() -> None:
    rooms = TaskSpec.from_config("rooms", {"kind": "label", "classes": ("wall", "floor")})
    parts = TaskSpec.from_config("parts", {"kind": "label", "classes": ("background", "head")})
    assert (0, 0, 0) not in rooms.palette
    assert parts.palette[0] == (0, 0, 0)
    assert len({*rooms.palette, *parts.palette[1:]}) == 2
