from __future__ import annotations

import numpy as np

from mmdymu.datasets import parse_tasks
from mmdymu.datasets.converters.nyuv2_frame import millimetres, segment_borders, stored_normals
from mmdymu.datasets.decoders.borders import borders
from mmdymu.datasets.decoding import decode

NORMALS = parse_tasks({"normals": {"kind": "normals", "scale": 1 / 32767.5, "offset": -1, "ignore": (0,)}})["normals"]


def test_normals_survive_storing() -> None:
    normals = np.random.default_rng(0).standard_normal((50, 40, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    normals[0, :6] = np.concatenate([np.eye(3), -np.eye(3)])
    normals[1] = 0
    stored = stored_normals(normals)
    assert stored.dtype == np.uint16
    assert np.abs(stored / 32767.5 - 1 - normals)[2:].max() <= 1 / 65535 + 1e-7
    assert not stored[1].any()
    assert stored[0, 0].tolist() == [65535, 32768, 32768]
    assert stored[0, 3].tolist() == [0, 32768, 32768]
    assert (stored_normals(-normals)[2:] == 65535 - stored[2:]).all()
    decoded = decode(stored, NORMALS)
    assert not decoded[1].any()
    assert np.abs(decoded - normals).max() < 4e-5


def test_depth_is_stored_in_millimetres() -> None:
    depth = np.array([[0, -1, np.nan, np.inf, 0.0004], [0.001, 1.2346, 9.9996, 65.535, 70]], np.float32)
    assert millimetres(depth).tolist() == [[0, 0, 0, 0, 0], [1, 1235, 10000, 65535, 0]]
    assert millimetres(depth).dtype == np.uint16


def test_objects_of_one_class_have_a_border() -> None:
    labels = np.full((8, 8), 894, np.uint16)
    instances = np.repeat(np.array([[1, 2]], np.uint8), 4, axis=1).repeat(8, axis=0)
    assert segment_borders(labels, instances)[1:, 3:5].any(axis=1).all()  # thinning shortens ends
    assert (segment_borders(labels, instances) == borders(instances)).all()
    assert not segment_borders(labels, 0 * instances).any()
    # Class 1 with object 255 and class 2 with object 0 differ, too.
    assert segment_borders(np.where(instances == 1, 1, 2), np.where(instances == 1, 255, 0)).any()
