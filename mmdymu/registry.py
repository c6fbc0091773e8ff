"""Child registries of mmengine's roots, scope ``mmdymu``.

Names are looked up here first and then in mmengine's root registries; sibling libraries are reached by their prefix
(``mmseg.FCNHead``, ``mmpretrain.ResNet``). ``locations`` are imported on the first look-up, so ``import mmdymu`` stays
cheap. Objectives of training stages and decoders of label files are this project's own kinds of part and have no root:
:func:`build_own` builds them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from mmengine import registry as roots
from mmengine.registry import Registry

SCOPE = "mmdymu"
_UNKNOWN = re.compile(rf"(?:{SCOPE}\.)?(?P<type>\w+) is not in the \S+::(?P<kind>[\w ]+) registry")


def _child(root: Registry, *locations: str) -> Registry:
    return Registry(root.name, parent=root, scope=SCOPE, locations=list(locations))


MODELS = _child(roots.MODELS, "mmdymu.models")
DATASETS = _child(roots.DATASETS, "mmdymu.datasets")
TRANSFORMS = _child(roots.TRANSFORMS, "mmdymu.datasets.transforms")
METRICS = _child(roots.METRICS, "mmdymu.evaluation")
EVALUATOR = _child(roots.EVALUATOR, "mmdymu.evaluation")
LOOPS = _child(roots.LOOPS, "mmdymu.engine")
HOOKS = _child(roots.HOOKS, "mmdymu.engine", "mmdymu.visualization")
VISUALIZERS = _child(roots.VISUALIZERS, "mmdymu.visualization")
DATA_SAMPLERS = _child(roots.DATA_SAMPLERS, "mmdymu.engine")
INFERENCERS = _child(roots.INFERENCERS, "mmdymu.apis")
OWN = (MODELS, DATASETS, TRANSFORMS, METRICS, EVALUATOR, LOOPS, HOOKS, VISUALIZERS, DATA_SAMPLERS, INFERENCERS)
OBJECTIVES = Registry("objective", scope=SCOPE, locations=["mmdymu.engine"])
LABEL_DECODERS = Registry("label decoder", scope=SCOPE, locations=["mmdymu.datasets.decoders"])

# Empty, but without them mmengine warns whenever it builds such a part under default_scope='mmdymu'.
EMPTY = tuple(
    _child(root)
    for root in (
        roots.LOG_PROCESSORS,
        roots.MODEL_WRAPPERS,
        roots.OPTIMIZERS,
        roots.OPTIM_WRAPPERS,
        roots.OPTIM_WRAPPER_CONSTRUCTORS,
        roots.PARAM_SCHEDULERS,
        roots.RUNNERS,
        roots.RUNNER_CONSTRUCTORS,
        roots.TASK_UTILS,
        roots.VISBACKENDS,
        roots.WEIGHT_INITIALIZERS,
    )
)


def build_own(registry: Registry, config: Mapping[str, Any]) -> Any:
    """Builds a part of a kind that no other library has, in this package's scope.

    mmengine looks for the default scope's registry of that kind, and warns that an mmseg project has none.

    Args:
        registry: ``OBJECTIVES`` or ``LABEL_DECODERS``.
        config: ``dict(type=…)``; the type may carry the prefix ``mmdymu.``.

    Returns:
        The part.
    """
    return registry.build({"_scope_": SCOPE, **config})


def similar_type(text: str) -> str:
    """Finds the part that is meant where a registry does not know a type.

    Args:
        text: mmengine's message, ``<type> is not in the <scope>::<kind> registry…``.

    Returns:
        The type, with its prefix; '' if the message is another, or no part of this package has a name like it.
    """
    found = _UNKNOWN.search(text)
    if found is None:
        return ""
    registry = next((own for own in (*OWN, OBJECTIVES, LABEL_DECODERS) if own.name == found["kind"]), None)
    if registry is None:
        return ""
    registry.import_from_location()
    close = difflib.get_close_matches(found["type"], registry.module_dict, n=1, cutoff=0.8)
    return f"{SCOPE}.{close[0]}" if close else ""


def check_prefix(config: Any) -> None:
    """Refuses a type that the default scope does not know and this package does.

    Args:
        config: A part of a model, ``dict(type=…)``; anything else passes.

    Raises:
        KeyError: If the type needs the prefix ``mmdymu.``.
    """
    kind = config.get("type") if isinstance(config, Mapping) else None
    if not isinstance(kind, str) or kind not in MODELS.module_dict:
        return
    with MODELS.switch_scope_and_registry(config.get("_scope_")) as registry:
        if registry.get(kind) is None:
            raise KeyError(
                f"type={kind!r} is not known in default_scope={registry.scope!r}: write type='{SCOPE}.{kind}', as for "
                "every part of this package"
            )
