"""Tests a controllable network at many preferences, with cost weights or within budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmdymu.models import ControllableNet
from mmdymu.models.backbones import NodeStates
from mmdymu.preference import Preference
from mmdymu.progress import Progress
from mmdymu.search import BudgetedTree, NodeProfile, tree_within_budget
from mmdymu.search.brackets import heuristic_tree, normalised_table, searched_trees
from mmdymu.search.routes import Network
from mmdymu.tree import BranchingTree

from .costs import predict_trees, tree_costs
from .settings import Saving, SweepSettings
from .shared_evaluation import SharedEvaluation
from .single_line import SingleLine
from .sweep_file import SweepFile

__all__ = ["Asked", "PreferenceSweep"]

Line = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One test of a sweep.

    Attributes:
        index: Its number.
        preference: What is asked for.
        tree: What the controller answers, or the search within a budget.
        rivals: Trees of at most the same share, by the name of the choice; ``controller`` is ``tree`` itself.
        found: What the search within a budget says; None for a cost weight.
    """

    index: int
    preference: Preference
    tree: BranchingTree
    rivals: Mapping[str, BranchingTree]
    found: BudgetedTree | None = None


class PreferenceSweep:
    """Runs what a sweep's file does not hold yet.

    Args:
        model: In evaluation mode, its edge hypernet trained.
        evaluation: Measures networks.
        settings: What is measured.
        states: Gives the states of a tree's nodes under a preference, such as adapted norms.
        delta: Turns metrics of a network and of the single-task nets into Δm, per cent; None where it is not defined.
        profile: Times of the model's parts, for budgets of latency.
        single: Single-task nets of another sweep, by whose losses all are divided in place of the model's own anchor's.
            What the trees of searches minimise is still divided by those of its own, as a controller's training is.
        runs_anchor: Test the anchor itself, whatever the preference; needs no trained edge hypernet.
    """

    def __init__(
        self,
        model: ControllableNet,
        evaluation: SharedEvaluation,
        settings: SweepSettings,
        states: Callable[[Preference, BranchingTree], NodeStates],
        delta: Callable[[Mapping[str, float], Mapping[str, float]], float | None],
        profile: NodeProfile | None = None,
        *,
        single: SingleLine | None = None,
        runs_anchor: bool = False,
    ) -> None:
        self.model, self.evaluation, self.settings = model, evaluation, settings
        self.states, self.delta, self.profile = states, delta, profile
        self.single, self.runs_anchor = single, runs_anchor

    def ask(self, file: SweepFile, oracle_table: torch.Tensor | None = None) -> list[Asked]:
        """The tests that a file lacks, with the trees that they are compared with.

        Args:
            file: Where finished tests are found.
            oracle_table: Path losses of test images, for the oracle.

        Returns:
            The tests; the choice ``search`` is there if the model has a path table, ``oracle`` if one is given. Of a
            static tree, or the anchor itself, there is no choice but ``controller``.

        Raises:
            ValueError: If no tree fits a budget.
        """
        finished = {line["index"] for line in file.of_kind("run")}
        asked = [(k, *pair) for k, pair in enumerate(self.settings.asked(self.model.tasks)) if k not in finished]
        within = [self._within_budget(r, saving) for _, r, saving in asked]
        predicted = self._predicted([r for _, r, _ in asked])
        trees = [tree if chosen is None else chosen.tree for tree, chosen in zip(predicted, within, strict=True)]
        choices = {"controller": trees}
        if self.compares_trees:
            choices |= self._rivals([r for _, r, _ in asked], trees, oracle_table)
        return [
            Asked(k, r, trees[number], {name: found[number] for name, found in choices.items()}, within[number])
            for number, (k, r, _) in enumerate(asked)
        ]

    @property
    def compares_trees(self) -> bool:
        """Whether a controller chooses, so that other choices at its share mean something."""
        return self.model.static_tree is None and not self.runs_anchor

    def _predicted(self, preferences: Sequence[Preference]) -> list[BranchingTree]:
        if self.runs_anchor:
            return [self.model.anchor_tree] * len(preferences)
        return predict_trees(self.model, preferences)

    def _rivals(
        self, preferences: Sequence[Preference], trees: Sequence[BranchingTree], oracle_table: torch.Tensor | None
    ) -> dict[str, list[BranchingTree]]:
        """By choice, a tree of at most the share of every given one."""
        wanted = [(r, self.model.complexity.share(tree)) for r, tree in zip(preferences, trees, strict=True)]
        choices = {"heuristic": [heuristic_tree(self.model, r.weights, share) for r, share in wanted]}
        for name, table in (("oracle", oracle_table), ("search", self._own_table())):
            if table is not None:
                choices[name] = self._search(normalised_table(table), wanted, name)
        return choices

    def _search(self, table: np.ndarray, wanted: Sequence[tuple[Preference, float]], name: str) -> list[BranchingTree]:
        """The best trees of at most some shares; preferences that differ in their cost weight are searched once."""
        rows: dict[tuple[float, ...], list[float]] = {}
        for preference, share in wanted:
            rows.setdefault(preference.weights, []).append(share)
        found = searched_trees(self.model, table, list(rows), list(rows.values()), f"{name} trees")
        left = {weights: iter(trees) for weights, trees in zip(rows, found, strict=True)}
        return [next(left[preference.weights]) for preference, _ in wanted]

    def run(
        self, batches: Iterable[Mapping[str, Any]], batch_count: int, size: int, asked: Sequence[Asked], file: SweepFile
    ) -> None:
        """Tests, and writes lines after every pass over the images.

        Args:
            batches: This process's batches; iterated once a pass.
            batch_count: Number of batches of a pass.
            size: Images in the data set.
            asked: The tests, from :meth:`ask`; the same in all processes.
            file: Where lines are written.
        """
        step = self.settings.runs_per_pass
        passes = [asked[start : start + step] for start in range(0, len(asked), step)]
        begins = bool(asked) or not file.of_kind("single")
        bar = Progress(f"sweep, {len(asked)} networks", (len(passes) + begins) * batch_count)
        anchor = self.evaluation.network(self.model.anchor_tree)
        if begins:
            # All compared trees at once: with the anchor's own norms they have most of their nodes in common.
            rivals = [self.evaluation.network(tree) for test in asked for tree in test.rivals.values()]
            self.evaluation.measure(batches, size, [anchor] if self.single is None else [], rivals, bar.update)
        if not file.of_kind("single"):
            line = self._measured(self.model.anchor_tree, anchor) if self.single is None else self.single.line
            file.append([{**line, "kind": "single"}])
        for tests in passes:
            networks = [self._network(test) for test in tests]
            self.evaluation.measure(batches, size, networks, (), bar.update)
            reference = self.evaluation.metrics(anchor) if self.single is None else self.single.metrics
            file.append(self._lines(tests, networks, reference))

    def _within_budget(self, preference: Preference, saving: Saving) -> BudgetedTree | None:
        if saving.budget is None:
            return None
        return tree_within_budget(self.model, preference, saving.budget, self.profile)

    def _own_table(self) -> torch.Tensor | None:
        table = self.model.path_losses
        return table if table.numel() and bool(torch.isfinite(table).all()) else None

    def _network(self, test: Asked) -> Network:
        if self.runs_anchor:
            return self.evaluation.network(test.tree)
        return self.evaluation.network(test.tree, self.states(test.preference, test.tree))

    def _lines(
        self, tests: Sequence[Asked], networks: Sequence[Network], reference: Mapping[str, float]
    ) -> Iterator[Line]:
        for test, network in zip(tests, networks, strict=True):
            asked = {"weights": test.preference.weights, "cost_weight": test.preference.cost_weight}
            if test.found is not None:
                asked |= {"budget": test.found.budget.to_dict(), "search": test.found.about()["budget"]}
            measured = self._measured(test.tree, network)
            delta = self.delta(measured["metrics"], reference)
            for choice, tree in test.rivals.items():
                losses = self.evaluation.losses(self.evaluation.network(tree))
                share, parents = self.model.complexity.share(tree), tree.parents
                line = {"index": test.index, "choice": choice, "parents": parents, "share": share, "losses": losses}
                yield {"kind": "bracket", **line}
            # Last: a test counts as finished once this line is there.
            yield {"kind": "run", "index": test.index, **asked, **measured, "delta_m": delta}

    def _measured(self, tree: BranchingTree, network: Network) -> Line:
        costs = tree_costs(self.model, tree)
        return {**costs, "losses": self.evaluation.losses(network), "metrics": self.evaluation.metrics(network)}
