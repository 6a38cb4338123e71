"""Adapters with one fault each, for the rules of the conformance kit to find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from monitorbench.adapters.base import Channel, Edit, Event, Hook, Index, Limits, Output, Segment
from monitorbench.adapters.batches import bucket_width
from monitorbench.adapters.block_diffusion import BlockDiffusion
from monitorbench.adapters.thought_loop import ThoughtLoop


class Faulty:
    """An adapter with one fault, which `generate`, `seen` and other methods may put in; the rest is the real one's."""

    def __init__(self, sound: Any) -> None:
        self.sound = sound
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sound, name)

    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        self.state: dict[str, Any] = {}
        seen = (lambda event: self.seen(event, hook)) if hook else None
        return self.sound.generate(prompts, seeds, seen, limits)

    def seen(self, event: Event, hook: Hook) -> Edit | None:
        """What the model gets for an event, with the hook that watches it."""
        return hook(event)


class FaultyEdits(Faulty):
    """A fault in how the value that a hook returns is put in place; values that are put back as they are stay."""

    def seen(self, event: Event, hook: Hook) -> Edit | None:
        edit = hook(event)
        if edit is None or not isinstance(edit.value, Tensor) or edit.value is event.value:
            return edit
        assert event.value is not None
        return replace(edit, value=self.taken(event.value, edit.value))

    def taken(self, value: Tensor, edited: Tensor) -> Tensor:
        """What the model goes on with."""
        raise NotImplementedError


class ActsOnBeingWatched(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        def renamed(event: Event) -> Edit | None:
            assert hook is not None
            return hook(replace(event, seeds=seeds))

        return self.sound.generate(prompts, [seed + (hook is not None) for seed in seeds], hook and renamed, limits)


class DrawsAnew(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        self.calls += 1
        return self.sound.generate(prompts, [seed + self.calls for seed in seeds], hook, limits)


class DrawsForTheBatch(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        def renamed(event: Event) -> Edit | None:
            assert hook is not None
            return hook(replace(event, seeds=seeds))

        return self.sound.generate(prompts, [seeds[0] + row for row in range(len(seeds))], hook and renamed, limits)


class LooksAtOtherRows(Faulty):
    def seen(self, event: Event, hook: Hook) -> Edit | None:
        if event.channel is None and event.logits is not None:
            event = replace(event, logits=event.logits + 0.01 * event.logits.mean(0))
        return hook(event)


class SeesPadding(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        padded = max(bucket_width(len(prompt)) for prompt in prompts) > 32
        tokens = self.sound.generate(prompts, seeds, hook, limits).tokens
        return Output(tokens=tuple(row[padded:] for row in tokens), finished=(True,) * len(tokens))


class WritesTooMuch(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        output = self.sound.generate(prompts, seeds, hook, limits)
        return replace(output, tokens=tuple((*row, 7) for row in output.tokens))


class RemembersThatItWasWiped(Faulty):
    """The next run draws otherwise."""

    was_wiped = False

    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        seeds, self.was_wiped = [seed + self.was_wiped for seed in seeds], False

        def noticing(event: Event) -> Edit | None:
            assert hook is not None
            edit = hook(replace(event, seeds=range(len(seeds))))
            if edit is not None and isinstance(edit.value, Tensor):
                self.was_wiped = not edit.value.any()
            return edit

        return self.sound.generate(prompts, seeds, hook and noticing, limits)


class StumblesAfterAnError(Faulty):
    """The next run draws otherwise."""

    stumbles = False

    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        try:
            output = super().generate(prompts, [seed + self.stumbles for seed in seeds], hook, limits)
        except Exception:
            self.stumbles = True
            raise
        self.stumbles = False
        return output

    def seen(self, event: Event, hook: Hook) -> Edit | None:
        return hook(replace(event, seeds=range(len(event.seeds))))


class LeavesItsHooks(Faulty):
    def generate(self, prompts: Any, seeds: Sequence[int], hook: Hook | None, limits: Limits) -> Output:
        try:
            return super().generate(prompts, seeds, hook, limits)
        except Exception:
            self.sound.model.watcher = hook
            raise


class SwallowsErrors(Faulty):
    def seen(self, event: Event, hook: Hook) -> Edit | None:
        try:
            return hook(event)
        except Exception:
            return None


class LosesPrecision(Faulty):
    def write(self, channel: str, logits: Tensor, like: Tensor) -> Tensor:
        return self.sound.write(channel, logits.bfloat16(), like)


class ObservesTwice(Faulty):
    def seen(self, event: Event, hook: Hook) -> Edit | None:
        hook(event)
        return hook(event)


class NeverLives(Faulty):
    def seen(self, event: Event, hook: Hook) -> Edit | None:
        return hook(replace(event, live=torch.zeros_like(event.live)))


class SkipsSteps(Faulty):
    def seen(self, event: Event, hook: Hook) -> Edit | None:
        return hook(replace(event, index=replace(event.index, step=2 * event.index.step)))


class SkipsLoops(Faulty):
    def seen(self, event: Event, hook: Hook) -> Edit | None:
        return hook(replace(event, index=replace(event.index, loop=2 * event.index.loop)))


class ShowsChannelsTwice(Faulty):
    def seen(self, event: Event, hook: Hook) -> Edit | None:
        if event.channel is not None:
            hook(event)
        return hook(event)


class CountsBackwards(Faulty):
    def seen(self, event: Event, hook: Hook) -> Edit | None:
        backwards = Index(block=0, step=0, loop=2 - event.index.loop)
        return hook(event if event.channel is None else replace(event, index=backwards))


class ShortensCommitted(Faulty):
    def seen(self, event: Event, hook: Hook) -> Edit | None:
        assert event.committed is not None
        return hook(replace(event, committed=event.committed[:, 1:]))


class DropsEdits(Faulty):
    def seen(self, event: Event, hook: Hook) -> Edit | None:
        hook(event)
        return None


class DropsEditsInOneRow(FaultyEdits):
    def taken(self, value: Tensor, edited: Tensor) -> Tensor:
        return torch.cat([edited[:-1], value[-1:]])


class DropsHalfTheWidth(FaultyEdits):
    def taken(self, value: Tensor, edited: Tensor) -> Tensor:
        middle = value.shape[-1] // 2
        return torch.cat([edited[..., :middle], value[..., middle:]], -1)


class DropsHalfThePositions(FaultyEdits):
    def taken(self, value: Tensor, edited: Tensor) -> Tensor:
        middle = value.shape[1] // 2
        return torch.cat([edited[:, :middle], value[:, middle:]], 1)


class BlendsEdits(FaultyEdits):
    def taken(self, value: Tensor, edited: Tensor) -> Tensor:
        return (value + 3 * edited) / 4


class SpillsEdits(FaultyEdits):
    def taken(self, value: Tensor, edited: Tensor) -> Tensor:
        return edited + (edited - value).mean(0)


class AppliesEditsLate(FaultyEdits):
    """What changes at one event changes by as much at the next one."""

    def taken(self, value: Tensor, edited: Tensor) -> Tensor:
        self.state["due"] = edited - value
        return value

    def seen(self, event: Event, hook: Hook) -> Edit | None:
        due = self.state.pop("due", None) if event.channel is not None else None
        edit = super().seen(event, hook)
        return edit if due is None or event.value is None else Edit(value=event.value + due)


class SpeaksOnlyWhenLoaded(Faulty):
    """Neither channels nor settings nor anything else can be had of the class itself."""


class LosesWords(Faulty):
    def encode(self, prompt: str) -> list[int]:
        return self.sound.encode(prompt)[1:]


class SaysNothing(Faulty):
    def decode(self, tokens: Sequence[int]) -> str:
        del tokens
        return ""


class KnowsOtherWords(Faulty):
    def encode(self, prompt: str) -> list[int]:
        return [token + self.sound.vocab_size for token in self.sound.encode(prompt)]


SILENT = Channel(name="dream", axis="step", kind="state", exact=False)


class CarriesWhatIsNeverSeen(Faulty):
    channels = (*BlockDiffusion.channels, SILENT)

    def carries(self, _: Any) -> tuple[Channel, ...]:
        return self.channels


class CarriesMoreThanTheClassSays(Faulty):
    def carries(self, _: Any) -> tuple[Channel, ...]:
        return tuple(replace(channel, exact=False) for channel in self.sound.channels)


class ShowsWhatItDoesNotCarry(Faulty):
    def seen(self, event: Event, hook: Hook) -> Edit | None:
        if event.channel is not None:
            hook(replace(event, channel="whisper"))
        return hook(event)


class CallsVectorsLogits(Faulty):
    channels = tuple(replace(channel, kind="logits") for channel in ThoughtLoop.channels)

    def carries(self, _: Any) -> tuple[Channel, ...]:
        return self.channels


class CallsALensExact(Faulty):
    channels = tuple(replace(channel, exact=True) for channel in ThoughtLoop.channels)

    def carries(self, _: Any) -> tuple[Channel, ...]:
        return self.channels


class CrossesPositions(Faulty):
    """Sound, but for what its subclasses do: a channel that crosses positions."""

    channels = tuple(replace(channel, axis="position") for channel in BlockDiffusion.channels)

    def carries(self, _: Any) -> tuple[Channel, ...]:
        return self.channels


class SkipsPositions(CrossesPositions):
    def seen(self, event: Event, hook: Hook) -> Edit | None:
        index = replace(event.index, step=2 * event.index.step)
        return hook(event if event.channel is None else replace(event, index=index))


class DropsEditsAcrossPositions(CrossesPositions, DropsEdits):
    """A hook returns into the void."""


class AppliesEditsLateAcrossPositions(CrossesPositions, AppliesEditsLate):
    """What changes at one position changes by as much at the next one."""


class NamesNoChannelInItsSegments(Faulty):
    def segments(self, **settings: Any) -> tuple[Segment, ...]:
        def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple("carried" if name == "self_conditioning" else name for name in names)

        def anew(values: Any, new: Any) -> dict[str, Any]:
            return {new.get(name, name): value for name, value in values.items()}

        there, back = {"self_conditioning": "carried"}, {"carried": "self_conditioning"}
        return tuple(
            replace(
                segment,
                inputs=renamed(segment.inputs),
                outputs=renamed(segment.outputs),
                fn=lambda values, fn=segment.fn: anew(fn(anew(values, back)), there),
                example=lambda example=segment.example: anew(example(), there),
            )
            for segment in self.sound.segments(**settings)
        )


class HoldsWhatCannotBeCounted(Faulty):
    def segments(self, **settings: Any) -> tuple[Segment, ...]:
        uncounted = Segment(
            name="forward",
            fn=lambda values: {"tokens.next": torch.linalg.svd(values["tokens"]).S},
            inputs=("tokens",),
            outputs=("tokens.next",),
            example=lambda: {"tokens": torch.zeros((3, 3))},
        )
        return (*self.sound.segments(**settings), uncounted)


class CannotRead(Faulty):
    def read(self, *_: Any) -> Tensor:
        raise ZeroDivisionError("no lens")
