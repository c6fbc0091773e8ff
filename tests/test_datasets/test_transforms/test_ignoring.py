from __future__ import annotations

import numpy as np

from mmdymu.datasets import IgnoreEmptyLabels


def test_only_empty_maps_are_ignored() -> None:
    empty, full = np.array([[0, 255]], np.uint8), np.array([[0, 1]], np.uint8)
    results = IgnoreEmptyLabels(tasks=["parts", "saliency", "absent"])(
        {"gt_parts": empty, "gt_saliency": full, "gt_edges": empty}
    )
    assert (results["gt_parts"] == 255).all()
    assert results["gt_saliency"].tolist() == [[0, 1]]
    assert results["gt_edges"].tolist() == [[0, 255]]
