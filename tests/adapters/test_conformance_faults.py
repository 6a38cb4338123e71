"""Every rule finds the adapter that breaks it, and no other rule does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from faulty_adapters import (
    ActsOnBeingWatched,
    AppliesEditsLate,
    AppliesEditsLateAcrossPositions,
    BlendsEdits,
    CallsALensExact,
    CallsVectorsLogits,
    CannotRead,
    CarriesMoreThanTheClassSays,
    CarriesWhatIsNeverSeen,
    CountsBackwards,
    CrossesPositions,
    DrawsAnew,
    DrawsForTheBatch,
    DropsEdits,
    DropsEditsAcrossPositions,
    DropsEditsInOneRow,
    DropsHalfThePositions,
    DropsHalfTheWidth,
    Faulty,
    HoldsWhatCannotBeCounted,
    KnowsOtherWords,
    LeavesItsHooks,
    LooksAtOtherRows,
    LosesPrecision,
    LosesWords,
    NamesNoChannelInItsSegments,
    NeverLives,
    ObservesTwice,
    RemembersThatItWasWiped,
    SaysNothing,
    SeesPadding,
    ShortensCommitted,
    ShowsChannelsTwice,
    ShowsWhatItDoesNotCarry,
    SkipsLoops,
    SkipsPositions,
    SkipsSteps,
    SpeaksOnlyWhenLoaded,
    SpillsEdits,
    StumblesAfterAnError,
    SwallowsErrors,
    WritesTooMuch,
)

from monitorbench.adapters import conformance
from monitorbench.adapters.conformance import Finding, Trial, findings
from monitorbench.adapters.conformance.declared import CLASS_DOES, CLASS_SAYS
from monitorbench.depth import trace_segment
from monitorbench.errors import UsageError

MakeTrial = Callable[..., Trial]


def with_fault(fault: type[Faulty], sound: Any) -> Any:
    """An adapter with the fault, whose class says what the sound one's says unless that is the fault."""
    family = type(sound)
    said = {name: getattr(family, name) for name in (*CLASS_SAYS, *CLASS_DOES) if not hasattr(fault, name)}
    return fault(sound) if fault is SpeaksOnlyWhenLoaded else type(fault.__name__, (fault,), said)(sound)


DIFFUSION, THOUGHTS = ("diffusion", {"max_denoising_steps": 3}), ("thinking gpt2", {})


@pytest.fixture(scope="session")
def broken(trial_of: MakeTrial) -> Callable[..., Trial]:
    """A trial of an adapter with a fault."""

    def trial(fault: type[Faulty], checkpoint: tuple[str, dict[str, Any]] = DIFFUSION) -> Trial:
        name, sampler = checkpoint
        sound = trial_of(name, tokens=4, **sampler)
        return replace(sound, adapter=with_fault(fault, sound.adapter))

    return trial


@pytest.mark.parametrize(
    ("fault", "checkpoint", "rule", "what"),
    [
        (SpeaksOnlyWhenLoaded, DIFFUSION, "the class speaks for itself", "the class has no value channels"),
        (SpeaksOnlyWhenLoaded, DIFFUSION, "the class speaks for itself", "the class has no method claims"),
        (LosesWords, DIFFUSION, "text comes back", "'topological answer-last "),
        (KnowsOtherWords, DIFFUSION, "text comes back", "'topological answer-last "),
        (WritesTooMuch, DIFFUSION, "texts are in bounds", "row 0 has 5 tokens, at most 4 were asked for"),
        (ActsOnBeingWatched, DIFFUSION, "identity is no hook", "looking on changes the tokens"),
        (DrawsForTheBatch, DIFFUSION, "rows are independent", "another order of the rows changes the tokens of row 0"),
        (SeesPadding, DIFFUSION, "padding is not seen", "a longer prompt beside it changes the tokens of row 0"),
        (RemembersThatItWasWiped, DIFFUSION, "nothing is left behind", "an earlier run with edits changes the tokens"),
        (StumblesAfterAnError, DIFFUSION, "nothing is left behind", "an earlier run that broke off changes the tokens"),
        (LeavesItsHooks, DIFFUSION, "nothing is left behind", "attributes or hooks of the module itself are not as"),
        (SwallowsErrors, DIFFUSION, "nothing is left behind", "an error raised by the hook at event 0 does not come"),
        (CarriesWhatIsNeverSeen, DIFFUSION, "channels are as declared", "dream is carried and has no event"),
        (CarriesMoreThanTheClassSays, DIFFUSION, "channels are as declared", "self_conditioning is carried as another"),
        (ShowsWhatItDoesNotCarry, DIFFUSION, "channels are as declared", "whisper has events and is not carried"),
        (ObservesTwice, DIFFUSION, "steps are observed once", "block 0, step 0 has 2 events of tokens"),
        (NeverLives, THOUGHTS, "steps are observed once", "row 2 is not live when the first step is observed"),
        (SkipsSteps, DIFFUSION, "steps are observed once", "blocks and steps do not count from 0 without gaps"),
        (ShowsChannelsTwice, THOUGHTS, "channel events count up", "block 0, step 0, loop 0 has 2 events of thought"),
        (SkipsLoops, THOUGHTS, "channel events count up", "loops do not count from 0 without gaps in block 0, step 0"),
        (CountsBackwards, THOUGHTS, "channel events count up", "events of thought do not come in the order of their"),
        (SkipsPositions, DIFFUSION, "channel events count up", "positions of self_conditioning do not count from 0"),
        (CallsVectorsLogits, THOUGHTS, "values have their shape", "block 0, step 0, loop 0: thought is declared as"),
        (ShortensCommitted, DIFFUSION, "values have their shape", "block 0, step 0, loop 0: committed has the shape"),
        (LosesPrecision, DIFFUSION, "keeping everything is exact", "self_conditioning differs at 3 steps"),
        (CallsALensExact, THOUGHTS, "keeping everything is exact", "thought differs at 3 steps"),
        (DropsEdits, DIFFUSION, "edits arrive", "turning the value of self_conditioning upside down changes no logits"),
        (DropsEdits, THOUGHTS, "edits arrive", "turning the value of thought upside down changes no logits"),
        (DropsEditsAcrossPositions, DIFFUSION, "edits arrive", "turning the value of self_conditioning upside down"),
        (AppliesEditsLate, DIFFUSION, "edits arrive", "an edit of self_conditioning in row 0 does not show at once"),
        (AppliesEditsLate, THOUGHTS, "edits arrive", "an edit of thought in row 0 does not show at once"),
        (AppliesEditsLateAcrossPositions, DIFFUSION, "edits arrive", "an edit of self_conditioning in row 0 does not"),
        (DropsEditsInOneRow, DIFFUSION, "edits arrive", "an edit of self_conditioning in row 2 does not show at once"),
        (DropsEditsInOneRow, THOUGHTS, "edits arrive", "an edit of thought in row 2 does not show at once"),
        (SpillsEdits, DIFFUSION, "edits arrive", "an edit of self_conditioning in row 0 shows in other rows"),
        (SpillsEdits, THOUGHTS, "edits arrive", "an edit of thought in row 0 shows in other rows"),
        (DropsHalfTheWidth, DIFFUSION, "edits arrive", "an edit of half the width of self_conditioning does not show"),
        (DropsHalfTheWidth, THOUGHTS, "edits arrive", "an edit of half the width of thought does not show"),
        (DropsHalfThePositions, DIFFUSION, "edits arrive", "an edit of half the positions of self_conditioning does"),
        (BlendsEdits, DIFFUSION, "edits arrive", "what an edit of self_conditioning took the place of is still felt"),
        (NamesNoChannelInItsSegments, DIFFUSION, "segments name the channels", "no segment takes in self_conditioning"),
        (HoldsWhatCannotBeCounted, DIFFUSION, "segments trace", "forward: "),
    ],
)
def test_a_fault_is_found_by_its_rule_and_by_no_other(
    broken: Callable[..., Trial], fault: type[Faulty], checkpoint: Any, rule: str, what: str
) -> None:
    trial = broken(fault, checkpoint)
    try:
        found = findings(trial, trace=trace_segment if rule == "segments trace" else None)
    finally:
        vars(trial.adapter.model).pop("watcher", None)
    assert {finding.rule for finding in found} == {rule}
    assert [finding.what for finding in found if finding.what.startswith(what)]


@pytest.mark.parametrize(
    ("fault", "rule", "what"),
    [
        (NeverLives, "steps are observed once", "row 0 is not live when the first step is observed"),
        (DrawsAnew, "seeds repeat", "running it again changes the tokens of row 0"),
        (LooksAtOtherRows, "rows are independent", "row 0 in every row changes what is observed of row 0"),
    ],
)
def test_a_fault_that_many_rules_find(broken: Callable[..., Trial], fault: type[Faulty], rule: str, what: str) -> None:
    assert Finding(rule=rule, what=what) in findings(broken(fault))


def test_a_channel_may_cross_positions(broken: Callable[..., Trial]) -> None:
    assert findings(broken(CrossesPositions)) == ()


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ([[5, 6], [5, 6], [5, 6]], "a trial needs two different prompts"),
        ([[5, 6], [5] * 40, [5]], "the prompts of a trial run at several widths"),
        ([[5, 6], [5]], "the trial has 2 prompts and 3 seeds"),
    ],
)
def test_a_trial_in_which_rules_could_not_be_broken_is_refused(
    trial_of: MakeTrial, prompts: list[list[int]], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        findings(replace(trial_of("diffusion", tokens=4), prompts=prompts))


def test_an_adapter_that_decodes_to_nothing_is_found_without_a_text_too(broken: Callable[..., Trial]) -> None:
    (first, *_) = conformance.text_comes_back(replace(broken(SaysNothing), texts=()))
    assert first.what == "a prompt decodes to '', which any text contains"


def test_one_rule_can_be_tried_by_itself(broken: Callable[..., Trial]) -> None:
    trial = broken(LosesPrecision)
    assert conformance.seeds_repeat(trial) == ()
    assert conformance.keeping_everything_is_exact(trial) == (
        Finding(rule="keeping everything is exact", what="self_conditioning differs at 3 steps"),
    )


def test_an_error_is_a_finding_of_the_rule_that_ran_into_it(broken: Callable[..., Trial]) -> None:
    found = findings(broken(CannotRead))
    assert [finding.rule for finding in found] == ["values have their shape", "keeping everything is exact"]
    assert all(finding.what.startswith("raises ZeroDivisionError: no lens (faulty_adapt") for finding in found)
