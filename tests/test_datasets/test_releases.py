from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from test_datasets.dataset_files import write_image
from test_datasets.mat_files import mat
from test_datasets.releases import PASCAL, RELEASES, pascal_classes, write_pascal
from torch.utils.data import DataLoader

from mmdymu.datasets.decoders.borders import borders
from mmdymu.engine.seeding import SeededDataset, StageSampler
from mmdymu.registry import DATASETS

FOLDER = Path(__file__).parents[2] / "configs" / "_base_" / "datasets"
TRAINED = {
    "nyud_astmt": (425, 560),
    "nyud_480x640": (480, 640),
    "nyud_480x640_edges": (480, 640),
    "nyud_425x560": (425, 560),
    "nyud_mtan": (288, 384),
    "nyud_adashare": (480, 640),
    "pascal_context_bmtas": (512, 512),
    "pascal_context_astmt": (512, 512),
    "pascal_context_atrc": (512, 512),
}


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data and cache in the test's own folder, the data read-only."""
    monkeypatch.setenv("MMDYMU_DATA_ROOT", str(tmp_path / "data"))
    monkeypatch.setenv("MMDYMU_CACHE", str(tmp_path / "cache"))
    init_default_scope("mmdymu")


def config(name: str) -> Config:
    return Config.fromfile(FOLDER / f"{name}.py")


def loaded(dataset: dict[str, Any], index: int = 0) -> dict[str, Any]:
    """One frame, loaded and not transformed."""
    plain = [transform for transform in dataset["pipeline"] if "Load" in transform["type"]]
    return DATASETS.build({**dataset, "pipeline": plain})[index]


@pytest.mark.parametrize("name", sorted(RELEASES))
def test_every_label_is_what_the_release_holds(name: str, tmp_path: Path) -> None:
    expected = RELEASES[name](tmp_path / "data")
    before = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    for loader in ("train_dataloader", "test_dataloader"):
        dataset = config(name)[loader].dataset
        item = loaded(dataset)
        for task, kind in item["task_kinds"].items():
            if task in expected:
                label, known = item[f"gt_{task}"], expected[task]
                # JPEG moves colours by a few steps.
                far = ~np.isclose(label, known, atol=0.05 if kind == "normals" else 1e-6)
                assert far.mean() < (0.03 if dataset["tasks"][task].get("suffix") == ".jpg" else 1e-9), task
    after = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    assert before == after, "nothing is written into the data folder"


@pytest.mark.parametrize("name", sorted(RELEASES))
def test_pipelines_give_what_a_model_takes(name: str, tmp_path: Path) -> None:
    RELEASES[name](tmp_path / "data")
    train = DATASETS.build(config(name).train_dataloader.dataset)[0]
    assert train["inputs"].shape == (3, *TRAINED[name])
    for task in train["data_samples"].tasks:
        (data,) = train["data_samples"].get(task).values()
        assert data.shape == TRAINED[name]
    test = DATASETS.build(config(name).test_dataloader.dataset)[0]["data_samples"]
    for task in test.tasks:
        (data,) = test.get(task).values()
        assert data.shape == tuple(test.get(task).ori_shape)


def pascal(**changes: Any) -> dict[str, Any]:
    return {**config("pascal_context_bmtas").train_dataloader.dataset, **changes}


def test_edges_are_thinned_borders_of_all_classes(tmp_path: Path) -> None:
    write_pascal(tmp_path / "data")
    assert (loaded(pascal())["gt_edges"] == borders(pascal_classes())).all()
    wide = pascal()
    wide["tasks"]["edges"]["decoder"]["width"] = 3
    assert (loaded(wide)["gt_edges"] == borders(pascal_classes(), 3)).all()


def test_the_labels_of_voc_win(tmp_path: Path) -> None:
    expected = write_pascal(tmp_path / "data")
    other = tmp_path / "data" / "PASCAL_MT" / "semseg" / "pascal-context" / "2008_000001.png"
    write_image(other, np.full(PASCAL, 7, np.uint8))
    assert (loaded(pascal())["gt_semseg"] == expected["semseg"]).all()
    (tmp_path / "data" / "PASCAL_MT" / "semseg" / "VOC12" / "2008_000001.png").unlink()
    assert (loaded(pascal())["gt_semseg"] == 7).all()
    other.unlink()
    with pytest.raises(FileNotFoundError, match=r"VOC12.*nor.*pascal-context"):
        loaded(pascal())


def test_an_image_without_people_has_parts_that_are_ignored_after_the_pipeline(tmp_path: Path) -> None:
    write_pascal(tmp_path / "data", person=False)
    item = loaded(pascal())
    assert item["gt_parts"].shape == PASCAL
    assert not item["gt_parts"].any()
    packed = DATASETS.build(pascal())[0]["data_samples"]
    assert (packed.get("parts").gt_sem_seg.data == 255).all()


def test_only_images_with_content(tmp_path: Path) -> None:
    write_pascal(tmp_path / "data", name="2008_000001")
    write_pascal(tmp_path / "data", name="2008_000002", person=False)
    write_pascal(tmp_path / "data", name="2008_000003")
    outdoors = tmp_path / "data" / "PASCAL_MT" / "pascal-context" / "trainval" / "2008_000003.mat"
    outdoors.write_bytes(mat(LabelMap=np.full(PASCAL, 360, np.uint16)))
    for require, kept in [((), "123"), (("parts",), "13"), (("semseg", "parts", "saliency", "normals", "edges"), "1")]:
        dataset = DATASETS.build(pascal(require=require))
        names = [Path(dataset.get_data_info(index)["img_path"]).stem for index in range(len(dataset))]
        assert names == [f"2008_00000{digit}" for digit in kept]
    with pytest.raises(ValueError, match=r"require=\('people',\)"):
        DATASETS.build(pascal(require=("people",)))


def test_labels_of_another_size_are_brought_to_the_image(tmp_path: Path) -> None:
    expected = write_pascal(tmp_path / "data")
    path = tmp_path / "data" / "PASCAL_MT" / "sal_distill" / "2008_000001.png"
    write_image(path, np.repeat([[0, 255]], 60, axis=1).astype(np.uint8).repeat(90, axis=0))
    labels = loaded(pascal())["gt_saliency"]
    assert labels.shape == expected["saliency"].shape
    assert set(np.unique(labels)) == {0, 1}


def test_the_tar_of_atrc_has_the_same_layout(tmp_path: Path) -> None:
    expected = write_pascal(tmp_path / "data", folder="PASCALContext")
    item = loaded(pascal(data_root=str(tmp_path / "data" / "PASCALContext")))
    assert (item["gt_parts"] == expected["parts"]).all()


@pytest.mark.parametrize("count", [1, 4, 14])
def test_other_groupings_of_parts(tmp_path: Path, count: int) -> None:
    write_pascal(tmp_path / "data")
    dataset = pascal()
    dataset["tasks"]["parts"].update(
        decoder={"type": "PascalPartsDecoder", "parts": count}, classes=tuple(map(str, range(count + 1)))
    )
    assert loaded(dataset)["gt_parts"].max() == (1 if count == 1 else 2)


@pytest.mark.parametrize("name", ["pascal_context_astmt", "pascal_context_atrc"])
def test_augmentation_is_the_same_with_any_number_of_workers(name: str, tmp_path: Path) -> None:
    write_pascal(tmp_path / "data", name="2008_000001")
    write_pascal(tmp_path / "data", name="2008_000002")
    dataset = SeededDataset(DATASETS.build(config(name).train_dataloader.dataset))

    def batches(workers: int) -> list[Any]:
        sampler = StageSampler(2, 2, seed=0, stage="anchor", start=0, stop=2, rank=0, world_size=1)
        return list(DataLoader(dataset, 2, sampler=sampler, num_workers=workers, collate_fn=pseudo_collate))

    alone, two = batches(0), batches(2)
    for first, second in zip(alone, two, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(first["inputs"], second["inputs"], strict=True))
        for a, b in zip(first["data_samples"], second["data_samples"], strict=True):
            for task in a.tasks:
                (left,), (right,) = a.get(task).values(), b.get(task).values()
                assert torch.equal(left.data, right.data), task
    first, later = (batch["data_samples"][0].get("semseg").gt_sem_seg.data for batch in alone)
    assert not torch.equal(first, later)


def test_content_is_what_masks_leave(tmp_path: Path) -> None:
    write_pascal(tmp_path / "data")
    outdoors = tmp_path / "data" / "PASCAL_MT" / "pascal-context" / "trainval" / "2008_000001.mat"
    assert len(DATASETS.build(pascal(require=("normals",)))) == 1
    outdoors.write_bytes(mat(LabelMap=np.full(PASCAL, 360, np.uint16)))
    with pytest.raises(ValueError, match=r"require=\('normals',\)"):
        DATASETS.build(pascal(require=("normals",)))
