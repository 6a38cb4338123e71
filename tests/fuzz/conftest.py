"""Says what the long form of the fuzz tests tried."""

from __future__ import annotations

import pytest
from fuzzing import LONG, SECONDS, TRIED, megabytes


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LONG:
        each = ", ".join(f"{kind} {count:,} in {SECONDS[kind]:.0f} s" for kind, count in sorted(TRIED.items()))
        terminalreporter.write_line(f"fuzzing: {TRIED.total():,} inputs ({each}), at most {megabytes():,} MB")
