"""Numbers on a command line: ``0.6 0.4``, ``semseg=0.6 depth=0.4``, ``flops=1e8``."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["read_limit", "read_weights"]


def read_weights(option: str, words: Sequence[str]) -> list[float] | dict[str, float]:
    """Weights in task order or by name.

    Args:
        option: Its name, for errors.
        words: At least one.

    Returns:
        Numbers, or numbers by name.

    Raises:
        ValueError: If some have a name and others do not, or one is no number.
    """
    named = ["=" in word for word in words]
    if any(named) and not all(named):
        raise ValueError(f"{option}: give all weights by name or none, got {' '.join(words)}")
    if not all(named):
        return [_number(option, word) for word in words]
    return {word.partition("=")[0]: _number(option, word.partition("=")[2]) for word in words}


def read_limit(option: str, word: str) -> dict[str, float]:
    """A budget, as :meth:`mmdymu.budget.Budget.parse` takes it.

    Args:
        option: Its name, for errors.
        word: ``KIND=LIMIT``.

    Returns:
        The limit by its kind, which is not checked.

    Raises:
        ValueError: If it has another form.
    """
    kind, equals, limit = word.partition("=")
    if not equals:
        raise ValueError(f"{option}: {word!r} must be KIND=LIMIT, such as flops=1e8")
    return {kind: _number(option, limit)}


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        remedy = ": put spaces between numbers, no commas" if "," in text else ""
        raise ValueError(f"{option}: {text!r} is no number{remedy}") from None
