"""Small models without weights, and the segments that run them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from monitorbench.adapters.base import Segment


@pytest.fixture
def weightless() -> Callable[[Callable[[], nn.Module]], Any]:
    """Builds a model with shapes and no weights."""

    def build(make: Callable[[], nn.Module]) -> nn.Module:
        with FakeTensorMode(allow_non_fake_inputs=True):
            return make().eval()

    return build


@pytest.fixture
def forward_segment() -> Callable[[Any, int], Segment]:
    """One forward pass of a causal language model over a context, from tokens to logits."""

    def segment(model: Any, context: int) -> Segment:
        return Segment(
            name="forward",
            inputs=("tokens",),
            outputs=("logits",),
            module=model,
            example=lambda: {"tokens": torch.zeros(1, context, dtype=torch.long)},
            fn=lambda values: {"logits": model(input_ids=values["tokens"], use_cache=False).logits},
        )

    return segment


@pytest.fixture
def diffusion_segments() -> Callable[..., tuple[Segment, Segment]]:
    """Generation of one canvas by a DiffusionGemma: encode the prompt, then denoise `steps` times."""

    def segments(model: Any, *, prompt: int, canvas: int, steps: int) -> tuple[Segment, Segment]:
        from transformers import DynamicCache

        text = model.config.text_config

        def encode(values: Any) -> dict[str, Any]:
            cache = DynamicCache(config=text)
            model.model.encoder(input_ids=values["tokens.prompt"], past_key_values=cache)
            return {f"kv.{i}": (layer.keys, layer.values) for i, layer in enumerate(cache.layers)}

        def denoise(values: Any) -> dict[str, Any]:
            cache = DynamicCache(config=text)
            for i in range(len(cache.layers)):
                cache.update(*values[f"kv.{i}"], i)
            logits = model(
                decoder_input_ids=values["tokens.canvas"],
                past_key_values=cache,
                self_conditioning_logits=values["self_conditioning"],
            ).logits
            return {"self_conditioning": logits, "tokens.canvas": logits.argmax(-1)}

        layers = tuple(f"kv.{i}" for i in range(text.num_hidden_layers))
        shapes = [
            (1, layer.num_key_value_heads, prompt, layer.head_dim)
            for layer in map(text.per_layer_config.__getitem__, range(text.num_hidden_layers))
        ]

        def example() -> dict[str, Any]:
            kv = {
                name: tuple(torch.zeros(shape, dtype=model.dtype) for _ in ("keys", "values"))
                for name, shape in zip(layers, shapes, strict=True)
            }
            tokens = torch.zeros(1, canvas, dtype=torch.long)
            return {"tokens.canvas": tokens, "self_conditioning": torch.zeros(1, canvas, text.vocab_size), **kv}

        first = Segment(
            name="encode prompt",
            inputs=("tokens.prompt",),
            outputs=layers,
            module=model,
            example=lambda: {"tokens.prompt": torch.zeros(1, prompt, dtype=torch.long)},
            fn=encode,
        )
        second = Segment(
            name="denoise",
            inputs=("tokens.canvas", "self_conditioning", *layers),
            outputs=("self_conditioning", "tokens.canvas"),
            module=model,
            example=example,
            fn=denoise,
            repeat=(1, steps),
        )
        return first, second

    return segments
