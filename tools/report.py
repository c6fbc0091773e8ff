"""Draw a sweep and write it up as one page: ``python tools/report.py FOLDER``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from _command_line import run_tool

# isort: split
from mmdymu.visualization.sweep import write_report


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Figures and one self-contained HTML page of a finished sweep")
    parser.add_argument("folder", help="folder that tools/sweep.py wrote (its --out)")
    parser.add_argument("--out", metavar="FILE.html", help="the page (default: FOLDER/report.html)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of every error")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Write figures and page; return the exit status."""
    args = parse_arguments(arguments)
    report = write_report(args.folder, args.out)
    print(f"figures: {len(report.drawn)} as PNG and SVG in {report.figures}")
    for name, reason in report.missing.items():
        print(f"left out: {name}: {reason}")
    print(f"written: {report.page}")
    return 0


if __name__ == "__main__":
    sys.exit(run_tool(main))
