"""What a suite of `monitorbench init` is about, for every adapter family: model, baseline, task and sampling."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitorbench.errors import MonitorbenchError, UsageError

if TYPE_CHECKING:
    from monitorbench.commands.init_suite import Design

USUAL = "block-diffusion"
"""The family of a suite where nothing else is asked for: its reference checkpoint has a channel, and passes."""

_CHAIN = {"family": "arithmetic-chain", "n": 130, "lengths": [2, 3], "order": "topological", "answer": "answer-last"}
_GRAPH = {"family": "graph-reachability", "n": 200, "hops": [3]}
_SUMS = {"family": "word-problems", "n": 200, "operations": ["add"], "largest": 9, "examples": 2}
_TRAINED_ON_GRAPHS = ("zoo:thought-superposed", "zoo:thought-opaque")
_ZOO = "zoo:"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Family:
    """A family of this package: its reference checkpoint, with what it was trained for, and sampler settings."""

    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)


_FAMILIES = {
    "autoregressive": _Family(model="zoo:ar-chain"),
    "block-diffusion": _Family(model="zoo:diffusion-chain", settings={"max_denoising_steps": 8, "entropy_bound": 0.1}),
    "depth-loop": _Family(model="zoo:loop-chain"),
    "masked-diffusion": _Family(model="zoo:masked-chain", settings={"remasking": "confidence"}),
    "thought-loop": _Family(model="zoo:thought-superposed"),
}


def design(adapter: str | None, model: str | None, baseline: str | None, *, folder: Path) -> Design:
    """What is to be written.

    Args:
        adapter: a registered family; None takes that of the model.
        model: as a command line names it; None takes the reference checkpoint of the family.
        baseline: likewise; None takes the usual one, if there is one.
        folder: where the suite goes: relative paths of models are seen from there.

    Raises:
        UsageError: the family does not exist, has no reference checkpoint, or that of the model is not known.
    """
    from monitorbench.adapters.registry import ADAPTERS
    from monitorbench.commands.init_suite import Design

    family = adapter or (USUAL if model is None else _family_of(model))
    kind: Any = ADAPTERS.load(family)
    source = model or _reference(family)
    claimed, carried = _claimed(source)
    named = _seen_from(folder, source)
    return Design(
        name=_name(source),
        model=named if adapter is None or claimed == family else {"source": named, "adapter": family},
        baseline=_baseline(source, named, family) if baseline is None else _seen_from(folder, baseline),
        family=family,
        channels=carried if claimed == family else _declared(family, kind),
        left_to_right=bool(kind.left_to_right),
        task=_task(source, family),
        sampling=_sampling(source, family),
    )


def _name(source: str) -> str:
    """The last part of what names a model."""
    path = os.path.realpath(source) if os.path.isdir(source) else source.removeprefix(_ZOO)
    return path.rpartition("/")[2].rpartition(":")[2].partition("@")[0]


def _seen_from(folder: Path, model: str) -> str:
    """A model that the command line names, as the suite in that folder has to name it."""
    path = os.path.expanduser(model)
    if not os.path.isdir(path):
        return model
    return path if os.path.isabs(path) else os.path.join(".", os.path.relpath(path, folder))


def _reference(family: str) -> str:
    if family not in _FAMILIES:
        what = f"the adapter family {family} has no reference checkpoint"
        raise UsageError(what, where="--adapter", fix="name a model by --model")
    return _FAMILIES[family].model


def _family_of(model: str) -> str:
    claimed, _ = _claimed(model)
    if claimed is None:
        what = f"the adapter family of {model} is not known without loading it"
        raise UsageError(what, where="--model", fix="name it by --adapter (see `monitorbench list adapters`)")
    return claimed


def _claimed(source: str) -> tuple[str | None, dict[str, bool]]:
    """The family that claims a model which lies at hand, and what it carries; nothing is fetched, no weights read."""
    from monitorbench.depth import weightless
    from monitorbench.depth.presets import preset_names

    if source in preset_names():  # a name of this package for a design, not a model that could run
        return None, {}
    try:
        adapter = weightless(source).adapter
    except MonitorbenchError:
        return None, {}
    if adapter is None:
        return None, {}
    return adapter.family, {channel.name: channel.kind != "state" for channel in adapter.carries({})}


def _declared(family: str, kind: Any) -> dict[str, bool]:
    """What models of a family may carry. Few autoregressive ones carry anything, so that none is asked about it."""
    if family == "autoregressive":
        return {}
    return {channel.name: channel.kind != "state" for channel in kind.channels}


def _baseline(source: str, named: str, family: str) -> Any:
    if family == "thought-loop":  # the same weights, made to write at once: thinking is depth that comes on top
        return {"source": named, "adapter": "autoregressive"}
    return "zoo:ar-chain" if source.startswith(_ZOO) and family != "autoregressive" else None


def _task(source: str, family: str) -> tuple[str, Mapping[str, Any]]:
    if not source.startswith(_ZOO):
        return "sums", _SUMS
    if source in _TRAINED_ON_GRAPHS:
        return "graph", _GRAPH
    # In loops, a sum can be worked out before anything of it is written.
    return "chain", {**_CHAIN, **({"answer": "answer-first"} if family == "depth-loop" else {})}


def _sampling(source: str, family: str) -> dict[str, Any]:
    known = _FAMILIES.get(family)
    if not source.startswith(_ZOO):
        return {"seed": 0, "max_new_tokens": 64, "batch_size": 16, "stop": ["\n\n"]}
    settings = {"sampler": dict(known.settings)} if known and known.settings else {}
    longest = 3 if source in _TRAINED_ON_GRAPHS else 18
    return {"seed": 0, "max_new_tokens": longest, "batch_size": 40, **settings}
