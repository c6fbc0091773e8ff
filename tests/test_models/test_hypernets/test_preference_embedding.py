"""p = Σ_i r_i e_i + c e_c."""

from __future__ import annotations

import pytest
import torch

from mmdymu.models.hypernets import PreferenceEmbedding


@pytest.mark.parametrize("num_tasks", [2, 3, 5, 20])
def test_against_plain_loops(num_tasks: int) -> None:
    embedding = PreferenceEmbedding(num_tasks, 7)
    weights, cost = torch.rand(4, num_tasks), torch.rand(4)
    found = embedding(weights, cost)
    assert found.shape == (4, 7)
    for b in range(4):
        for d in range(7):
            expected = float(cost[b]) * float(embedding.cost[d])
            for i in range(num_tasks):
                expected += float(weights[b, i]) * float(embedding.tasks[i, d])
            assert float(found[b, d]) == pytest.approx(expected, abs=1e-5)


def test_a_pure_preference_is_the_tasks_own_vector() -> None:
    embedding = PreferenceEmbedding(3)
    assert embedding.tasks.shape == (3, 32)
    assert torch.equal(embedding(torch.eye(3), torch.zeros(3)), embedding.tasks)
    difference = embedding(torch.eye(3), torch.ones(3)) - embedding.tasks
    torch.testing.assert_close(difference, embedding.cost.expand(3, -1))
