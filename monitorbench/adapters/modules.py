"""Modules of a model by what a suite calls them, and by the place they have in it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn


def submodule(model: nn.Module, path: str, *, setting: str, use: str) -> nn.Module:
    """The module at a path inside a model.

    Args:
        model: the model.
        path: names joined by dots, as `named_modules` gives them.
        setting: the sampler setting that holds the path.
        use: what the module is for, as in "to project thoughts with".

    Raises:
        UsageError: there is no such module, with the paths that come nearest.
    """
    modules: dict[str, nn.Module] = dict(model.named_modules())
    if not path or path not in modules:
        near = difflib.get_close_matches(path, modules, n=3)
        raise UsageError(
            f"the model has no module {path!r} {use}",
            fix=f"did you mean {', '.join(near)}?" if near else f"name a module path in sampling.sampler.{setting}",
        )
    return modules[path]


def final_norm(model: Any) -> nn.Module | None:
    """The norm between a causal model's last block and its output head; None where it has none.

    It is the last norm of the decoder that stands beside its list of blocks, not inside.
    """
    from torch import nn

    decoder = model.get_decoder()
    lists = [f"{name}." for name, module in decoder.named_modules() if isinstance(module, nn.ModuleList)]
    norms = [
        module
        for name, module in decoder.named_modules()
        if "norm" in type(module).__name__.lower() and not name.startswith(tuple(lists))
    ]
    return norms[-1] if norms else None
