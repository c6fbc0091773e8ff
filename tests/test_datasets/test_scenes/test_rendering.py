from __future__ import annotations

import numpy as np
import pytest

from mmdymu.datasets.scenes import FOCAL_PER_WIDTH, PART_CLASSES, SCENE_TASKS, SEMSEG_CLASSES, render_scene

HEIGHT, WIDTH = 96, 128


@pytest.fixture(scope="module")
def rooms() -> list[dict[str, np.ndarray]]:
    return [render_scene(0, index, HEIGHT, WIDTH) for index in range(12)]


def points_of(depth: np.ndarray) -> np.ndarray:
    """Back-projection into the camera frame, x right, y up, z to the camera: (H, W, 3) metres."""
    height, width = depth.shape
    rows, columns = np.mgrid[:height, :width] + 0.5
    focal = FOCAL_PER_WIDTH * width
    return np.stack([(columns - width / 2) / focal * depth, (height / 2 - rows) / focal * depth, -depth], axis=2)


def test_types_and_ranges(rooms: list[dict[str, np.ndarray]]) -> None:
    for room in rooms:
        assert set(room) == {"img", *SCENE_TASKS}
        assert room["img"].shape == (HEIGHT, WIDTH, 3) and room["img"].dtype == np.uint8
        assert room["depth"].dtype == room["normals"].dtype == np.float32
        assert room["depth"].min() > 0.1 and room["depth"].max() < 10
        np.testing.assert_allclose(np.linalg.norm(room["normals"], axis=2), 1, atol=1e-5)
        for task, entry in SCENE_TASKS.items():
            if entry["kind"] == "label":
                assert room[task].dtype == np.uint8 and room[task].max() < len(entry["classes"])


def test_same_seed_and_index_give_the_same_room() -> None:
    first, again = render_scene(3, 5, 24, 32), render_scene(3, 5, 24, 32)
    assert all((first[key] == again[key]).all() for key in first)
    for other in (render_scene(3, 6, 24, 32), render_scene(4, 5, 24, 32)):
        assert (first["depth"] != other["depth"]).mean() > 0.9


def test_global_generators_are_left_alone() -> None:
    np.random.seed(7)
    expected = np.random.rand()
    np.random.seed(7)
    render_scene(0, 0, 16, 16)
    assert np.random.rand() == expected


def test_normals_agree_with_depth_inside_surfaces(rooms: list[dict[str, np.ndarray]]) -> None:
    """Cross product of central differences of the back-projected depth, away from edges."""
    for room in rooms:
        points = points_of(room["depth"].astype(float))
        across = points[1:-1, 2:] - points[1:-1, :-2]
        up = points[:-2, 1:-1] - points[2:, 1:-1]
        numeric = np.cross(across, up)
        numeric /= np.linalg.norm(numeric, axis=2, keepdims=True)
        edges = room["edges"].astype(bool)
        near_edge = np.zeros((HEIGHT - 2, WIDTH - 2), bool)
        for row in range(3):
            for column in range(3):
                near_edge |= edges[row : row + HEIGHT - 2, column : column + WIDTH - 2]
        exact = room["normals"][1:-1, 1:-1]
        angle = np.degrees(np.arccos(np.clip((numeric * exact).sum(2), -1, 1)))[~near_edge]
        flat = room["semseg"][1:-1, 1:-1][~near_edge] < SEMSEG_CLASSES.index("cylinder")
        assert angle[flat].max() < 1.0  # planes: only rounding
        assert np.percentile(angle, 99) < 6  # spheres bend within a pixel


def test_surfaces_face_the_camera(rooms: list[dict[str, np.ndarray]]) -> None:
    for room in rooms:
        towards = -points_of(room["depth"])
        assert (towards * room["normals"]).sum(2).min() > -1e-4


def test_room_surfaces_are_planes_with_the_right_direction(rooms: list[dict[str, np.ndarray]]) -> None:
    """Floor and rug lie in one plane and look up; ceiling looks against it; walls stand upright."""
    for room in rooms:
        floor = np.isin(room["semseg"], [SEMSEG_CLASSES.index("floor"), SEMSEG_CLASSES.index("rug")])
        if floor.sum() < 50:
            continue
        up = room["normals"][floor][0]
        heights = points_of(room["depth"])[floor] @ up
        assert up[1] > 0.8  # the camera is tilted by half a radian at most
        assert np.ptp(heights) < 1e-3
        walls = np.isin(room["semseg"], [SEMSEG_CLASSES.index("wall"), SEMSEG_CLASSES.index("picture")])
        np.testing.assert_allclose(room["normals"][walls] @ up, 0, atol=1e-5)
        ceiling = room["semseg"] == SEMSEG_CLASSES.index("ceiling")
        np.testing.assert_allclose(room["normals"][ceiling] @ up, -1, atol=1e-5)
        tops = room["parts"] == PART_CLASSES.index("top")
        np.testing.assert_allclose(np.abs(room["normals"][tops] @ up), 1, atol=1e-5)


def test_a_sphere_lies_on_a_sphere(rooms: list[dict[str, np.ndarray]]) -> None:
    """All lines through a ball's surface along its normals meet in one point: p - r n is constant."""
    found = 0
    for room in rooms:
        mask = (room["semseg"] == SEMSEG_CLASSES.index("sphere")) & (room["saliency"] == 1)
        if mask.sum() < 100:
            continue
        found += 1
        points, normals = points_of(room["depth"])[mask], room["normals"][mask]
        spread_points, spread_normals = points - points.mean(0), normals - normals.mean(0)
        radius = (spread_points * spread_normals).sum() / (spread_normals**2).sum()
        assert np.ptp(points - radius * normals, axis=0).max() < 5e-3
    assert found


def test_saliency_is_the_nearest_solid(rooms: list[dict[str, np.ndarray]]) -> None:
    solids = [SEMSEG_CLASSES.index(name) for name in ("box", "cylinder", "sphere")]
    for room in rooms:
        on_solid = np.isin(room["semseg"], solids)
        salient = room["saliency"] == 1
        assert salient.any() == on_solid.any()
        if salient.any():
            assert (on_solid | ~salient).all()
            assert room["depth"][salient].min() == room["depth"][on_solid].min()


def test_parts_fit_the_classes(rooms: list[dict[str, np.ndarray]]) -> None:
    allowed = {
        "box": {"top", "long side", "short side"},
        "cylinder": {"top", "mantle"},
        "sphere": {"upper half", "lower half"},
    }
    for room in rooms:
        for number, name in enumerate(SEMSEG_CLASSES):
            parts = {PART_CLASSES[part] for part in np.unique(room["parts"][room["semseg"] == number])}
            assert parts <= allowed.get(name, {"background"})


def test_edges_are_where_a_label_changes(rooms: list[dict[str, np.ndarray]]) -> None:
    for room in rooms:
        change = np.zeros((HEIGHT, WIDTH), bool)
        change[:, :-1] |= room["semseg"][:, :-1] != room["semseg"][:, 1:]
        change[:-1] |= room["semseg"][:-1] != room["semseg"][1:]
        assert (room["edges"][change] == 1).all()
        assert 0.005 < room["edges"].mean() < 0.25


def test_rooms_are_rich() -> None:
    rooms = [render_scene(1, index, 48, 64) for index in range(40)]
    seen = {int(label) for room in rooms for label in np.unique(room["semseg"])}
    assert seen == set(range(len(SEMSEG_CLASSES)))
    assert np.mean([len(np.unique(room["semseg"])) for room in rooms]) > 3.5
    assert np.mean([room["saliency"].any() for room in rooms]) > 0.9
    assert 60 < np.mean([room["img"].mean() for room in rooms]) < 190


def test_two_sizes_show_the_same_room() -> None:
    small, large = render_scene(0, 1, 30, 40), render_scene(0, 1, 90, 120)
    centres = large["depth"][1::3, 1::3]  # the centre of a small pixel is the centre of the middle large one
    np.testing.assert_allclose(small["depth"], centres, rtol=1e-4)
    assert (small["semseg"] == large["semseg"][1::3, 1::3]).all()
