from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mmengine import Config
from mmengine.registry import init_default_scope
from PIL import Image
from test_datasets.mat_files import mat
from test_datasets.nyuv2_files import MAP_CLASS, SIZE, nyu_frame, write_nyuv2
from test_datasets.plane import NORMAL

from mmdymu.datasets.converters import ConversionError, NyuV2Conversion, convert_nyuv2
from mmdymu.datasets.converters.framing import Framing
from mmdymu.datasets.decoders.borders import borders
from mmdymu.registry import DATASETS

CONFIG = Path(__file__).parents[3] / "configs" / "_base_" / "datasets" / "nyuv2_converted.py"
Frames = list[dict[str, np.ndarray]]


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMDYMU_DATA_ROOT", str(tmp_path / "data"))
    init_default_scope("mmdymu")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "data" / "nyuv2"


def converted(tmp_path: Path, files: dict[str, Any] | None = None, **options: Any) -> Frames:
    """Convert a tiny release with a window of 5; returns what its frames hold."""
    paths, frames = write_nyuv2(tmp_path / "official", **(files or {}))
    convert_nyuv2(NyuV2Conversion(**paths, **{"window": 5, **options}), tmp_path / "data" / "nyuv2", num_workers=0)
    return frames


def loaded(loader: str = "train", index: int = 0, classes: int | None = None) -> dict[str, Any]:
    """A frame as the config reads it, not transformed."""
    dataset = Config.fromfile(CONFIG)[f"{loader}_dataloader"].dataset
    plain = [transform for transform in dataset["pipeline"] if "Load" in transform["type"]]
    if classes is not None:
        dataset["tasks"]["semseg"]["classes"] = tuple(map(str, range(classes)))
    return DATASETS.build({**dataset, "pipeline": plain})[index]


def degrees(normals: np.ndarray) -> np.ndarray:
    return np.degrees(np.arccos(np.clip(normals @ NORMAL, -1, 1)))


@pytest.mark.parametrize(("loader", "index", "number"), [("train", 0, 1), ("train", 1, 2), ("test", 0, 3)])
def test_every_label_is_what_the_frame_holds(tmp_path: Path, loader: str, index: int, number: int) -> None:
    known = converted(tmp_path)[number - 1]
    item = loaded(loader, index)
    assert Path(item["img_path"]).name == f"{number:04d}.png"
    assert (item["img"][..., ::-1] == known["images"]).all()
    raw = known["labels"].astype(int)
    assert (item["gt_semseg"] == np.where(raw == 0, 255, MAP_CLASS[raw - 1] - 1)).all()
    assert {255, 0} <= set(np.unique(item["gt_semseg"]))
    assert np.abs(item["gt_depth"] - known["depths"]).max() <= 0.0005001
    assert (item["gt_edges"] == borders(256 * raw + known["instances"])).all()
    assert degrees(item["gt_normals"]).max() < 1


def test_files_have_the_promised_forms(tmp_path: Path, out: Path) -> None:
    converted(tmp_path)
    modes = {folder: Image.open(out / folder / "0001.png").mode for folder in ("images", "semseg", "depth", "edges")}
    assert modes == {"images": "RGB", "semseg": "L", "depth": "I;16", "edges": "1"}
    assert (out / "normals" / "0001.png").read_bytes()[24:26] == bytes([16, 2])  # 16 bits, RGB
    assert {path.name for path in out.iterdir()} == {
        *("images", "semseg", "depth", "normals", "edges", "train.txt", "test.txt", "conversion.json")
    }
    record = json.loads((out / "conversion.json").read_text())
    assert record == {"source": "labeled.mat", "classes": 40, "crop": None, "size": None, "window": 5}


def test_a_model_gets_what_the_config_promises(tmp_path: Path) -> None:
    converted(tmp_path)
    config = Config.fromfile(CONFIG)
    assert len(config.tasks.semseg.classes) == 40
    packed = DATASETS.build(config.test_dataloader.dataset)[0]
    assert packed["inputs"].shape == (3, *SIZE)
    assert packed["data_samples"].tasks == {"semseg", "depth", "normals", "edges"}


def test_13_classes(tmp_path: Path) -> None:
    labels = np.zeros(SIZE, np.uint16)
    labels.ravel()[: 895 * 3] = np.repeat(np.arange(895), 3)
    frame = {**nyu_frame(1), "labels": labels}
    converted(tmp_path, {"frames": [frame, nyu_frame(2)], "count": 2}, classes=13)
    names_40, names_13 = Config.fromfile(CONFIG).tasks.semseg.classes, (
        *("bed", "books", "ceiling", "chair", "floor", "furniture", "objects"),
        *("picture", "sofa", "table", "tv", "wall", "window"),
    )  # fmt: skip
    other = {"television": "tv", "floor mat": "floor", "desk": "table", "cabinet": "furniture", "lamp": "objects"}
    semseg = loaded(classes=13)["gt_semseg"]
    for name in {*names_13, *other} - {"furniture", "objects", "tv"}:
        raw = 1 + int(np.flatnonzero(names_40.index(name) == MAP_CLASS - 1)[0])
        assert (semseg[labels == raw] == names_13.index(other.get(name, name))).all(), name
    assert (semseg[labels == 0] == 255).all()
    assert set(np.unique(semseg)) == {*range(13), 255}


@pytest.mark.parametrize(
    ("crop", "size"), [("8:40,16:56", None), ("none", "24x32"), ("8:41,16:57", "20x30"), ("none", "60x80")]
)
def test_normals_after_crop_and_resize(tmp_path: Path, crop: str, size: str | None) -> None:
    framing = Framing.parse(crop, size)
    known = converted(tmp_path, framing=framing)[0]
    item = loaded()
    rows, columns = framing.sources(SIZE)
    pixels = np.ix_(rows, columns)
    assert item["img"].shape == (len(rows), len(columns), 3)
    assert item["gt_normals"].shape == item["img"].shape
    assert degrees(item["gt_normals"]).max() < 1
    assert np.abs(item["gt_depth"] - known["depths"][pixels]).max() <= 0.0005001
    raw = known["labels"][pixels].astype(int)
    assert (item["gt_semseg"] == np.where(raw == 0, 255, MAP_CLASS[raw - 1] - 1)).all()
    assert (item["gt_edges"] == borders(256 * raw + known["instances"][pixels])).all()
    if size is None:
        assert (item["img"][..., ::-1] == known["images"][pixels]).all()


def test_missing_depth(tmp_path: Path) -> None:
    frame = nyu_frame(1)
    frame["depths"][20, 30] = 0
    converted(tmp_path, {"frames": [frame, nyu_frame(2)], "count": 2})
    item = loaded()
    assert (item["gt_depth"] == 0).sum() == 1
    none = (item["gt_normals"] == 0).all(axis=2)
    assert none[18:23, 28:33].all()
    assert none.sum() == 25


def test_without_instances(tmp_path: Path) -> None:
    frames = [{name: a for name, a in nyu_frame(number).items() if name != "instances"} for number in (1, 2)]
    converted(tmp_path, {"frames": frames, "count": 2})
    assert (loaded()["gt_edges"] == borders(256 * frames[0]["labels"].astype(int))).all()


def test_splits_keep_their_order_and_only_their_frames_are_written(tmp_path: Path, out: Path) -> None:
    converted(tmp_path, {"count": 5, "train": [4, 1], "test": [3]})
    assert (out / "train.txt").read_text() == "0004\n0001\n"
    assert (out / "test.txt").read_text() == "0003\n"
    assert sorted(path.name for path in (out / "images").iterdir()) == ["0001.png", "0003.png", "0004.png"]


def test_two_workers_write_what_one_writes(tmp_path: Path) -> None:
    paths, _ = write_nyuv2(tmp_path / "official", count=33, size=(6, 8))
    for workers in (0, 2):
        convert_nyuv2(NyuV2Conversion(**paths, window=3), tmp_path / str(workers), num_workers=workers)
    one, two = ({p.relative_to(d): p.read_bytes() for p in d.rglob("*.*")} for d in (tmp_path / "0", tmp_path / "2"))
    assert len(one) == 5 * 33 + 3
    assert one == two


def without(name: str) -> Callable[[dict[str, Path]], None]:
    def change(paths: dict[str, Path]) -> None:
        with h5py.File(paths["source"], "a") as file:
            del file[name]

    return change


def replaced(name: str, array: np.ndarray) -> Callable[[dict[str, Path]], None]:
    def change(paths: dict[str, Path]) -> None:
        without(name)(paths)
        with h5py.File(paths["source"], "a") as file:
            file[name] = array

    return change


def written(name: str, content: bytes) -> Callable[[dict[str, Path]], None]:
    def change(paths: dict[str, Path]) -> None:
        paths[name].write_bytes(content)

    return change


def cut(paths: dict[str, Path]) -> None:
    paths["source"].write_bytes(paths["source"].read_bytes()[:-2000])


def damaged(paths: dict[str, Path]) -> None:
    """Compressed, as MATLAB does, and then broken in the second frame."""
    with h5py.File(paths["source"], "a") as file:
        depths = file["depths"][()]
        del file["depths"]
        chunks = file.create_dataset("depths", data=depths, chunks=(1, *depths.shape[1:]), compression="gzip").id
        file.flush()
        place = chunks.get_chunk_info_by_coord((1, 0, 0))
    content = bytearray(paths["source"].read_bytes())
    content[place.byte_offset : place.byte_offset + place.size] = bytes(place.size)
    paths["source"].write_bytes(content)


WRONG: dict[str, tuple[Callable[[dict[str, Path]], Any], type[Exception], str]] = {
    "no source": (lambda p: p["source"].unlink(), FileNotFoundError, "labeled.mat' does not exist"),
    "no splits": (lambda p: p["splits"].unlink(), FileNotFoundError, "splits.mat' with variable trainNdxs does not"),
    "no mapping": (lambda p: p["mapping"].unlink(), FileNotFoundError, "mapping.mat' with variable mapClass does not"),
    "not HDF5": (written("source", mat(a=1)), ConversionError, "labeled.mat' is not an HDF5"),
    "cut short": (cut, ConversionError, "labeled.mat' cannot be opened, is it complete"),
    "damaged": (damaged, ConversionError, "frame 2 of .*labeled.mat' cannot be read"),
    "no depths": (without("depths"), ConversionError, "no variable 'depths'; found images, instances, labels"),
    "image type": (replaced("images", np.zeros((3, 3, 64, 48))), ConversionError, "images in .* must be uint8, N x 3"),
    "not reversed": (replaced("depths", np.zeros((3, 48, 64))), ConversionError, r"depths in .*found float64 \(3, 48"),
    "instances": (replaced("instances", np.zeros(4, np.uint8)), ConversionError, "instances in .* must be uint8"),
    "no array": (replaced("labels", np.uint16(3)), ConversionError, "must be .* for labels of shape"),
    "no MATLAB": (written("splits", b"x"), ConversionError, "splits.mat'.* not a MATLAB file"),
    "no train": (written("splits", mat(testNdxs=[1])), ConversionError, "splits.mat'.* no variable 'trainNdxs'"),
    "empty": (written("splits", mat(trainNdxs=[], testNdxs=[1])), ConversionError, "trainNdxs in .*whole numbers"),
    "frame 0": (
        written("splits", mat(trainNdxs=[0], testNdxs=[1])),
        ConversionError,
        "trainNdxs .* frame 0;",
    ),
    "frame 4": (
        written("splits", mat(trainNdxs=[1], testNdxs=[4])),
        ConversionError,
        "testNdxs .* frame 4; .* to 3",
    ),
    "twice": (written("splits", mat(trainNdxs=[1, 2], testNdxs=[2])), ConversionError, "frame 2 occurs twice"),
    "length": (
        written("mapping", mat(mapClass=np.ones(893))),
        ConversionError,
        "mapClass .* 893 entries instead of",
    ),
    "class 41": (written("mapping", mat(mapClass=np.full(894, 41))), ConversionError, "mapClass .* holds 41"),
    "label 900": (
        replaced("labels", np.full((3, 64, 48), 900, np.uint16)),
        ConversionError,
        "frame 1 of .* holds label 900; raw classes are 0 to 894",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files_are_named_and_nothing_is_left(tmp_path: Path, out: Path, case: str) -> None:
    spoil, error, message = WRONG[case]
    paths, _ = write_nyuv2(tmp_path / "official")
    spoil(paths)
    with pytest.raises(error, match=message) as caught:
        convert_nyuv2(NyuV2Conversion(**paths), out, num_workers=0)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("data/*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 20}, "classes=20 is not allowed; choose 40 or 13"),
        ({"framing": Framing.parse("nyud")}, "crop 45:470,40:600 leaves the frames"),
        ({"window": 4}, "window=4 must be an odd number"),
    ],
)
def test_wrong_options(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        converted(tmp_path, **options)
    assert not list(tmp_path.glob("data/*"))


def test_the_missing_package_is_named(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, _ = write_nyuv2(tmp_path / "official")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install 'mmdymu\[converters\]'"):
        convert_nyuv2(NyuV2Conversion(**paths), out)
