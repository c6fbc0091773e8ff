"""Convert NYU Depth V2: ``python tools/dataset_converters/nyuv2.py MAT --splits MAT --mapping MAT --out FOLDER``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmdymu.datasets.converters import ConversionError, NyuV2Conversion, convert_nyuv2
from mmdymu.datasets.converters.framing import Framing


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="From nyu_depth_v2_labeled.mat to a folder of PNGs")
    parser.add_argument("source", type=Path, help="nyu_depth_v2_labeled.mat")
    parser.add_argument("--splits", type=Path, required=True, help="splits.mat (trainNdxs and testNdxs)")
    parser.add_argument("--mapping", type=Path, required=True, help="classMapping40.mat (mapClass)")
    parser.add_argument("--out", type=Path, required=True, help="new folder; it appears when all is written")
    parser.add_argument("--classes", type=int, choices=[40, 13], default=40, help="semantic classes (default: 40)")
    parser.add_argument(
        "--crop",
        default="none",
        help="none, nyud (rows 45:470, columns 40:600) or r0:r1,c0:c1 from 0, ends excluded (default: none)",
    )
    parser.add_argument("--size", help="HxW after the crop (default: unchanged)")
    parser.add_argument("--window", type=int, default=11, help="pixels across the fit of a normal, odd (default: 11)")
    parser.add_argument("--overwrite", action="store_true", help="replace the folder of an earlier conversion")
    parser.add_argument("--workers", type=int, help="processes (default: one for each core)")
    parser.add_argument("--debug", action="store_true", help="show the traceback of every error")
    return parser.parse_args(arguments)


def convert(args: argparse.Namespace) -> None:
    """Convert as the command line says."""
    framing = Framing.parse(args.crop, args.size)
    conversion = NyuV2Conversion(args.source, args.splits, args.mapping, args.classes, framing, args.window)
    counts = convert_nyuv2(conversion, args.out, args.overwrite, args.workers)
    print(f"{args.out}: " + ", ".join(f"{count} {name} frames" for name, count in counts.items()))


def main(arguments: Sequence[str]) -> int:
    """Return the exit status: 2, with one line, for what the user can mend."""
    args = parse_arguments(arguments)
    try:
        convert(args)
    except (ConversionError, OSError, ImportError) as error:
        if args.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
