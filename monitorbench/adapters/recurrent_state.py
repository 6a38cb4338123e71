"""The state that recurrent layers carry from token to token, as one channel of kind `state`.

It is everything that a layer keeps in place of keys and values: the state of its recurrence, and the inputs that its
short convolution has yet to see again. Keys and values of a hybrid's attention layers are no part of it.

| where the state is kept | models |
|---|---|
| layers of transformers' own cache | Mamba, Mamba 2, Falcon Mamba and their hybrids: Jamba, Zamba, Zamba 2, Bamba, \
Falcon H1, Nemotron-H, Granite 4; with other recurrences Qwen3-Next, Qwen3.5, Qwen4, OLMo Hybrid, Kimi Linear, \
Bailing, Zaya; with short convolutions alone LFM2, LFM3, Inkling |
| `linear_cache` of the model's own cache | MiniMax |
| `rnn_state` of the model's own cache | xLSTM |
| `state` of what the forward pass returns | RWKV |
| attributes of the layers themselves | RecurrentGemma |

Shape suffixes: B rows, D numbers in all states of a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any

from monitorbench.adapters.base import Absent, Channel

if TYPE_CHECKING:
    from torch import Tensor, nn

RECURRENT_STATE = Channel(name="recurrent_state", axis="position", kind="state", exact=True)
LAYER_TYPES = frozenset({"linear_attention", "conv", "hybrid", "hybrid_sliding"})
"""What transformers calls layers whose cache holds such a state."""
OWN_CACHES = frozenset({"state", "cache_params"})
"""Arguments by which a model takes its state back where it has no cache of keys and values."""
IN_CACHE = ("recurrent_states", "conv_states")
ON_LAYERS = ("recurrent_states", "conv1d_state")


def is_recurrent(model: nn.Module) -> bool:
    """Whether a causal model of transformers carries a state from token to token, by its configuration and code."""
    return in_layers_of_a_cache(model) or bool(OWN_CACHES & signature(model.forward).parameters.keys())


def in_layers_of_a_cache(model: nn.Module) -> bool:
    """Whether the configuration says of a layer that it is recurrent."""
    config: Any = model.config
    types = getattr(config.get_text_config(decoder=True), "layer_types", None)
    return bool(LAYER_TYPES & set(types or ()))


def layers_with_states(model: nn.Module) -> list[nn.Module]:
    """Those layers that keep their state themselves."""
    return [module for module in model.modules() if any(name in vars(module) for name in ON_LAYERS)]


def states_of(output: Any, keepers: Iterable[nn.Module]) -> list[Tensor]:
    """Every state after a forward pass, rows first: the very tensors that the next pass reads.

    Args:
        output: what the forward pass returned.
        keepers: layers that keep their state themselves.
    """
    import torch

    caches = [getattr(output, name, None) for name in ("past_key_values", "cache_params")]
    layers = [layer for cache in caches for layer in getattr(cache, "layers", ())]
    kept = [
        *(s for layer in layers for kind in IN_CACHE for s in getattr(layer, kind, {}).values()),
        *(state for cache in caches for state in getattr(cache, "linear_cache", ())),
        *(state for cache in caches for states in getattr(cache, "rnn_state", {}).values() for state in states),
        *(getattr(output, "state", None) or ()),
        *(vars(keeper).get(name) for keeper in keepers for name in ON_LAYERS),
    ]
    return [state for state in kept if isinstance(state, torch.Tensor)]


class StateWatch:
    """Reads and writes the state of a model while its own `generate` runs."""

    def __init__(self, model: nn.Module) -> None:
        self._model, self._keepers = model, layers_with_states(model)
        self._states: list[Tensor] = []

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Keeps hold of the state after every forward pass, for the time of one call of `generate`."""

        def keep(_model: nn.Module, _inputs: Any, output: Any) -> None:
            self._states = states_of(output, self._keepers)

        handle = self._model.register_forward_hook(keep)
        try:
            yield
        finally:
            handle.remove()
            self._states = []

    def value(self) -> Tensor:
        """(B, 1, D) the states of all layers side by side, in a type that holds each of them exactly."""
        import torch

        return torch.cat([state.flatten(1) for state in self._states], dim=1)[:, None]

    def write(self, value_B1D: Tensor | Absent) -> None:
        """Let the next forward pass go on from this value, or from zeros where nothing is carried."""
        import torch

        if isinstance(value_B1D, Absent):
            for state in self._states:
                state.zero_()
            return
        parts = torch.split(value_B1D[:, 0], [state[0].numel() for state in self._states], dim=1)
        for state, part_BD in zip(self._states, parts, strict=True):
            state.copy_(part_BD.reshape(state.shape))
