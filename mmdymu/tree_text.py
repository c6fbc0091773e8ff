"""Trees as text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

__all__ = ["draw_paths"]

_LINE_LENGTH = 100


def draw_paths(paths: Sequence[Sequence[int]], tasks: Sequence[str]) -> str:
    """Draw which tasks share which nodes, layers that look alike on one line.

    Args:
        paths: Per task the streams of its nodes, from the image to the head.
        tasks: Task names; a node is called after the task of its stream.

    Returns:
        One line per change, with the node in brackets and the tasks that run through it.
    """
    per_layer = [_draw_layer(nodes, tasks) for nodes in zip(*paths, strict=True)]
    lines = []
    for groups, layers in groupby(range(len(per_layer)), key=per_layer.__getitem__):
        first, *rest = layers
        label = f"layers {first}-{rest[-1]}" if rest else f"layer  {first}"
        lines.append(_line(f"{label:<13}| ", groups))
    return "\n".join(lines)


def _draw_layer(nodes: Sequence[int], tasks: Sequence[str]) -> list[str]:
    groups = []
    for node in sorted(set(nodes)):
        members = [name for name, own in zip(tasks, nodes, strict=True) if own == node]
        shown = f"all {len(members)} tasks" if 3 < len(members) == len(tasks) else " + ".join(members)
        groups.append(f"[{tasks[node]}] {'' if members == [tasks[node]] else shown}".rstrip())
    return groups


def _line(label: str, groups: list[str]) -> str:
    """Join the groups behind the label; groups that do not fit go to an indented next line."""
    lines = [label + groups[0]]
    for group in groups[1:]:
        if len(lines[-1]) + len(group) + 3 > _LINE_LENGTH:
            lines.append(" " * (len(label) - 2) + "| " + group)
        else:
            lines[-1] += "   " + group
    return "\n".join(lines)
