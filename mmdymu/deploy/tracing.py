"""From modules of several libraries to one graph of torch's own layers."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import torch
from mmseg.models.utils import resize
from torch import nn
from torch.fx import Graph, GraphModule, Node, Tracer
from torch.fx.proxy import TraceError
from torch.nn import functional

__all__ = ["trace"]

_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_DROPOUT_FUNCTIONS = (
    functional.dropout,
    functional.dropout1d,
    functional.dropout2d,
    functional.dropout3d,
    functional.alpha_dropout,
    functional.feature_alpha_dropout,
)
_RESIZE_ARGUMENTS = ("input", "size", "scale_factor", "mode", "align_corners")


class _PlainTracer(Tracer):
    """Follows every module but torch's own layers, and keeps mmseg's resize whole.

    resize compares sizes for the sake of a warning, which tracing cannot follow.

    Args:
        module: What will be traced.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__(autowrap_functions=(resize,))
        # torch.fx wraps the function where a module that it enters defines ``forward``, but a head may call it in a
        # method that it inherits, such as the ``_transform_inputs`` of mmseg's BaseDecodeHead.
        classes = {kind for part in module.modules() for kind in type(part).__mro__}
        files = {kind.__module__ for kind in classes if not kind.__module__.startswith(("torch.", "builtins"))}
        self._autowrap_search += [sys.modules[name] for name in sorted(files & sys.modules.keys())]

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m).__module__.startswith("torch.nn.") and not isinstance(m, (nn.Sequential, nn.SyncBatchNorm))


def trace(module: nn.Module) -> GraphModule:
    """Traces a module of one tensor in evaluation mode.

    Sizes are taken from tensors at run time, so that other batch and image sizes go on working. Dropout is left out,
    unless a function is told to drop in evaluation mode, too.

    Args:
        module: In evaluation mode; the graph shares its layers.

    Returns:
        A graph that refers to torch only: it is pickled, loaded and scripted without the libraries that built it.

    Raises:
        ValueError: If a part decides by the values or sizes of its tensors, or is no layer of torch at the bottom.
    """
    _plain_sync_norms(module)
    try:
        graph = _PlainTracer(module).trace(module)
    except (TraceError, TypeError) as error:
        raise ValueError(
            f"the network cannot be traced ({error}): one of its nodes or heads decides by the size or the values of a "
            "tensor; use another backbone or head"
        ) from error
    graph = _plain(graph)
    _drop_idle(module, graph)
    graph.lint()
    fixed = GraphModule(module, graph, "FixedNetwork")
    _check_plain(fixed)
    return fixed


def _plain_sync_norms(module: nn.Module) -> None:
    """Puts the usual batch norm in the place of the one of distributed training."""
    for name, norm in list(module.named_modules()):
        if isinstance(norm, nn.SyncBatchNorm):
            plain = nn.BatchNorm2d(
                norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats
            ).to(norm.running_mean)
            plain.load_state_dict(norm.state_dict())
            holder, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(holder), leaf, plain.eval().requires_grad_(False))


def _plain(graph: Graph) -> Graph:
    """A copy without notes about the libraries' modules, which would be pickled along."""
    copied, values = Graph(), dict[Node, Node]()
    for node in graph.nodes:
        values[node] = copied.node_copy(node, lambda old: values[old])
        values[node].meta = {}
        # Annotations of this package are text, which generated code would take for names.
        values[node].type = torch.Tensor if node.op == "placeholder" else None
    for node in list(copied.nodes):
        if node.op == "call_function" and node.target is resize:
            _use_interpolate(node)
    return copied


def _use_interpolate(node: Node) -> None:
    bound = inspect.signature(resize).bind(*node.args, **node.kwargs)
    bound.apply_defaults()
    arguments = {name: bound.arguments[name] for name in _RESIZE_ARGUMENTS}
    node.target = functional.interpolate
    node.args = (arguments.pop("input"),)
    node.kwargs = {name: value for name, value in arguments.items() if value is not None}


def _drop_idle(module: nn.Module, graph: Graph) -> None:
    """Takes out layers that do nothing in evaluation mode, and open ends of a depth range."""
    for node in list(graph.nodes):
        layer = module.get_submodule(node.target) if node.op == "call_module" else None
        if isinstance(layer, (*_DROPOUTS, nn.Identity)) or _is_idle_dropout(node):
            node.replace_all_uses_with(node.all_input_nodes[0])
            graph.erase_node(node)
        elif node.op == "call_method" and node.target == "clamp":
            # Infinity is a global name in generated code, which scripting does not know.
            node.args = tuple(None if abs(_number(value)) == torch.inf else value for value in node.args)


def _is_idle_dropout(node: Node) -> bool:
    """Whether a function would drop in training only; one may also ask for dropout while testing."""
    if node.op != "call_function" or node.target not in _DROPOUT_FUNCTIONS:
        return False
    bound = inspect.signature(node.target).bind(*node.args, **node.kwargs)
    bound.apply_defaults()
    return not bound.arguments["training"]


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _check_plain(fixed: GraphModule) -> None:
    for name, part in fixed.named_modules():
        if name and not type(part).__module__.startswith("torch.nn."):
            raise ValueError(f"part {name!r} is a {type(part).__name__}, no layer of torch: it cannot be deployed")
    for node in fixed.graph.nodes:
        if node.op == "call_function" and getattr(node.target, "__module__", "").startswith(("mm", "mmdymu")):
            raise ValueError(f"{node.target} is no function of torch: it cannot be deployed")
