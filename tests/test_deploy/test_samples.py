from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pytest
import torch
from test_deploy.nets import build, build_classifier, difference, on_one_trunk
from torch import Tensor
from torch.fx import GraphModule

from mmdymu.deploy import fix, relative_difference
from mmdymu.deploy.samples import allowed_difference, check_copy
from mmdymu.search.differences import largest

Outputs = dict[str, Tensor]


@pytest.fixture(scope="module")
def network() -> GraphModule:
    """Floats."""
    return fix(on_one_trunk(build_classifier(("fish", "trees"))))


@pytest.fixture(scope="module")
def labels() -> GraphModule:
    """Labels of the first task, floats of the second."""
    return fix(on_one_trunk(build("resnet18", "FCNHead", ("semseg", "depth"))), postprocess=True)


def changed(network: GraphModule, change: Callable[[Outputs], None]) -> Callable[[Tensor], Mapping[str, Tensor]]:
    def run(images: Tensor) -> Outputs:
        outputs = {task: output.clone() for task, output in network(images).items()}
        change(outputs)
        return outputs

    return run


@pytest.mark.parametrize("compare", [relative_difference, difference])
def test_differences(compare: Callable[..., float]) -> None:
    wanted = {"a": torch.tensor([1.0, -4.0]), "b": torch.tensor([10.0, 0.0])}
    assert compare(wanted, wanted) == 0
    assert compare({"a": torch.tensor([1.5, -4.0]), "b": torch.tensor([10.0, 0.5])}, wanted) == 0.5 / 4


@pytest.mark.parametrize("compare", [relative_difference, difference])
@pytest.mark.parametrize("broken", ["a", "b"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_number_is_no_small_difference(compare: Callable[..., float], broken: str, value: float) -> None:
    wanted = {"a": torch.ones(2), "b": torch.ones(2)}
    assert not compare({**wanted, broken: torch.tensor([1.0, value])}, wanted) <= 1.0
    assert math.isnan(compare({**wanted, broken: torch.full((2,), value)}, {**wanted, broken: torch.full((2,), value)}))


def test_the_largest_number_is_nan_if_one_is() -> None:
    assert largest([0.25, 0.5]) == 0.5
    assert math.isnan(largest([0.5, math.nan]))
    assert math.isnan(largest([math.nan, 0.5]))


def test_other_outputs_have_no_difference() -> None:
    with pytest.raises(ValueError, match=r"outputs are of tasks \['a'\] and \['b'\]"):
        relative_difference({"a": torch.ones(1)}, {"b": torch.ones(1)})
    with pytest.raises(ValueError, match=r"a: outputs have shapes \(2,\) and \(1,\)"):
        relative_difference({"a": torch.ones(2)}, {"a": torch.ones(1)})


def test_the_allowed_difference_follows_the_type() -> None:
    assert allowed_difference(torch.float32) == allowed_difference(torch.float64) == 1e-4
    assert 5e-3 < allowed_difference(torch.float16) < 1e-2 < allowed_difference(torch.bfloat16) < 0.1


def test_an_equal_copy_passes(network: GraphModule, labels: GraphModule) -> None:
    assert check_copy(network, network) == 0
    assert check_copy(labels, labels) == 0


@pytest.mark.parametrize("task", ["fish", "trees"])
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e3])
def test_a_copy_with_other_numbers_is_refused(network: GraphModule, task: str, value: float) -> None:
    def change(outputs: Outputs) -> None:
        outputs[task][-1, 0] = value

    with pytest.raises(RuntimeError, match="results differ by"):
        check_copy(network, changed(network, change))


def test_a_network_that_gives_nan_is_refused() -> None:
    broken = fix(on_one_trunk(build_classifier(("fish", "trees"))))
    with torch.no_grad():
        next(broken.parameters()).fill_(math.nan)
    with pytest.raises(RuntimeError, match="results differ by nan"):
        check_copy(broken, broken)


def test_some_labels_may_differ(labels: GraphModule) -> None:
    def change(outputs: Outputs) -> None:
        outputs["semseg"].flatten()[::200] += 1

    assert check_copy(labels, changed(labels, change)) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda outputs: outputs["semseg"].flatten()[::50].add_(1), r"semseg: 2\.\d% of the written network's labels"),
        (lambda outputs: outputs["semseg"].fill_(9), "semseg: 100.0% of the written network's labels differ"),
        (lambda outputs: outputs.update(semseg=outputs["semseg"][:1]), "semseg: outputs have shapes"),
        (lambda outputs: outputs.update(semseg=outputs["semseg"].int()), "semseg: the written network gives torch.int"),
        (lambda outputs: outputs.update(depth=outputs["depth"].double()), "depth: the written network gives torch.fl"),
        (lambda outputs: outputs.pop("semseg"), "outputs are of tasks"),
    ],
)
def test_other_labels_and_types_are_refused(labels: GraphModule, change: Callable, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        check_copy(labels, changed(labels, change))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_network_on_a_gpu_is_compared_on_the_cpu() -> None:
    network = fix(on_one_trunk(build_classifier(("fish", "trees"))))
    on_gpu = fix(on_one_trunk(build_classifier(("fish", "trees")))).cuda()
    devices = set()

    def copied(images: Tensor) -> Mapping[str, Tensor]:
        devices.add(images.device.type)
        return network(images)

    with torch.backends.cudnn.flags(allow_tf32=True):
        assert check_copy(on_gpu, copied) <= 1e-6
    assert devices == {"cpu"}
    assert next(on_gpu.parameters()).is_cuda
