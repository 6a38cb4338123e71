"""The four conventions: what each counts, and that their depths are kept apart."""

from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan
from transformers import GPT2Config, GPT2LMHeadModel

from monitorbench.adapters.base import Segment
from monitorbench.depth import CONVENTIONS, compose, gate_rule, lg, opaque_depth, trace_function, trace_segment
from monitorbench.depth.costs import _RULES, _RULES_OF_CONVENTION
from monitorbench.errors import UsageError

X = torch.zeros
quick = settings(max_examples=10, deadline=None)


class Attention(nn.Module):
    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.read = nn.Linear(hidden, 3 * hidden)
        self.write = nn.Linear(hidden, hidden)

    def forward(self, x_BTD: Tensor) -> Tensor:
        parts = self.read(x_BTD).chunk(3, -1)
        q_BHTd, k_BHTd, v_BHTd = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        y_BHTd = F.scaled_dot_product_attention(q_BHTd, k_BHTd, v_BHTd, is_causal=True)
        return self.write(y_BHTd.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Norm, attention, norm, MLP; what each adds goes to the residual stream."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(hidden), Attention(hidden, heads))
        self.mlp = nn.Sequential(
            nn.LayerNorm(hidden),
            nn.Linear(hidden, 4 * hidden),
            nn.GELU(approximate="tanh"),
            nn.Linear(4 * hidden, hidden),
        )

    def forward(self, x_BTD: Tensor) -> Tensor:
        x_BTD = x_BTD + self.attention(x_BTD)
        return x_BTD + self.mlp(x_BTD)


class Transformer(nn.Module):
    """A standard dense transformer, which runs its layers `loops` times."""

    def __init__(self, *, layers: int, hidden: int = 8, heads: int = 2, loops: int = 1) -> None:
        super().__init__()
        self.loops = loops
        self.embed = nn.Embedding(50, hidden)
        self.layers = nn.ModuleList(Block(hidden, heads) for _ in range(layers))

    def forward(self, tokens_BT: Tensor) -> Tensor:
        x_BTD = self.embed(tokens_BT)
        for _ in range(self.loops):
            for layer in self.layers:
                x_BTD = layer(x_BTD)
        return x_BTD


def text(length: int) -> Tensor:
    return torch.zeros(1, length, dtype=torch.long)


class TestNonLinear:
    """`nls`: the gates that are not linear, and the trees of reductions."""

    @quick
    @given(st.integers(1, 3), st.integers(1, 40), st.integers(1, 4), st.integers(2, 300))
    def test_a_standard_transformer_has_the_published_depth(self, layers, width, heads, context):
        hidden = width * heads
        model = Transformer(layers=layers, hidden=hidden, heads=heads)
        depth = layers * (4 * lg(hidden) + lg(context) + 17)
        assert trace_function(model, text(context), convention="nls") == (depth,)

    @pytest.mark.parametrize(("layers", "hidden", "context"), [(2, 64, 16), (3, 96, 1000)])
    def test_so_has_gpt2_beside_its_last_norm(self, weightless, forward_segment, layers, hidden, context):
        config = GPT2Config(vocab_size=100, n_embd=hidden, n_layer=layers, n_head=4, n_positions=1024)
        segment = forward_segment(weightless(lambda: GPT2LMHeadModel(config)), context)
        last_norm = 2 * lg(hidden) + 5
        assert (
            opaque_depth([segment], convention="nls").depth == layers * (4 * lg(hidden) + lg(context) + 17) + last_norm
        )

    @pytest.mark.parametrize(
        ("fn", "shapes", "depth"),
        [
            (nn.Linear(8, 8), [(3, 8)], 0),
            (nn.Sequential(*(nn.Linear(8, 8) for _ in range(9))), [(3, 8)], 0),
            (nn.Conv1d(4, 4, 3), [(1, 4, 9)], 0),
            (lambda x: 2 * x / 3 - 1 + x.neg(), [(4,)], 0),
            (torch.matmul, [(3, 8), (8, 2)], 1),
            (lambda x, w: torch.addmm(x, x, w), [(8, 8), (8, 8)], 1),
            (torch.mul, [(4,), (4,)], 1),
            (torch.div, [(4,), (4,)], 1),
            (lambda x: 1 / x, [(4,)], 1),
            (lambda x: torch.addcmul(x, x, x), [(4,)], 1),
            (lambda x: torch.lerp(x, 2 * x, 0.5), [(4,)], 0),
            (torch.tanh, [(4,)], 1),
            (F.silu, [(4,)], 2),
            (F.gelu, [(4,)], 2),
            (lambda x: F.gelu(x, approximate="tanh"), [(4,)], 3),
            (lambda x: 0.5 * x * (1 + torch.tanh(0.8 * (x + 0.04 * x**3))), [(4,)], 3),
            (lambda x: x.sum(-1), [(8,)], 3),
            (lambda x: x.mean(-1), [(8,)], 4),
            (lambda x: x.amax(-1), [(8,)], 3),
            (lambda x: x.std(-1), [(8,)], 10),
            (lambda x: x.softmax(-1), [(8,)], 5),
            (lambda x: x.exp() / x.exp().sum(-1, keepdim=True), [(8,)], 5),
            (lambda x: x.log_softmax(-1), [(8,)], 5),
            (nn.LayerNorm(8), [(3, 8)], 11),
            (nn.RMSNorm(8), [(3, 8)], 7),
            (lambda x: 2 * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1), [(3, 8)], 7),
            (nn.BatchNorm1d(8).eval(), [(3, 8)], 0),
            (lambda x: torch.where(x > 0, x, -x), [(4,)], 2),
            (lambda x: X(100, 4)[x.argmax(-1)], [(2, 16)], 4 + 7),
            (F.scaled_dot_product_attention, [(1, 1, 16, 8)] * 3, 1 + 6 + 1),
        ],
    )  # fmt: skip
    def test_one_computation(self, fn, shapes, depth):
        assert trace_function(fn, *map(X, shapes), convention="nls") == (depth,)

    def test_a_composite_counts_as_its_parts(self):
        def by_hand(x):
            centred = x - x.mean(-1, keepdim=True)
            return centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + 1e-5)

        whole = nn.LayerNorm(12, elementwise_affine=False)
        assert trace_function(by_hand, X(3, 12), convention="nls") == trace_function(whole, X(3, 12), convention="nls")

    def test_a_token_that_was_worked_on_is_no_token_any_more(self):
        table = X(50, 4)
        assert trace_function(lambda t: table[t.flip(0)], text(3)[0], convention="nls") == (0,)
        assert trace_function(lambda t: table[t + 1], text(3)[0], convention="nls") == (lg(50),)

    def test_no_operation_costs_more_than_as_a_function(self):
        for layers in (1, 2):
            model = Transformer(layers=layers)
            (nls,), (circuit,) = (trace_function(model, text(9), convention=name) for name in ("nls", "circuit"))
            assert nls < circuit

    def test_every_rule_of_its_own_stands_beside_a_general_one(self):
        own = {operation for convention, operation in _RULES_OF_CONVENTION if convention == "nls"}
        assert own <= set(_RULES)


class TestLayers:
    """`layers`: one for every block that a path passes."""

    @quick
    @given(st.integers(1, 5), st.integers(1, 3), st.integers(1, 64))
    def test_every_run_of_a_block_counts_once(self, layers, loops, context):
        model = Transformer(layers=layers, loops=loops)
        assert trace_function(model, text(context), convention="layers") == (layers * loops,)

    def test_the_path_names_the_blocks(self):
        model = Transformer(layers=3)
        (step,) = opaque_depth([self.segment(model)], convention="layers").path
        assert [(op.module, op.operation, op.gates) for op in step.operations] == [
            (f"layers.{index}", "block", 1) for index in range(3)
        ]

    def test_blocks_side_by_side_count_once_and_one_that_is_skipped_not_at_all(self):
        class Branches(Transformer):
            def forward(self, tokens_BT):
                x_BTD = self.embed(tokens_BT)
                first, second, third, _ = self.layers
                return third(first(x_BTD) + second(x_BTD)), first(x_BTD), x_BTD

        assert trace_function(Branches(layers=4), text(5), convention="layers") == (2, 1, 0)

    def test_blocks_inside_a_block_belong_to_it(self):
        class Experts(nn.Module):
            def __init__(self):
                super().__init__()
                self.experts = nn.ModuleList(nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(4))

            def forward(self, x):
                return sum(expert(x) for expert in self.experts)

        model = nn.Module()
        model.layers = nn.ModuleList([Experts(), Experts()])
        assert trace_function(
            lambda x: model.layers[1](model.layers[0](x)), X(3, 8), convention="layers", module=model
        ) == (2,)

    def test_a_buffer_filled_in_parts_inside_a_block_is_entered_once(self):
        class Scan(nn.Module):
            def __init__(self):
                super().__init__()
                self.gate = nn.Linear(4, 4)

            def forward(self, written_PD):
                for p in range(1, len(written_PD)):
                    written_PD[p] = torch.tanh(self.gate(written_PD[p - 1])) + written_PD[p]
                return written_PD.cumsum(0)

        class Two(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.ModuleList([Scan(), Scan()])

            def forward(self, x_PD):
                written_PD = torch.zeros(6, 4)
                written_PD[1:5] = x_PD
                return self.layers[0](written_PD), self.layers[1](written_PD), written_PD

        assert trace_function(Two(), X(4, 4), convention="layers") == (1, 2, 2)

    def test_a_loop_inside_a_block_belongs_to_it_and_one_over_blocks_passes_them_again(self):
        class Inside(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.ModuleList([nn.Sequential(nn.Linear(4, 4)), nn.Sequential(nn.Tanh())])

            def forward(self, x_PD):
                def step(h_D, x_D):
                    h_D = torch.tanh(h_D) + x_D
                    return h_D, h_D.clone()

                self.layers[0].forward = lambda x_PD: scan(step, X(4), x_PD)[1]
                return self.layers[0](x_PD)

        class Over(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(2))

            def forward(self, x_PD):
                def step(h_D, x_D):
                    for layer in self.layers:
                        h_D = layer(h_D)
                    return h_D + x_D, h_D.clone()

                return scan(step, X(4), x_PD)[0]

        assert trace_function(Inside(), X(5, 4), convention="layers") == (1,)
        assert trace_function(Over(), X(5, 4), convention="layers") == (2 * 4,)  # the first h is a constant

    def test_what_one_segment_leaves_for_a_block_of_the_next_is_followed(self):
        model = Transformer(layers=2)

        def fill(values):
            x_BTD = model.embed(values["tokens"])
            return {"kv": model.layers[0](x_BTD)}

        def read(values):
            return {"tokens": model.layers[1](values["kv"])}

        first = Segment(
            name="fill", inputs=("tokens",), outputs=("kv",), module=model, fn=fill, example=lambda: {"tokens": text(4)}
        )
        second = Segment(
            name="read", inputs=("kv",), outputs=("tokens",), module=model, fn=read, example=lambda: {"kv": X(1, 4, 8)}
        )
        assert opaque_depth([first, second], convention="layers").depth == 2

    @pytest.mark.parametrize("convention", ["circuit", "implemented", "nls"])
    def test_the_graph_of_other_conventions_does_not_look_at_blocks(self, convention):
        model, flat = Transformer(layers=2), Transformer(layers=2)
        (with_blocks,) = trace_function(model, text(6), convention=convention)
        (without,) = trace_function(flat.forward, text(6), convention=convention)
        assert with_blocks == without

    def test_a_model_without_blocks_is_refused(self):
        with pytest.raises(UsageError, match="there is none"):
            trace_function(nn.Linear(4, 4), X(2, 4), convention="layers")

    @staticmethod
    def segment(model):
        return Segment(
            name="forward", inputs=("tokens",), outputs=("tokens.next",), module=model,
            fn=lambda v: {"tokens.next": model(v["tokens"])}, example=lambda: {"tokens": text(5)},
        )  # fmt: skip


class TestKeptApart:
    """A depth says its convention, and is compared with none of another."""

    @pytest.fixture
    def results(self):
        segment = TestLayers.segment(Transformer(layers=2))
        return {name: opaque_depth([segment], convention=name) for name in CONVENTIONS}

    def test_every_result_names_its_convention(self, results):
        assert [result.convention for result in results.values()] == list(CONVENTIONS)
        assert len({result.depth for result in results.values()}) == len(CONVENTIONS)

    def test_ratios_stay_within_one_convention(self, results):
        for name, result in results.items():
            assert result.ratio(result) == 1
            for other in set(CONVENTIONS) - {name}:
                with pytest.raises(UsageError, match="count both in one convention"):
                    result.ratio(results[other])

    def test_traces_of_two_conventions_do_not_compose(self):
        segment = TestLayers.segment(Transformer(layers=2))
        with pytest.raises(UsageError, match="different conventions"):
            compose([trace_segment(segment, "circuit"), trace_segment(segment, "nls")])

    def test_a_rule_may_hold_in_one_convention_only(self, monkeypatch):
        monkeypatch.setattr("monitorbench.depth.costs._RULES_OF_CONVENTION", dict(_RULES_OF_CONVENTION))
        gate_rule("tanh", convention="implemented")(lambda _: 40)
        depths = [trace_function(torch.tanh, X(3), convention=name)[0] for name in ("circuit", "implemented", "nls")]
        assert depths == [1, 40, 1]

    def test_every_rule_tells_its_circuit(self):
        rules = {rule for rule in _RULES_OF_CONVENTION.values() if rule.__module__.startswith("monitorbench")}
        assert rules
        assert all(inspect.getdoc(rule) for rule in rules)
