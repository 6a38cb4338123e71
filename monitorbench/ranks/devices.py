"""Which GPU is whose."""

from __future__ import annotations

from monitorbench.adapters.factory import resolve_device
from monitorbench.errors import UsageError
from monitorbench.ranks.environment import Ranks
from monitorbench.suite.model import ModelSpec, Suite


def device_of(suite: Suite, ranks: Ranks) -> str:
    """The device on which a rank runs a suite.

    Raises:
        UsageError: it is not there, or what the suite says of its models does not go together with these ranks.
    """
    import torch

    visible = torch.cuda.device_count()
    device = own_device(resolve_device(suite.device), ranks, visible=visible)
    for spec in filter(None, (suite.model, suite.baseline)):
        require_own(spec, ranks, device=device, visible=visible)
    if ":" in device and ranks.several:
        torch.cuda.set_device(device)
    return device


def split(suite: Suite) -> frozenset[str]:
    """The roles whose model all ranks hold together, a part on each."""
    specs = {"candidate": suite.model, "baseline": suite.baseline}
    return frozenset(role for role, spec in specs.items() if spec is not None and spec.tp_plan is not None)


def require_own(spec: ModelSpec, ranks: Ranks, *, device: str, visible: int) -> None:
    """Refuse a model that each of several ranks would spread over the same GPUs.

    Raises:
        UsageError: saying so.
    """
    if spec.device_map is not None and ranks.local and device != "cpu" and visible > 1:
        raise UsageError(
            f"device_map spreads the model over {visible} GPUs, which other ranks of this machine use too",
            where=spec.source,
            fix="use --nproc-per-node 1, or split the model over the ranks with tp_plan: auto",
        )


def own_device(device: str, ranks: Ranks, *, visible: int) -> str:
    """The device of this rank: each has a GPU of its own, where the suite runs on GPUs.

    Args:
        device: `cpu`, `cuda` or `cuda:N`.
        ranks: this rank.
        visible: GPUs that this process sees. Where it is one, whoever started the ranks dealt them out already.

    Raises:
        UsageError: there are more ranks than GPUs, or all of them would run on one.
    """
    if device == "cpu" or not ranks.several:
        return device
    if ":" in device and visible > 1:
        raise UsageError(
            f"device {device} names one GPU for {ranks.size} ranks", fix="use device cuda: each rank takes its own"
        )
    if visible > 1 and ranks.local >= visible:
        raise UsageError(
            f"rank {ranks.rank} is number {ranks.local + 1} on its machine, where {visible} GPUs are visible",
            fix=f"use --nproc-per-node {visible}",
        )
    return f"cuda:{ranks.local if visible > 1 else 0}"
