"""Latency and peak memory of a fixed tree against hand-written, separate and dynamic networks.

Usage: python benchmarks/inference.py [--threads 2] [--rounds 15] [--device cuda] [--branch 3]

ResNet-50 with DeepLabV3+ decoders (configs/dymu/pascal_r50.py), five tasks, 512x512. All networks have the same weights
where they have the same layers, and their outputs are compared before they are timed. In a round every network runs
once, in a random order; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from hand_written import HandWritten, load_in_order
from mmengine.logging import MMLogger
from torch import Tensor, nn

import mmdymu
from mmdymu import BranchingTree, Preference
from mmdymu.apis import init_model
from mmdymu.deploy import fix, relative_difference
from mmdymu.models import ControllableNet
from mmdymu.models.build import build_part

CONFIG = Path(mmdymu.__file__).parents[1] / "configs" / "dymu" / "pascal_r50.py"


class Separate(nn.Module):
    """N models of mmseg, one after another."""

    def __init__(self, model: ControllableNet) -> None:
        super().__init__()
        config = model.cfg.model
        self.models = nn.ModuleDict()
        for index, task in enumerate(model.tasks):
            head = config.heads[task]
            decoder = dict(head.get("decoder", head))
            whole = build_part({"type": "mmseg.EncoderDecoder", "backbone": bare(config), "decode_head": decoder})
            load_in_order(whole.backbone, model.backbone.stream(index).state_dict())
            load_in_order(whole.decode_head, model.heads[task].state_dict())
            self.models[task] = whole

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Raw outputs by task."""
        return {task: model(images, mode="tensor") for task, model in self.models.items()}


def bare(config: Mapping[str, Any]) -> dict[str, Any]:
    """The backbone's config, without pretrained weights."""
    return {key: value for key, value in config["stream"]["backbone"].items() if key != "init_cfg"}


def build_dynamic(branch: int) -> ControllableNet:
    """A model whose tree has one trunk below layer ``branch``; random weights, norms included."""
    torch.manual_seed(0)
    model = init_model(CONFIG)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.5, 1.5)
    tree = BranchingTree.heuristic(model.num_tasks, model.num_layers, 0, branch)
    model.set_preference(Preference.uniform(model.tasks), tree)
    return model


@torch.no_grad()
def build_hand(model: ControllableNet) -> HandWritten:
    """The hand-written network, with the model's weights."""
    selection = model.selection
    assert selection is not None
    tree = selection.tree
    channels = {task: head_channels(model.heads[task]) for task in model.tasks}
    hand = HandWritten(tree.paths, channels)
    for name, node in hand.nodes.items():
        layer, stream = map(int, name.split("_"))
        state = model.backbone.node((layer, stream)).state_dict()
        load_in_order(node, {**state, **selection.node_states.get((layer, stream), {})})
    for task, decoder in hand.decoders.items():
        load_in_order(decoder, model.heads[task].state_dict())
    return hand.eval()


def head_channels(head: nn.Module) -> int:
    """Output channels of a head."""
    return getattr(head, "decoder", head).out_channels


@torch.no_grad()
def check_outputs(networks: Mapping[str, nn.Module], images: Tensor) -> None:
    """All but the separate networks, which have another tree, must agree.

    Raises:
        ValueError: If one does not.
    """
    wanted = networks["dynamic"](images)
    for name in ("unfolded", "folded", "hand"):
        found = networks[name](images)
        worst = relative_difference({task: found[task] for task in wanted}, wanted)
        print(f"{name}: largest difference to the dynamic model {worst:.1e} of the largest output")
        if not worst < 1e-3:
            raise ValueError(f"{name} computes something else")


def settings(args: argparse.Namespace) -> Iterator[tuple[str, dict[str, bool]]]:
    """What is tried: on a GPU all combinations, on a CPU plain float32 unless more is asked for."""
    for half in (False, True) if args.device.startswith("cuda") else (False,):
        for last in (False, True) if args.device.startswith("cuda") else (True,):
            for compiled in (False, True) if args.device.startswith("cuda") or args.compile else (False,):
                words = ["half" if half else "float", "channels_last" if last else "contiguous"]
                yield ", ".join(words + ["compiled"] * compiled), {"half": half, "last": last, "compiled": compiled}


def prepared(network: nn.Module, half: bool, last: bool, compiled: bool) -> Any:
    """The network under a setting."""
    network = network.to(
        dtype=torch.float16 if half else torch.float32,
        memory_format=torch.channels_last if last else torch.contiguous_format,
    )
    return torch.compile(network) if compiled else network


@torch.no_grad()
def timed(network: Any, images: Tensor) -> float:
    """Milliseconds of one forward pass."""
    if images.is_cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    network(images)
    if images.is_cuda:
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - start)


def measure(networks: Mapping[str, Any], images: Tensor, rounds: int, warm_up: int) -> dict[str, list[float]]:
    """Times of every network, round by round; a network that fails is left out, with its error."""
    times: dict[str, list[float]] = {}
    for name, network in networks.items():
        try:
            for _ in range(warm_up):
                timed(network, images)
            times[name] = []
        except Exception as error:
            print(f"{name} fails: {type(error).__name__}: {str(error).splitlines()[0][:100] if str(error) else ''}")
    order = random.Random(0)
    for _ in range(rounds):
        names = list(times)
        order.shuffle(names)
        for name in names:
            times[name].append(timed(networks[name], images))
    return times


def ratio(times: Mapping[str, list[float]], above: str, below: str) -> float | None:
    """Median of the rounds' ratios."""
    if not times.get(above) or not times.get(below):
        return None
    return statistics.median(a / b for a, b in zip(times[above], times[below], strict=True))


def show(title: str, times: Mapping[str, list[float]], share: float) -> bool:
    """Prints times and ratios beside their contracts; returns whether all are met, which a failed network's are not."""
    print(f"\n{title}\n{'':12} median ms     min     max")
    for name, values in times.items():
        print(f"{name:12} {statistics.median(values):9.1f} {min(values):7.1f} {max(values):7.1f}")
    contracts = [
        ("unfolded", "hand", 1.02),
        ("folded", "hand", 1.02),
        ("folded", "separate", share + 0.05),
        ("dynamic", "unfolded", 1.05),
    ]
    met = True
    for above, below, limit in contracts:
        found = ratio(times, above, below)
        if found is None:
            met = False
            print(f"{above} / {below}: not measured (contract {limit:.3f}) NOT met")
        else:
            met &= found <= limit
            print(f"{above} / {below}: {found:.3f} (contract {limit:.3f}) {'met' if found <= limit else 'NOT met'}")
    return met


def peak_mb(name: str, args: argparse.Namespace, folder: Path) -> float:
    """Peak memory of a forward pass above that of the idle process, MB; a process of its own on a CPU."""
    command = [sys.executable, __file__, "--alone", str(folder / f"{name}.pt"), "--threads", str(args.threads)]
    command += ["--size", str(args.size), "--batch", str(args.batch)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


@torch.no_grad()
def run_alone(path: str, images: Tensor) -> None:
    """Prints by how much a stored network and one forward pass raise the process's peak memory, MB."""
    before = highest_mb()
    network = torch.load(path, weights_only=False)
    network(images)
    print(highest_mb() - before)


def highest_mb() -> float:
    """The most memory that the process has held, MB (Linux); getrusage would count what its parent had held."""
    with open("/proc/self/status", encoding="utf-8") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


@torch.no_grad()
def gpu_peak_mb(network: nn.Module, images: Tensor) -> float:
    """Weights and largest intermediate tensors of a forward pass, MB."""
    network.to(images.device)
    torch.cuda.reset_peak_memory_stats()
    network(images)
    peak = torch.cuda.max_memory_allocated() / 2**20
    network.cpu()
    torch.cuda.empty_cache()
    return peak


def show_memory(networks: Mapping[str, nn.Module], images: Tensor, args: argparse.Namespace) -> None:
    """Prints the peak memory of every network alone."""
    print("\npeak memory, weights included, MB")
    with tempfile.TemporaryDirectory() as temporary:
        for name, network in networks.items():
            if images.is_cuda:
                print(f"{name:12} {gpu_peak_mb(network, images):9.1f}")
                continue
            torch.save(network, Path(temporary) / f"{name}.pt")
            print(f"{name:12} {peak_mb(name, args, Path(temporary)):9.1f}")
            (Path(temporary) / f"{name}.pt").unlink()


def parse_arguments() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--warm-up", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--branch", type=int, default=3, help="first layer in which every task has its own node, 0 to 5"
    )
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="also compiled on a CPU")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Measures, and returns 1 where a contract in float32 without compilation is not met."""
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    images = torch.randn(args.batch, 3, args.size, args.size, generator=torch.Generator().manual_seed(0))
    if args.alone:
        run_alone(args.alone, images)
        return 0
    MMLogger.get_instance("mmdymu", log_level="ERROR")
    model = build_dynamic(args.branch)
    assert model.selection is not None
    share = model.complexity.flops(model.selection.tree) / model.complexity.flops(model.anchor_tree)
    print(model.selection.tree.draw(model.tasks))
    print(f"{share:.3f} of the separate networks' FLOPs; {args.threads} threads, {args.rounds} rounds, {args.device}")
    networks = {
        "dynamic": model,
        "unfolded": fix(model, fold=False),
        "folded": fix(model),
        "hand": build_hand(model),
        "separate": Separate(model).eval(),
    }
    check_outputs(networks, images)
    images = images.to(args.device)
    met = True
    if not args.no_memory:
        show_memory(networks, images, args)
    for number, (title, setting) in enumerate(settings(args)):
        ready = {name: prepared(network.to(args.device), **setting) for name, network in networks.items()}
        given = images.half() if setting["half"] else images
        given = given.contiguous(memory_format=torch.channels_last) if setting["last"] else given
        kept = show(title, measure(ready, given, args.rounds, args.warm_up), share)
        met &= kept or number > 0
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
