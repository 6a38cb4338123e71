"""What a harness asks of a generation, in the words of adapters."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from monitorbench.adapters.base import Limits
from monitorbench.bridges.requests import limits_of, row_of
from monitorbench.errors import UsageError

GREEDY_OR_NOT = ("do_sample", "temperature", "top_p")
OWN_SAMPLER = ("max_denoising_steps", "temperature")


def limits(asked: dict[str, Any], settings: tuple[str, ...], **sampler: Any) -> Limits:
    adapter: Any = SimpleNamespace(settings=settings, family="toy")
    return limits_of(asked, adapter, sampler=sampler, max_new_tokens=256)


@pytest.mark.parametrize(
    ("asked", "settings", "taken"),
    [
        ({"do_sample": False, "temperature": 0.0}, GREEDY_OR_NOT, {"do_sample": False}),
        ({}, GREEDY_OR_NOT, {"do_sample": False}),
        ({"do_sample": False, "temperature": 0.7, "top_p": 0.9}, GREEDY_OR_NOT, {"do_sample": False}),
        ({"temperature": 0.7}, GREEDY_OR_NOT, {"do_sample": True, "temperature": 0.7}),
        ({"do_sample": False, "temperature": 0.0}, OWN_SAMPLER, {}),
        ({"temperature": 0.7, "max_denoising_steps": 4}, OWN_SAMPLER, {"temperature": 0.7, "max_denoising_steps": 4}),
    ],
)
def test_greedy_is_asked_of_those_families_that_know_it(
    asked: dict[str, Any], settings: tuple[str, ...], taken: dict[str, Any]
) -> None:
    assert limits(asked, settings).sampler == taken


def test_what_the_task_says_goes_before_what_the_model_was_given() -> None:
    found = limits({"max_denoising_steps": 4, "max_gen_toks": 9}, OWN_SAMPLER, max_denoising_steps=8, temperature=1)
    assert found == Limits(max_new_tokens=9, sampler={"max_denoising_steps": 4, "temperature": 1})
    assert limits({"until": ["\n", "", "\n", "Q:"]}, OWN_SAMPLER).stop == ("\n", "Q:")
    assert limits({"until": "\n"}, OWN_SAMPLER) == Limits(max_new_tokens=256, stop=("\n",))


def test_what_a_family_does_not_take_is_said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    # Tools that configure logging in the same process switch off the loggers that are there already.
    monkeypatch.setattr(logging.getLogger("monitorbench.bridges.requests"), "disabled", False)
    assert limits({"beams": 4}, OWN_SAMPLER).sampler == {}
    assert caplog.messages == ["the adapter family toy takes no beams"]


@pytest.mark.parametrize("asked", [{"max_gen_toks": 0}, {"max_gen_toks": "9"}, {"until": [3]}])
def test_arguments_of_the_wrong_kind_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="correct the task's arguments"):
        limits(asked, OWN_SAMPLER)


def test_equal_prompts_are_one_problem() -> None:
    rows = [row_of(text, 0, lambda text: [len(text)]) for text in ("a", "a", "b")]
    assert rows[0] == rows[1]
    assert rows[0].problem.id != rows[2].problem.id
