"""Hand cases of the cost table: one line of PyTorch, one exact depth."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import nn

from monitorbench.depth import lg, trace_function
from monitorbench.depth.costs import _RULES

X = torch.zeros


@pytest.mark.parametrize(("n", "depth"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (1024, 10), (1025, 11)])
def test_lg_is_the_depth_of_a_balanced_tree(n, depth):
    assert lg(n) == depth


@pytest.mark.parametrize(("k", "depth"), [(1, 1), (2, 2), (3, 3), (7, 4), (8, 4), (64, 7), (1000, 11)])
def test_matrix_product_is_a_contraction(k, depth):
    assert trace_function(torch.matmul, X(2, k), X(k, 3)) == (depth,)
    assert trace_function(torch.matmul, X(5, 2, k), X(5, k, 3)) == (depth,)
    assert trace_function(lambda a, b: torch.einsum("ik,jk->ij", a, b), X(2, k), X(3, k)) == (depth,)


@pytest.mark.parametrize("hidden", [2, 8, 64])
def test_multilayer_perceptron(hidden):
    def mlp(bias):
        widths = [nn.Linear(1, hidden, bias), nn.Tanh(), nn.Linear(hidden, hidden, bias), nn.Tanh()]
        return nn.Sequential(*widths, nn.Linear(hidden, 1, bias))

    assert trace_function(mlp(False), X(3, 1)) == (5 + 2 * lg(hidden),)
    assert trace_function(mlp(True), X(3, 1)) == (5 + 2 * lg(hidden) + 3,)


@pytest.mark.parametrize(
    ("fn", "shape", "circuit", "implemented"),
    [
        (nn.RMSNorm(8), (3, 8), 9, 9),
        (nn.LayerNorm(8), (3, 8), 15, 15),
        (nn.LayerNorm(8, elementwise_affine=False), (3, 8), 13, 13),
        (nn.GroupNorm(2, 8), (1, 8, 4), 17, 17),
        (nn.BatchNorm1d(8).eval(), (3, 8), 4, 4),
        (lambda x: x.softmax(-1), (64,), 8, 15),
        (lambda x: x.log_softmax(-1), (64,), 9, 16),
        (lambda x: x.logsumexp(-1), (64,), 8, 16),
        (F.silu, (5,), 2, 2),
        (lambda x: x * torch.sigmoid(x), (5,), 2, 2),
        (lambda x: F.gelu(x, approximate="tanh"), (5,), 8, 8),
        (nn.Conv1d(4, 5, 3, bias=False), (1, 4, 9), 5, 5),
        (nn.Conv2d(16, 5, 3, bias=False), (1, 16, 9, 9), 9, 9),
        (nn.Conv2d(16, 16, 3, groups=16), (1, 16, 9, 9), 6, 6),
        (lambda x: x.sum(), (4, 8), 5, 5),
        (lambda x: x.sum(0), (4, 8), 2, 2),
        (lambda x: x.mean(-1), (4, 8), 4, 4),
        (lambda x: x.amax((0, 1)), (4, 8), 5, 5),
        (lambda x: x.max(-1).values, (4, 8), 3, 3),
        (lambda x: x.argmax(-1), (4, 8), 3, 3),
        (lambda x: x.cumsum(-1), (4, 8), 3, 3),
        (lambda x: torch.maximum(x, x), (4,), 1, 1),
        (lambda x: x.topk(1).values, (128,), 7, 7),
        (lambda x: x.topk(8).values, (128,), 28, 7),
        (lambda x: x.sort(-1).values, (16,), 10, 10),
        (lambda x: x.clamp(0, 1), (4,), 2, 2),
        (lambda x: x.clamp(min=0), (4,), 1, 1),
        (lambda x: torch.add(x, x, alpha=2), (4,), 2, 2),
        (lambda x: x.double(), (4,), 0, 1),
        (lambda x: x.std(-1), (8,), 11, 11),
        (lambda x: F.avg_pool1d(x, 4), (1, 2, 8), 3, 3),
        (lambda x: F.max_pool2d(x, 2), (1, 2, 8, 8), 2, 2),
        (lambda x: F.scaled_dot_product_attention(x, x, x), (1, 2, 16, 8), 4 + 1 + 6 + 5, 4 + 1 + 6 + 5 + 5),
    ],
)  # fmt: skip
def test_one_operation(fn, shape, circuit, implemented):
    assert trace_function(fn, X(shape)) == (circuit,)
    assert trace_function(fn, X(shape), convention="implemented") == (implemented,)


@pytest.mark.parametrize("steps", [1, 5])
def test_a_tanh_rnn_of_width_eight_takes_six_gates_a_step(steps):
    rnn = nn.RNN(8, 8, bias=False, batch_first=True)
    assert trace_function(rnn, X(1, steps, 8)) == (6 * steps, 6 * steps)


def test_a_gru_step_is_counted_gate_by_gate_although_its_gates_share_memory():
    # contraction 4, bias 1, add 1, sigmoid 1, product 1, add 1, tanh 1; then n + z (h - n): 3
    assert trace_function(nn.GRU(8, 8, batch_first=True), X(1, 5, 8))[0] == 13 * 5


def test_an_lstm_step():
    # contraction 4, bias 1, add 1, sigmoid 1, product 1, add 1; then tanh 1 and the output gate's product 1
    assert trace_function(nn.LSTM(8, 8, batch_first=True), X(1, 5, 8))[0] == 11 * 5


def test_linear_recurrence_as_a_loop_takes_two_gates_a_step():
    def loop(x_P):
        h = torch.zeros(())
        for value in x_P:
            h = 0.5 * h + value
        return h

    assert trace_function(loop, X(16)) == (2 * 15 + 1,)  # the first step only adds to a constant


class TestSelection:
    """Choosing by a value computed from inputs costs lg of the candidates; by a constant or a token, nothing."""

    TABLE = torch.zeros(100, 4)

    def test_token_looked_up_in_the_embedding_is_an_input(self):
        tokens = torch.zeros(3, dtype=torch.long)
        assert trace_function(lambda t: self.TABLE[t.flip(0)], tokens) == (0,)
        assert trace_function(nn.Embedding(100, 4), tokens) == (0,)

    def test_token_that_was_only_moved_is_still_a_token(self):
        def assemble(tokens):
            canvas = torch.zeros(4, dtype=torch.int32)
            canvas[:3] = tokens[torch.tensor([2, 1, 0])]
            return self.TABLE[torch.where(torch.tensor([True, False, True, True]), canvas, 7)]

        assert trace_function(assemble, torch.zeros(3, dtype=torch.long)) == (0,)

    def test_computed_index_selects(self):
        assert trace_function(lambda x: self.TABLE[x.argmax(-1)], X(2, 16)) == (4 + 7,)
        assert trace_function(lambda x: self.TABLE[x.argmax(-1)], X(2, 16), convention="implemented") == (4,)

    def test_token_that_was_computed_on_is_no_input_any_more(self):
        assert trace_function(lambda t: self.TABLE[t % 50], torch.zeros(3, dtype=torch.long)) == (1 + 7,)

    def test_pointer_chase_grows_with_every_hop(self):
        def chase(pointer):
            table = torch.zeros(16, dtype=torch.long)
            for _ in range(1000):
                pointer = table[pointer]
            return pointer

        assert trace_function(chase, torch.zeros(1, dtype=torch.long)) == (999 * 4,)

    def test_gather_by_a_constant_moves_data(self):
        assert trace_function(lambda x: x[torch.tensor([0, 1])], X(3)) == (0,)

    def test_where_and_masks(self):
        assert trace_function(lambda x: torch.where(x > 0, x, -x), X(4)) == (2,)
        keep = torch.tensor([True, False])
        assert trace_function(lambda x: torch.where(keep, x, 0.0), X(2)) == (0,)
        assert trace_function(lambda x: torch.where(keep, x, 0.0), X(2), convention="implemented") == (1,)
        assert trace_function(lambda x: x.masked_fill(x > 0, 0.0), X(2)) == (2,)
        assert trace_function(lambda x: x.tril(), X(2, 2)) == (0,)

    def test_scatter_add_is_bounded_by_every_write_meeting_in_one_place(self):
        index = torch.zeros(7, dtype=torch.long)
        assert trace_function(lambda x: torch.zeros(3).scatter_add(0, index, x), X(7)) == (3,)
        assert trace_function(lambda x: torch.zeros(3).index_add(0, index, x), X(7)) == (3,)
        assert trace_function(lambda x: torch.zeros(3).scatter(0, index, x), X(7)) == (0,)


def test_operations_that_reach_the_tracer_whole_under_inference_mode():
    with torch.inference_mode():
        assert trace_function(nn.Linear(8, 8), X(3, 8)) == (5,)
        assert trace_function(lambda x: torch.tanh(x).transpose(0, 1).reshape(-1), X(3, 8)) == (1,)


def test_each_operand_has_its_own_path():
    deep = X(4)

    def shallow_bias(x):
        return torch.addmm(x.exp().exp().exp().exp(), x, torch.ones(4, 4))

    assert trace_function(shallow_bias, X(4, 4)) == (5,)  # bias: 4 + 1; product: 1 + 2 + 1
    assert trace_function(lambda x: torch.rsub(x, x.exp(), alpha=3), deep) == (2,)  # exp(x) - 3 x


def test_every_rule_names_an_operation_that_exists():
    ours = [name for name in _RULES if "::" not in name]
    assert [name for name in ours if not any(hasattr(torch.ops.aten, form) for form in (name, f"{name}_"))] == []
