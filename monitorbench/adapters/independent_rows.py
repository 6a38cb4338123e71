"""What some recurrent models of transformers need, so that no row reads padding or another row.

A state runs through every position, so that a model has to skip padding by itself. With this, a prompt gives the same
tokens alone and beside longer ones, whatever model reads it.

| model | what it does in a batch | what is done |
|---|---|---|
| RWKV | reads padding as text; from the second token on, rows are mixed | each row runs by itself |
| xLSTM | reads padding as text | prompts with padding are read once more, each by itself, without it |
| RecurrentGemma | convolutions take in what stands in place of padding | it is hidden from them |
| MiniMax | forgets, after the prompt, how long it was, and attends to padding | it is told |

Shape suffixes: B rows, W prompt width, d width of a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any

from monitorbench.adapters.recurrent_state import in_layers_of_a_cache, layers_with_states, states_of

if TYPE_CHECKING:
    from torch import Tensor


@contextmanager
def independent_rows(model: Any, mask_BW: Tensor) -> Iterator[None]:
    """For the time of one call of `generate`, rows read neither padding nor each other.

    Args:
        model: any causal model of transformers.
        mask_BW: 0 where there is padding, on the left, and 1 elsewhere.
    """
    takes = signature(model.forward).parameters
    with ExitStack() as undone:
        convolved: list[Any] = [layer.linear_x for layer in layers_with_states(model) if hasattr(layer, "linear_x")]
        for layer in convolved:
            undone.callback(layer.register_forward_hook(_padding_hidden(mask_BW)).remove)
        if "state" in takes:
            model.forward = _row_by_row(model.forward, mask_BW)
            undone.callback(vars(model).pop, "forward")
        elif "cache_params" in takes and not in_layers_of_a_cache(model):
            undone.callback(model.register_forward_hook(_read_again(mask_BW), with_kwargs=True).remove)
        elif model.config.model_type == "minimax":
            undone.callback(model.register_forward_hook(_length_told).remove)
        yield


def _padding_hidden(mask_BW: Tensor) -> Callable[..., Tensor | None]:
    """A layer that reads the prompts puts out zeros for padding, which is what stands before a text."""

    def hide(_layer: Any, _inputs: Any, output_BWd: Tensor) -> Tensor | None:
        reads_prompts = output_BWd.shape[1] == mask_BW.shape[1]
        return output_BWd * mask_BW[..., None].to(output_BWd.dtype) if reads_prompts else None

    return hide


def _row_by_row(forward: Callable[..., Any], mask_BW: Tensor) -> Callable[..., Any]:
    """A forward pass that is one pass for every row; the state that it hands on holds all rows."""

    @wraps(forward)
    def apart(input_ids: Tensor, state: list[Tensor] | None = None, **_: Any) -> Any:
        import torch

        how = {"use_cache": True, "return_dict": True}
        if state is None:
            prompts = [ids[mask.bool()][None] for ids, mask in zip(input_ids, mask_BW, strict=True)]
            rows = [forward(input_ids=prompt, **how) for prompt in prompts]
            state = [torch.cat(parts) for parts in zip(*(row.state for row in rows), strict=True)]
        else:
            # Parts of the state are views, which the pass writes to.
            parts = zip(*(torch.split(part, 1) for part in state), strict=True)
            tokens = torch.split(input_ids, 1)
            rows = [
                forward(input_ids=token, state=list(part), **how) for token, part in zip(tokens, parts, strict=True)
            ]
        return type(rows[0])(logits=torch.cat([row.logits[:, -1:] for row in rows]), state=state)

    return apart


def _read_again(mask_BW: Tensor) -> Callable[..., None]:
    """After the pass over the prompts, those with padding are read again, each by itself and from its start."""

    def read(model: Any, _inputs: Any, given: dict[str, Any], output: Any) -> None:
        ids_BW = given["input_ids"]
        if ids_BW.shape != mask_BW.shape:
            return
        for row, mask_W in enumerate(mask_BW.bool()):
            if not bool(mask_W.all()):
                alone = model.forward(input_ids=ids_BW[row, mask_W][None], use_cache=True)
                output.logits[row, -1] = alone.logits[0, -1]
                for state, own in zip(states_of(output, ()), states_of(alone, ()), strict=True):
                    state[row] = own[0]

    return read


def _length_told(_model: Any, _inputs: Any, output: Any) -> None:
    """Layers without keys, of which the first is asked for the length of the text, answer as one with keys."""
    layers = output.past_key_values.layers
    with_keys = next((layer for layer in layers if layer.is_initialized), None)
    output.past_key_values.layers = [layer if layer.is_initialized else with_keys or layer for layer in layers]
