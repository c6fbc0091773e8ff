"""A tree's own modules, copied out of the model and wired once and for all."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mmdymu.models import ControllableNet
from mmdymu.models.backbones import NodeStates
from mmdymu.tree import BranchingTree

from .processing import Normalise, Postprocess

__all__ = ["WiredTree"]


class WiredTree(nn.Module):
    """The used nodes of a tree and all heads, with their states written into them.

    Args:
        model: The model; its modules are copied.
        tree: The tree.
        node_states: Tensors that replace parameters and buffers of nodes; heads are the nodes of layer L.
        preprocess: Whether bytes come in.
        postprocess: Whether maps go out.
        resize: (height, width) to resize bytes to.
    """

    def __init__(
        self,
        model: ControllableNet,
        tree: BranchingTree,
        node_states: NodeStates,
        preprocess: bool = False,
        postprocess: bool = False,
        resize: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.tasks, self.tree, self.out_layers = model.tasks, tree, model.backbone.out_layers
        layers = [
            {str(i): _baked(model.backbone.node((layer, i)), node_states.get((layer, i), {})) for i in streams}
            for layer, streams in enumerate(tree.used_nodes)
        ]
        self.layers = nn.ModuleList(nn.ModuleDict(nodes) for nodes in layers)
        heads = [
            _baked(model.heads[task], node_states.get((tree.num_layers, i), {})) for i, task in enumerate(model.tasks)
        ]
        self.heads = nn.ModuleList(heads)
        # On the layers' device and in their type.
        like = next(self.heads.parameters())
        self.normalise = Normalise.of(model.data_preprocessor, resize).to(like) if preprocess else None
        size = self.normalise.size if self.normalise is not None else None
        self.postprocess = nn.ModuleList(Postprocess(head, size) for head in heads) if postprocess else None
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Head outputs by task, in task order.

        Args:
            images: (B, 3, H, W), normalised, or bytes where the network preprocesses them itself.
        """
        torch._assert(images.dim() == 4, "images must have the shape (B, 3, H, W)")
        torch._assert(images.size(1) == 3, "images must have the shape (B, 3, H, W), with 3 channels")
        x = images if self.normalise is None else self.normalise(images)
        known: dict[tuple[int, int], Tensor] = {}
        maps = {}
        # One task after another: a graph that ran layer after layer would hold the features of all branches at once.
        for index, (task, path) in enumerate(zip(self.tasks, self.tree.paths, strict=True)):
            y = x
            for node in enumerate(path):
                if node not in known:
                    known[node] = self.layers[node[0]][str(node[1])](y)  # type: ignore[index]
                y = known[node]
            maps[task] = self.heads[index](tuple(known[layer, path[layer]] for layer in self.out_layers))
            if self.postprocess is not None:
                maps[task] = self.postprocess[index](maps[task], x, images)
        return maps


@torch.no_grad()
def _baked(module: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """A copy of a module with some of its parameters and buffers replaced."""
    copied = copy.deepcopy(module)
    for name, value in state.items():
        holder, _, leaf = name.rpartition(".")
        getattr(copied.get_submodule(holder), leaf).copy_(value)
    for part in copied.modules():
        if getattr(part, "with_cp", False):
            # Checkpointing saves memory in training only, and asks tensors for their gradients.
            part.with_cp = False  # type: ignore[assignment]
    return copied
