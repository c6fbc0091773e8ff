"""Look through the data sets of a config: ``python tools/check_dataset.py CONFIG [--all] [--show DIR]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _command_line import load_config, make_parser, run_tool

# isort: split
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from mmdymu.datasets import BaseMultiTaskDataset
from mmdymu.datasets.checking import check_config, check_frame, report_lines
from mmdymu.datasets.checking.config import build_lazily, split_datasets
from mmdymu.datasets.checking.split import evenly_spaced
from mmdymu.visualization.contact_sheet import contact_sheet
from mmdymu.visualization.multi_task_visualizer import write_png


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = make_parser("What the data sets of a config hold, and what is wrong with them")
    parser.add_argument("config", help="config file")
    parser.add_argument("--samples", type=int, default=200, help="images of a split that are opened (default: 200)")
    parser.add_argument("--all", action="store_true", help="open all images")
    parser.add_argument("--workers", type=int, help="processes (default: one for each core)")
    parser.add_argument("--show", metavar="FOLDER", help="folder for a contact sheet of each split")
    parser.add_argument("--shown", type=int, default=6, help="images on a contact sheet (default: 6)")
    return parser.parse_args(arguments)


def show(config: Config, folder: Path, count: int) -> None:
    """Paint a contact sheet of each split."""
    for names, options in split_datasets(config):
        dataset = build_lazily(options)
        if not isinstance(dataset, BaseMultiTaskDataset):
            print(f"no contact sheet of {' = '.join(names)}: its images have no label maps")
            continue
        shown = readable_entries(dataset, count)
        if not shown:
            print(f"no contact sheet of {' = '.join(names)}: none of its images can be read, see the errors")
            continue
        path = folder / f"{'_'.join(names)}.png"
        write_png(str(path), contact_sheet(dataset, shown))
        print(f"contact sheet: {path}")


def readable_entries(dataset: BaseMultiTaskDataset, count: int) -> list[Any]:
    """Evenly spaced entries; those with errors are left out."""
    try:
        dataset.check_folders()
        entries = dataset.entries()
    except (FileNotFoundError, ValueError):
        return []
    chosen = [entries[index] for index in evenly_spaced(len(entries), count)]
    return [entry for entry in chosen if not check_frame(dataset, (entry, True)).problems]


def main(arguments: Sequence[str]) -> int:
    """Check as the command line says; return the exit status: 1 if there are errors."""
    args = parse_arguments(arguments)
    config = load_config(args)
    init_default_scope(config.get("default_scope", "mmdymu"))
    MMLogger.get_instance("mmdymu", log_level="INFO")
    reports = check_config(config, None if args.all else args.samples, args.workers)
    for report in reports:
        print("\n".join(report_lines(report)))
    errors, warnings = sum(len(r.errors) for r in reports), sum(len(r.warnings) for r in reports)
    print(f"{errors} errors, {warnings} warnings")
    if args.show:
        show(config, Path(args.show), args.shown)
    return int(errors > 0)


if __name__ == "__main__":
    sys.exit(run_tool(main))
