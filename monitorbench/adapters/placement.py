"""Where a model's weights go, and what stands in the way: on one device, spread, split over ranks, or quantised."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from monitorbench.errors import CheckpointError, first_line
from monitorbench.suite.model import ModelSpec

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def placing(spec: ModelSpec, config: PretrainedConfig, device: str) -> Mapping[str, Any]:
    """What `from_pretrained` has to be told; nothing where the whole model is moved to its device afterwards.

    Args:
        spec: what the suite says of the model.
        config: its configuration: quantised weights must come to their device as they are read.
        device: `cpu`, `cuda` or `cuda:N`.

    Raises:
        CheckpointError: accelerate is needed and not installed; or there are no ranks to split the model over.
    """
    if spec.tp_plan is not None:
        return _splitting(spec, device)
    quantised = bool(_quantisation(config))
    if spec.device_map is None and not quantised:
        return {}
    if find_spec("accelerate") is None:
        what = "its quantised weights need" if quantised and spec.device_map is None else "device_map needs"
        raise CheckpointError(
            f"{what} the package accelerate, which is not installed",
            where=spec.source,
            fix="pip install 'accelerate>=1.1'",
        )
    return {"device_map": {"": device} if spec.device_map is None else spec.device_map}


def _splitting(spec: ModelSpec, device: str) -> Mapping[str, Any]:
    import torch
    from transformers.distributed.configuration_utils import DistributedConfig

    if _ranks() < 2:
        raise CheckpointError(
            "tp_plan splits it over ranks, and there is one",
            where=spec.source,
            fix="start with torchrun --nproc-per-node N -m monitorbench run SUITE, or leave tp_plan out",
        )
    if device == "cpu" and torch.cuda.device_count():
        raise CheckpointError(
            "tp_plan splits it over the GPUs of this machine, and the suite runs on cpu",
            where=spec.source,
            fix="set device: auto",
        )
    plan: Any = spec.tp_plan
    return {"distributed_config": DistributedConfig(tp_plan=plan)}


def _ranks() -> int:
    return int(os.environ.get("WORLD_SIZE") or 1)


def require_place(spec: ModelSpec, model: Any, device: str) -> None:
    """Refuse a map of modules that are not there, and a model spread beyond the processor that the suite runs on.

    Raises:
        CheckpointError: a name is no module's, or a part of the model is where it cannot run.
    """
    names = [name for name, _ in (*model.named_modules(), *model.named_parameters())]
    if strangers := sorted({*(spec.device_map if isinstance(spec.device_map, Mapping) else ())} - {*names}):
        near = difflib.get_close_matches(strangers[0], names, n=3)
        raise CheckpointError(
            f"has no module {strangers[0]!r} for device_map to place",
            where=spec.source,
            fix=f"did you mean {', '.join(near)}?" if near else "correct device_map",
        )
    devices = [parameter.device.type for parameter in model.parameters()]
    # A model is fed where its first weight lies.
    if devices[:1] == ["meta"] and spec.device_map is not None:
        raise CheckpointError(
            "device_map leaves its first module on disk, where nothing runs",
            where=spec.source,
            fix="map that module to cpu or to a GPU",
        )
    places = {*devices}
    if device == "cpu" and (elsewhere := sorted(places - {"cpu", "meta"})):
        raise CheckpointError(
            f"device_map puts a part of it on {elsewhere[0]}, and the suite runs on cpu",
            where=spec.source,
            fix="set device: auto, or map every module to cpu",
        )


def placed(spec: ModelSpec, model: Any) -> dict[str, str] | None:
    """The device of each module, by its name, where the suite asked for a map; the empty name is the whole model's."""
    if spec.device_map is None:
        return None
    found = getattr(model, "hf_device_map", None) or {"": model.device}
    return {name: str(device) for name, device in found.items()}


def splitting(spec: ModelSpec) -> dict[str, Any] | None:
    """By which plan the model is split, and over how many ranks, where the suite asked for that."""
    return None if spec.tp_plan is None else {"plan": spec.tp_plan, "ranks": _ranks()}


def unloadable(spec: ModelSpec, config: PretrainedConfig, error: Exception) -> CheckpointError:
    """What to say of weights that transformers did not load."""
    method = _quantisation(config).get("quant_method")
    if isinstance(error, ImportError):
        kind = f"{method} weights" if method else "weights"
        return CheckpointError(
            f"its {kind} need a package that is not installed: {first_line(error)}",
            where=spec.source,
            fix="install it, or use a checkpoint that does without",
        )
    fix = "weights and config.json must come from the same model"
    if spec.device_map is not None:
        fix = "correct device_map, or leave it out"
    elif spec.tp_plan is not None:
        fix = "correct tp_plan, or leave it out: not every model has a plan, nor can be split over any number of ranks"
    elif method:
        fix = f"its weights are quantised ({method}): see that this machine runs them, or use those in full precision"
    return CheckpointError(f"the weights cannot be loaded: {first_line(error)}", where=spec.source, fix=fix)


def _quantisation(config: PretrainedConfig) -> Mapping[str, Any]:
    found = getattr(config, "quantization_config", None) or {}
    return found if isinstance(found, Mapping) else dict(found.to_dict())
