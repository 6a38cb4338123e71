"""What a thought is made of: how it is taken from the model, fed back, read as tokens, and written from them.

Shape suffixes: B rows, d width of the model, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from monitorbench.adapters import batches
from monitorbench.adapters.base import Channel
from monitorbench.adapters.mixtures import mixture, mixture_like
from monitorbench.adapters.modules import submodule
from monitorbench.adapters.settings import require, require_number, require_one_of, require_whole
from monitorbench.errors import UsageError, first_line

if TYPE_CHECKING:
    from torch import Tensor, nn

THOUGHT = Channel(name="thought", axis="loop", kind="vector", exact=False)
Mode: TypeAlias = Literal["hidden", "projection", "mixture"]
Write: TypeAlias = Literal["mixture", "ridge"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Thinking:
    """How a model thinks before it writes.

    Attributes:
        thoughts: how many thoughts at most.
        mode: `hidden` feeds the last hidden state back (Coconut, arXiv 2412.06769), `projection` feeds it through a
            module of the model (CODI, arXiv 2502.21074), `mixture` feeds the average of all token embeddings, weighted
            by the next token's probabilities (Soft Thinking, arXiv 2505.15778), which needs no training.
        projection: path of that module, for `projection`.
        temperature: of the probabilities of a mixture, and of the text; 0 writes the likeliest token.
        top_k: tokens of a mixture, renormalised; 0 keeps all.
        stop_entropy: a row stops thinking once the entropy of its mixtures, in nats, stays below this.
        stop_after: for so many thoughts on end.
        write: how tokens are written into a thought that is a vector: `mixture` takes their mixture of embeddings, as
            long as the thought; `ridge` maps that mixture to where the model's thoughts lie (`thought_ridge`).
    """

    thoughts: int
    mode: Mode = "hidden"
    projection: str = ""
    temperature: float = 0.0
    top_k: int = 0
    stop_entropy: float = 0.0
    stop_after: int = 1
    write: Write = "mixture"


def thinking(settings: Mapping[str, Any], config: Any) -> Thinking:
    """Settings of a suite over those that a checkpoint's configuration holds under `thought_loop`.

    Raises:
        UsageError: a setting or its value is not one that the family has, or the number of thoughts is said nowhere.
    """
    given = declared(settings, config)
    if "thoughts" not in given:
        raise UsageError(
            "neither the suite nor the checkpoint says how many thoughts there are",
            fix="set thoughts in sampling.sampler",
        )
    chosen = Thinking(**given)
    require_one_of("mode", chosen.mode, get_args(Mode))
    for name, least in (("thoughts", 0), ("stop_after", 1)):
        require_whole(name, getattr(chosen, name), least)
    require_whole("top_k", chosen.top_k, 0, "a whole number, 0 for all tokens, or more")
    for name in ("temperature", "stop_entropy"):
        require_number(name, getattr(chosen, name), 0)
    projects = isinstance(chosen.projection, str) and (chosen.projection != "" or chosen.mode != "projection")
    require(projects, "projection", chosen.projection or "empty", "the path of a module that projects thoughts")
    require_one_of("write", chosen.write, get_args(Write))
    maps = chosen.write == "ridge"
    require(not (maps and chosen.mode == "mixture"), "write", "ridge", "mixture, which mode: mixture carries as it is")
    require(not (maps and chosen.thoughts == 0), "write", "ridge", "mixture: without thoughts there is none to map to")
    return chosen


def declared(settings: Mapping[str, Any], config: Any) -> dict[str, Any]:
    """The same settings, before it is asked whether their values fit.

    Raises:
        UsageError: what the configuration holds is not a mapping of settings that the family has.
    """
    said = getattr(config, "thought_loop", None) or {}
    if not isinstance(said, Mapping):
        raise UsageError(
            f"thought_loop in the checkpoint's config.json is {said!r}", fix="write {thoughts: N} or more there"
        )
    batches.check_settings(list(said), tuple(Thinking.__dataclass_fields__), "thought-loop")
    return {**said, **settings}


class Carry:
    """Thoughts of one model under one way of thinking.

    A carried value is (B, 1, d), the vector that is fed; (B, 2, d) under `projection`, the state before it and the
    vector that is fed; and (B, 1, V) under `mixture`, the log-probabilities of the tokens that are mixed.

    Args:
        model: a causal model of transformers.
        chosen: how it thinks.
        mapped: (B, 1, d) mixtures to (B, K, d) values, where they are written through a map.
    """

    def __init__(self, model: Any, chosen: Thinking, mapped: Callable[[Tensor], Tensor] | None = None) -> None:
        self._model, self._chosen, self._mapped = model, chosen, mapped
        self._projection = (
            submodule(model, chosen.projection, setting="projection", use="to project thoughts with")
            if chosen.mode == "projection"
            else None
        )

    def taken(self, state_B1d: Tensor, logits_B1V: Tensor) -> Tensor:
        """The carried value after a forward pass with this last hidden state and these next-token logits."""
        import torch

        if self._chosen.mode == "hidden":
            return state_B1d
        if self._projection is not None:
            projected_B1d = self._projected(self._projection, state_B1d)
            return torch.cat([state_B1d, projected_B1d], 1)
        logits_B1V = logits_B1V / (self._chosen.temperature or 1.0)
        if self._chosen.top_k:
            least_B11 = logits_B1V.topk(min(self._chosen.top_k, logits_B1V.shape[-1]), dim=-1).values[..., -1:]
            logits_B1V = logits_B1V.masked_fill(logits_B1V < least_B11, -torch.inf)
        log_share_B1V: Tensor = logits_B1V.log_softmax(-1)
        return log_share_B1V

    def _projected(self, projection: nn.Module, state_B1d: Tensor) -> Tensor:
        """(B, 1, d) a state after its projection."""
        import torch

        fix = "name a module that projects thoughts in sampling.sampler.projection"
        try:
            projected: Any = projection(state_B1d)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, TypeError) as error:
            what = f"the module {self._chosen.projection} does not take a thought in: {first_line(error)}"
            raise UsageError(what, fix=fix) from error
        if not isinstance(projected, torch.Tensor) or projected.shape != state_B1d.shape:
            raise UsageError(f"what the module {self._chosen.projection} puts out is no thought", fix=fix)
        return projected

    def fed(self, value: Tensor) -> Tensor:
        """(B, 1, d) what the next forward pass takes in for a carried value."""
        return self.mixed(value) if self._chosen.mode == "mixture" else value[:, -1:]

    def read(self, value: Tensor) -> Tensor:
        """(B, 1, V) logits that stand for a carried value: the model's own head over the state, or the mixture."""
        if self._chosen.mode == "mixture":
            return value
        logits_B1V: Tensor = self._model.get_output_embeddings()(value[:, :1])
        return logits_B1V

    def write(self, logits_B1V: Tensor, like: Tensor) -> Tensor:
        """A value that carries what the logits say: a mixture of embeddings, mapped or as long as what was fed."""
        if self._chosen.mode == "mixture":
            log_share_B1V: Tensor = logits_B1V.log_softmax(-1)
            return log_share_B1V.to(like.dtype)
        if self._mapped is not None:
            return self._mapped(self.mixed(logits_B1V)).to(like.dtype)
        return mixture_like(self._model, logits_B1V, like[:, -1:]).expand(like.shape)

    def mixed(self, logits_B1V: Tensor) -> Tensor:
        """(B, 1, d) the average of all token embeddings, weighted by probability."""
        return mixture(self._model, logits_B1V)

    def entropy(self, value: Tensor) -> Tensor:
        """(B,) entropy in nats of what a value reads as."""
        import torch

        total_B: Tensor = torch.special.entr(self.read(value).float().softmax(-1)).sum((-2, -1))
        return total_B
