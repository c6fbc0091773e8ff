"""A search in two processes, whose steps leave parts of the model without gradients."""

from __future__ import annotations

import os
from pathlib import Path

import tiny
import tiny_classes
import torch
import torch.distributed as dist
from test_engine.test_loops.test_distributed import free_ports
from test_engine.test_loops.test_tree_search_runs import Collect, settings
from torch.multiprocessing import spawn


def search(rank: int, port: int, folder: str) -> None:
    """What one of the processes does."""
    torch.set_num_threads(1)
    os.environ.update(LOCAL_RANK=str(rank))
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    options = settings("classifier", "bmtas", Path(folder, "cifar-100-python"))
    # Each process lacks images of one of three tasks, often of another one.
    options["train_dataloader"]["batch_size"] = 2
    # As mmengine wraps with find_unused_parameters, but on the CPU.
    wrapper = {"type": "MMDistributedDataParallel", "device_ids": None, "broadcast_buffers": False}
    wrapper["find_unused_parameters"] = True
    runner = tiny.build_runner(folder, launcher="pytorch", model_wrapper_cfg=wrapper, **options)
    collect = Collect()
    runner.register_hook(collect)
    runner.train()
    torch.save((runner.model.module.state_dict(), collect.moved()), Path(folder, f"{rank}.pth"))
    dist.destroy_process_group()


def test_both_processes_take_turns_and_end_with_one_model_and_tree(tmp_path: Path) -> None:
    tiny_classes.write_images(tmp_path / "cifar-100-python")
    spawn(search, (*free_ports(1), str(tmp_path)), nprocs=2)
    (first, moved), (second, also) = (torch.load(tmp_path / f"{rank}.pth", weights_only=False) for rank in (0, 1))
    assert moved == also == [{"backbone", "heads"}] * 4 + [{"edge_hypernet"}] * 2 + [{"backbone", "heads"}] * 2
    assert torch.isfinite(first["edge_hypernet.decided"]).all()
    # Only the processes that saw images of a task count its batches; nothing reads the counters.
    names = [name for name in first if not name.endswith("num_batches_tracked")]
    assert [name for name in names if not torch.equal(first[name].nan_to_num(), second[name].nan_to_num())] == []
