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
from monitorbench.report.model import ModelReport
from monitorbench.rollouts.arm import Arm
from monitorbench.rollouts.key import ArmFacts
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


def arm_facts(
    arm: Arm, *, adapter: Adapter, model: ModelReport, task: Task, parameters: Mapping[str, Any], limits: Limits
) -> ArmFacts:
    """The facts that all rollouts of an arm share.

    Args:
        arm: the arm.
        adapter: its model, loaded.
        model: what the report says of it, its hashes above all.
        task: its task.
        parameters: what the suite gives the task.
        limits: bounds and the adapter's own sampler settings.
    """
    return ArmFacts(
        weights=model.weights_sha256,
        config=model.config_sha256,
        tokenizer=model.tokenizer_sha256,
        adapter=_path(adapter),
        architecture=_path(adapter.model),
        remote_code=model.remote_code,
        chat_template=model.chat_template,
        dtype=model.dtype,
        device_map=model.device_map,
        tensor_parallel=model.tensor_parallel,
        task=_path(task),
        parameters={**parameters, **dict(arm.form)},
        arm={name: value for name, value in asdict(arm).items() if name not in _SAID_ELSEWHERE},
        limits={**asdict(limits), "sampler": dict(limits.sampler)},
        code=_code(adapter, task, limits),
        device=_device(adapter.model),
        kernels=_kernels(adapter.model),
        versions=_versions(),
    )


def _path(thing: object) -> str:
    return f"{type(thing).__module__}:{type(thing).__qualname__}"


def _code(adapter: Adapter, task: Task, limits: Limits) -> dict[str, str]:
    found = {"monitorbench": own_code()}
    for thing in (adapter, adapter.model, getattr(adapter, "tokenizer", None), task):
        found |= {base.__module__: source_of(base) for base in type(thing).__mro__}
    for value in limits.sampler.values():
        found |= named_by(value)
    found["grader"] = fingerprint(task)
    return {name: source for name, source in found.items() if source}


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
