"""What a run keeps of a model, so that its rollouts can be found and judged when the model is no longer there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from monitorbench.adapters.base import Channel
from monitorbench.rollouts.key import canonical, digest


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFacts:
    """A model under the sampler settings of a run.

    Attributes:
        decides: what of the model, the code and the machine decides every rollout: fields of `ArmFacts`, by name.
        sampler: the adapter's own settings in that run.
        channels: what the model carries under them.
        family: adapter family.
        settings: names of the sampler settings that the family has.
        left_to_right: as the adapter says.
        honours: as the adapter says, sorted.
        vocab_size: number of tokens.
        max_length: positions that the model was made for.
        silent: special tokens that stand for no text.
    """

    decides: Mapping[str, Any]
    sampler: Mapping[str, float | int | bool | str]
    channels: tuple[Channel, ...]
    family: str
    settings: tuple[str, ...]
    left_to_right: bool
    honours: tuple[str, ...]
    vocab_size: int
    max_length: int
    silent: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The facts as canonical JSON."""
        return canonical(asdict(self))

    @property
    def digest(self) -> str:
        """The SHA-256 by which a report names them."""
        return digest(self.text)

    @classmethod
    def read(cls, text: str) -> Self:
        """The facts whose text this is."""
        found: dict[str, Any] = json.loads(text)
        channels = tuple(Channel(**channel) for channel in found.pop("channels"))
        lists = {name: tuple(found[name]) for name in ("settings", "honours", "silent")}
        return cls(**{**found, **lists, "channels": channels})
