"""Opaque serial depth of a PyTorch program: the longest path of gates with no interpretable value inside.

Every public name is imported when it is first used: names of presets and conventions are there without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitorbench.depth.composition import compose
    from monitorbench.depth.costs import CONVENTIONS, Call, Convention, gate_rule, lg, register_movement
    from monitorbench.depth.dispatch import two_sort_dispatch
    from monitorbench.depth.graph import Operation
    from monitorbench.depth.loops import loop_bound
    from monitorbench.depth.models import counted_as
    from monitorbench.depth.module_rules import module_rule, whole
    from monitorbench.depth.opaque import depth_of, opaque_depth
    from monitorbench.depth.presets import Preset, preset, preset_names
    from monitorbench.depth.result import DepthResult, PathStep, SegmentDepth
    from monitorbench.depth.sources import WeightlessModel, weightless
    from monitorbench.depth.trace import Trace, trace_function, trace_segment

__all__ = [
    "CONVENTIONS",
    "Call",
    "Convention",
    "DepthResult",
    "Operation",
    "PathStep",
    "Preset",
    "SegmentDepth",
    "Trace",
    "WeightlessModel",
    "compose",
    "counted_as",
    "depth_of",
    "gate_rule",
    "lg",
    "loop_bound",
    "module_rule",
    "opaque_depth",
    "preset",
    "preset_names",
    "register_movement",
    "trace_function",
    "trace_segment",
    "two_sort_dispatch",
    "weightless",
    "whole",
]

_WHERE = {
    "composition": ("compose",),
    "costs": ("CONVENTIONS", "Call", "Convention", "gate_rule", "lg", "register_movement"),
    "dispatch": ("two_sort_dispatch",),
    "graph": ("Operation",),
    "models": ("counted_as",),
    "module_rules": ("module_rule", "whole"),
    "opaque": ("depth_of", "opaque_depth"),
    "presets": ("Preset", "preset", "preset_names"),
    "result": ("DepthResult", "PathStep", "SegmentDepth"),
    "sources": ("WeightlessModel", "weightless"),
    "loops": ("loop_bound",),
    "trace": ("Trace", "trace_function", "trace_segment"),
}


def __getattr__(name: str) -> Any:
    if name in ("gate_rule", "module_rule", "register_movement"):
        importlib.import_module(
            f"{__name__}.rules"
        )  # so that a rule registered from outside replaces the package's own
    for module, names in _WHERE.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
