"""The camera of NYU Depth V2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# The size that the intrinsics were measured at.
NYU_V2_SHAPE = (480, 640)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        fx: Focal length in columns.
        fy: Focal length in rows.
        cx: Column of the principal point; the centre of the first pixel is 0.
        cy: Row of the principal point; the centre of the first pixel is 0.
    """

    fx: float
    fy: float
    cx: float
    cy: float

    def scaled(self, rows: float, columns: float) -> Camera:
        """The camera of a frame with ``rows`` times as many rows and ``columns`` times as many columns."""
        # Scaling moves the outer rim of the first pixel, at -0.5, nowhere; its centre moves.
        return Camera(self.fx * columns, self.fy * rows, (self.cx + 0.5) * columns - 0.5, (self.cy + 0.5) * rows - 0.5)

    def rays(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the rays of pixels meet the plane one metre ahead.

        Args:
            rows: (H,) indices of rows, from 0.
            columns: (W,) indices of columns, from 0.

        Returns:
            x (W,), to the right, and y (H,), down, float32.
        """
        x, y = (columns - self.cx) / self.fx, (rows - self.cy) / self.fy
        return x.astype(np.float32), y.astype(np.float32)


# camera_params.m of the authors' toolbox, colour camera. MATLAB counts pixels from 1, so 1 is subtracted.
NYU_V2 = Camera(fx=518.857901, fy=519.469611, cx=325.582449 - 1, cy=253.736166 - 1)


def nyuv2_camera(shape: tuple[int, int]) -> Camera:
    """The camera of whole NYU-v2 frames of some size.

    Args:
        shape: (H, W); other sizes than 480x640 are taken as the same view with other pixels.
    """
    return NYU_V2.scaled(shape[0] / NYU_V2_SHAPE[0], shape[1] / NYU_V2_SHAPE[1])
