"""Child registries of mmengine's roots, scope ``mmdymu``.

Names are looked up here first and then in mmengine's root registries; sibling libraries are reached by their prefix
(``mmseg.FCNHead``, ``mmpretrain.ResNet``). ``locations`` are imported on the first look-up, so ``import mmdymu`` stays
cheap. Objectives of training stages and decoders of label files are this project's own kinds of part and have no root.
"""

from __future__ import annotations

from mmengine import registry as roots
from mmengine.registry import Registry

SCOPE = "mmdymu"


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
