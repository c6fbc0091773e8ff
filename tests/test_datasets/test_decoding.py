from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from mmdymu.datasets import TaskSpec
from mmdymu.datasets.decoding import decode, ignored_map, unit_vectors
from mmdymu.datasets.reading import read_array


def spec(kind: str, **options: Any) -> TaskSpec:
    classes = {"classes": ("a", "b", "c")} if kind == "label" else {}
    return TaskSpec.from_config("task", {"kind": kind, **classes, **options})


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32])
def test_labels_of_any_number_type(dtype: type) -> None:
    stored = np.array([[1, 2, 3], [0, 1, 255]], dtype=dtype)
    labels = decode(stored, spec("label", offset=-1, ignore=(0, 255)))
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[0, 1, 2], [255, 0, 255]]


def test_negative_ignore_value() -> None:
    assert decode(np.array([[-1, 2]]), spec("label", ignore=(-1,))).tolist() == [[255, 2]]


@pytest.mark.parametrize("stored", [np.array([[0, 9]], np.uint8), np.array([[0, 9]]), np.array([[0, 0.5]])])
def test_label_outside_classes(stored: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"(9|0\.5) is outside the 3 classes of task 'task'"):
        decode(stored, spec("label"))


def test_depth_in_metres() -> None:
    for dtype in (np.uint8, np.uint16, np.float32):
        depth = decode(np.array([[0, 100], [200, 1]], dtype), spec("depth", scale=0.04, offset=0.02))
        assert depth.dtype == np.float32
        np.testing.assert_allclose(depth, [[0, 4.02], [8.02, 0.06]], rtol=1e-6)


def test_impossible_depth_is_invalid() -> None:
    depth = decode(np.array([[np.nan, np.inf, -1.0, 0.0, 2.5]]), spec("depth", ignore=()))
    assert depth.tolist() == [[0, 0, 0, 0, 2.5]]


def test_normals_are_unit_vectors_in_stored_channel_order() -> None:
    stored = np.array([[[128, 128, 255], [255, 128, 128], [128, 0, 128], [128, 127, 128]]], np.uint8)
    normals = decode(stored, spec("normals"))
    assert normals.dtype == np.float32
    np.testing.assert_allclose(normals[0, :3], [[0, 0, 1], [1, 0, 0], [0, -1, 0]], atol=6e-3)
    np.testing.assert_allclose(np.linalg.norm(normals[0, :3], axis=1), 1, rtol=1e-6)
    assert normals[0, 3].tolist() == [0, 0, 0]  # mid-grey has no direction


def test_float_normals_and_ignored_colour() -> None:
    vectors = np.array([[[0, 3, 4], [0, 0, 0], [np.nan, 0, 1]]], np.float64)
    normals = decode(vectors, spec("normals", scale=1, offset=0))
    np.testing.assert_allclose(normals, [[[0, 0.6, 0.8], [0, 0, 0], [0, 0, 0]]], rtol=1e-6)
    white = np.array([[[255, 255, 255], [255, 255, 0]]], np.uint8)
    assert (decode(white, spec("normals", ignore=(255,))).any(axis=2)).tolist() == [[False, True]]


def test_renormalise_can_be_switched_off() -> None:
    normals = decode(np.array([[[0, 0, 0.5]]]), spec("normals", scale=1, offset=0, renormalise=False))
    assert normals.tolist() == [[[0, 0, 0.5]]]


def test_unit_vectors_against_numpy() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32) + 1
    expected = vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
    np.testing.assert_allclose(unit_vectors(vectors), expected, rtol=1e-5)


@pytest.mark.parametrize(("kind", "shape"), [("label", (2, 3, 3)), ("depth", (2, 3, 3)), ("normals", (2, 3))])
def test_wrong_number_of_channels(kind: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="task"):
        decode(np.zeros(shape, np.uint8), spec(kind))


def test_file_formats_give_what_is_stored() -> None:
    values = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    palette = Image.new("P", (3, 2))
    palette.putdata(values.ravel().tolist())
    palette.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0])
    bits = Image.fromarray(values > 0)
    deep = np.array([[0, 65535]], np.uint16)
    colour = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    buffer = io.BytesIO()
    np.save(buffer, values.astype(np.float32) / 2)
    assert read_array(png(palette), ".png").tolist() == values.tolist()
    assert read_array(png(bits), ".png").tolist() == (values > 0).astype(int).tolist()
    assert read_array(cv2.imencode(".png", deep)[1].tobytes(), ".png").tolist() == deep.tolist()
    assert read_array(png(Image.fromarray(colour)), ".png").tolist() == colour.tolist()
    assert read_array(buffer.getvalue(), ".npy").tolist() == (values / 2).tolist()


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_file_that_is_no_image(content: bytes) -> None:
    with pytest.raises(ValueError, match="not an image"):
        read_array(content, ".png")


def test_ignored_maps() -> None:
    assert (ignored_map(spec("label"), (2, 3)) == 255).all()
    assert ignored_map(spec("depth"), (2, 3)).shape == (2, 3)
    assert not ignored_map(spec("normals"), (2, 3)).any()
    assert ignored_map(spec("normals"), (2, 3)).shape == (2, 3, 3)


@pytest.mark.parametrize("depth", [2, 4])
def test_grey_values_of_few_bits_are_not_stretched(depth: int) -> None:
    """A file by hand: Pillow writes none."""
    values = np.array([[0, 1, 2, 3]], np.uint8)
    row = b"\0" + bytes([0b00011011] if depth == 2 else [0x01, 0x23])
    header = struct.pack(">IIBBBBB", 4, 1, depth, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(row)), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data)) for tag, data in parts
    ]
    assert read_array(b"\x89PNG\r\n\x1a\n" + b"".join(chunks), ".png").tolist() == values.tolist()


@pytest.mark.parametrize("suffix", [".png", ".npy"])
def test_empty_and_cut_files(suffix: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read|not an image"):
        read_array(b"", suffix)
    if suffix == ".png":
        palette = Image.fromarray(np.random.default_rng(0).integers(0, 20, (40, 40), np.uint8), "P")
        palette.putpalette(range(60))
        with pytest.raises(ValueError, match="cannot be read"):
            read_array(png(palette)[:200], suffix)
