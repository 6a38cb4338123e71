"""What the count of a function must not depend on, over random small modules."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    MixtralConfig,
    MixtralForCausalLM,
)

from monitorbench.adapters.base import Segment
from monitorbench.depth import compose, trace_function, trace_segment

WIDTH = 8
quick = settings(max_examples=20, deadline=None)


class Residual(nn.Module):
    """Adds what a module computes to what it is given."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x_BPW):
        return x_BPW + self.inner(x_BPW)


class Attention(nn.Module):
    """Every position looks at all positions, or at those before it."""

    def __init__(self, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.project = nn.Linear(WIDTH, 3 * WIDTH)

    def forward(self, x_BPW):
        q, k, v = self.project(x_BPW)[:, None].chunk(3, -1)
        return nn.functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)[:, 0]


class Experts(nn.Module):
    """Each position goes through the matrix of its best expert."""

    def __init__(self, experts: int) -> None:
        super().__init__()
        self.router = nn.Linear(WIDTH, experts)
        self.matrices = nn.Parameter(torch.zeros(experts, WIDTH, WIDTH))

    def forward(self, x_BPW):
        weight, place = self.router(x_BPW).softmax(-1).topk(1)
        chosen = self.matrices[place.squeeze(-1)]
        return weight * (chosen @ x_BPW.unsqueeze(-1)).squeeze(-1)


class MovedInPlace(nn.Module):
    """Writes half of what it is given and half of its tangent into one tensor."""

    def forward(self, x_BPW):
        out = torch.empty_like(x_BPW)
        out[..., : WIDTH // 2] = x_BPW[..., : WIDTH // 2]
        out[..., WIDTH // 2 :] = x_BPW[..., WIDTH // 2 :].tanh()
        return out


class Half(nn.Module):
    """Squeezes the width through a narrower layer, with dropout."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down, self.up, self.drop = nn.Linear(WIDTH, width), nn.Linear(width, WIDTH), nn.Dropout(0.5)

    def forward(self, x_BPW):
        return self.up(self.drop(nn.functional.gelu(self.down(x_BPW))))


leaves = st.one_of(
    st.builds(nn.Tanh),
    st.builds(nn.SiLU),
    st.builds(nn.Linear, st.just(WIDTH), st.just(WIDTH), bias=st.booleans()),
    st.builds(nn.LayerNorm, st.just(WIDTH)),
    st.builds(nn.RMSNorm, st.just(WIDTH), elementwise_affine=st.booleans()),
    st.builds(nn.Softmax, st.just(-1)),
    st.builds(nn.Dropout, st.just(0.5)),
    st.builds(Attention, causal=st.booleans()),
    st.builds(Experts, st.integers(1, 6)),
    st.builds(MovedInPlace),
    st.builds(Half, st.integers(1, 9)),
)
modules = st.recursive(
    leaves,
    lambda inner: st.one_of(st.builds(Residual, inner), st.builds(nn.Sequential, inner, inner)),
    max_leaves=5,
)


def batch(rows: int = 2, positions: int = 5, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.zeros(rows, positions, WIDTH, dtype=dtype)


def depth(fn, x=None, **options) -> int:
    return trace_function(fn, batch() if x is None else x, **options)[0]


class TestHowDepthsCombine:
    @quick
    @given(modules, modules)
    def test_one_after_the_other_adds(self, first, second):
        assert depth(nn.Sequential(first, second)) == depth(first) + depth(second)

    @quick
    @given(modules, modules)
    def test_side_by_side_takes_the_maximum(self, first, second):
        together = max(depth(first), depth(second))
        assert depth(lambda x: torch.cat([first(x), second(x)], -1)) == together
        assert depth(lambda x: first(x) * second(x)) == together + 1

    @quick
    @given(modules, leaves)
    def test_one_more_operation_never_lowers_depth(self, module, last):
        assert depth(nn.Sequential(module, last)) >= depth(module)

    @quick
    @given(modules)
    def test_a_program_is_never_shallower_than_its_function(self, module):
        assert depth(module, convention="implemented") >= depth(module)


class TestWhatDoesNotMatter:
    @quick
    @given(modules, st.permutations(range(3)))
    def test_permuting_and_reshaping_add_nothing(self, module, order):
        assert depth(lambda x: module(x).permute(order).reshape(-1).flip(0).roll(3)) == depth(module)
        assert depth(lambda x: module(x.flatten().view(2, 5, WIDTH).flip(0))) == depth(module)

    @quick
    @given(modules, st.integers(1, 7))
    def test_rows_of_the_batch(self, module, rows):
        assert depth(module, batch(rows)) == depth(module, batch(1))

    @quick
    @given(modules, st.sampled_from([torch.bfloat16, torch.float16, torch.float64]))
    def test_type_of_the_numbers(self, module, dtype):
        in_float = depth(module)
        assert depth(copy.deepcopy(module).to(dtype), batch(dtype=dtype)) == in_float

    @quick
    @given(modules)
    def test_training_or_not(self, module):
        assert depth(module.train()) == depth(module.eval())

    @quick
    @given(modules)
    def test_tracing_again(self, module):
        assert depth(module) == depth(module)


SIZES = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
WINDOWED = {"head_dim": 8, "sliding_window": 4, "layer_types": ["sliding_attention", "full_attention"]}


def gpt2(**kernels):
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 50, "bos_token_id": 1, "eos_token_id": 2}
    return GPT2LMHeadModel(GPT2Config(**sizes, **kernels))


def gemma3(**kernels):
    return Gemma3ForCausalLM(Gemma3TextConfig(**SIZES, **WINDOWED, **kernels))


def mixtral(**kernels):
    return MixtralForCausalLM(MixtralConfig(**SIZES, num_local_experts=4, num_experts_per_tok=2, **kernels))


def forward(model: nn.Module, rows: int = 1) -> int:
    """Depth of one forward pass over nine tokens."""
    tokens_BP = torch.zeros(rows, 9, dtype=torch.long)
    return trace_function(lambda ids: model(input_ids=ids, use_cache=False).logits, tokens_BP, module=model)[0]


@pytest.mark.parametrize("make", [gpt2, gemma3, mixtral])
def test_attention_kernel_of_a_model_does_not_matter(make):
    assert forward(make(attn_implementation="sdpa")) == forward(make(attn_implementation="eager"))


def test_expert_kernel_of_a_model_does_not_matter():
    depths = {forward(mixtral(experts_implementation=kernel)) for kernel in ("eager", "batched_mm", "grouped_mm")}
    assert len(depths) == 1


@pytest.mark.parametrize("make", [gpt2, gemma3, mixtral])
def test_rows_type_and_training_of_a_model_do_not_matter(make):
    model = make().eval()
    plain = forward(model)
    assert forward(model, rows=3) == plain
    assert forward(model.train()) == plain
    assert model.training
    assert forward(model.to(torch.bfloat16)) == plain


CARRIED = ("a", "b", "c")
moves = st.lists(
    st.tuples(st.sampled_from(CARRIED), st.lists(st.sampled_from([*CARRIED, "tokens"]), max_size=3), st.integers(0, 4)),
    min_size=1,
    max_size=4,
)
"""What one run does: each carried value in turn becomes a sum of some values, followed by some gates."""


def run(values, move):
    values = dict(values)
    for name, sources, gates in move:
        total = sum((values[source] * 1.0 for source in sources), torch.zeros(3))
        for _ in range(gates):
            total = total.tanh()
        values[name] = total
    return values


def segment(name: str, move, *, times: tuple[int, int] = (1, 1)) -> Segment:
    return Segment(
        name=name,
        fn=lambda values: run(values, move),
        inputs=("tokens", *CARRIED),
        outputs=CARRIED,
        example=lambda: {name: torch.zeros(3) for name in ("tokens", *CARRIED)},
        repeat=times,
    )


cuts = st.sets(st.sampled_from(CARRIED)).map(frozenset)


class TestRepeats:
    """A segment that repeats is the same as the segment written out as often."""

    @quick
    @given(moves, moves, st.integers(1, 9), cuts)
    def test_extrapolating_equals_unrolling(self, first, repeated, times, cut):
        start, once = trace_segment(segment("first", first)), trace_segment(segment("one", repeated))
        many = trace_segment(segment("many", repeated, times=(1, times)))
        assert compose([start, many], cut).depth == compose([start, *[once] * times], cut).depth

    @quick
    @given(moves, st.integers(1, 9))
    def test_extrapolating_equals_the_loop_in_one_trace(self, repeated, times):
        def loop(tokens):
            values = {"tokens": tokens, **{name: torch.zeros(3) for name in CARRIED}}
            for _ in range(times):
                values = run(values, repeated)
            return [values[name] for name in CARRIED]

        many = trace_segment(segment("many", repeated, times=(1, times)))
        assert compose([many]).depth == max(trace_function(loop, torch.zeros(3)))

    @quick
    @given(moves, st.integers(3, 9))
    def test_no_path_leads_through_an_interpretable_value(self, repeated, times):
        """In the first run the carried values are constants; from the second on every run begins anew at them."""
        two, many = (trace_segment(segment("step", repeated, times=(1, n))) for n in (2, times))
        readable = compose([many], frozenset(CARRIED))
        assert readable.depth == compose([two], frozenset(CARRIED)).depth
        assert sum(step.times for step in readable.path) <= 1

    @quick
    @given(moves, st.integers(1, 9), cuts, cuts)
    def test_reading_more_never_makes_the_path_longer(self, repeated, times, some, more):
        """Of values that tokens reach: one that none ever reaches is a constant, yet counts as read once it is cut."""
        start = trace_segment(segment("start", [(name, ["tokens"], 0) for name in CARRIED]))
        repeated = [(name, [*sources, "tokens"], gates) for name, sources, gates in repeated]
        trace = trace_segment(segment("step", repeated, times=(1, times)))
        shown = compose([start, trace], some | more)
        assert shown.depth <= compose([start, trace], some).depth
        assert sum(step.times * step.gates for step in shown.path) == shown.depth
