"""From what a suite names to a running adapter, and to the facts that identify it in a report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from monitorbench.adapters.batches import carried_channels
from monitorbench.adapters.checkpoint import Checkpoint, find
from monitorbench.adapters.placement import placed
from monitorbench.adapters.registry import ADAPTERS
from monitorbench.errors import CheckpointError, MonitorbenchError, UsageError, described
from monitorbench.report.model import ModelReport
from monitorbench.suite.model import ModelSpec
from monitorbench.suite.schema import DEVICE

if TYPE_CHECKING:
    from monitorbench.adapters.base import Adapter


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A model that is ready to run, and what the report says of it."""

    adapter: Adapter
    report: ModelReport


def resolve_device(device: str) -> str:
    """`auto` becomes the GPU where there is one.

    Raises:
        UsageError: it is no device, or a GPU is asked for that is not there.
    """
    import torch

    if not re.match(DEVICE["pattern"], device):
        raise UsageError(f"there is no device {device!r}", fix=f"use {DEVICE['patternErrorMessage']}")
    count = torch.cuda.device_count()
    if device == "auto":
        return "cuda" if count else "cpu"
    if device.startswith("cuda"):
        index = int(device.partition(":")[2] or 0)
        if index >= count:
            raise UsageError(
                f"device {device} is not there: {count} CUDA devices are visible", fix="use --device cpu or auto"
            )
    return device


def load_model(role: str, spec: ModelSpec, *, device: str, dtype: str, sampler: Mapping[str, Any] = {}) -> Loaded:
    """Find, check and load a checkpoint with the adapter that its configuration or the suite asks for.

    Args:
        role: `candidate` or `baseline`.
        spec: what the suite says of the model.
        device: `cpu`, `cuda` or `cuda:N`.
        dtype: name of a torch dtype, for a model that has none of its own.
        sampler: the suite's sampler settings, on which it may depend what the model carries.

    Raises:
        CheckpointError: nothing usable is there, or no adapter family runs such a model.
        UsageError: the named adapter family does not exist, cannot be imported, is none, or breaks down.
    """
    checkpoint = find(spec)
    dtype = spec.dtype or dtype
    with _another_s(spec.adapter):
        adapter: Any = _adapter_class(checkpoint).load(checkpoint, device=device, dtype=dtype)
    hashes = checkpoint.hashes()
    report = ModelReport(
        role=role,
        source=spec.source,
        revision=spec.revision,
        family=adapter.family,
        architecture=type(adapter.model).__name__,
        parameters=sum(parameter.numel() for parameter in adapter.model.parameters()),
        channels=tuple(channel.name for channel in carried_channels(adapter, sampler)),
        weights_sha256=hashes.weights,
        config_sha256=hashes.config,
        tokenizer_sha256=hashes.tokenizer,
        dtype=dtype,
        remote_code=spec.trust_remote_code,
        chat_template=getattr(adapter, "chats", None),
        device_map=placed(spec, adapter.model),
    )
    return Loaded(adapter=adapter, report=report)


def in_role(loaded: Loaded, role: str, sampler: Mapping[str, Any]) -> Loaded:
    """A loaded model in another role, or under other sampler settings, than those it was loaded for."""
    channels = tuple(channel.name for channel in carried_channels(loaded.adapter, sampler))
    return replace(loaded, report=replace(loaded.report, role=role, channels=channels))


def _adapter_class(checkpoint: Checkpoint) -> Any:
    named = checkpoint.spec.adapter
    families = {name: ADAPTERS.load(name) for name in ([named] if named else ADAPTERS)}
    for family in families.values():
        # A family that is named may run what it would not claim unasked.
        fits = getattr(family, "runs", family.claims) if named else family.claims
        if fits(checkpoint.config):
            return family
    runs = f"the adapter family {named} does not run" if named else "no adapter family runs"
    raise CheckpointError(
        f"is a {checkpoint.config.model_type} model, which {runs}",
        where=checkpoint.source,
        fix=f"the families are {ADAPTERS.listing()}",
    )


@contextmanager
def _another_s(named: str | None) -> Iterator[None]:
    """What an adapter that no package registers runs into is that adapter's, and no fault of this package."""
    try:
        yield
    except MonitorbenchError:
        raise
    except Exception as error:
        if named is None or ":" not in named:
            raise
        raise UsageError(f"the adapter {named} cannot load: {described(error)}", fix="mend the adapter") from error
