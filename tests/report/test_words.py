"""Numbers in words, by unit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.report.model import Bound, CheckReport, Interval, Verdict
from monitorbench.report.words import bound_words, count_words, estimate_words, one_line, summary_line

MakeCheck = Callable[..., CheckReport]


def interval(low: float, high: float) -> Interval:
    return Interval(low=low, high=high, level=0.9, method="cluster bootstrap")


@pytest.mark.parametrize(
    ("unit", "estimate", "ends", "words"),
    [
        ("", 0.012, (-0.004, 0.031), "0.012 [-0.004, 0.031]"),
        ("nats", 0.4, (0.31, 0.5), "0.400 nats [0.310, 0.500]"),
        ("share", 0.012, (-0.004, 0.031), "1.2 pp [-0.4, 3.1]"),
        ("ratio", 1.1234, (1.02, 1.25), "1.12x [1.02, 1.25]"),
        ("depth", 262144.0, None, "262,144"),
        ("depth", 131072, (131072, 131072), "131,072"),
        ("", 0.0, (-0.0, 0.0), "0.000"),
        ("", 0.00042, (1e-9, 0.031), "0.00042 [1e-09, 0.031]"),
        ("share", 1e-17, (-0.01, 0.01), "0.0 pp [-1.0, 1.0]"),
        ("share", None, None, ""),
    ],
)
def test_estimates(
    unit: str, estimate: float | None, ends: tuple[float, float] | None, words: str, make_check: MakeCheck
) -> None:
    given_interval = interval(*ends) if ends else None
    assert estimate_words(make_check(unit=unit, estimate=estimate, interval=given_interval, bound=None)) == words


@pytest.mark.parametrize(
    ("unit", "bound", "words"),
    [
        ("", Bound(max=0.05), "<= 0.05"),
        ("share", Bound(max=0.05), "<= 5 pp"),
        ("share", Bound(max=0.07), "<= 7 pp"),
        ("share", Bound(min=0.125), ">= 12.5 pp"),
        ("ratio", Bound(max=1.5), "<= 1.5x"),
        ("", Bound(min=0.2, max=0.8), "0.2 to 0.8"),
        ("depth", Bound(max=1_048_576), "<= 1,048,576"),
        ("", Bound(max=100), "<= 100"),
        ("", Bound(max=0), "<= 0"),
        ("", Bound(max=5e-9), "<= 5e-09"),
        ("", Bound(), ""),
        ("", None, ""),
    ],
)
def test_bounds(unit: str, bound: Bound | None, words: str, make_check: MakeCheck) -> None:
    assert bound_words(make_check(unit=unit, bound=bound)) == words


def test_a_number_beside_its_bound_never_looks_equal_to_it_by_rounding(make_check: MakeCheck) -> None:
    check = make_check(unit="share", estimate=0.0504, interval=interval(0.03, 0.07), bound=Bound(max=0.05))
    assert estimate_words(check) == "5.04 pp [3.00, 7.00]"


def test_an_estimate_on_its_bound_gains_no_decimals(make_check: MakeCheck) -> None:
    check = make_check(unit="share", estimate=0.1 * 3, interval=None, bound=Bound(max=0.3))
    assert estimate_words(check) == "30.0 pp"


@given(estimate=st.floats(-1e9, 1e9), limit=st.floats(-1e9, 1e9), unit=st.sampled_from(["", "share", "ratio", "depth"]))
@settings(max_examples=50, deadline=None)
def test_any_finite_number_can_be_said(estimate: float, limit: float, unit: str, make_check: MakeCheck) -> None:
    check = make_check(unit=unit, estimate=estimate, interval=None, bound=Bound(max=limit))
    spoken = estimate_words(check).removesuffix("x").removesuffix(" pp").replace(",", "")
    scale = 100 if unit == "share" else 1
    assert float(spoken) == pytest.approx(estimate * scale, abs=0.5, rel=0.05)


def test_counts() -> None:
    assert count_words(12_345) == "12,345"
    assert count_words(0) == "0"
    assert count_words(None) == ""


def test_a_pass_is_summed_up_by_its_numbers(make_check: MakeCheck) -> None:
    assert summary_line(make_check()) == "bottleneck: pass, 1.2 pp [-0.4, 3.1], bound <= 5 pp, n 200"


def test_anything_else_says_why(make_check: MakeCheck) -> None:
    check = make_check(
        verdict=Verdict.NOT_APPLICABLE, estimate=None, interval=None, bound=None, n=None, reason="No\n  channel."
    )
    assert summary_line(check) == "bottleneck: not_applicable: No channel."


@given(st.text())
@settings(max_examples=50, deadline=None)
def test_one_line_leaves_no_character_that_could_steer_a_terminal(text: str) -> None:
    assert one_line(text).isprintable()


def test_one_line_keeps_what_is_printable() -> None:
    assert one_line("  a\tb\n\nc [x] é  ") == "a b c [x] é"
    assert one_line("\x1b[31mred") == "\N{REPLACEMENT CHARACTER}[31mred"
