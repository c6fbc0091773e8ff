"""The demo on an image, a folder and a video."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import cv2
import pytest

DEMO = Path(__file__).parents[2] / "demo" / "image_demo.py"
HELPERS = Path(__file__).parents[1] / "test_apis"


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("image_demo", DEMO)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Config and checkpoint, in a folder with images and a video."""
    monkeypatch.syspath_prepend(str(HELPERS))
    import pictures
    import trained

    monkeypatch.chdir(tmp_path)
    cv2.imwrite(str(pictures.picture(tmp_path / "shots/1.png")), pictures.image())
    cv2.imwrite(str(pictures.picture(tmp_path / "shots/2.png")), pictures.image(30, 70, 1))
    pictures.video(tmp_path / "walk.avi")
    return [str(path) for path in trained.write(tmp_path)]


def written(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def test_an_image_a_folder_and_a_video(demo: ModuleType, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--pref", "0.6", "0.3", "0.1", "--cost-weight", "0.5", "--device", "cpu"]
    assert demo.main(["shots/1.png", *files, *options]) == 0
    out = capsys.readouterr().out
    assert "semseg" in out
    assert "1 images, written into outputs" in out
    assert written("outputs") == [f"maps/{task}/1.png" for task in ("depth", "normals", "semseg")] + ["overlays/1.png"]
    assert demo.main(["shots", *files, "--out-dir", "out", "--pref", "depth=1", "--batch-size", "2"]) == 0
    assert [name for name in written("out") if "overlays" in name] == ["overlays/1.png", "overlays/2.png"]
    assert demo.main(["walk.avi", *files, "--out-dir", "film", "--save-video", "--map-format", "npy"]) == 0
    assert "videos/walk.mp4" in written("film")
    assert "maps/depth/walk/000002.npy" in written("film")
    assert not any("overlays" in name for name in written("film"))
    assert demo.main(["walk.avi", "shots/1.png", *files, "--out-dir", "both", "--save-video"]) == 0
    assert "overlays/1.png" in written("both")


def test_a_budget(demo: ModuleType, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["shots/1.png", *files, "--out-dir", "all"]) == 0
    whole = float(capsys.readouterr().out.split(" GFLOPs")[0].split()[-1]) * 1e9
    assert demo.main(["shots/1.png", *files, "--out-dir", "some", "--budget", f"flops={0.9 * whole}"]) == 0
    out = capsys.readouterr().out
    assert float(out.split(" GFLOPs")[0].split()[-1]) * 1e9 <= 0.9 * whole + 5e5
    assert "budget: at most" in out and "no tree within the budget is better" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.jpg"], "input 'nowhere.jpg' does not exist"),
        (["shots", "--pref", "semseg=1", "0.5"], "--pref: give all weights by name or none"),
        (["shots", "--pref", "semseg=much"], "--pref: 'much' is no number"),
        (["shots", "--pref", "edges=1"], "names unknown tasks"),
        (["shots", "--pref", "1", "0"], "has 2 entries for 3 tasks"),
        (["shots", "--budget", "1e8"], "--budget: '1e8' must be KIND=LIMIT"),
        (["shots", "--profile", "p.json"], "--profile is for --budget latency_ms=LIMIT"),
        (["shots", "--budget", "flops=1"], "flops"),
        (["shots", "--out-dir", "walk.avi"], "is a file"),
        (["shots", "--cost-weight", "2"], "cost_weight must be a number in [0, 1]"),
    ],
)
def test_errors_take_one_line(
    demo: ModuleType, files: list[str], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    image, *options = arguments
    assert demo.main([image, *files, *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert len(error.splitlines()) == 1
