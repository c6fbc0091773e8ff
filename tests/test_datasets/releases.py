"""Tiny copies of public releases: one frame in the exact layout, formats and types, and the labels it must give."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from test_datasets.dataset_files import write_image
from test_datasets.mat_files import mat, parts_mat

Labels = dict[str, np.ndarray]
NYU, NYU_SMALL, MTAN = (480, 640), (425, 560), (288, 384)
PASCAL = (375, 500)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors divided by their lengths, zeros where there are none."""
    length = np.linalg.norm(vectors, axis=2, keepdims=True)
    return np.where(length > 0.1, vectors / np.maximum(length, 1e-9), 0)


def blocks(shape: tuple[int, int], values: np.ndarray) -> np.ndarray:
    """A map of large constant blocks, which survives JPEG and shows borders."""
    rows = np.arange(shape[0]) * values.shape[0] // shape[0]
    columns = np.arange(shape[1]) * values.shape[1] // shape[1]
    return values[rows][:, columns]


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def save(path: Path, array: np.ndarray) -> None:
    """Write an ``.npy`` file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def write_split(root: Path, name: str, *ids: str) -> None:
    """Write a split file."""
    write_bytes(root / name, "".join(f"{i}\n" for i in ids).encode())


def _nyu_semseg() -> tuple[np.ndarray, np.ndarray]:
    """Stored 0 = unlabelled, 1 to 40; and as classes."""
    stored = np.array([[0, 1, 40], [5, 13, 20]])
    return stored, np.where(stored == 0, 255, stored - 1)


def _nyu_normals() -> np.ndarray:
    """Bytes: to the camera, to the right, up, slanted."""
    return np.array(
        [[[128, 128, 255], [255, 128, 128], [128, 255, 128]], [[200, 180, 210], [60, 128, 230], [128, 40, 200]]],
        np.uint8,
    )


def _write_nyu_frame(root: Path, size: tuple[int, int], suffix: str) -> Labels:
    rng = np.random.default_rng(0)
    write_image(root / "images" / f"0001{suffix}", rng.integers(0, 256, (*size, 3), np.uint8))
    for split in ("train", "val"):
        write_split(root, f"gt_sets/{split}.txt", "0001")
    edges = blocks(size, np.array([[0, 1, 0]]))
    depth = blocks(size, np.array([[0.0, 1.25, 9.5], [0.7, 3.3, 2.0]]))
    return {"semseg": blocks(size, _nyu_semseg()[1]), "depth": depth, "edges": edges}


def write_nyud_astmt(root: Path) -> Labels:
    """MATLAB files for semseg and depth, JPEG normals, edges as bytes 0 and 255."""
    root, size = root / "NYUD_MT", NYU_SMALL
    labels = _write_nyu_frame(root, size, ".jpg")
    stored = blocks(size, _nyu_semseg()[0])
    write_bytes(root / "segmentation" / "0001.mat", mat(segmentation=stored.astype(np.uint8)))
    write_bytes(root / "depth" / "0001.mat", mat(depth=labels["depth"].astype(np.float32)))
    normals = blocks(size, _nyu_normals())
    write_image(root / "normals" / "0001.jpg", normals)
    write_image(root / "edge" / "0001.png", (255 * labels["edges"]).astype(np.uint8))
    return {**labels, "normals": unit(normals / 127.5 - 1)}


def write_nyud_480x640(root: Path) -> Labels:
    """Floats in ``.npy`` files, semseg as PNG with 0 = unlabelled."""
    root, size = root / "NYUD_MT", NYU
    labels = _write_nyu_frame(root, size, ".jpg")
    write_image(root / "segmentation" / "0001.png", blocks(size, _nyu_semseg()[0]).astype(np.uint8))
    save(root / "depth" / "0001.npy", labels["depth"].astype(np.float32))
    normals = unit(blocks(size, _nyu_normals()) / 127.5 - 1).astype(np.float32)
    save(root / "normals" / "0001.npy", normals)
    save(root / "edge" / "0001.npy", labels["edges"].astype(np.float32))
    return {**labels, "normals": normals}


def write_nyud_425x560(root: Path) -> Labels:
    """PNG images and normals, depth in ``.npy`` files."""
    root, size = root / "NYUDv2", NYU_SMALL
    labels = _write_nyu_frame(root, size, ".png")
    write_image(root / "segmentation" / "0001.png", blocks(size, _nyu_semseg()[0]).astype(np.uint8))
    save(root / "depth" / "0001.npy", labels["depth"].astype(np.float32))
    normals = blocks(size, _nyu_normals())
    write_image(root / "normals" / "0001.png", normals)
    write_image(root / "edge" / "0001.png", (255 * labels["edges"]).astype(np.uint8))
    return {**labels, "normals": unit(normals / 127.5 - 1)}


def write_nyud_mtan(root: Path) -> Labels:
    """Arrays by number: 13 classes with -1 = ignore, depth (H, W, 1), normals with (0, 0, 0) = invalid."""
    semseg = blocks(MTAN, np.array([[-1, 0, 12], [5, 3, 7]]))
    depth = blocks(MTAN, np.array([[0.0, 1.25, 9.5]]))
    normals = unit(blocks(MTAN, _nyu_normals()) / 127.5 - 1)
    normals[:40] = 0
    image = np.random.default_rng(0).integers(0, 256, (*MTAN, 3)) / 255
    for split in ("train", "val"):
        folder = root / "nyuv2_mtan" / split
        save(folder / "image" / "0.npy", image)
        save(folder / "label" / "0.npy", semseg.astype(np.float64))
        save(folder / "depth" / "0.npy", depth[..., None].astype(np.float32))
        save(folder / "normal" / "0.npy", normals.astype(np.float32))
    return {"semseg": np.where(semseg < 0, 255, semseg), "depth": depth, "normals": normals}


def write_nyud_adashare(root: Path) -> Labels:
    """Paths in a JSON file; 40 classes from 0 with 255 = ignore, normals with white = invalid."""
    root = root / "nyu_v2"
    semseg = blocks(NYU, np.array([[255, 0, 39]]))
    depth = blocks(NYU, np.array([[0.0, 1.25, 9.5]]))
    normals = blocks(NYU, _nyu_normals()).copy()
    normals[:50] = 255
    write_image(root / "train" / "img" / "1.png", np.zeros((*NYU, 3), np.uint8))
    write_image(root / "train" / "seg" / "1.png", semseg.astype(np.uint8))
    write_image(root / "train" / "normal_mask" / "1.png", normals)
    save(root / "train" / "depth" / "1.npy", depth.astype(np.float32))
    row = [f"train/{folder}/1{suffix}" for folder, suffix in zip(
        ("img", "seg", "normal_mask", "depth"), (".png", ".png", ".png", ".npy"), strict=True
    )]  # fmt: skip
    (root / "nyu_v2_3task.json").write_text(json.dumps({"train": [row], "test": [row]}))
    expected = unit(normals / 127.5 - 1)
    expected[:50] = 0
    return {"semseg": semseg, "depth": depth, "normals": expected}


def pascal_classes() -> np.ndarray:
    """Class ids of the 459: floor and wall are indoors, sky and grass are not."""
    return blocks(PASCAL, np.array([[158, 440, 360], [158, 187, 284]])).astype(np.uint16)


def write_pascal(root: Path, folder: str = "PASCAL_MT", name: str = "2008_000001", person: bool = True) -> Labels:
    """One frame of the PASCAL_MT release, appended to both splits."""
    root = root / folder
    classes = pascal_classes()
    semseg = blocks(PASCAL, np.array([[0, 15, 255], [20, 3, 1]]))
    head, torso = blocks(PASCAL, np.array([[0, 1, 0]])), blocks(PASCAL, np.array([[0, 0], [0, 1]]))
    objects = [("person", 15, head | torso, [("head", head), ("neck", torso)])] if person else []
    saliency = blocks(PASCAL, np.array([[0, 127, 128, 255]]))
    normals = blocks(PASCAL, np.array([[[128, 128, 255], [128, 230, 200], [255, 128, 128]], [[0, 0, 0]] * 3], np.uint8))
    write_image(root / "JPEGImages" / f"{name}.jpg", np.zeros((*PASCAL, 3), np.uint8))
    write_image(root / "semseg" / "VOC12" / f"{name}.png", semseg.astype(np.uint8))
    write_image(root / "sal_distill" / f"{name}.png", saliency.astype(np.uint8))
    write_image(root / "normals_distill" / f"{name}.png", normals)
    write_bytes(root / "human_parts" / f"{name}.mat", parts_mat(objects))
    write_bytes(root / "pascal-context" / "trainval" / f"{name}.mat", mat(LabelMap=classes))
    for split in ("train", "val"):
        path = root / "ImageSets" / "Context" / f"{split}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + f"{name}\n")
    up = unit(normals / 127.5 - 1) * np.array([1, -1, 1])
    up[(normals == 0).all(2) | ~np.isin(classes, (158, 440, 284))] = 0
    parts = np.where(torso, 2, head) if person else np.zeros(PASCAL, int)
    return {"semseg": semseg, "parts": parts, "saliency": (saliency > 127).astype(int), "normals": up}


RELEASES: dict[str, Callable[[Path], Labels]] = {
    "nyud_astmt": write_nyud_astmt,
    "nyud_480x640": write_nyud_480x640,
    "nyud_480x640_edges": write_nyud_480x640,
    "nyud_425x560": write_nyud_425x560,
    "nyud_mtan": write_nyud_mtan,
    "nyud_adashare": write_nyud_adashare,
    "pascal_context_bmtas": write_pascal,
    "pascal_context_astmt": write_pascal,
    "pascal_context_atrc": write_pascal,
}
