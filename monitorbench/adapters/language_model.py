"""What every built-in family shares: text in, text out, and the refusal of channels that it does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from monitorbench.adapters.base import Channel
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageModel:
    """A model of transformers and its tokenizer.

    Attributes:
        model: the model; its configuration says how large the vocabulary is and how long a text may get.
        tokenizer: a tokenizer of transformers, or `NoTokenizer`.
    """

    model: Any
    tokenizer: Any
    family: ClassVar[str]
    channels: ClassVar[tuple[Channel, ...]] = ()
    words: ClassVar[tuple[str, ...]] = ()

    @property
    def vocab_size(self) -> int:
        """Number of tokens in the vocabulary."""
        return int(self.model.config.get_text_config().vocab_size)

    @property
    def max_length(self) -> int:
        """Largest number of positions that the model was made for, thoughts included; 2^31 where it sets none."""
        return int(getattr(self.model.config.get_text_config(), "max_position_embeddings", None) or 2**31)

    def carries(self, sampler: Mapping[str, float | int | bool | str]) -> tuple[Channel, ...]:
        """Those of the family's channels that this model carries under these sampler settings."""
        del sampler
        return self.channels

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a prompt, with the special tokens that the tokenizer adds."""
        return list(self.tokenizer(prompt)["input_ids"])

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of generated ids."""
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))

    def read(self, channel: str, value: Tensor) -> Tensor:
        """There is nothing that could be read as tokens."""
        del value
        raise self._without(channel)

    def write(self, channel: str, logits: Tensor, like: Tensor) -> Tensor:
        """There is nothing that could be written from tokens."""
        del logits, like
        raise self._without(channel)

    def _without(self, channel: str) -> UsageError:
        return UsageError(f"the adapter family {self.family} has no channel {channel!r} that tokens can stand for")
