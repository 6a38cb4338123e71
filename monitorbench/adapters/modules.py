"""Modules of a model by what a suite calls them, and by the place they have in it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from torch import nn


_FINAL_NORMS = frozenset(
    {
        "norm", "norm_f", "ln_f", "ln_out", "out_norm", "layernorm", "layer_norm", "output_layernorm", "embedding_norm",
        "final_norm", "final_layernorm", "final_layer_norm",
    }
)  # fmt: skip


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
        near = difflib.get_close_matches(path, filter(None, modules), n=3)
        raise UsageError(
            f"the model has no module {path!r} {use}",
            fix=f"did you mean {', '.join(near)}?" if near else f"name a module path in sampling.sampler.{setting}",
        )
    return modules[path]


def final_norm(model: Any) -> nn.Module | None:
    """The norm between a causal model's last block and its output head, by its name; None where it has none.

    Of the modules that are called as final norms are in transformers, it is the outermost one, and the last of those,
    that stands beside the decoder's blocks and not inside of one.
    """
    from torch import nn

    modules = dict(model.get_decoder().named_modules())
    blocks = tuple(f"{name}." for name, module in modules.items() if isinstance(module, nn.ModuleList))
    named = [name for name in modules if name.rpartition(".")[2] in _FINAL_NORMS and not name.startswith(blocks)]
    return modules[min(reversed(named), key=lambda name: name.count("."))] if named else None
