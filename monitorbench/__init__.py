"""Monitorability regression tests for language models that reason in latent space.

Every public name is imported when it is first used: importing this package imports neither torch nor anything else
that takes time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitorbench.api import load_suite, run_suite
    from monitorbench.report.model import Report
    from monitorbench.report.write import read as read_report

    __version__: str

__all__ = ["Report", "__version__", "load_suite", "read_report", "run_suite"]

_WHERE = {
    "Report": "monitorbench.report.model:Report",
    "load_suite": "monitorbench.api:load_suite",
    "read_report": "monitorbench.report.write:read",
    "run_suite": "monitorbench.api:run_suite",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("monitorbench")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _WHERE[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
