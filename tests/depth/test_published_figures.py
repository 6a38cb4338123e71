"""Figures that others published or measured, beside those counted here. Models are sizes only, without weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from example_transformer import ExampleTransformer
from published_programs import published_experts
from torch import Tensor
from transformers import DynamicCache, Gemma4ForCausalLM, Gemma4TextConfig

from monitorbench.adapters.base import Segment
from monitorbench.depth import Trace, compose, lg, trace_function, trace_segment
from monitorbench.depth.opaque import depth_of
from monitorbench.depth.sources import WeightlessModel, weightless

model = cache(weightless)
"""A preset is built once for all figures that rest on it."""


TEXT_TOKENS = 262_144


def depth(name: str, context: int, *, convention: str = "implemented", dtype: str = "float32") -> int:
    return depth_of(model(name, dtype=dtype), context=context, convention=convention).depth


class TestPublicTool:
    """The public JAX tool, google-deepmind/serial_depth, on its own example and on Gemma."""

    @pytest.mark.parametrize(("experts", "k", "short", "long"), [(0, 0, 194, 224), (8, 2, 202, 232), (64, 8, 222, 252)])
    def test_its_example_transformer_exactly(self, experts, k, short, long):
        example = ExampleTransformer(experts=experts, k=k)
        for context, published in ((16, short), (512, long)):
            tokens = torch.zeros(1, context, dtype=torch.long)
            assert trace_function(example, tokens, convention="implemented") == (published,)

    def test_gemma3_in_float32(self):
        """JAX also counts negative token ids from the end, which takes the two gates that are missing."""
        counted = {context: depth("gemma-3-1b", context) for context in (2048, 32_768)}
        assert counted == {2048: 5050 - 2, 32_768: 5362 - 2}

    @pytest.mark.parametrize(
        ("name", "published"),
        [
            ("gemma-3-1b", {8: 4792, 128: 5104, 2048: 5416, 32_768: 5728, 131_072: 5884}),
            ("gemma-3-4b", {2048: 7346}),
            ("gemma-2-2b", {2048: 5291}),
        ],
    )
    def test_gemmas_in_bfloat16(self, name, published):
        """JAX casts twice more in every layer; the other two gates are as in float32."""
        fewer = 2 * model(name, dtype="bfloat16").model.config.num_hidden_layers + 2
        for context, figure in published.items():
            counted = depth(name, context, dtype="bfloat16")
            assert counted == pytest.approx(figure, rel=0.03)
            assert counted == figure - fewer


class TestCountByHand:
    """The manual counts of arXiv 2603.09786 for Gemma 3."""

    @pytest.mark.parametrize(
        ("name", "context", "published"), [("gemma-3-1b", 32_768, 4490), ("gemma-3-27b", 131_072, 11_662)]
    )
    def test_what_lies_between_is_the_gelu_and_the_choice_of_a_token(self, name, context, published):
        result = depth_of(model(name), context=context)
        assert result.depth == pytest.approx(published, rel=0.05)
        operations = [operation for step in result.path for operation in step.operations]
        gelus = [operation.gates for operation in operations if operation.operation == "gelu"]
        assert gelus == [8] * model(name).model.config.num_hidden_layers
        assert result.depth - 7 * len(gelus) + lg(TEXT_TOKENS) == published


def reread(cached: Any) -> DynamicCache:
    """A cache in which every layer, whatever its window, holds all that it is given."""
    filled = DynamicCache()
    for index, (keys, values) in enumerate(cached):
        filled.update(keys, values, index)
    return filled


def one_canvas(named: WeightlessModel, *, context: int, steps: int) -> tuple[Segment, Segment]:
    """The published set-up: denoising steps over a full cache, then the canvas is taken into it."""
    whole, text = named.model, named.model.config.text_config
    canvas = whole.config.canvas_length

    def tokens() -> Tensor:
        return torch.zeros(1, canvas, dtype=torch.long)

    def kv() -> list[tuple[Tensor, Tensor]]:
        layers = map(text.per_layer_config.__getitem__, range(text.num_hidden_layers))
        shapes = [(1, layer.num_key_value_heads, context, layer.head_dim) for layer in layers]
        return [(torch.zeros(shape, dtype=whole.dtype), torch.zeros(shape, dtype=whole.dtype)) for shape in shapes]

    def places() -> Tensor:
        return torch.arange(context, context + canvas)[None]

    def denoise(values: Mapping[str, Any]) -> Mapping[str, Any]:
        logits = whole(
            past_key_values=reread(values["kv"]),
            decoder_input_ids=values["tokens.canvas"],
            self_conditioning_logits=values["self_conditioning"],
            decoder_position_ids=places(),
        ).logits
        return {"self_conditioning": logits / 0.8, "tokens.finished": logits.argmax(-1)}

    def append(values: Mapping[str, Any]) -> Mapping[str, Any]:
        filled = reread(values["kv"])
        whole.model.encoder.language_model(
            input_ids=values["tokens.finished"], past_key_values=filled, position_ids=places()
        )
        return {"kv.appended": [(layer.keys, layer.values) for layer in filled.layers]}

    step = Segment(
        name="denoising step",
        fn=denoise,
        inputs=("tokens.canvas", "kv", "self_conditioning"),
        outputs=("self_conditioning", "tokens.finished"),
        example=lambda: {
            "tokens.canvas": tokens(),
            "kv": kv(),
            "self_conditioning": torch.zeros(1, canvas, text.vocab_size, dtype=whole.dtype),
        },
        repeat=(1, steps),
        module=whole,
    )
    appending = Segment(
        name="append",
        fn=append,
        inputs=("tokens.finished", "kv"),
        outputs=("kv.appended",),
        example=lambda: {"tokens.finished": tokens(), "kv": kv()},
        module=whole,
    )
    return step, appending


@pytest.fixture(scope="module")
def traces():
    named = model("diffusiongemma-26b-a4b", dtype="bfloat16")
    with published_experts():
        return [trace_segment(part, "implemented") for part in one_canvas(named, context=262_144, steps=48)]


def repeated(traces: list[Trace], steps: int) -> list[Trace]:
    """The same traces, with a number of denoising steps."""
    encoding, step = traces
    return [encoding, replace(step, segment=replace(step.segment, repeat=(1, steps)))]


class TestDiffusionTable:
    """Table 1 of arXiv 2606.20560: DiffusionGemma beside Gemma 4 26B-A4B, both at 262,144 tokens."""

    GEMMA4, INTERPRETABLE, OPAQUE = 21_235, 23_571, 608_016
    CUT = frozenset({"self_conditioning"})

    def test_gemma4_as_the_published_program(self):
        with published_experts():
            counted = depth("gemma-4-26b-a4b", 262_144, dtype="bfloat16")
        assert counted == pytest.approx(self.GEMMA4, rel=0.02)
        assert counted == 21_292

    def test_diffusiongemma_as_the_published_program(self, traces):
        interpretable = compose(traces, self.CUT, cut_tokens=False).depth
        opaque = compose(traces, cut_tokens=False).depth
        assert interpretable == pytest.approx(self.INTERPRETABLE, rel=0.08)
        assert opaque == pytest.approx(self.OPAQUE, rel=0.08)
        assert (interpretable, opaque) == (22_721, 567_289)

    def test_tokens_are_readable_and_cut_the_path_before_the_canvas_is_appended(self, traces):
        assert (compose(traces, self.CUT).depth, compose(traces).depth) == (11_606, 556_174)

    def test_as_functions_the_two_models_are_alike_and_steps_make_the_rest(self):
        named = model("diffusiongemma-26b-a4b")
        base = depth("gemma-4-26b-a4b", 262_144, convention="circuit")
        traces = [trace_segment(part) for part in named.segments(context=262_144)]
        interpretable = compose(traces, self.CUT).depth
        assert 0.95 <= interpretable / base <= 1.15
        assert (base, interpretable) == (8050, 8211)
        deep = {steps: compose(repeated(traces, steps)).depth / base for steps in (48, 16, 12)}
        assert {steps: round(ratio, 1) for steps, ratio in deep.items()} == {48: 48.9, 16: 16.3, 12: 12.2}


def test_the_published_choice_of_experts_is_the_same():
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "head_dim": 16,
    }
    experts = {"enable_moe_block": True, "num_experts": 4, "top_k_experts": 2, "moe_intermediate_size": 16}
    config = Gemma4TextConfig(**sizes, **experts, vocab_size=40, num_key_value_heads=2, hidden_size_per_layer_input=0)
    tiny = Gemma4ForCausalLM(config).eval()
    tokens = torch.arange(24).reshape(2, 12)
    with torch.no_grad():
        logits = tiny(tokens).logits
        with published_experts():
            torch.testing.assert_close(tiny(tokens).logits, logits)
