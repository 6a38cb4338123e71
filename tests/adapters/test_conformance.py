"""Both adapters keep every rule, and a broken adapter is found out by each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from monitorbench.adapters import conformance
from monitorbench.adapters.base import Edit, Event, Hook, Index, Limits, Output, Segment
from monitorbench.adapters.conformance import Finding, Trial, findings
from monitorbench.depth import trace_segment

MakeTrial = Callable[..., Trial]
SAMPLED = {"do_sample": True, "temperature": 0.7, "top_k": 20}


def mean_entropy(event: Event) -> torch.Tensor:
    """(B,) mean entropy of each row in nats, which the sampler compares with its confidence threshold."""
    return torch.distributions.Categorical(logits=event.logits).entropy().mean(-1)


def first_canvas(trial: Trial) -> list[Event]:
    """The observations of the first canvas."""
    events: list[Event] = []
    trial.adapter.generate(trial.prompts, trial.seeds, events.append, trial.limits)
    return [event for event in events if event.channel is None and event.index.block == 0]


@pytest.mark.parametrize("seed", [0, 11])
@pytest.mark.parametrize(
    ("name", "sampler"),
    [
        ("diffusion", {}),
        ("diffusion with experts", {}),
        ("causal", SAMPLED),
        ("causal with experts", SAMPLED),
        ("causal", {}),
        ("gpt2", SAMPLED),
        ("llama", SAMPLED),
        ("masked", {"steps": 9, "temperature": 0.7}),
        ("masked", {"block_length": 6, "steps": 3, "remasking": "random", "revise": True}),
        ("bert", {"remasking": "margin"}),
        ("roberta", {"remasking": "entropy", "steps": 6}),
        ("thinking gpt2", {}),
        ("thinking gemma3", {"temperature": 0.7}),
        ("projecting gpt2", {}),
        ("mixing gemma3", {"stop_entropy": 4.8, "stop_after": 2}),
    ],
    ids=[
        *("diffusion", "diffusion-experts", "causal", "causal-experts", "causal-greedy", "gpt2", "llama"),
        *("masked", "masked-revised", "bert", "roberta"),
        *("thoughts-gpt2", "thoughts-gemma3", "thoughts-projected", "thoughts-mixed"),
    ],
)
def test_an_adapter_breaks_no_rule(trial_of: MakeTrial, name: str, sampler: dict[str, Any], seed: int) -> None:
    assert findings(trial_of(name, seed=seed, **sampler), trace=trace_segment if seed == 0 else None) == ()


@pytest.mark.parametrize(("name", "seed"), [("diffusion", 0), ("diffusion with experts", 5)])
def test_rows_stay_independent_when_their_texts_end_in_different_canvases(
    trial_of: MakeTrial, name: str, seed: int
) -> None:
    trial = trial_of(name, seed=seed, canvases=3)
    output = trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits)
    assert set(output.finished) == {True, False}
    assert findings(trial) == ()


def test_rows_stay_independent_when_their_canvases_settle_at_different_steps(trial_of: MakeTrial) -> None:
    unsure_B = mean_entropy(first_canvas(trial_of("confident diffusion"))[4])
    settling = {"stability_threshold": 0, "confidence_threshold": float(unsure_B.min() + unsure_B.max()) / 2}
    trial = trial_of("confident diffusion", canvases=2, **settling)
    steps = [sum(column) for column in zip(*(event.live.tolist() for event in first_canvas(trial)), strict=True)]
    assert len(set(steps)) > 1
    assert findings(trial) == ()


def test_a_row_draws_the_same_in_batches_of_another_size(trial_of: MakeTrial) -> None:
    for name in ("diffusion", "causal"):
        trial = trial_of(name, canvases=2, **({} if name == "diffusion" else SAMPLED))
        together = trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits)
        for row, (prompt, seed) in enumerate(zip(trial.prompts, trial.seeds, strict=True)):
            alone = trial.adapter.generate([prompt], [seed], None, trial.limits)
            assert alone.tokens[0] == together.tokens[row]


class Faulty:
    """An adapter with one fault, which `generate` and the other methods may put in; the rest is the real adapter's."""

    def __init__(self, sound: Any) -> None:
        self.sound = sound
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sound, name)


class ActsOnBeingWatched(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        return self.sound.generate(prompts, [seed + (hook is not None) for seed in seeds], hook, limits)


class DrawsAnew(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        self.calls += 1
        return self.sound.generate(prompts, [seed + self.calls for seed in seeds], hook, limits)


class DrawsForTheBatch(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        return self.sound.generate(prompts, [seeds[0] + row for row in range(len(seeds))], hook, limits)


class LooksAtOtherRows(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        def mixed(event: Event) -> Edit | None:
            assert hook is not None
            if event.channel is None and event.logits is not None:
                event = replace(event, logits=event.logits + 0.01 * event.logits.mean(0))
            return hook(event)

        return self.sound.generate(prompts, seeds, hook and mixed, limits)


class LosesPrecision(Faulty):
    def write(self, channel: str, logits: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        return self.sound.write(channel, logits.bfloat16(), like)


class ObservesTwice(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        def twice(event: Event) -> Edit | None:
            assert hook is not None
            hook(event)
            return hook(event)

        return self.sound.generate(prompts, seeds, hook and twice, limits)


class SkipsSteps(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        def renumbered(event: Event) -> Edit | None:
            assert hook is not None
            return hook(replace(event, index=Index(block=event.index.block, step=2 * event.index.step)))

        return self.sound.generate(prompts, seeds, hook and renumbered, limits)


class DropsEdits(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        return self.sound.generate(prompts, seeds, hook and (lambda event: hook(event) and None), limits)


class SpeaksOnlyWhenLoaded(Faulty):
    """Neither channels nor settings nor anything else can be had of the class itself."""


class HoldsWhatCannotBeCounted(Faulty):
    def segments(self, **_: Any) -> tuple[Segment, ...]:
        return (
            Segment(
                name="forward",
                fn=lambda values: {"tokens.next": torch.linalg.svd(values["tokens"]).S},
                inputs=("tokens",),
                outputs=("tokens.next",),
                example=lambda: {"tokens": torch.zeros((3, 3))},
            ),
        )


@pytest.mark.parametrize(
    ("fault", "rule", "what"),
    [
        (ActsOnBeingWatched, "identity is no hook", "looking on changes the tokens"),
        (DrawsAnew, "seeds repeat", "running it again changes the tokens of row 0"),
        (DrawsForTheBatch, "rows are independent", "another order of the rows changes the tokens of row 0"),
        (LooksAtOtherRows, "rows are independent", "row 0 in every row changes what is observed of row 0"),
        (LosesPrecision, "keeping everything is exact", "self_conditioning differs at 8 steps"),
        (ObservesTwice, "steps are observed once", "block 0, step 0 has 2 events of tokens"),
        (SkipsSteps, "steps are observed once", "blocks and steps do not count from 0 without gaps"),
        (SpeaksOnlyWhenLoaded, "the class speaks for itself", "the class has no value channels"),
        (SpeaksOnlyWhenLoaded, "the class speaks for itself", "the class has no method claims"),
        (DropsEdits, "edits arrive", "turning the value of self_conditioning upside down changes no logits"),
        (HoldsWhatCannotBeCounted, "segments trace", "forward: "),
    ],
)
def test_a_fault_is_found(trial_of: MakeTrial, fault: type[Faulty], rule: str, what: str) -> None:
    trial = trial_of("diffusion")
    found = findings(replace(trial, adapter=fault(trial.adapter)), trace=trace_segment)
    assert {finding.rule for finding in found if finding.what.startswith(what)} == {rule}


def test_one_rule_can_be_tried_by_itself(trial_of: MakeTrial) -> None:
    trial = trial_of("diffusion")
    broken = replace(trial, adapter=LosesPrecision(trial.adapter))
    assert conformance.seeds_repeat(broken) == ()
    assert conformance.keeping_everything_is_exact(broken) == (
        Finding(rule="keeping everything is exact", what="self_conditioning differs at 8 steps"),
    )
