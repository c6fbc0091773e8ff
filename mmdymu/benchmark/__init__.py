"""Trainings and sweeps of many configs, and the table of what they found."""

from __future__ import annotations

from .jobs import Job, suite_jobs
from .page import write_benchmark
from .results import check_stored, read_results
from .running import Failure, JobRunner
from .spread import Spread
from .steps import refused_jobs
from .suite import Suite, SuiteRun, read_suite
from .values import BenchmarkResult, MethodResult, SeedResult, read_benchmark

__all__ = [
    "BenchmarkResult",
    "Failure",
    "Job",
    "JobRunner",
    "MethodResult",
    "SeedResult",
    "Spread",
    "Suite",
    "SuiteRun",
    "check_stored",
    "read_benchmark",
    "read_results",
    "read_suite",
    "refused_jobs",
    "suite_jobs",
    "write_benchmark",
]
