"""While loops and scans, each against the same loop written in Python; what a path through them tells."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch._higher_order_ops import scan, while_loop

from monitorbench.adapters.base import Segment
from monitorbench.depth import loop_bound, opaque_depth, trace_function
from monitorbench.errors import UsageError

X = torch.zeros
quick = settings(max_examples=60, deadline=None)


def counter():
    return X((), dtype=torch.long)


class TestWhileLoops:
    def test_without_a_bound(self):
        class Ponder(nn.Module):
            def forward(self, x):
                return while_loop(lambda x: x.sum() < 9, lambda x: (x + 1,), (x,))

        with pytest.raises(UsageError, match=r"declare how often .*monitorbench\.depth\.loop_bound") as caught:
            trace_function(nn.Sequential(nn.Tanh(), Ponder()), X(3))
        assert caught.value.where == "1"

    def test_bound_must_be_positive(self):
        with pytest.raises(UsageError, match="cannot be bound to 0"), loop_bound(0):
            pass

    def test_bounds_by_module(self):
        class Ponder(nn.Module):
            def forward(self, x):
                return while_loop(lambda i, _: i < 9, lambda i, x: (i + 1, x + 1), (counter(), x))[1]

        model = nn.Sequential(Ponder(), nn.Sequential(Ponder()))
        with loop_bound(100), loop_bound(7, module="1"):
            assert trace_function(model, X(3)) == (107,)

    @pytest.mark.parametrize("n", [1, 2, 5, 8])
    def test_predicate_that_is_computed_chooses_when_to_stop(self, n):
        """Outcomes after 0 to n iterations, the deepest 2 n; the last predicate comes 2 + 1 after 2 (n - 1) gates. As a
        function these n + 1 outcomes are chosen among; the same with the choices written out is not shallower."""

        def looped(x):
            return while_loop(lambda x: x.sum() < 9, lambda x: (x.sin().cos(),), (x,))[0]

        deepest = max(2 * n, 2 * (n - 1) + 3)
        with loop_bound(n):
            assert trace_function(looped, X(4)) == (deepest + n.bit_length(),)
            assert trace_function(looped, X(4), convention="implemented") == (deepest,)

        def unrolled(x):
            runs = torch.ones((), dtype=torch.bool)
            for _ in range(n):
                runs = runs & (x.sum() < 9)
                x = torch.where(runs, x.sin().cos(), x)
            return x

        assert trace_function(unrolled, X(4))[0] >= deepest + n.bit_length()

    def test_stopping_early_may_be_the_deepest(self):
        """The value alternates between 10 deep and forgotten: after an odd number of iterations it is the deep one."""

        def looped(x):
            deep = x
            for _ in range(10):
                deep = deep + 1
            return while_loop(lambda a, _: a[0] > 0, lambda a, b: (b.clone(), a.clone()), (deep, torch.ones(3)))

        with loop_bound(2):
            assert trace_function(looped, X(3), convention="implemented") == (11, 11)

    def test_numbers_count_themselves(self):
        """A loop that only numbers end needs no bound."""

        def looped(x):
            return while_loop(lambda i, _: i < 12, lambda i, x: (i + 1, x + i), (0, x))[1]

        assert trace_function(looped, X(3)) == (12,)

    def test_number_beside_a_tensor_that_ends_the_loop(self):
        def looped(x):
            return while_loop(lambda _, x: x.sum() < 9, lambda i, x: (i + 1, x + i), (0, x))[1]

        with loop_bound(3), pytest.raises(UsageError, match="carries a number"):
            trace_function(looped, X(3))

    def test_carried_tensor_must_keep_its_shape(self):
        def looped(x):
            return while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, torch.cat([x, x])), (counter(), x))

        with loop_bound(3), pytest.raises(UsageError, match="one shape and type in and of another out"):
            trace_function(looped, X(3))


PLACES = ("a", "b", "c")
bodies = st.fixed_dictionaries(
    {
        name: st.lists(st.tuples(st.sampled_from([*PLACES, "slice", "outside"]), st.integers(0, 3)), max_size=3)
        for name in (*PLACES, "out")
    }
)


def run_body(body, values):
    """Every name becomes a sum of values, each after some gates; a sum of nothing is a constant."""
    results = {}
    for name, terms in body.items():
        total = torch.zeros(4)
        for source, gates in terms:
            value = values[source]
            for _ in range(gates):
                value = torch.tanh(value)
            total = total + value
        results[name] = total
    return results


class TestScans:
    """`scan`: the same depths as the loop written in Python, whatever the body."""

    @quick
    @given(bodies, st.sets(st.sampled_from(PLACES)), st.integers(1, 9), st.sampled_from(["circuit", "nls"]))
    def test_any_body(self, body, constant, times, convention):
        def begin(x):
            return {name: torch.zeros(4) if name in constant else x.exp() for name in PLACES}

        def looped(x, x_PD):
            def step(carry, x_D):
                results = run_body(body, {**carry, "slice": x_D, "outside": outside})
                return {name: results[name] for name in PLACES}, results["out"]

            outside = x.sin()
            return scan(step, begin(x), x_PD)

        def unrolled(x, x_PD):
            outside, values, outputs = x.sin(), begin(x), []
            for x_D in x_PD:
                results = run_body(body, {**values, "slice": x_D, "outside": outside})
                outputs.append(results.pop("out"))
                values = results
            return [values[name] for name in PLACES], torch.stack(outputs)

        inputs = X(4), X(times, 4)
        assert trace_function(looped, *inputs, convention=convention) == trace_function(
            unrolled, *inputs, convention=convention
        )

    def test_what_rules_see_may_change_for_a_while(self):
        """A mask that is a constant twice, then computed: choosing by it is free in the first two iterations."""

        def step(state):
            first, second, x, computed = state
            return second, computed, torch.where(first, x, 0.0), computed

        def looped(x):
            def body(carry, _):
                carry = tuple(value.clone() for value in step(carry))
                return carry, carry[2].clone()

            return scan(body, begin(x), X(7, 1))[0]

        def unrolled(x):
            state = begin(x)
            for _ in range(7):
                state = step(state)
            return state

        def begin(x):
            known = torch.ones(3, dtype=torch.bool)
            return known, known.clone(), x, x > 0

        assert trace_function(looped, X(3)) == trace_function(unrolled, X(3))
        assert trace_function(looped, X(3))[2] == 1 + 5

    def test_reversed_and_along_another_dimension(self):
        def looped(h, x_DP):
            return scan(lambda h, x: (h * x, h + x), h, x_DP, dim=1, reverse=True)

        assert trace_function(looped, X(3), X(3, 6)) == (6, 6)

    def test_buffer_written_in_place_is_carried(self):
        """Every iteration reads the whole buffer and writes one gate more into a part of it."""

        def looped(x):
            buffer = torch.zeros(5, 3)

            def step(h, _):
                buffer[2] = buffer.sum(0) + h
                return h * 1, h.clone()

            scan(step, x, X(4, 1))
            return buffer

        def unrolled(x):
            buffer = torch.zeros(5, 3)
            for _ in range(4):
                buffer[2] = buffer.sum(0) + x
                x = x * 1
            return buffer

        assert trace_function(looped, X(3)) == trace_function(unrolled, X(3)) == (3 * 4 + 1,)

    def test_scratch_of_an_iteration_is_not_carried(self):
        def step(h, _):
            scratch = torch.tensor([1.0, 2.0, 3.0])
            scratch.add_(h)
            scratch[0] = h[1]
            return scratch, h.clone()

        assert trace_function(lambda h: scan(step, h, X(6, 1))[0], X(3)) == (6,)

    def test_many_steps_cost_no_more_time_than_few(self):
        assert trace_function(lambda h: scan(lambda h, _: (h.sin(), h.clone()), h, X(10**6, 1))[0], X(3)) == (10**6,)


class TestExplanation:
    """A path through a loop tells what it passes inside, and how often."""

    def test_operations_with_how_often(self):
        layer = nn.RNNCell(8, 8)

        def forward(values):
            h, _ = scan(lambda h, x: ((h := layer(x, h)), h.clone()), values["tokens"], X(50, 8))
            return {"tokens": torch.cos(h)}

        segment = Segment(
            name="read",
            inputs=("tokens",),
            outputs=("tokens",),
            module=layer,
            fn=forward,
            example=lambda: {"tokens": X(8)},
        )
        result = opaque_depth([segment])
        (step,) = result.path
        listed = [(op.operation, op.gates, op.times) for op in step.operations]
        assert listed == [("addmm", 5 * 50, 50), ("add", 50, 50), ("tanh", 50, 50), ("cos", 1, 1)]
        assert sum(op.gates for op in step.operations) == step.gates == result.depth == 7 * 50 + 1

    def test_loop_in_a_loop(self):
        def forward(values):
            def outer(h, _):
                h = scan(lambda h, _: (h.sin(), h.clone()), h, X(3, 1))[0].cos()
                return h, h.clone()

            return {"tokens": scan(outer, values["tokens"], X(5, 1))[0]}

        segment = Segment(
            name="loop", inputs=("tokens",), outputs=("tokens",), fn=forward, example=lambda: {"tokens": X(4)}
        )
        (step,) = opaque_depth([segment]).path
        assert [(op.operation, op.gates, op.times) for op in step.operations] == [("sin", 15, 15), ("cos", 5, 5)]

    @settings(max_examples=30, deadline=None)
    @given(bodies, st.integers(1, 5), st.integers(1, 5))
    def test_gates_add_up(self, body, times, inner_times):
        def repeat(values, times, step):
            return scan(lambda carry, x: (step(carry, x), x.clone()), values, X(times, 4))[0]

        def step(carry, x):
            results = run_body(body, {**carry, "slice": x, "outside": carry["a"]})
            return {name: results[name] + results["out"] for name in PLACES}

        def forward(values):
            begin = {name: values["tokens"].exp() for name in PLACES}
            end = repeat(begin, times, lambda carry, _: repeat(carry, inner_times, step))
            return {"tokens": end["a"] + end["b"] + end["c"]}

        segment = Segment(
            name="loops", inputs=("tokens",), outputs=("tokens",), fn=forward, example=lambda: {"tokens": X(4)}
        )
        result = opaque_depth([segment])
        assert sum(op.gates for step in result.path for op in step.operations) == result.depth

    def test_bounds_inside_of_a_loop_are_noted(self):
        def forward(values):
            return {"tokens": scan(lambda h, _: (h.sort().values, h.clone()), values["tokens"], X(5, 1))[0]}

        segment = Segment(
            name="sort", inputs=("tokens",), outputs=("tokens",), fn=forward, example=lambda: {"tokens": X(4)}
        )
        assert any("bitonic" in note for note in opaque_depth([segment]).notes)


class TestLayers:
    """In `layers` a path counts blocks, those in the iterations of a loop, too."""

    @pytest.mark.parametrize("shared", [True, False])
    def test_blocks(self, shared):
        blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(1 if shared else 3)])

        def block(h):
            for part in blocks:
                h = part(h)
            return h

        def looped(x):
            return scan(lambda h, _: ((h := block(h)), h.clone()), x, X(6, 1))[0]

        assert trace_function(looped, X(4), module=nn.ModuleDict({"h": blocks}), convention="layers") == (
            6 if shared else 18,
        )

    def test_loop_inside_of_a_block_is_one_block(self):
        class Recurrent(nn.Module):
            def __init__(self):
                super().__init__()
                self.cell = nn.RNNCell(4, 4)

            def forward(self, x):
                return scan(lambda h, x: ((h := self.cell(x, h)), h.clone()), x[0] * 2, x)[1]

        model = nn.Sequential(nn.ModuleList([Recurrent(), Recurrent()]))
        model.forward = lambda x: model[0][1](model[0][0](x))
        assert trace_function(model, X(9, 4), convention="layers") == (2,)
