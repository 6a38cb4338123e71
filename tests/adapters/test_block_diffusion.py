"""DiffusionGemma: what a hook returns is what the model's decoder gets, seen from inside the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from monitorbench.adapters.base import ABSENT, Absent, Edit, Event, Hook, Limits
from monitorbench.adapters.conformance import Trial
from monitorbench.errors import UsageError
from monitorbench.zoo.models import CANVAS_LENGTH, DENOISING_STEPS

MakeTrial = Callable[..., Trial]
CHANNEL = "self_conditioning"


def signals(trial: Trial, hook: Hook | None) -> tuple[list[Tensor | None], list[Tensor]]:
    """Of every decoder pass: the logits that it was given, and the soft embeddings that it made of them."""
    model: Any = trial.adapter.model  # type: ignore[attr-defined]  # this adapter's own
    given: list[Tensor | None] = []
    made: list[Tensor] = []

    def before_decoder(_: Any, args: Any, kwargs: dict[str, Any]) -> None:
        given.append(kwargs.get("self_conditioning_logits"))

    def before_conditioning(_: Any, args: tuple[Tensor, Tensor]) -> None:
        made.append(args[1])

    handles = (
        model.model.decoder.register_forward_pre_hook(before_decoder, with_kwargs=True),
        model.model.decoder.self_conditioning.register_forward_pre_hook(before_conditioning),
    )
    try:
        trial.adapter.generate(trial.prompts, trial.seeds, hook, trial.limits)
    finally:
        for handle in handles:
            handle.remove()
    return given, made


def test_the_decoder_gets_what_the_hook_returned_at_the_step_before(trial_of: MakeTrial) -> None:
    returned: list[Tensor] = []

    def hook(event: Event) -> Edit | None:
        if event.channel is None or event.value is None:
            return None
        assert not isinstance(event.value, Absent)
        returned.append(event.value.flip(-1))
        return Edit(value=returned[-1])

    given, _ = signals(trial_of("diffusion", canvases=2), hook)
    assert len(given) == len(returned) == 2 * DENOISING_STEPS
    for step, value in enumerate(given):
        if step % DENOISING_STEPS == 0:
            assert value is None, "nothing crosses canvases but tokens"
        else:
            assert value is not None
            assert torch.equal(value, returned[step - 1])


def test_absent_gives_the_decoder_no_signal_for_one_step_only(trial_of: MakeTrial) -> None:
    def hook(event: Event) -> Edit | None:
        return Edit(value=ABSENT) if event.channel == CHANNEL and event.index.step == 2 else None

    _, made = signals(trial_of("diffusion"), hook)
    assert [step for step, signal in enumerate(made) if not signal.any()] == [0, 3]


def test_an_absent_channel_is_what_the_first_step_sees(trial_of: MakeTrial) -> None:
    logits: list[Tensor] = []

    def hook(event: Event) -> Edit | None:
        if event.logits is not None:
            logits.append(event.logits)
            return Edit(tokens=torch.full_like(event.tokens, 9))  # the canvas stays the same: all else has to differ
        return Edit(value=ABSENT)

    trial = trial_of("diffusion", max_denoising_steps=4)
    trial.adapter.generate(trial.prompts, trial.seeds, hook, trial.limits)
    temperatures = [0.4 + 0.4 * left / 4 for left in (4, 3, 2, 1)]
    raw = [step * temperature for step, temperature in zip(logits, temperatures, strict=True)]
    torch.testing.assert_close(raw[1], raw[2])
    torch.testing.assert_close(raw[2], raw[3])
    assert not torch.allclose(raw[0], raw[1])


def test_edited_tokens_are_the_next_canvas(trial_of: MakeTrial) -> None:
    trial = trial_of("diffusion")
    model: Any = trial.adapter.model  # type: ignore[attr-defined]  # this adapter's own
    canvases: list[Tensor] = []
    told: list[Tensor | None] = []

    def hook(event: Event) -> Edit | None:
        if event.channel:
            return None
        told.append(event.canvas)
        return Edit(tokens=torch.full_like(event.tokens, 7))

    handle = model.model.decoder.embed_tokens.register_forward_pre_hook(lambda _, args: canvases.append(args[0]))
    try:
        trial.adapter.generate(trial.prompts, trial.seeds, hook, trial.limits)
    finally:
        handle.remove()
    seen = [canvas_BC for canvas_BC in canvases if canvas_BC.shape[-1] == CANVAS_LENGTH]
    assert len(seen) >= DENOISING_STEPS
    assert len(told) == DENOISING_STEPS
    assert all(canvas_BC is not None and torch.equal(canvas_BC, seen[step]) for step, canvas_BC in enumerate(told))
    assert all((canvas_BC == 7).all() for canvas_BC in seen[1:])


def test_an_edit_of_what_may_commit_is_refused(trial_of: MakeTrial) -> None:
    trial = trial_of("diffusion")
    with pytest.raises(UsageError, match="block-diffusion does not honour an edit of hold"):
        trial.adapter.generate(
            trial.prompts, trial.seeds, lambda event: Edit(hold=torch.ones_like(event.tokens)), trial.limits
        )


def test_the_model_is_left_as_it_was(trial_of: MakeTrial) -> None:
    trial = trial_of("diffusion")
    with pytest.raises(ZeroDivisionError):
        trial.adapter.generate(trial.prompts, trial.seeds, lambda _: 1 // 0, trial.limits)
    model: Any = trial.adapter.model  # type: ignore[attr-defined]  # this adapter's own
    assert not {"_denoising_step", "_prepare_denoiser_inputs"} & set(vars(model))


def test_sampler_settings_are_obeyed(trial_of: MakeTrial) -> None:
    def observed(**sampler: float | int) -> list[Event]:
        events: list[Event] = []
        trial = trial_of("diffusion", **sampler)
        trial.adapter.generate(trial.prompts, trial.seeds, events.append, trial.limits)
        return [event for event in events if event.channel is None]

    assert len(observed(max_denoising_steps=3)) == 3
    assert all(event.committed is not None and event.committed.all() for event in observed(entropy_bound=1000))
    assert all(
        event.committed is not None and (event.committed.sum(-1) == 1).all() for event in observed(entropy_bound=1e-6)
    )
    assert len(observed(stability_threshold=0, confidence_threshold=100.0)) == 1
    cold, warm = observed(t_min=0.1, t_max=0.2)[0].logits, observed(t_min=0.1, t_max=0.4)[0].logits
    assert cold is not None
    assert warm is not None
    torch.testing.assert_close(cold, 2 * warm)


@pytest.mark.parametrize("sampler", [{"t_min": 0.9}, {"entropy_bound": 0}, {"max_denoising_steps": 0}])
def test_settings_that_make_no_sense_are_refused(trial_of: MakeTrial, sampler: dict[str, float]) -> None:
    trial = trial_of("diffusion", **sampler)
    with pytest.raises(UsageError, match=r"the sampler settings cannot be used: .*; correct sampling.sampler"):
        trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits)


def test_text_stops_at_max_new_tokens_inside_a_canvas(trial_of: MakeTrial) -> None:
    trial = trial_of("diffusion")
    whole = trial.adapter.generate(trial.prompts, trial.seeds, None, trial.limits)
    short = trial.adapter.generate(trial.prompts, trial.seeds, None, Limits(max_new_tokens=5))
    assert short.tokens == tuple(tokens[:5] for tokens in whole.tokens)
