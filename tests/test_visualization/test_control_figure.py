from __future__ import annotations

from pathlib import Path

import cv2

from mmdymu.visualization.control_figure import draw_control

REPORT = {
    "shares": {"mean_by_cost_weight": {"0.0": 0.6, "0.5": 0.3, "1.0": 0.1}},
    "brackets": {
        "controller": {"by_cost_weight": [1.0, 1.1, 1.2]},
        "heuristic": {"by_cost_weight": [1.0, 1.2, 1.4]},
    },
    "own_weight": {f"task{i}": {"0.0": [1.0, 1.1 + i], "1.0": [1.0, 1.5 + i]} for i in range(20)},
}


def test_the_figure_is_written_as_picture_and_as_vectors(tmp_path: Path) -> None:
    draw_control(REPORT, tmp_path / "control.png")
    draw_control(REPORT, tmp_path / "control.svg")

    image = cv2.imread(str(tmp_path / "control.png"))
    assert image.shape[1] > 2 * image.shape[0] > 0
    assert image.std() > 0
    assert "<svg" in (tmp_path / "control.svg").read_text()
