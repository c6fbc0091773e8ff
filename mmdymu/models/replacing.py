"""Running a module with some of its tensors replaced, without touching it: other threads may run it meanwhile."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

__all__ = ["with_tensors"]


def with_tensors(module: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
    """A stand-in for a module that has other tensors in some places, and shares all else with it.

    :func:`torch.func.functional_call` puts the tensors into the module itself while it runs, so that two threads that
    run one module with different tensors mix them. Here only the modules on the way to a replaced tensor are copied,
    shallowly, so a stand-in costs microseconds and no memory to speak of.

    Args:
        module: Is not changed.
        tensors: Replacements of parameters and buffers, by dotted name.

    Returns:
        The stand-in. Its modes are those that the module has now.

    Raises:
        KeyError: If the module has no such parameter or buffer.
    """
    by_owner: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        path, _, leaf = name.rpartition(".")
        by_owner.setdefault(path, {})[leaf] = tensor
    done: dict[int, nn.Module] = {}
    for path, own in by_owner.items():
        owner = _owner(module, path, own)
        done[id(owner)] = _twin(owner, own)
    return _stand_in(module, done)


def _owner(module: nn.Module, path: str, tensors: Mapping[str, Tensor]) -> nn.Module:
    """The inner module of that path, if it has these tensors."""
    owner: nn.Module | None = module
    for name in path.split(".") if path else ():
        owner = owner._modules.get(name) if owner is not None else None
    for leaf in tensors:
        if owner is None or (leaf not in owner._parameters and leaf not in owner._buffers):
            full = f"{path}.{leaf}" if path else leaf
            raise KeyError(f"{type(module).__name__} has no parameter or buffer {full!r}")
    assert owner is not None
    return owner


def _twin(module: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
    """A shallow copy of one module, with some tensors replaced."""
    twin = object.__new__(type(module))
    # nn.Module's own __setattr__ would look for the dictionaries that are set here.
    own = vars(twin)
    own.update(vars(module))
    for kind in ("_parameters", "_buffers"):
        if tensors:
            own[kind] = {name: tensors.get(name, value) for name, value in own[kind].items()}
    return twin


def _stand_in(module: nn.Module, done: dict[int, nn.Module]) -> nn.Module:
    """The module itself where nothing below it is replaced; a module that is there twice gets one stand-in."""
    found = done.get(id(module))
    if found is None or module._modules:
        children = {name: None if child is None else _stand_in(child, done) for name, child in module._modules.items()}
        if any(child is not module._modules[name] for name, child in children.items()):
            found = _twin(module, {}) if found is None else found
            vars(found)["_modules"] = children
        found = module if found is None else found
        done[id(module)] = found
    return found
