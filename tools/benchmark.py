"""Train and sweep a suite of configs, and write their table: ``python tools/benchmark.py SUITE.py``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from _command_line import Settings, run_tool

# isort: split
from mmengine.logging import MMLogger

from mmdymu.benchmark import (
    Job,
    JobRunner,
    Suite,
    check_stored,
    read_benchmark,
    read_results,
    read_suite,
    refused_jobs,
    suite_jobs,
    write_benchmark,
)

TOOLS = Path(__file__).parent


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description="Train and sweep a suite of configs, each in a process of its own, and write their table; go on "
        "where it stopped"
    )
    parser.add_argument(
        "suite", help="Python config with a dictionary `benchmark`, such as those of configs/benchmarks"
    )
    parser.add_argument("--out", metavar="FOLDER", help="where all is written (default: work_dirs/benchmarks/<suite>)")
    workers = parser.add_mutually_exclusive_group()
    workers.add_argument("--gpus", nargs="+", metavar="ID", help="one job at a time on each of these GPUs")
    workers.add_argument("--jobs", type=int, default=1, help="so many jobs at a time (default: 1)")
    parser.add_argument("--only", nargs="+", metavar="RUN", help="these runs of the suite, and those that they need")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--redo", action="store_true", help="remove results of another config or sweep that lie in a run's folder"
    )
    what.add_argument("--table", action="store_true", help="train nothing, tabulate what is finished")
    parser.add_argument(
        "--with",
        dest="stored",
        nargs="+",
        default=[],
        metavar="JSON",
        help="benchmark.json of other folders or machines: the table takes from them what is not finished here; "
        "without --table that is trained nevertheless",
    )
    parser.add_argument("--interval", type=float, default=60.0, help="seconds between progress lines (default: 60)")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=Settings,
        help="override settings of the suite: 'benchmark.seeds=[0]' benchmark.sweep.preferences=5",
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of every error")
    return parser.parse_args(arguments)


def workers_of(args: argparse.Namespace) -> list[dict[str, str]]:
    """Environment variables of every worker."""
    if args.jobs < 1:
        raise ValueError(f"--jobs {args.jobs}: at least 1")
    if args.gpus is None:
        return [{} for _ in range(args.jobs)]
    if len(set(args.gpus)) < len(args.gpus):
        raise ValueError(f"--gpus {' '.join(args.gpus)}: every GPU once")
    return [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in args.gpus]


def chosen_jobs(suite: Suite, jobs: Sequence[Job], names: Sequence[str] | None) -> list[Job]:
    """The jobs of some runs and of all that these need, in order."""
    if names is None:
        return list(jobs)
    known = [run.name for run in suite.runs]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"--only: the suite has no run {unknown[0]!r}, only {known}")
    wanted = {job.folder for job in jobs if job.run.name in names}
    # Jobs come behind those that they need.
    for job in reversed(jobs):
        if job.folder in wanted:
            wanted |= {need.folder for need in job.needs.values()}
    return [job for job in jobs if job.folder in wanted]


def check_folders(jobs: Sequence[Job], redo: bool) -> None:
    """Complain before anything runs: about results of other requests, unless they are redone, and wrong options."""
    refused = [f"{job.folder} ({', '.join(steps)})" for job, steps in refused_jobs(jobs)]
    if refused and not redo:
        raise ValueError(
            f"{len(refused)} folders hold results of another config or sweep: {'; '.join(refused[:5])}"
            f"{'; …' if len(refused) > 5 else ''}: choose another --out, or --redo them"
        )


def main(arguments: Sequence[str]) -> int:
    """Run the suite as the command line says; return the exit status."""
    args = parse_arguments(arguments)
    workers = workers_of(args)
    # Every config that is read tells its environment variables, and a suite reads many.
    MMLogger.get_instance("mmdymu", log_level="WARNING")
    suite = read_suite(args.suite, args.cfg_options)
    stored = {path: read_benchmark(Path(path)) for path in args.stored}
    check_stored(suite, stored)
    folder = Path(args.out or Path("work_dirs", "benchmarks", Path(args.suite).stem))
    every = suite_jobs(suite, folder)
    jobs = chosen_jobs(suite, every, args.only)
    check_folders(every if args.table else jobs, args.redo)
    runner = JobRunner(TOOLS, workers, lambda text: print(text, flush=True), args.interval, args.redo)
    failures = [] if args.table else runner.run(jobs)
    try:
        for path in write_benchmark(read_results(suite, every, stored), folder):
            print(f"written: {path}")
    finally:
        # Also where nothing is finished, so that there is no table.
        for failure in failures:
            print(f"FAILED: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    # Ended from outside, it ends its processes as well: they would write into folders that a later start takes over.
    for number in (signal.SIGTERM, signal.SIGHUP):
        # As under nohup, a signal that is ignored stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    sys.exit(run_tool(main, interrupted="the same command goes on"))
