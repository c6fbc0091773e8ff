"""A sweep against test runs of their own: time, and whether the numbers are the same.

Usage: MMDYMU_DATA_ROOT=... python benchmarks/sweep.py CONFIG CHECKPOINT [--preferences 20] [--tests 3]

Every number of a test run must equal the sweep's to the last digit. The time of all test runs is the mean of the
measured ones times the number of networks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TOOLS = Path(__file__).parents[1] / "tools"
CONTRACT = 0.4


def timed(tool: str, *arguments: str) -> float:
    """Wall time of a tool, seconds; its output goes to a file, which is shown if it fails."""
    with tempfile.TemporaryFile("w+") as log:
        start = time.perf_counter()
        done = subprocess.run([sys.executable, str(TOOLS / tool), *arguments], stdout=log, stderr=log, check=False)
        seconds = time.perf_counter() - start
        if done.returncode:
            log.seek(0)
            sys.exit(log.read()[-2000:])
    return seconds


def test_alone(args: argparse.Namespace, run: dict[str, Any], folder: Path) -> tuple[float, dict[str, float]]:
    """Wall time and metrics of a test run at a sweep's preference."""
    out = folder / f"test{run['index']}.json"
    settings = [f"pref={run['weights']}".replace(" ", ""), f"cost_weight={run['cost_weight']}"]
    seconds = timed(
        "test.py",
        args.config, args.checkpoint, "--work-dir", str(folder), "--out", str(out), "--cfg-options", *settings,
    )  # fmt: skip
    return seconds, json.loads(out.read_text())["metrics"]


def main() -> int:
    """Measures, and returns 1 where numbers differ or the sweep takes too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("checkpoint")
    parser.add_argument("--preferences", type=int, default=20)
    parser.add_argument("--tests", type=int, default=3, help="test runs that are measured")
    parser.add_argument("--out", help="folder of the sweep (default: a temporary one)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        out = Path(args.out or folder / "sweep")
        options = ["--out", str(out), "--work-dir", str(folder), "--preferences", str(args.preferences)]
        swept = timed("sweep.py", args.config, args.checkpoint, *options)
        lines = [json.loads(line) for line in (out / "sweep.jsonl").read_text().splitlines()]
        runs = [line for line in lines if line["kind"] == "run"]
        chosen = [runs[round(k * (len(runs) - 1) / max(args.tests - 1, 1))] for k in range(args.tests)]
        seconds = []
        for run in chosen:
            taken, metrics = test_alone(args, run, folder)
            seconds.append(taken)
            same = metrics == run["metrics"]
            print(f"test run {run['index']}: {taken:.1f} s, {len(metrics)} numbers {'equal' if same else 'DIFFER'}")
            if not same:
                return 1
    alone = statistics.mean(seconds) * len(runs)
    print(f"sweep of {len(runs)} networks: {swept:.0f} s; as test runs: {alone:.0f} s")
    print(f"ratio {swept / alone:.3f} (contract {CONTRACT})")
    return int(swept / alone > CONTRACT)


if __name__ == "__main__":
    sys.exit(main())
