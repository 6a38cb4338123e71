"""What becomes of a check that is not a plain pass."""

from __future__ import annotations

import pytest


class CheckWarning(pytest.PytestWarning):
    """A check of severity warn that did not pass, or one of which its `warn_if` says something worse."""


class InconclusiveWarning(CheckWarning):
    """A check that is inconclusive and was let through by `--monitorbench-inconclusive warn`."""


class NotPassed(Exception):  # noqa: N818  # a verdict, not an error of this program
    """A check that counts as a failed test; its text is all that pytest shows."""
