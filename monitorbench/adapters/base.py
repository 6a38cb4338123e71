"""The three concepts through which every architecture is run and watched: Channel, Event, Segment.

Shape suffixes: B rows, P positions of the canvas, V vocabulary, S steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PretrainedConfig

    from monitorbench.adapters.checkpoint import Checkpoint

Axis = Literal["step", "loop", "position"]
Kind = Literal["logits", "vector", "state"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """An opaque value that a model carries from one computation to the next.

    Attributes:
        name: what suites call it.
        axis: what it crosses: denoising steps, loops over layers, or positions.
        kind: `logits` (truncation maps logits to logits), `vector` (read and written through a lens),
            or `state` (no token reading: ablation only).
        exact: writing what was read gives back the value itself, bit for bit.
    """

    name: str
    axis: Axis
    kind: Kind
    exact: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """When an event happened; all count from 0."""

    block: int
    step: int
    loop: int = 0


class Absent:
    """The value of a channel that carries nothing, as before the first step."""


ABSENT = Absent()


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One observation during generation.

    Attributes:
        index: when it happened.
        seeds: seed of each row's rollout, B long; a hook that draws, draws from these.
        live: (B,) bool, False for rows that have finished and for filler rows.
        tokens: (B, P) the argmax canvas: what each position would be if generation stopped now.
        committed: (B, P) bool, positions accepted at this step; None where the model has no such notion.
        logits: (B, P, V) what the next tokens are drawn from, on an observation event; None on a channel event.
        channel: name of the channel observed, None on the observation event that every step has once.
        value: the carried value of that channel: (B, P, V) for `logits`, (B, P, d) otherwise.
        canvas: (B, P) what the prediction of this step was made from, edits of earlier steps included; None where the
            model sees no canvas, or nothing of it is told.
        next_canvas: (B, P) what the next step reads, masks and noise included; None where that is `tokens`.
    """

    index: Index
    seeds: Sequence[int]
    live: Tensor
    tokens: Tensor
    committed: Tensor | None = None
    logits: Tensor | None = None
    channel: str | None = None
    value: Tensor | None = None
    canvas: Tensor | None = None
    next_canvas: Tensor | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """What a hook changes; None keeps.

    Attributes:
        value: the carried value.
        tokens: (B, P) the canvas that the next step reads. Left to right, only the newest token can still change.
        hold: (B, P) bool, positions that must not commit at this step.
        seeds: what each row draws from after this step, B long.
    """

    value: Tensor | Absent | None = None
    tokens: Tensor | None = None
    hold: Tensor | None = None
    seeds: Sequence[int] | None = None


Hook = Callable[[Event], Edit | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """One traceable piece of a model's computation, for the depth of a whole generation.

    Segments run in the order in which an adapter lists them. Values of one name join them: what one segment puts
    out under a name, later segments and later repeats take in under it; a name that nothing has put out yet is a
    constant (depth 0). A segment whose inputs name its own outputs carries them from repeat to repeat.

    Attributes:
        name: what the explanation of a depth calls it.
        fn: runs the piece on fake tensors: takes the inputs by name and returns the outputs by name. Values are
            tensors, or (nested) tuples, lists or dicts of tensors.
        inputs: names taken: `tokens` (and names starting with `tokens.`: always interpretable), channel names
            (interpretable when the caller says so), or internal names such as `kv` (never interpretable).
        outputs: names put out.
        repeat: smallest and largest number of times it runs in a row.
        example: makes example values for inputs, by name, under the tracer's fake mode: shapes are all that matters.
        module: the module that runs, for attribution of the depth to submodules.
    """

    name: str
    fn: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    example: Callable[[], Mapping[str, Any]]
    repeat: tuple[int, int] = (1, 1)
    module: nn.Module | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds and sampler settings of one generation.

    Attributes:
        max_new_tokens: tokens to generate at most.
        sampler: settings of the adapter's own sampler, by the names it documents; those not given are the checkpoint's.
        stop: a row's text ends before the first of these strings; `endings.Ending` says where.
    """

    max_new_tokens: int
    sampler: Mapping[str, float | int | bool | str] = field(default_factory=dict)
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """What a generation ended in.

    Attributes:
        tokens: per row, the generated ids up to and without the end-of-sequence token, or the token that completes a
            stop string.
        finished: per row, whether it ended by itself, not by running into a bound.
        texts: per row, the text before a stop string, where there are such strings: a part of it may stand in the
            token that completes one. None where the text is what the tokens decode to.
    """

    tokens: tuple[tuple[int, ...], ...]
    finished: tuple[bool, ...]
    texts: tuple[str, ...] | None = None


class Adapter(Protocol):
    """How one family of models is run and watched.

    What the class itself says can be asked before any model is loaded.

    Attributes:
        family: registered name.
        summary: one sentence on what it runs.
        channels: every opaque value that a model of the family may carry from one computation to the next.
        settings: names of the sampler settings that a suite may give.
        words: those whose values are words, not numbers; a family without any may leave it out.
        left_to_right: every token is committed once, in text order, by construction.
        honours: which fields of an `Edit` a hook may fill in; a family that takes none may leave it out.
        splits: whether it comes to the same with a model that ranks hold together (`tp_plan`): it never touches a
            weight or a state of which each rank holds a part. A family that does may leave it out.
    """

    family: ClassVar[str]
    summary: ClassVar[str]
    channels: ClassVar[tuple[Channel, ...]]
    settings: ClassVar[tuple[str, ...]]
    left_to_right: ClassVar[bool]
    words: ClassVar[tuple[str, ...]] = ()
    honours: ClassVar[frozenset[str]] = frozenset()
    splits: ClassVar[bool] = False

    @staticmethod
    def claims(config: PretrainedConfig) -> bool:
        """Whether a checkpoint with this configuration belongs to the family."""

    @classmethod
    def load(cls, checkpoint: Checkpoint, *, device: str, dtype: str) -> Self:
        """A running adapter of a checkpoint that the family claims."""

    @classmethod
    def from_config(cls, config: PretrainedConfig, *, dtype: str) -> Self:
        """An adapter without weights and tokenizer, for its segments only; `config` is one that the family claims."""

    @property
    def model(self) -> nn.Module:
        """The model that runs."""

    @property
    def vocab_size(self) -> int:
        """Number of tokens in the vocabulary."""

    @property
    def max_length(self) -> int:
        """Largest number of positions that the model was made for."""

    def carries(self, sampler: Mapping[str, float | int | bool | str]) -> tuple[Channel, ...]:
        """Those of the family's channels that this model carries under these sampler settings."""

    def under(self, sampler: Mapping[str, float | int | bool | str]) -> Self:
        """The adapter with what the sampler settings decide of its reading and writing; most often itself."""

    def extra_positions(self, limits: Limits) -> int:
        """Positions that a generation takes beside the prompt and the new tokens, such as those of thoughts."""

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a prompt."""

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of generated ids."""

    def generate(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], hook: Hook | None, limits: Limits
    ) -> Output:
        """Run one batch of prompts of one width bucket; every random draw of a row depends on its seed only."""

    def read(self, channel: str, value: Tensor) -> Tensor:
        """The (B, P, V) logits that stand for a carried value."""

    def write(self, channel: str, logits: Tensor, like: Tensor) -> Tensor:
        """A value for the channel that carries what the logits say, in the form of `like`."""

    def segments(
        self,
        *,
        context_length: int,
        max_new_tokens: int,
        sampler: Mapping[str, float | int | bool | str],
        commit: bool = False,
    ) -> tuple[Segment, ...]:
        """The whole generation process at this context length, for the depth tracer.

        Args:
            context_length: positions in all, generated ones included.
            max_new_tokens: tokens to generate at most.
            sampler: settings of the family's own sampler.
            commit: only what lies between a cache that is there already and one that holds the finished tokens, too:
                the part that published figures count, with paths that run on through tokens.
        """
