"""Path tables, exact expectations on them, and tree search."""

from .exact import best_tree, pareto_front, table_entries
from .expectation import expected_share, expected_task_losses, expected_usage
from .path_table import build_path_table
from .solution import Solution

__all__ = [
    "Solution",
    "best_tree",
    "build_path_table",
    "expected_share",
    "expected_task_losses",
    "expected_usage",
    "pareto_front",
    "table_entries",
]
