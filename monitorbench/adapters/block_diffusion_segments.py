"""The generation of one canvas as segments: encode the prompt, denoise, commit; only tokens cross canvases.

Shape suffixes: C canvas length, T prompt length.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monitorbench.adapters.base import Segment
from monitorbench.adapters.caches import Layers, filled_cache, layers_of
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    import torch


def generation_segments(
    model: Any, *, context_length: int, max_steps: int, temperature: float, commit: bool = False
) -> tuple[Segment, ...]:
    """Segments of the last canvas at full context, which is the deepest: earlier canvases differ in context only.

    Both ends are tokens: those read, and the distribution the next ones are drawn from. The draw itself, and which
    draws are accepted, are left out, as the draw is for autoregressive models, so that ratios compare like with like.

    Args:
        model: the model; only shapes of its weights matter.
        context_length: positions in all, the canvas included.
        max_steps: largest number of denoising steps of a canvas.
        temperature: what the logits are divided by; its value does not matter for the depth.
        commit: only from a cache that is there already to one that holds the finished canvas, too, which a further
            canvas would read.

    Raises:
        UsageError: no prompt is left beside the canvas.
    """
    import torch

    canvas_length = int(model.config.canvas_length)
    prompt_length = context_length - canvas_length
    if prompt_length < 1:
        raise UsageError(
            f"a context of {context_length} positions leaves no room for a prompt beside the canvas of {canvas_length}",
            fix=f"raise context_length above {canvas_length}",
        )
    config = model.config.text_config

    def encode(values: Mapping[str, Any]) -> Mapping[str, Any]:
        output = model.model.encoder.language_model(input_ids=values["tokens"])
        return {"kv": layers_of(output.past_key_values)}

    def denoise(values: Mapping[str, Any]) -> Mapping[str, Any]:
        logits = model(
            past_key_values=filled_cache(config, values["kv"]),
            decoder_input_ids=values["tokens.canvas"],
            self_conditioning_logits=values["self_conditioning"],
            decoder_position_ids=torch.arange(prompt_length, prompt_length + canvas_length)[None],
        ).logits
        # The schedule divides the logits by the temperature of the step; what is carried is what is sampled from.
        logits = logits / temperature
        return {"self_conditioning": logits, "tokens.drawn": logits}

    def take_in(values: Mapping[str, Any]) -> Mapping[str, Any]:
        cache = filled_cache(config, values["kv"])
        model.model.encoder.language_model(
            input_ids=values["tokens.drawn"],
            past_key_values=cache,
            position_ids=torch.arange(prompt_length, context_length)[None],
        )
        return {"kv": layers_of(cache)}

    def example_cache() -> Layers:
        layers = [config.per_layer_config[index] for index in range(config.num_hidden_layers)]
        lengths = [
            min(prompt_length, config.sliding_window - 1) if kind == "sliding_attention" else prompt_length
            for kind in config.layer_types
        ]
        shapes = [
            (1, layer.num_key_value_heads, length, layer.head_dim)
            for layer, length in zip(layers, lengths, strict=True)
        ]
        return [(torch.zeros(shape, dtype=model.dtype), torch.zeros(shape, dtype=model.dtype)) for shape in shapes]

    def example_canvas() -> torch.Tensor:
        return torch.zeros((1, canvas_length), dtype=torch.long)

    encoding = Segment(
        name="encode prompt",
        fn=encode,
        inputs=("tokens",),
        outputs=("kv",),
        example=lambda: {"tokens": torch.zeros((1, prompt_length), dtype=torch.long)},
        module=model,
    )
    denoising = Segment(
        name="denoising step",
        fn=denoise,
        inputs=("tokens.canvas", "kv", "self_conditioning"),
        outputs=("self_conditioning", "tokens.drawn"),
        example=lambda: {
            "tokens.canvas": example_canvas(),
            "kv": example_cache(),
            "self_conditioning": torch.zeros((1, canvas_length, config.vocab_size), dtype=model.dtype),
        },
        repeat=(1, max_steps),
        module=model,
    )
    committing = Segment(
        name="commit canvas",
        fn=take_in,
        inputs=("tokens.drawn", "kv"),
        outputs=("kv",),
        example=lambda: {"tokens.drawn": example_canvas(), "kv": example_cache()},
        module=model,
    )
    return (denoising, committing) if commit else (encoding, denoising)
