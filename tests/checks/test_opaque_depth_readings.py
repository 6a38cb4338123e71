"""Under `nls` a channel also has to be declared as not trained through; under the others that does not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from monitorbench.checks.opaque_depth_ratio import OpaqueDepthRatio
from monitorbench.checks.opaque_depth_readings import Reading, in_words, not_together, readings
from monitorbench.report.model import CheckReport, Verdict
from monitorbench.suite.model import CheckSpec

Read = Callable[..., Reading]


@pytest.fixture
def read(
    spec: Callable[..., CheckSpec],
    judged: Callable[..., dict[str, CheckReport]],
) -> Read:
    """How the channel of the candidate is read after a check of this verdict, declared `trained_through` or not."""

    def read(convention: str, verdict: Verdict, **declared: Any) -> Reading:
        trained = {"carry": declared["trained_through"]} if declared else {}
        rests = spec(OpaqueDepthRatio(), interpretable_if={"carry": "shown"}, convention=convention)
        (reading,) = readings(rests, ["carry"], judged(verdict), trained)
        return reading

    return read


@pytest.mark.parametrize("convention", ["circuit", "implemented", "layers"])
@pytest.mark.parametrize("declared", [{}, {"trained_through": True}, {"trained_through": False}])
def test_elsewhere_only_the_check_decides(read: Read, convention: str, declared: dict[str, Any]) -> None:
    reading = read(convention, Verdict.PASS, **declared)
    assert in_words(reading) == "The channel carry counts as interpretable, because check shown passed."
    assert not read(convention, Verdict.FAIL, **declared).interpretable


@pytest.mark.parametrize("declared", [{}, {"trained_through": True}, {"trained_through": "unknown"}])
def test_a_gradient_that_may_run_through_it_keeps_it_opaque(read: Read, declared: dict[str, Any]) -> None:
    assert in_words(read("nls", Verdict.PASS, **declared)) == (
        "The channel carry counts as opaque, because check shown passed, "
        "but the suite does not declare it `trained_through: false`."
    )


def test_shown_and_declared_is_interpretable(read: Read) -> None:
    assert in_words(read("nls", Verdict.PASS, trained_through=False)) == (
        "The channel carry counts as interpretable, because check shown passed, "
        "and the suite declares it `trained_through: false`."
    )


def test_a_declaration_alone_shows_nothing(read: Read) -> None:
    assert in_words(read("nls", Verdict.FAIL, trained_through=False)) == (
        "The channel carry counts as opaque, because check shown failed: It is so."
    )


def test_tokens_like_the_text_do_not_show_that_nothing_else_counts(
    spec: Callable[..., CheckSpec], judged: Callable[..., dict[str, CheckReport]]
) -> None:
    shown = {name: replace(each, type="variable-transparency") for name, each in judged(Verdict.PASS).items()}
    rests = spec(OpaqueDepthRatio(), interpretable_if={"carry": "shown"})
    (reading,) = readings(rests, ["carry"], shown, {})
    assert in_words(reading) == (
        "The channel carry counts as opaque, because check shown can show that its top tokens are readable, "
        "not that they are enough."
    )


def test_that_several_channels_were_each_shown_by_themselves_is_said() -> None:
    high, low, thought = (
        Reading(channel=channel, interpretable=interpretable, why="so it is")
        for channel, interpretable in (("z_H", True), ("z_L", True), ("thought", False))
    )
    assert not_together([high, low, thought]) == (
        "Each of z_H, z_L was shown with the others untouched, so one of them is cut, not all: the one that shortens "
        "the depth most.",
    )
    assert not_together([high, thought]) == ()
