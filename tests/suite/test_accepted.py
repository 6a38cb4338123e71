"""What a check may say of accepted values."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitorbench.suite.loader import resolved
from monitorbench.suite.model import Suite

Loaded = Callable[..., Suite]
Mistakes = Callable[..., list[str]]


def with_keys(quickstart: str, keys: str) -> str:
    return quickstart.replace("    max_drop: 0.05\n", f"    max_drop: 0.05\n{keys}")


def test_every_check_type_takes_a_tolerance(loaded: Loaded, quickstart: str) -> None:
    text = with_keys(quickstart, "    tolerance: {abs: 0.02, rel: 0.1}\n    max_drop_vs: previous\n")
    suite = loaded(text + "    tolerance: {rel: 0}\n")
    bottleneck, depth = suite.checks
    assert (bottleneck.tolerance, bottleneck.max_drop_vs) == ({"abs": 0.02, "rel": 0.1}, "previous")
    assert (depth.tolerance, depth.max_drop_vs) == ({"rel": 0}, None)
    assert "tolerance" not in bottleneck.parameters


def test_the_resolved_suite_holds_it(loaded: Loaded, quickstart: str) -> None:
    """So a report does, and `compare` and the baseline file judge by it."""
    text = with_keys(quickstart, "    tolerance: {abs: 0.02}\n    max_drop_vs: previous\n")
    bottleneck, depth = resolved(loaded(text))["checks"]
    assert (bottleneck["tolerance"], bottleneck["max_drop_vs"]) == ({"abs": 0.02}, "previous")
    assert not {"tolerance", "max_drop_vs"} & depth.keys()


def test_it_can_be_set_from_the_command_line(loaded: Loaded, quickstart: str) -> None:
    suite = loaded(quickstart, set=("checks.bottleneck.tolerance.abs=0.01",))
    assert suite.checks[0].tolerance == {"abs": 0.01}


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            "    tolerance: {absolute: 1}\n",
            "s.yaml:14:17: unknown key `absolute` in `tolerance`; known: `abs`, `rel`",
        ),
        ("    tolerance: {abs: -1}\n", "s.yaml:14:22: `abs` must be at least 0, got -1; write a number"),
        ("    tolerance: {}\n", "s.yaml:14:16: "),
        ("    tolerance: 0.1\n", "s.yaml:14:16: `tolerance` wants a mapping"),
        ("    tolerence: {abs: 1}\n", "s.yaml:14:5: unknown key `tolerence` in check `bottleneck`; did you mean"),
        (
            "    max_drop_vs: previous\n",
            "s.yaml:14:18: check `bottleneck` has `max_drop_vs` and no `tolerance`; add `tolerance: {abs: 0.02}`",
        ),
        (
            "    max_drop_vs: last\n    tolerance: {abs: 1}\n",
            "s.yaml:14:18: `max_drop_vs` cannot be 'last'; known: `previous`",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(keys: str, line: str, mistakes: Mistakes, quickstart: str) -> None:
    assert mistakes(with_keys(quickstart, keys))[0].startswith(line)


def test_neither_side_of_two_bounds_is_worse(mistakes: Mistakes, quickstart: str) -> None:
    check = "  - {id: order, check: chronology-score, metric: kendall, min: 0.1, max: 0.9, max_drop_vs: previous, "
    (line,) = mistakes(f"{quickstart}{check}tolerance: {{abs: 0.1}}}}\n")
    assert line.endswith(
        "check `order` has both `min` and `max`, so that neither side is worse for `max_drop_vs`; "
        "keep one of them, or declare two checks"
    )
