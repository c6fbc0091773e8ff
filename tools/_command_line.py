"""What train.py, test.py and demo.py share: options, config and how errors of the user are shown."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mmdymu  # first: it names a missing dependency and the command that installs it

# isort: split
from mmengine.config import Config, DictAction

from mmdymu.budget import Budget
from mmdymu.checkpoint_file import check_checkpoint
from mmdymu.registry import similar_type
from mmdymu.steering import read_steering

__all__ = ["check_checkpoint", "check_steering", "load_config", "make_parser", "run_tool"]

STEERING = ("pref", "cost_weight", "budget", "profile", "norm_statistics", "run_anchor")
FILE_ERRORS = (FileNotFoundError, FileExistsError, PermissionError, NotADirectoryError, IsADirectoryError)
USER_ERRORS = (ValueError, TypeError, KeyError, *FILE_ERRORS)
_OWN_FOLDERS = (Path(mmdymu.__file__).resolve().parent, Path(__file__).resolve().parent)
# An option of a config's entry that its class does not have, or needs.
_ARGUMENTS = re.compile(r"__init__\(\) (got an unexpected keyword|missing \d+ required)")
_UNKNOWN_TYPE = " registry. Please check whether the value of"
_TRACEBACK_LINE = re.compile(r'File "(?P<file>[^"]+)", line \d+, in .*\n\s+(?P<source>.*)')


class Settings(DictAction):
    """``key=value`` settings; one without ``=`` is told, where mmengine's own action fails."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        """Adds the settings to the namespace."""
        for value in values:
            if "=" not in value:
                parser.error(f"{option_string}: {value!r} must be key=value")
        super().__call__(parser, namespace, values, option_string)


def make_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every tool has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work-dir", help="folder for logs and checkpoints (default: work_dirs/<config name>)")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=Settings,
        help="override settings of the config, key=value: 'pref=[0.6,0.2,0.2]' cost_weight=0.5, "
        "or by task name: pref.semseg=0.6 pref.depth=0.4 (tasks not named get 0); a hard budget in place of the cost "
        "weight: budget.flops=1.2e8, budget.params=2e6, or budget.latency_ms=20 with profile=FILE.json",
    )
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none", help="job launcher")
    # torch.distributed.launch passes this option, torchrun sets the environment variable.
    parser.add_argument("--local_rank", "--local-rank", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--debug", action="store_true", help="show the traceback of every error")
    return parser


def load_config(args: argparse.Namespace) -> Config:
    """Read the config file and lay the options over it."""
    os.environ.setdefault("LOCAL_RANK", str(args.local_rank))
    if not Path(args.config).is_file():
        raise FileNotFoundError(f"config {args.config!r} does not exist")
    config = Config.fromfile(args.config)
    config.launcher = args.launcher
    options, preference = split_named(args.cfg_options or {}, "pref", "<task>")
    options, budget = split_named(options, "budget", "<kind>")
    check_settings(options, config)
    config.merge_from_dict(options)
    if preference:
        config.pref = preference
    if budget:
        config.budget = budget
    if args.work_dir is not None:
        config.work_dir = args.work_dir
    elif config.get("work_dir") is None:
        config.work_dir = os.path.join("work_dirs", Path(args.config).stem)
    check_steering(config)
    return config


def check_steering(config: Config) -> None:
    """Refuse a preference, cost weight or budget that the test would refuse, before anything is built.

    Where a config's model names no tasks, all but the budget is left to the test.
    """
    tasks = (config.get("model") or {}).get("tasks")
    if tasks is None:
        Budget.parse(config.get("budget"))
    else:
        read_steering(config, tasks, quiet=True)


def check_settings(options: dict[str, Any], config: Config) -> None:
    """Complain about a setting that is almost one of those that steer a test."""
    for key in options:
        name = key.split(".", maxsplit=1)[0]
        close = difflib.get_close_matches(name, STEERING, n=1, cutoff=0.75)
        if close and name not in STEERING and name not in config:
            raise ValueError(f"--cfg-options: unknown setting {key!r}, did you mean {close[0]!r}?")


def split_named(options: dict[str, Any], name: str, part: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take the entries ``<name>.<part>`` out of ``options``: together they replace what the config has.

    mmengine could not merge them into a list or None.

    Returns:
        The other options, and the values by part.
    """
    start = f"{name}."
    named = {key.removeprefix(start): value for key, value in options.items() if key.startswith(start)}
    if named and name in options:
        found = f"{name}={options[name]} and {named}"
        raise ValueError(f"--cfg-options: give either {name} or {name}.{part}, got {found}")
    return {key: value for key, value in options.items() if not key.startswith(start)}, named


def run_tool(
    main: Callable[[Sequence[str]], int], arguments: Sequence[str] | None = None, interrupted: str = ""
) -> int:
    """Run a tool; an error of the user becomes one line and exit status 2, any other keeps its traceback.

    Args:
        main: The tool.
        arguments: The command line; None is that of the process.
        interrupted: What Ctrl-C tells about going on.

    Returns:
        The exit status.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        return main(arguments)
    except KeyboardInterrupt:
        print("; ".join(filter(None, ("interrupted", interrupted))), file=sys.stderr)
        return 130
    except USER_ERRORS as error:
        if "--debug" in arguments or not is_user_error(error):
            raise
        print(f"error: {error_message(error)}", file=sys.stderr)
        return 2


def is_user_error(error: BaseException) -> bool:
    """Tell whether an error was raised on purpose by this project, names a file, a type or an option of a config entry.

    The same types that come up anywhere else, or by an expression rather than a ``raise``, are bugs.
    """
    if isinstance(error, FILE_ERRORS) or (isinstance(error, TypeError) and _ARGUMENTS.search(str(error))):
        return True
    if isinstance(error, KeyError) and _UNKNOWN_TYPE in str(error):
        return True
    if _worker_traceback(error):
        found = [(match["file"], match["source"]) for match in _TRACEBACK_LINE.finditer(str(error.args[0]))]
    else:
        found = [(frame.filename, frame.line or "") for frame in traceback.extract_tb(error.__traceback__)]
    file, source = found[-1] if found else ("", "")
    return source.startswith("raise ") and any(folder in Path(file).resolve().parents for folder in _OWN_FOLDERS)


def error_message(error: BaseException) -> str:
    """Return the message without a KeyError's quotes or the traceback that a data loader's worker adds."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if _worker_traceback(error):
        last_line = text.strip().rsplit("\n", maxsplit=1)[-1]
        text = last_line.split(": ", maxsplit=1)[-1]
    if _UNKNOWN_TYPE in text:
        similar = similar_type(text)
        text = text.partition(_UNKNOWN_TYPE)[0] + " registry" + (f": did you mean type='{similar}'?" if similar else "")
    return text


def _worker_traceback(error: BaseException) -> bool:
    return bool(error.args) and "Original Traceback (most recent call last)" in str(error.args[0])
