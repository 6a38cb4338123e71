"""What every built-in family shares: text in, text out, and the refusal of channels that it does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from monitorbench.adapters.base import Channel, Limits
from monitorbench.adapters.endings import Ending
from monitorbench.errors import CheckpointError, UsageError, first_line

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
    honours: ClassVar[frozenset[str]] = frozenset()

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

    def under(self, sampler: Mapping[str, float | int | bool | str]) -> Self:
        """The adapter with what the sampler settings decide of its reading and writing."""
        del sampler
        return self

    def extra_positions(self, limits: Limits) -> int:
        """Positions that a generation takes beside the prompt and the new tokens."""
        del limits
        return 0

    def ending(self, ends: tuple[int, ...], limits: Limits) -> Ending:
        """What ends the texts of a generation, of which `ends` are the end-of-sequence ids."""
        return Ending(ends=ends, stop=limits.stop, decode=self.decode)

    def padding(self, *candidates: int | None) -> int:
        """The first id that there is: under a mask, any token fills up as well as the one that is meant for it.

        Raises:
            CheckpointError: there is none.
        """
        for candidate in candidates:
            if candidate is not None:
                return candidate
        raise CheckpointError(
            "its tokenizer has neither a padding nor an end token, one of which fills up shorter prompts",
            where=self.tokenizer.name_or_path,
            fix="set pad_token in the tokenizer's configuration",
        )

    @property
    def chats(self) -> bool:
        """Whether prompts go through the chat template of the tokenizer: where it has one and the suite lets it."""
        return bool(getattr(self.tokenizer, "chat_template", None))

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a prompt, with the special tokens that the tokenizer adds.

        Where there is a chat template, the prompt is the message of a user, and what comes next is the model's answer;
        the special tokens are the template's then.

        Raises:
            CheckpointError: the template cannot be filled in.
        """
        if not self.chats:
            return list(self.tokenizer(prompt)["input_ids"])
        message = [{"role": "user", "content": prompt}]
        try:
            text = self.tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
        except Exception as error:  # a template is code of the checkpoint's, and may raise anything
            raise CheckpointError(
                f"its chat template cannot be used: {first_line(error)}",
                where=self.tokenizer.name_or_path,
                fix="mend chat_template in the tokenizer's files, or set chat_template: false for this model",
            ) from error
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

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
