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
    replaced: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        path, _, leaf = name.rpartition(".")
        try:
            owner = module.get_submodule(path)
        except AttributeError as error:
            raise KeyError(f"{type(module).__name__} has no parameter or buffer {name!r}") from error
        if leaf not in owner._parameters and leaf not in owner._buffers:
            raise KeyError(f"{type(module).__name__} has no parameter or buffer {name!r}")
        replaced.setdefault(id(owner), {})[leaf] = tensor
    return _stand_in(module, replaced, {})


def _stand_in(module: nn.Module, replaced: Mapping[int, Mapping[str, Tensor]], done: dict[int, nn.Module]) -> nn.Module:
    """The module itself where nothing below it is replaced; a module that is there twice gets one stand-in."""
    if id(module) in done:
        return done[id(module)]
    children = {name: _stand_in(child, replaced, done) for name, child in module._modules.items() if child is not None}
    own = replaced.get(id(module), {})
    twin = module
    if own or any(child is not module._modules[name] for name, child in children.items()):
        twin = object.__new__(type(module))
        # nn.Module's own __setattr__ would look for the dictionaries that are set here.
        vars(twin).update(vars(module))
        vars(twin)["_modules"] = {**module._modules, **children}
        for kind in ("_parameters", "_buffers"):
            tensors = vars(module)[kind]
            vars(twin)[kind] = {**tensors, **{name: own[name] for name in tensors if name in own}}
    done[id(module)] = twin
    return twin
