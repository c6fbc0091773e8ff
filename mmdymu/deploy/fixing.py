"""From a controllable model and a preference to a network that stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.fx import GraphModule

from mmdymu.models import ControllableNet
from mmdymu.search.profile import NodeProfile

from .choosing import choose
from .folding import fold_norms
from .manifest import build_manifest, describe_images, describe_outputs
from .tracing import trace
from .wiring import WiredTree

__all__ = ["fix"]

_COPIED_ATTRIBUTES = "_user_preserved_attributes"
"""Where torch.fx looks up what a deep copy of a graph module keeps."""


@torch.no_grad()
def fix(
    model: ControllableNet,
    preference: Any = None,
    *,
    budget: Any = None,
    profile: NodeProfile | None = None,
    fold: bool = True,
    preprocess: bool = False,
    postprocess: bool = False,
    resize: Sequence[int] | None = None,
    classes: Mapping[str, Sequence[str]] | None = None,
) -> GraphModule:
    """Fixes what a model computes at one preference in a plain network of torch.

    The network has the used nodes only, with shifted norm parameters and calibrated statistics written into them. It
    has no hypernets and refers to torch alone: it is pickled, saved (``torch.save``; ``torch.load`` with
    ``weights_only=False``), scripted (``torch.jit.script``), compiled and loaded where neither this package nor
    OpenMMLab is installed. Its batch and image size are free. It is for evaluation only. The model is left as it was.

    While a model is traced, no module may run in another thread: torch.fx replaces ``nn.Module.__call__`` for that
    long.

    Args:
        model: A controllable segmentor or classifier.
        preference: What :meth:`mmdymu.Preference.parse` reads (numbers in task order, a dict by task, a Preference),
            or a Selection; None fixes what the model runs now, calibrated norm statistics included.
        budget: A hard limit in place of a cost weight, such as ``dict(flops=1.2e8)``.
        profile: Times of the nodes, for a budget of latency.
        fold: Write batch norms into the convolutions before them.
        preprocess: Take images as the data preprocessor does, (B, 3, H, W) of bytes, and normalise them inside.
        postprocess: Give final maps in the images' size: labels, metres, unit normals, probabilities.
        resize: (height, width) to resize images to inside, as the config's pipeline does outside; with ``preprocess``
            only. Without it, images must have the size that the model was trained with.
        classes: Class names by task, for the manifest; None takes those that the model's ``dataset_meta`` tells.

    Returns:
        The network: ``network(images)`` gives the raw head outputs by task, as the model's ``mode='tensor'``;
        ``network.manifest`` says what it is (:func:`~mmdymu.deploy.manifest.build_manifest`) and travels with it.

    Raises:
        TypeError: If the model is no controllable one.
        ValueError: If the preference does not fit the model, its hypernets are not trained, the budget is too small,
            ``resize`` is no size or comes without ``preprocess``, or a part of the network cannot be traced.
    """
    if not isinstance(model, ControllableNet):
        raise TypeError(f"model must be a controllable segmentor or classifier, got a {type(model).__name__}")
    if resize is not None and (not preprocess or len(resize) != 2 or min(resize) < 1):
        raise ValueError(f"resize={resize!r} must be height and width, together with preprocess=True")
    tree, selection = choose(model, preference, budget, profile)
    manifest = build_manifest(model, tree, selection, classes)
    states = selection.node_states if selection else {}
    network = trace(WiredTree(model, tree, states, preprocess, postprocess, resize))
    folded = fold_norms(network) if fold else 0
    network.delete_all_unused_submodules()
    network.eval()
    manifest.update(preprocess=preprocess, postprocess=postprocess, folded_norms=folded)
    manifest["images"] = describe_images(model, preprocess, resize)
    manifest["outputs"] = describe_outputs(model, postprocess)
    manifest["stored_params"] = sum(parameter.numel() for parameter in network.parameters())
    # nn.Module types its attributes as tensors or modules.
    network.manifest = manifest  # type: ignore[assignment]
    network.meta[_COPIED_ATTRIBUTES] = {"manifest": manifest}
    return network
