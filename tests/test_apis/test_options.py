"""Numbers of a command line."""

from __future__ import annotations

import pytest

from mmdymu.apis.options import read_limit, read_weights


def test_weights_by_order_and_by_name() -> None:
    assert read_weights("--pref", ["0.6", "4e-1"]) == [0.6, 0.4]
    assert read_weights("--pref", ["a=1", "b=0.5"]) == {"a": 1.0, "b": 0.5}


def test_limit() -> None:
    assert read_limit("--budget", "flops=1.2e8") == {"flops": 1.2e8}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a=1", "0.5"], "--pref: give all weights by name or none, got a=1 0.5"),
        (["a=much"], "--pref: 'much' is no number"),
        (["a=0.6,b=0.4"], "--pref: '0.6,b=0.4' is no number: put spaces between numbers"),
        (["x", "0.5"], "--pref: 'x' is no number"),
    ],
)
def test_bad_weights(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_weights("--pref", words)


@pytest.mark.parametrize(("word", "message"), [("1e8", "'1e8' must be KIND=LIMIT"), ("flops=", "'' is no number")])
def test_bad_limit(word: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"--budget: {message}"):
        read_limit("--budget", word)
