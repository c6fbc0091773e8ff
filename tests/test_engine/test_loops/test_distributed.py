"""Every stage in two processes on one machine."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import tiny
import tiny_classes
import torch
import torch.distributed as dist
from torch.multiprocessing import spawn


def train_rank(rank: int, port: int, folder: str, source: str, name: str = "", **changes: Any) -> None:
    """What one of the processes does."""
    torch.set_num_threads(1)
    os.environ.update(LOCAL_RANK=str(rank))
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    stages = [tiny.stage_config(name) for name in ("trunk", "anchor", "edges", "weights")]
    stages[2]["objective"] = tiny.edge_objective(source=source, preferences_per_step=2, images=4)
    settings = {"model": tiny.model_config(stream=tiny.SHORT), **changes}
    runner = tiny.train(
        folder,
        launcher="pytorch",
        # As mmengine wraps without this setting, but on the CPU.
        model_wrapper_cfg={"type": "MMDistributedDataParallel", "device_ids": None, "broadcast_buffers": False},
        train_cfg=tiny.train_cfg(*stages),
        **settings,
    )
    torch.save(runner.model.module.state_dict(), Path(folder, f"{name or source}{rank}.pth"))
    dist.destroy_process_group()


def train_all(rank: int, ports: list[int], folder: str) -> None:
    for port, source in zip(ports, ("table", "images"), strict=False):
        train_rank(rank, port, folder, source)
    # Batches of two images lack one of three tasks, another one in each process.
    loader = tiny_classes.loader(Path(folder, "cifar-100-python"), batch_size=2)
    model = tiny_classes.model_config()
    train_rank(rank, ports[-1], folder, "images", "classes", model=model, train_dataloader=loader)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("distributed")
    tiny_classes.write_images(path / "cifar-100-python")
    spawn(train_all, (free_ports(3), str(path)), nprocs=2)
    return path


@pytest.mark.parametrize("source", ["table", "images"])
def test_both_processes_end_with_one_model(folder: Path, source: str) -> None:
    states = [torch.load(folder / f"{source}{rank}.pth") for rank in (0, 1)]
    start = tiny.build_model(stream=tiny.SHORT).state_dict()
    for name, value in states[0].items():
        assert torch.equal(value.nan_to_num(), states[1][name].nan_to_num()), name
    changed = {name.split(".")[0] for name in start if not torch.equal(states[0][name], start[name])}
    assert {"backbone", "heads", "edge_hypernet", "weight_hypernet", "affinity", "loss_scale"} <= changed


def test_both_processes_end_with_one_model_where_batches_lack_tasks(folder: Path) -> None:
    first, second = (torch.load(folder / f"classes{rank}.pth") for rank in (0, 1))
    # Only the processes that saw images of a task count its batches; nothing reads the counters.
    names = [name for name in first if not name.endswith("num_batches_tracked")]
    assert [name for name in names if not torch.equal(first[name].nan_to_num(), second[name].nan_to_num())] == []
    assert any(not torch.equal(first[name], second[name]) for name in first if name not in names)
