"""Path tables, exact expectations on them, and tree search."""

from .budget import BudgetedTree, budget_text, feasible_prices, tree_within_budget
from .exact import best_tree, pareto_front, table_entries
from .expectation import expected_share, expected_task_losses, expected_usage
from .path_table import build_path_table
from .profile import NodeProfile
from .solution import Solution

__all__ = [
    "BudgetedTree",
    "NodeProfile",
    "Solution",
    "best_tree",
    "budget_text",
    "build_path_table",
    "expected_share",
    "expected_task_losses",
    "expected_usage",
    "feasible_prices",
    "pareto_front",
    "table_entries",
    "tree_within_budget",
]
