from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from mmengine.registry import DATASETS, METRICS
from torch.utils.data import DataLoader, Dataset

from mmdymu import Preference


@pytest.fixture
def command_line(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("_command_line")


@pytest.fixture
def parse(command_line: ModuleType, config_file: Path) -> Callable[..., Namespace]:
    def parse_options(*options: str) -> Namespace:
        args = command_line.make_parser("").parse_args(options)
        args.config = str(config_file)
        return args

    return parse_options


@pytest.mark.parametrize(
    ("options", "pref"),
    [
        (["pref=[0.6,0.4]"], [0.6, 0.4]),
        (["pref.semseg=0.6", "pref.depth=0.4"], {"semseg": 0.6, "depth": 0.4}),
        (["pref.depth=1"], {"depth": 1}),
        (["cost_weight=0.5"], None),
    ],
)
@pytest.mark.parametrize("in_config", ["", "pref = None", "pref = [1, 1]", "pref = dict(semseg=1)"])
def test_preference(command_line, parse, config_file: Path, options: list[str], pref, in_config: str) -> None:
    """What the command line says replaces what the config says, of whatever kind the two are."""
    if pref is None:
        in_config = ""
    config_file.write_text(config_file.read_text() + in_config)
    config = command_line.load_config(parse("--cfg-options", *options))
    assert config.get("pref") == pref


def test_cost_weight(command_line, parse) -> None:
    config = command_line.load_config(
        parse("--cfg-options", "cost_weight=0.5", "pref=[1,0]", "optim_wrapper.optimizer.lr=3")
    )
    assert config.cost_weight == 0.5
    assert config.optim_wrapper.optimizer.lr == 3


@pytest.mark.parametrize("in_config", ["", "budget = None", "budget = dict(params=1e6)", "budget = dict(flops=1)"])
def test_budget(command_line, parse, config_file: Path, in_config: str) -> None:
    """A budget of the command line replaces that of the config; one budget has one kind."""
    config_file.write_text(config_file.read_text() + in_config)
    config = command_line.load_config(parse("--cfg-options", "budget.flops=1.2e8", "profile=p.json"))
    assert config.budget == {"flops": 1.2e8}
    assert config.profile == "p.json"


def test_budget_given_twice(command_line, parse) -> None:
    with pytest.raises(ValueError, match=r"either budget or budget\.<kind>"):
        command_line.load_config(parse("--cfg-options", "budget=1e8", "budget.flops=1"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["pref=[1,1,1]"], "has 3 entries for 2 tasks"),
        (["pref.edges=1"], r"unknown tasks \['edges'\]"),
        (["pref=[-1,1]"], "negative"),
        (["cost_weight=1.5"], r"cost_weight must be a number in \[0, 1\], got 1.5"),
        (["budget.macs=1e9"], "unknown kind 'macs'"),
        (["budget=1e9"], "must be a dict with one of"),
    ],
)
def test_wrong_steering_is_told_before_anything_is_built(
    command_line: ModuleType, parse: Callable[..., Namespace], config_file: Path, options: list[str], message: str
) -> None:
    config_file.write_text(config_file.read_text() + 'model["tasks"] = ("semseg", "depth")\n')
    with pytest.raises(ValueError, match=message):
        command_line.load_config(parse("--cfg-options", *options))
    command_line.load_config(parse("--cfg-options", "pref=[2,1]", "cost_weight=1"))


def test_a_wrong_budget_is_told_where_the_model_names_no_tasks(command_line: ModuleType, parse: Callable) -> None:
    with pytest.raises(ValueError, match="unknown kind 'macs'"):
        command_line.load_config(parse("--cfg-options", "budget.macs=1e9"))


def test_preference_given_twice(command_line, parse) -> None:
    with pytest.raises(ValueError, match=r"either pref or pref\.<task>"):
        command_line.load_config(parse("--cfg-options", "pref=[1,0]", "pref.depth=1"))


def test_work_dir(command_line, parse, config_file: Path) -> None:
    assert command_line.load_config(parse()).work_dir == "work_dirs/toy"
    config_file.write_text(config_file.read_text() + "work_dir = 'from_config'\n")
    assert command_line.load_config(parse()).work_dir == "from_config"
    assert command_line.load_config(parse("--work-dir", "mine")).work_dir == "mine"


def test_missing_config_and_checkpoint(command_line, parse) -> None:
    args = parse()
    args.config = "nowhere.py"
    with pytest.raises(FileNotFoundError, match=r"config 'nowhere\.py' does not exist"):
        command_line.load_config(args)
    with pytest.raises(FileNotFoundError, match=r"checkpoint 'nowhere\.pth' does not exist"):
        command_line.check_checkpoint("nowhere.pth")
    command_line.check_checkpoint("https://example.org/model.pth")


def raise_in_project(_: object) -> int:
    Preference.parse([1.0], tasks=("a", "b"))
    return 0


def test_a_user_error_is_one_line(command_line, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run_tool(raise_in_project, []) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: pref=[1.0] has 1 entries for 2 tasks")
    assert captured.err.count("\n") == 1
    assert not captured.out


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("MultiTaskDataset", "MultiTaskDataset is not in the mmseg::dataset registry: did you mean type='mmdymu.Multi"),
        ("mmdymu.ScenesDatset", "ScenesDatset is not in the mmseg::dataset registry: did you mean type='mmdymu.Scene"),
        ("Unheard", "error: Unheard is not in the mmseg::dataset registry\n"),
    ],
)
def test_an_unknown_type_is_one_line(command_line, capsys: pytest.CaptureFixture[str], kind: str, told: str) -> None:
    def build(_: object) -> int:
        return len(DATASETS.build({"type": kind, "_scope_": "mmseg"}))

    assert command_line.run_tool(build, []) == 2
    captured = capsys.readouterr().err
    assert told in captured
    assert captured.splitlines()[-1].startswith("error: ")


def test_debug_keeps_the_traceback(command_line) -> None:
    with pytest.raises(ValueError, match="pref"):
        command_line.run_tool(raise_in_project, ["--debug"])


@pytest.mark.parametrize(
    "bug", [lambda _: [][1], lambda _: {}["x"], lambda _: int("x"), lambda _: torch.zeros(2).view(3)]
)
def test_bugs_keep_their_traceback(command_line, bug: Callable) -> None:
    with pytest.raises((LookupError, ValueError, RuntimeError)):
        command_line.run_tool(bug, [])


def test_a_bug_inside_the_project_keeps_its_traceback(command_line) -> None:
    """An error of a user's type, in our code, that no ``raise`` made."""
    with pytest.raises(TypeError, match="NoneType"):
        command_line.run_tool(lambda _: command_line.check_checkpoint(None), [])


def test_missing_file_anywhere_is_a_user_error(command_line, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run_tool(lambda _: len(Path("no_such_data.png").read_bytes()), []) == 2
    assert "no_such_data.png" in capsys.readouterr().err


def test_key_errors_have_no_quotes(command_line) -> None:
    assert command_line.error_message(KeyError("unknown task 'x'")) == "unknown task 'x'"


class BrokenFrames(Dataset):
    def __init__(self, mode: str) -> None:
        self.mode = mode

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        if self.mode == "file":
            raise FileNotFoundError("frame 7: no label of task depth")
        if self.mode == "value":
            raise_in_project(None)
        return int("x")


@pytest.mark.parametrize(
    ("mode", "shown"),
    [("file", "error: frame 7: no label of task depth\n"), ("value", "error: pref=[1.0] has 1")],
)
def test_errors_in_a_data_loader_worker(command_line, capsys, mode: str, shown: str) -> None:
    assert command_line.run_tool(lambda _: len(list(DataLoader(BrokenFrames(mode), num_workers=1))), []) == 2
    captured = capsys.readouterr().err
    assert captured.startswith(shown)
    assert captured.count("\n") == 1


def test_bugs_in_a_data_loader_worker_keep_their_traceback(command_line) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        command_line.run_tool(lambda _: len(list(DataLoader(BrokenFrames("bug"), num_workers=1))), [])


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"PK" + bytes(50), "is cut off"), (b"hello", "is no file that torch has saved"), (b"", "is no file that torch")],
)
def test_damaged_checkpoints(command_line: ModuleType, tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        command_line.check_checkpoint(str(path))
    for legacy in (False, True):
        torch.save({"a": 1}, path, _use_new_zipfile_serialization=not legacy)
        command_line.check_checkpoint(str(path))


def test_settings_need_a_value(command_line: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line.make_parser("").parse_args(["--cfg-options", "pref.depth"])
    assert "--cfg-options: 'pref.depth' must be key=value" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("preff=[1,0]", "pref"),
        ("cost_wieght=1", "cost_weight"),
        ("budgets.flops=1e8", "budget"),
        ("profil=p.json", "profile"),
    ],
)
def test_mistyped_settings_are_told(
    command_line: ModuleType, parse: Callable[..., Namespace], option: str, meant: str
) -> None:
    with pytest.raises(ValueError, match=f"did you mean '{meant}'"):
        command_line.load_config(parse("--cfg-options", option))


@pytest.mark.parametrize("kind", [PermissionError, FileExistsError, NotADirectoryError])
def test_a_folder_that_cannot_be_written_takes_one_line(
    command_line: ModuleType, capsys: pytest.CaptureFixture[str], kind: type[OSError]
) -> None:
    def refused(_: object) -> int:
        raise kind(1, "no way", "results")

    assert command_line.run_tool(refused, []) == 2
    assert "results" in capsys.readouterr().err


def test_a_mistyped_option_of_an_entry_takes_one_line(
    command_line: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(_: object) -> int:
        METRICS.build({"type": "mmdymu.SegmentationMetric", "abset": "zero"})
        return 0

    assert command_line.run_tool(build, []) == 2
    assert "unexpected keyword argument 'abset'" in capsys.readouterr().err


def test_an_interrupted_tool_says_how_to_go_on(command_line: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    assert command_line.run_tool(interrupted, [], interrupted="go on with --resume") == 130
    assert capsys.readouterr().err == "interrupted; go on with --resume\n"
    assert command_line.run_tool(interrupted, []) == 130
    assert capsys.readouterr().err == "interrupted\n"
