"""Real architectures, without weights: no unknown operation, the right slopes, and the figures published for them."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    RecurrentGemmaConfig,
    RecurrentGemmaForCausalLM,
)

from monitorbench.depth import lg, opaque_depth
from monitorbench.depth.models import visible_keys
from monitorbench.zoo.models import build_causal, build_diffusion

SMALL = {
    "vocab_size": 100,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
PAPER_GEMMA3_1B = 4490
"""Manual count of arXiv 2603.09786 for Gemma 3 1B at 32,768 tokens."""


def gpt2():
    return GPT2LMHeadModel(GPT2Config(vocab_size=100, n_embd=64, n_layer=2, n_head=4, n_positions=4096))


def llama():
    return LlamaForCausalLM(LlamaConfig(**SMALL))


def mixtral():
    return MixtralForCausalLM(MixtralConfig(**SMALL, num_local_experts=8, num_experts_per_tok=2))


def gemma3():
    config = Gemma3TextConfig(**SMALL, head_dim=16, sliding_window=64, layer_types=["sliding_attention"] * 2)
    return Gemma3ForCausalLM(config)


def gemma3_1b():
    return Gemma3ForCausalLM(
        Gemma3TextConfig(
            vocab_size=262_144,
            hidden_size=1152,
            intermediate_size=6912,
            num_hidden_layers=26,
            num_attention_heads=4,
            num_key_value_heads=1,
            head_dim=256,
            sliding_window=512,
        )
    )


@pytest.mark.parametrize(
    "make", [gpt2, llama, mixtral, lambda: build_causal(100)], ids=["gpt2", "llama", "mixtral", "gemma4"]
)
def test_full_attention_grows_by_two_logarithms_a_layer(make, weightless, forward_segment):
    model = weightless(make)
    layers = model.config.num_hidden_layers
    shallow, deep = (opaque_depth([forward_segment(model, context)]).depth for context in (32, 256))
    assert deep - shallow == 2 * layers * (lg(256) - lg(32))


@pytest.mark.parametrize("make", [gpt2, llama], ids=["gpt2", "llama"])
def test_program_grows_by_three_with_its_stabilising_maximum(make, weightless, forward_segment):
    model = weightless(make)
    shallow, deep = (
        opaque_depth([forward_segment(model, context)], convention="implemented").depth for context in (64, 1024)
    )
    assert deep - shallow == 3 * model.config.num_hidden_layers * (lg(1024) - lg(64))


def test_a_window_bounds_the_depth_of_its_layer(weightless, forward_segment):
    model = weightless(gemma3)
    depths = [opaque_depth([forward_segment(model, context)]).depth for context in (32, 64, 128, 4096)]
    assert depths == [depths[1] - 4, depths[1], depths[1], depths[1]]


@pytest.mark.parametrize(
    ("keys", "queries", "window", "causal", "visible"),
    [
        (100, 100, None, True, 100),
        (100, 100, 16, True, 16),
        (8, 8, 16, True, 8),
        (100, 10, 16, False, 26),
        (20, 10, 16, False, 20),
    ],
)
def test_visible_keys(keys, queries, window, causal, visible):
    assert visible_keys(keys=keys, queries=queries, window=window, causal=causal) == visible


def test_expert_dispatch_is_a_selection_as_a_function_and_a_sort_as_a_program(weightless, forward_segment):
    model = weightless(mixtral)
    (step,) = opaque_depth([forward_segment(model, 256)]).path
    routed = [
        (op.operation, op.gates) for op in step.operations if "experts" in op.module or op.module.endswith("gate")
    ]
    assert ("topk", 3 * 2) in routed
    assert ("index", 3) in routed
    (step,) = opaque_depth([forward_segment(model, 256)], convention="implemented").path
    assert ("sort", 9 * 10 // 2) in [(op.operation, op.gates) for op in step.operations]


def test_recurrent_state_written_slice_by_slice_grows_with_length(weightless, forward_segment):
    config = {**SMALL, "num_hidden_layers": 3, "num_key_value_heads": 1}
    model = weightless(lambda: RecurrentGemmaForCausalLM(RecurrentGemmaConfig(**config, lru_width=64)))
    four, sixteen = (
        opaque_depth([forward_segment(model, length)], convention="implemented").depth for length in (4, 16)
    )
    assert sixteen - four >= 2 * (16 - 4)


class TestGemma3:
    """Gemma 3 1B, which has been counted by hand, by the public tool, and by tracing."""

    def test_program_has_the_depth_that_was_measured(self, weightless, forward_segment):
        model = weightless(gemma3_1b)
        depths = [
            opaque_depth([forward_segment(model, context)], convention="implemented").depth
            for context in (2048, 32_768)
        ]
        assert depths == [5048, 5360]

    def test_function_is_within_five_percent_of_the_count_by_hand(self, weightless, forward_segment):
        depth = opaque_depth([forward_segment(weightless(gemma3_1b), 32_768)]).depth
        assert abs(depth / PAPER_GEMMA3_1B - 1) < 0.05
        # norms 17 and 14, query 12, rotary 3, attention 13 + 2 lg keys, output 11, gated MLP 35, residual sums 2
        layer = 4 * 17 + 14 + 12 + 3 + 13 + 11 + 35 + 2
        windowed, full = layer + 2 * lg(512), layer + 2 * lg(32_768)
        assert depth == 1 + 22 * windowed + 4 * full + 17 + 12


class TestDiffusionGemma:
    """One canvas: the prompt is encoded once, the denoising step repeats."""

    @pytest.fixture
    def model(self, weightless):
        return weightless(lambda: build_diffusion(100))

    def depth(self, segments, **options):
        return opaque_depth(segments, **options).depth

    def test_opaque_self_conditioning_adds_a_pass_for_every_step(self, model, diffusion_segments):
        one, two, three, many = (
            self.depth(diffusion_segments(model, prompt=32, canvas=16, steps=steps)) for steps in (1, 2, 3, 48)
        )
        assert one < two
        assert many == two + 46 * (three - two)

    def test_interpretable_self_conditioning_leaves_one_step(self, model, diffusion_segments):
        cut = {"interpretable": frozenset({"self_conditioning"})}
        two, many = (
            self.depth(diffusion_segments(model, prompt=32, canvas=16, steps=steps), **cut) for steps in (2, 48)
        )
        assert two == many
        assert two < 1.2 * self.depth(diffusion_segments(model, prompt=32, canvas=16, steps=1))

    def test_both_conventions_trace_without_unknown_operations(self, model, diffusion_segments):
        segments = diffusion_segments(model, prompt=32, canvas=16, steps=8)
        circuit, implemented = (opaque_depth(segments, convention=name) for name in ("circuit", "implemented"))
        assert circuit.depth < implemented.depth
        assert sum(step.times * step.gates for step in circuit.path) == circuit.depth


def test_meta_weights_serve_as_well_as_none(weightless, forward_segment):
    with torch.device("meta"):
        on_meta = llama().eval()
    plain = opaque_depth([forward_segment(weightless(llama), 64)])
    assert opaque_depth([forward_segment(on_meta, 64)]).depth == plain.depth


@pytest.mark.parametrize("convention", ["circuit", "implemented"])
def test_model_is_put_back_as_it_was_and_type_does_not_matter_to_a_function(convention, forward_segment):
    model = llama().eval()
    before = model.config._attn_implementation
    result = opaque_depth([forward_segment(model, 16)], convention=convention)
    assert model.config._attn_implementation == before
    assert model(torch.zeros(1, 4, dtype=torch.long)).logits.shape == (1, 4, 100)  # it still runs, with its weights
    half = opaque_depth([forward_segment(model.to(torch.bfloat16), 16)], convention=convention)
    assert (half.depth == result.depth) == (convention == "circuit")
