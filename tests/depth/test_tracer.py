"""What a trace must see: memory shared by views, constants, data-dependent values, and operations without a rule."""

from __future__ import annotations

import gc
from contextlib import suppress

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from monitorbench.depth import gate_rule, trace_function
from monitorbench.depth.costs import _RULES
from monitorbench.errors import UnknownOperationError

X = torch.zeros
quick = settings(max_examples=50, deadline=None)


class TestMemory:
    """Depth lies in memory, not in tensor objects."""

    def test_write_through_a_view_is_seen_by_the_whole(self):
        def write(x):
            out = torch.zeros(2, 3)
            out[0] = x.exp().exp()
            return out, out[0], out[1]

        assert trace_function(write, X(3)) == (2, 2, 0)

    @pytest.mark.parametrize("steps", [4, 64, 200])
    def test_state_written_to_slices_in_a_loop_grows_with_its_length(self, steps):
        def scan(x_BPD):
            out, h = torch.zeros_like(x_BPD), torch.zeros(2, 3)
            for p in range(steps):
                h = x_BPD[:, p] * h + x_BPD[:, p]
                out[:, p] = h
            return out

        assert trace_function(scan, X(2, steps, 3)) == (2 * steps,)

    def test_overwritten_value_is_forgotten(self):
        def overwrite(x):
            y = x.exp().exp().exp()
            y.copy_(x)
            z = x.exp()
            z.zero_()
            return y, z

        assert trace_function(overwrite, X(3)) == (0, 0)

    def test_in_place_operation_deepens_every_view(self):
        def in_place(x):
            y = x + 1
            view = y.view(3, 2).t()
            y.mul_(2).add_(1)
            return y, view

        assert trace_function(in_place, X(6)) == (3, 3)

    def test_broadcast_view_that_is_written_keeps_the_other_parts(self):
        def diagonal(x):
            y = x.exp().exp()
            y.diagonal().copy_(torch.ones(3))
            return y, y.diagonal()

        assert trace_function(diagonal, X(3, 3)) == (2, 2)

    def test_two_inputs_in_one_memory(self):
        shared = X(4)
        assert trace_function(lambda a, b: (a.exp(), b), shared, shared) == (1, 0)


class TestCarriedValues:
    """Loops in which each carried value has to be followed by itself."""

    def test_rnn_that_emits_its_previous_state(self):
        weight = torch.zeros(8, 8)

        def run(x_PD):
            h, emitted = torch.zeros(8), torch.zeros(8)
            for x_D in x_PD:
                emitted, h = h, torch.tanh(h @ weight + x_D)
            return emitted

        assert trace_function(run, X(10, 8)) == (2 + 8 * 6,)  # x is only added in: 2; then 6 a step; the last is unseen

    def test_delayed_copy(self):
        def run(x):
            a, b = x, x
            for _ in range(10):
                a, b = a + 1, a
            return b

        assert trace_function(run, X(3)) == (9,)

    def test_swap(self):
        def run(a, b):
            for _ in range(10):
                a, b = b, a + 1
            return a, b

        assert trace_function(run, X(3), X(3)) == (5, 5)

    def test_swap_inside_one_tensor(self):
        def run(a, b):
            both = torch.stack([torch.zeros(3), torch.zeros(3)])
            both[0], both[1] = a, b
            for _ in range(10):
                first = both[0].clone()
                both[0] = both[1]
                both[1] = first + 1
            return both[0], both[1]

        assert trace_function(run, X(3), X(3)) == (5, 5)

    def test_shift_register(self):
        def run(a, b, c):
            for _ in range(44):
                a, b, c = b, c, a + 1
            return a, b, c

        assert trace_function(run, X(3), X(3), X(3)) == (14, 15, 15)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("fn", [torch.exp, bool], ids=["that ends", "that fails"])
def test_collecting_garbage_is_as_it_was_after_a_trace(before, fn):
    during = []
    (gc.enable if before else gc.disable)()
    try:
        with suppress(UnknownOperationError):
            trace_function(lambda x: during.append(gc.isenabled()) or fn(x), X(1))
        assert (during, gc.isenabled()) == ([False], before)
    finally:
        gc.enable()


def test_work_on_constants_costs_nothing():
    def run(x):
        constant = torch.ones(4)
        for _ in range(50):
            constant = torch.tanh(constant @ torch.ones(4, 4)) + torch.fft.fft(constant).real
        return x + constant, constant

    assert trace_function(run, X(4)) == (1, 0)


def test_no_operation_is_silently_free():
    convolutions = nn.Sequential(*(nn.Conv1d(4, 4, 3, padding=1, bias=False) for _ in range(100)))
    assert trace_function(convolutions, X(1, 4, 9)) == (500,)

    def erfs(x):
        for _ in range(100):
            x = torch.erf(x)
        return x

    assert trace_function(erfs, X(3)) == (100,)


class TestErrors:
    """What cannot be counted says where it happened and what to do."""

    def test_unknown_operation_names_itself_its_shapes_and_its_module(self):
        class Spectrum(nn.Module):
            def forward(self, x):
                return torch.linalg.eigvalsh(x)

        with pytest.raises(UnknownOperationError) as caught:
            trace_function(nn.Sequential(nn.Tanh(), Spectrum()), X(4, 4))
        assert "_linalg_eigh of A[(4, 4)]" in caught.value.what
        assert caught.value.where == "1"
        assert '@monitorbench.depth.gate_rule("_linalg_eigh")' in caught.value.fix

    def test_a_registered_rule_is_all_it_takes(self, monkeypatch):
        monkeypatch.setattr("monitorbench.depth.costs._RULES", dict(_RULES))
        gate_rule("_linalg_eigh")(lambda call: 2 * (call.size("A", -1) - 1).bit_length())
        assert trace_function(torch.linalg.eigvalsh, X(8, 8)) == (6,)

    @pytest.mark.parametrize(
        "fn", [lambda x: x if x.sum() > 0 else -x, lambda x: x[x > 0], lambda x: x.nonzero(), lambda x: x * x[0].item()]
    )
    def test_value_that_decides_what_runs_next(self, fn):
        with pytest.raises(UnknownOperationError, match="reads the value of a tensor"):
            trace_function(fn, X(4))


chains = st.lists(st.sampled_from(["tanh", "linear", "softmax", "sum", "norm"]), max_size=6)


def build(names: list[str]):
    parts = {
        "tanh": torch.tanh,
        "linear": nn.Linear(4, 4),
        "softmax": lambda x: x.softmax(-1),
        "sum": lambda x: x + x.sum(-1, keepdim=True),
        "norm": nn.LayerNorm(4),
    }

    def run(x):
        for name in names:
            x = parts[name](x)
        return x

    return run


class TestProperties:
    """What holds of depth whatever is computed."""

    @quick
    @given(chains, chains)
    def test_chains_add(self, first, second):
        a, b = (trace_function(build(names), X(2, 4))[0] for names in (first, second))
        assert trace_function(build(first + second), X(2, 4)) == (a + b,)

    @quick
    @given(chains, chains)
    def test_side_by_side_the_deeper_counts(self, first, second):
        a, b = (trace_function(build(names), X(2, 4))[0] for names in (first, second))
        assert trace_function(lambda x: build(first)(x) + build(second)(x), X(2, 4)) == (max(a, b) + 1,)

    @quick
    @given(chains, st.permutations([0, 1, 2]))
    def test_moving_data_adds_nothing(self, names, order):
        plain = trace_function(build(names), X(2, 3, 4))
        assert trace_function(lambda x: build(names)(x).permute(order).reshape(-1).flip(0), X(2, 3, 4)) == plain

    @quick
    @given(chains, st.integers(1, 5), st.sampled_from([torch.float32, torch.float64]))
    def test_batch_and_type_do_not_matter(self, names, rows, dtype):
        def run(x):
            return build(names)(x.float())

        assert trace_function(run, X(rows, 4, dtype=dtype)) == trace_function(build(names), X(2, 4))

    @quick
    @given(chains, st.sampled_from(["tanh", "linear", "softmax", "sum", "norm"]))
    def test_one_more_operation_never_lowers_depth(self, names, last):
        assert trace_function(build([*names, last]), X(2, 4)) >= trace_function(build(names), X(2, 4))

    @quick
    @given(chains)
    def test_a_program_is_never_shallower_than_its_function(self, names):
        circuit = trace_function(build(names), X(2, 4))
        assert trace_function(build(names), X(2, 4), convention="implemented") >= circuit
