"""Marks: `monitorbench` on every check and every test that uses the fixture, and one for the type of each check."""

from __future__ import annotations

import pytest

MARK = "monitorbench"
_DECLARED = pytest.StashKey[set[str]]()


def register(config: pytest.Config) -> None:
    """Declare the marks. Those of check types are declared when one is collected, or to list them."""
    config.addinivalue_line("markers", f"{MARK}: a check of a suite, or a test that uses the `monitorbench` fixture")
    config.stash[_DECLARED] = set()
    if config.getoption("markers", default=False):
        from monitorbench.checks.registry import CHECKS

        for kind in CHECKS:
            register_type(config, kind)


def register_type(config: pytest.Config, kind: str) -> str:
    """The mark of a check type, such as `bottleneck_drop`, declared for `--strict-markers`."""
    mark = kind.replace("-", "_")
    if mark not in config.stash[_DECLARED]:
        config.stash[_DECLARED].add(mark)
        config.addinivalue_line("markers", f"{mark}: a check of type {kind} (monitorbench)")
    return mark


def mark_users(items: list[pytest.Item]) -> None:
    """Mark the tests that use the fixture."""
    for item in items:
        if MARK in getattr(item, "fixturenames", ()):
            item.add_marker(MARK)
