"""What decides a rollout, as it is found: the model, the code that runs, and the machine that it runs on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from monitorbench.adapters.base import Adapter, Limits
from monitorbench.adapters.batches import own_settings
from monitorbench.report.model import ModelReport
from monitorbench.rollouts.arm import Arm
from monitorbench.rollouts.key import ArmFacts
from monitorbench.rollouts.model_facts import ModelFacts
from monitorbench.rollouts.sources import named_by, own_code, source_of
from monitorbench.tasks.base import Task, fingerprint

# Those after the first line are optional: transformers picks its kernels by what is installed.
PACKAGES = (
    *("monitorbench", "torch", "transformers", "numpy", "tokenizers", "safetensors"),
    *("accelerate", "causal-conv1d", "flash-attn", "flash-linear-attention", "gguf", "kernels", "mamba-ssm", "triton"),
)
_SAID_ELSEWHERE = ("role", "task", "form", "edit")
"""Fields of an arm that say which model, which task and which edits; those are known by what they hold."""
_PRECISION = ("cuda.matmul", "cudnn.conv", "cudnn.rnn", "mkldnn.matmul")
"""Backends that may compute float32 in fewer bits."""


def model_facts(adapter: Adapter, model: ModelReport, sampler: Mapping[str, Any]) -> ModelFacts:
    """The facts of a loaded model.

    Args:
        adapter: the model, loaded.
        model: what the report says of it, its hashes above all.
        sampler: the suite's sampler settings.
    """
    own = own_settings(adapter, sampler)
    decides = {
        "weights": model.weights_sha256,
        "config": model.config_sha256,
        "tokenizer": model.tokenizer_sha256,
        "adapter": _path(adapter),
        "architecture": _path(adapter.model),
        "remote_code": model.remote_code,
        "chat_template": model.chat_template,
        "dtype": model.dtype,
        "device_map": model.device_map,
        "tensor_parallel": model.tensor_parallel,
        "code": _code(adapter, own),
        "device": _device(adapter.model),
        "kernels": _kernels(adapter.model),
        "versions": _versions(),
    }
    return ModelFacts(
        decides=decides,
        sampler=own,
        channels=tuple(adapter.carries(own)),
        family=adapter.family,
        settings=tuple(adapter.settings),
        left_to_right=adapter.left_to_right,
        honours=tuple(sorted(getattr(adapter, "honours", ()))),
        vocab_size=adapter.vocab_size,
        max_length=adapter.max_length,
        silent=_silent(adapter),
    )


def arm_facts(arm: Arm, *, model: ModelFacts, task: Task, parameters: Mapping[str, Any], limits: Limits) -> ArmFacts:
    """The facts that all rollouts of an arm share.

    Args:
        arm: the arm.
        model: its model, which need not be at hand.
        task: its task.
        parameters: what the suite gives the task.
        limits: bounds and the adapter's own sampler settings.
    """
    return ArmFacts(
        **{**model.decides, "code": {**model.decides["code"], **_code_of_task(task)}},
        task=_path(task),
        parameters={**parameters, **dict(arm.form)},
        arm={name: value for name, value in asdict(arm).items() if name not in _SAID_ELSEWHERE},
        limits={**asdict(limits), "sampler": dict(limits.sampler)},
    )


def _path(thing: object) -> str:
    return f"{type(thing).__module__}:{type(thing).__qualname__}"


def _code(adapter: Adapter, sampler: Mapping[str, Any]) -> dict[str, str]:
    found = {"monitorbench": own_code()}
    for thing in (adapter, adapter.model, getattr(adapter, "tokenizer", None)):
        found |= _sources(thing)
    for value in sampler.values():
        found |= named_by(value)
    return {name: source for name, source in found.items() if source}


def _code_of_task(task: Task) -> dict[str, str]:
    return {name: source for name, source in {**_sources(task), "grader": fingerprint(task)}.items() if source}


def _sources(thing: object) -> dict[str, str]:
    return {base.__module__: source_of(base) for base in type(thing).__mro__}


def _silent(adapter: Adapter) -> tuple[int, ...]:
    """Special tokens without a text; those of a tokenizer that names none are not known."""
    special = getattr(getattr(adapter, "tokenizer", None), "all_special_ids", ())
    return tuple(sorted({int(each) for each in special if not adapter.decode([each])}))


def _device(model: Any) -> str:
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device.type)


def _kernels(model: Any) -> dict[str, Any]:
    backends = torch.backends
    devices = {parameter.device.type for parameter in model.parameters()} or {"cpu"}
    return {
        "implementations": {
            name: [getattr(part.config, f"_{kind}_implementation", None) for kind in ("attn", "experts")]
            for name, part in model.named_modules()
            if hasattr(part, "config")
        },
        "machine": platform.machine(),
        "capability": backends.cpu.get_cpu_capability(),
        # torchrun gives each rank one thread; a GPU adds up the same however many there are.
        "threads": torch.get_num_threads() if "cpu" in devices else None,
        "mkldnn": bool(getattr(backends.mkldnn, "enabled", None)),
        "deterministic": [torch.are_deterministic_algorithms_enabled(), backends.cudnn.deterministic],
        "benchmark": backends.cudnn.benchmark,
        "cublas": os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
        "cudnn": _cudnn() if torch.cuda.is_available() else None,
        "precision": {name: _precision(name) for name in _PRECISION},
        "reduced": [
            backends.cuda.matmul.allow_fp16_reduced_precision_reduction,
            backends.cuda.matmul.allow_bf16_reduced_precision_reduction,
        ],
    }


def _cudnn() -> int | None:
    found: Any = torch.backends.cudnn
    version_of: int | None = found.version()
    return version_of


def _precision(name: str) -> str:
    found: Any = torch.backends
    for part in name.split("."):
        found = getattr(found, part)
    return str(found.fp32_precision)


@cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "implementation": sys.implementation.name}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
