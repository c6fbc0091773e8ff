"""Test-time control from the command line."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor

from mmdymu.budget import Budget
from mmdymu.models import ControllableNet
from mmdymu.models.backbones import Node
from mmdymu.registry import HOOKS
from mmdymu.search import BudgetedTree, NodeProfile, tree_within_budget
from mmdymu.steering import read_steering

from ..calibration import calibrate
from ..frames import Frames


@HOOKS.register_module()
class PreferenceHook(Hook):
    """Sets the preference of ``cfg.pref`` and ``cfg.cost_weight`` before validation and test, and logs the network.

    Any script that builds a runner so understands ``--cfg-options 'pref=[0.6,0.2,0.2]' cost_weight=0.5``. An unset
    ``pref`` is uniform, an unset ``cost_weight`` 0. ``cfg.budget`` takes the place of the cost weight: one of
    ``budget.flops=1.2e8``, ``budget.params=2e6`` and ``budget.latency_ms=20``, the last with ``profile=FILE.json`` of
    ``tools/profile_nodes.py``. ``cfg.norm_statistics`` is ``running`` (default), ``batch`` or
    ``calibrated``; calibration runs training images through the chosen tree. ``cfg.run_anchor=True`` tests the
    single-task networks themselves, the reference of every multi-task score.

    Args:
        calibration_images: Training images for ``calibrated``.
    """

    priority = "NORMAL"

    def __init__(self, calibration_images: int = 200) -> None:
        self.calibration_images = calibration_images
        self._calibrated: dict[Hashable, dict[Node, dict[str, Tensor]]] = {}
        self._calibrated_at = 0
        self._foreign = False

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Forgets statistics of other weights, and looks whose weights these are."""
        self._calibrated.clear()
        self._foreign = "_extra_state" not in checkpoint.get("state_dict", checkpoint)

    def before_train(self, runner: Runner) -> None:
        """Looks at what the config asks for before anything is trained.

        Raises:
            ValueError: If it is malformed or contradicts itself.
        """
        read_steering(runner.cfg, _model_of(runner).tasks, quiet=True)

    def before_val(self, runner: Runner) -> None:
        """Sets the preference, unless the loop does it.

        Raises:
            ValueError: If what the config asks for is malformed or contradicts itself, or no tree fits the budget.
        """
        if not getattr(runner.val_loop, "sets_preferences", False):
            self._apply(runner)

    def before_test(self, runner: Runner) -> None:
        """Sets the preference, unless the loop does it.

        Raises:
            ValueError: As in :meth:`before_val`, and if the checkpoint is not one of a controllable model, so that
                untrained weights would be tested.
        """
        if self._foreign:
            raise ValueError(
                "the checkpoint names no tasks, so it is not one of a controllable model: train one, from single-task "
                "checkpoints with model.anchor=dict(checkpoints={task: path})"
            )
        if runner.cfg.get("budget") is not None and not _model_of(runner).is_controllable:
            raise ValueError("the edge hypernet is not trained, so no tree can be chosen for a budget: leave it out")
        if not getattr(runner.test_loop, "sets_preferences", False):
            self._apply(runner)

    def _apply(self, runner: Runner) -> None:
        model = _model_of(runner)
        if runner.cfg.get("run_anchor", False):
            budget = Budget.parse(runner.cfg.get("budget"))
            if budget is not None:
                raise ValueError(
                    f"run_anchor=True and budget={budget.to_dict()} exclude each other: give one of the two"
                )
            model.clear_preference()
            runner.logger.info("run_anchor: the single-task networks are tested, without any preference")
            return
        preference, budget = read_steering(runner.cfg, model.tasks)
        if not model.is_controllable:
            asked = "preference" if budget is None else "preference and the budget"
            runner.logger.warning(f"the edge hypernet is not trained: the anchor runs, whatever the {asked}")
            return
        found = None
        if budget is None:
            model.set_preference(preference)
        else:
            found = tree_within_budget(model, preference, budget, NodeProfile.of_config(runner.cfg, budget))
            model.set_preference(preference, found.tree, found.about())
        setting = runner.cfg.get("norm_statistics", "running")
        model.set_norm_statistics(setting)
        if setting == "calibrated":
            self._calibrate(runner, model)
        self._log(runner, model, found)

    def _calibrate(self, runner: Runner, model: ControllableNet) -> None:
        selection = model.selection
        assert selection is not None
        key = (selection.tree, selection.preference)
        if runner.iter != self._calibrated_at:
            self._calibrated.clear()
            self._calibrated_at = runner.iter
        if key not in self._calibrated:
            runner.logger.info(f"norm statistics: calibrating on {self.calibration_images} training images")
            batches = Frames.from_config(runner.cfg).batches(model, self.calibration_images)
            model.eval()
            self._calibrated[key] = calibrate(model, selection, batches)
        model.attach_states(self._calibrated[key])

    @staticmethod
    def _log(runner: Runner, model: ControllableNet, found: BudgetedTree | None) -> None:
        selection, report = model.selection, model.report()
        assert selection is not None
        cost = (
            f"nodes {report['nodes_used']} of {report['nodes_total']}, {report['gflops']:.3f} GFLOPs (multiply-adds) "
            f"at {model.image_size[0]}x{model.image_size[1]}, {report['params'] / 1e6:.3f} M parameters, "
            f"controllable share {report['share']:.3f}"
        )
        lines = [f"preference: {selection.asked}", *([f"budget: {found}"] if found else []), report["tree"], cost]
        runner.logger.info("\n".join(lines))


def _model_of(runner: Runner) -> ControllableNet:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
