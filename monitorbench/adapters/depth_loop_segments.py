"""The forward pass of a looped model as segments, with the states between the loops as channels.

Every token is read again as a token, so one pass at full context is the deepest; what later tokens see of earlier
ones through the cache is inside it, because it holds all positions at once.

Shape suffixes: B rows, T positions, d width of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monitorbench.adapters.base import Segment
from monitorbench.adapters.depth_loop_sites import LOOP_STATE, Z_H, Z_L, Site, replaced

if TYPE_CHECKING:
    from torch import Tensor


def cycle_segments(model: Any, *, context_length: int) -> tuple[Segment, ...]:
    """HRM-Text: embed the tokens, then in every high cycle the low stack several times and the high stack once.

    Args:
        model: the model; only shapes of its weights matter.
        context_length: positions in all.
    """
    import torch
    from transformers.masking_utils import create_causal_mask

    config, body = model.config, model.model
    z_H, z_L = Z_H.name, Z_L.name

    def embed(values: Mapping[str, Any]) -> Mapping[str, Any]:
        return {z_H: body.embed_tokens(values["tokens"]) * body.embedding_scale}

    def run(stack: Any, values: Mapping[str, Any]) -> Tensor:
        state_BTd = values[z_L] + values[z_H]
        places = torch.arange(context_length)[None]
        mask = create_causal_mask(
            config=config, inputs_embeds=state_BTd, attention_mask=None, past_key_values=None, position_ids=places
        )
        turned = body.rotary_emb(state_BTd, places)
        left_BTd: Tensor = stack(state_BTd, attention_mask=mask, position_embeddings=turned, position_ids=places)
        return left_BTd

    def example_tokens() -> Mapping[str, Tensor]:
        return {"tokens": torch.zeros((1, context_length), dtype=torch.long)}

    def example_states() -> Mapping[str, Tensor]:
        shape = (1, context_length, config.hidden_size)
        return {name: torch.zeros(shape, dtype=model.dtype) for name in (z_H, z_L)}

    low = Segment(
        name="low cycle",
        fn=lambda values: {z_L: run(body.L_module, values)},
        inputs=(z_L, z_H),
        outputs=(z_L,),
        example=example_states,
        repeat=(config.L_cycles, config.L_cycles),
        module=model,
    )
    high = Segment(
        name="high cycle",
        fn=lambda values: {z_H: run(body.H_module, values)},
        inputs=(z_H, z_L),
        outputs=(z_H,),
        example=example_states,
        module=model,
    )
    first = Segment(name="embed", fn=embed, inputs=("tokens",), outputs=(z_H,), example=example_tokens, module=model)
    last = Segment(
        name="predict",
        fn=lambda values: {"tokens.next": model.lm_head(values[z_H])},
        inputs=(z_H,),
        outputs=("tokens.next",),
        example=example_states,
        module=model,
    )
    return first, *[low, high] * config.H_cycles, last


def site_segments(model: Any, site: Site, *, context_length: int) -> tuple[Segment, ...]:
    """Any model: its forward pass with a seam at every run of the site, where the state leaves and comes back.

    What comes back is a value of its own, so that a path of one repeat leads from seam to seam. As many repeats as
    there are runs, and one more, join them to the whole forward pass; each repeat finds what the one before left.
    Counted in `layers`, a seam inside of a block enters the block a second time, an upper bound.

    Args:
        model: the model; only shapes of its weights matter.
        site: the module that runs several times.
        context_length: positions in all.
    """
    import torch

    width = model.get_input_embeddings().weight.shape[-1]

    def forward(values: Mapping[str, Any]) -> Mapping[str, Any]:
        left: list[Tensor] = []

        def seam(_: Any, __: Any, output: Any) -> Any:
            left.append(site.state(output, width))
            return replaced(output, values[LOOP_STATE.name][len(left) - 1]) if len(left) <= site.calls else output

        handle = site.module.register_forward_hook(seam)
        try:
            logits = model(input_ids=values["tokens"], use_cache=False).logits
        finally:
            handle.remove()
        site.require_calls(len(left))
        return {LOOP_STATE.name: left, "tokens.next": logits}

    def example() -> Mapping[str, Any]:
        shape = (1, context_length, width)
        return {
            "tokens": torch.zeros((1, context_length), dtype=torch.long),
            LOOP_STATE.name: [torch.zeros(shape, dtype=model.dtype) for _ in range(site.calls)],
        }

    return (
        Segment(
            name="forward, from loop to loop",
            fn=forward,
            inputs=("tokens", LOOP_STATE.name),
            outputs=(LOOP_STATE.name, "tokens.next"),
            example=example,
            repeat=(site.calls + 1, site.calls + 1),
            module=model,
        ),
    )
