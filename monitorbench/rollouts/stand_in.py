"""What stands for a model that is not at hand: what a run kept of it, and a clear refusal of everything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Self

from monitorbench.adapters.base import Adapter, Channel, Limits
from monitorbench.errors import NotRecordedError
from monitorbench.rollouts.model_facts import ModelFacts

_FIX = "run the suite"


@dataclass(frozen=True, kw_only=True, slots=True)
class StandIn:
    """An adapter that knows what was recorded, and runs nothing.

    Attributes:
        facts: what was kept of the model.
        prompt: the tokens of a prompt; None where none was recorded.
        text: the text of tokens that was asked for in the run; None of others.
        word: what one token is called; None where no trace holds it.
    """

    facts: ModelFacts
    prompt: Callable[[str], Sequence[int] | None]
    text: Callable[[Sequence[int]], str | None]
    word: Callable[[int], str | None]

    @property
    def family(self) -> str:
        """The adapter family."""
        return self.facts.family

    @property
    def settings(self) -> tuple[str, ...]:
        """The sampler settings of the family."""
        return self.facts.settings

    @property
    def left_to_right(self) -> bool:
        """Whether every token was committed once, in text order, by construction."""
        return self.facts.left_to_right

    @property
    def honours(self) -> frozenset[str]:
        """Which edits the model took."""
        return frozenset(self.facts.honours)

    @property
    def vocab_size(self) -> int:
        """Number of tokens in the vocabulary."""
        return self.facts.vocab_size

    @property
    def max_length(self) -> int:
        """Largest number of positions that the model was made for."""
        return self.facts.max_length

    def carries(self, sampler: Mapping[str, float | int | bool | str]) -> tuple[Channel, ...]:
        """What the model carried.

        Raises:
            NotRecordedError: under other settings than in the run.
        """
        if dict(sampler) != dict(self.facts.sampler):
            raise NotRecordedError("what the model carries under these sampler settings is not recorded", fix=_FIX)
        return self.facts.channels

    def under(self, sampler: Mapping[str, float | int | bool | str]) -> Self:
        """The same: nothing is read or written."""
        del sampler
        return self

    def extra_positions(self, limits: Limits) -> int:
        """None: what was recorded did fit."""
        del limits
        return 0

    def encode(self, prompt: str) -> list[int]:
        """The tokens as which the model read a prompt.

        Raises:
            NotRecordedError: it read none like it.
        """
        found = self.prompt(prompt)
        if found is None:
            raise NotRecordedError("a prompt that it asks was not asked", fix=_FIX)
        return list(found)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens: as it was when a check asked for it, else put together from words of the traces."""
        found = self.text(tuple(tokens))
        if found is not None:
            return found
        words = [self._word(token) for token in tokens if token not in self.facts.silent]
        glue = "" if any(word.startswith(" ") for word in words) else " "
        return glue.join(words)

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse whatever needs the model."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotRecordedError(f"the model is not loaded, and its {name} is not recorded", fix=_FIX)

    def _word(self, token: int) -> str:
        found = self.word(token)
        if found is None:
            raise NotRecordedError(f"the text of token {token} is not recorded", fix=_FIX)
        return found


class Overheard:
    """A loaded adapter that remembers which texts it was asked for, so that they can be kept; all else is its own.

    Args:
        adapter: the adapter.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self.texts: dict[tuple[int, ...], str] = {}

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of generated ids."""
        asked = tuple(int(token) for token in tokens)
        if asked not in self.texts:
            self.texts[asked] = self._adapter.decode(asked)
        return self.texts[asked]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)
