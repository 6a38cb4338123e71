"""Programs that a public tool for another framework gets wrong, each with its right depth worked out by hand.

Depths are those of the program (`implemented`) where both are stated: as a function, a branch is one gate more, which
chooses between the outcomes.
"""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn
from torch._higher_order_ops import associative_scan, scan, while_loop
from torch._higher_order_ops import map as map_slices

from monitorbench.adapters.base import Segment
from monitorbench.depth import loop_bound, opaque_depth, trace_function
from monitorbench.errors import UnknownOperationError

X = torch.zeros


def exps(x, n):
    for _ in range(n):
        x = torch.exp(x)
    return x


class TestBranches:
    """A branch waits for its own operands and for its predicate."""

    @pytest.mark.parametrize(("first", "second", "program"), [(0, 4, 5), (2, 10, 11)])
    def test_operands_are_not_those_of_the_predicate(self, first, second, program):
        """The branch adds one gate to its second operand, 4 or 10 deep; the predicate is one comparison, 1 deep."""

        def run(x):
            operands = exps(x, first), exps(x, second)
            return torch.cond(x[0] > 0, lambda _, b: b + 1, lambda a, _: a + 1, operands)

        assert trace_function(run, X(3), convention="implemented") == (program,)
        assert trace_function(run, X(3)) == (program + 1,)

    def test_predicate_is_waited_for(self):
        """13 exponentials and a comparison are 14 gates; the branches are one gate deep."""

        def run(x):
            return torch.cond(exps(x, 13)[0] > 0, lambda a: a + 1, lambda a: a - 1, (x,))

        assert trace_function(run, X(3), convention="implemented") == (14,)
        assert trace_function(run, X(3)) == (15,)

    def test_function_shared_by_branches_is_counted_anew_for_each_operand(self):
        """One gate of the function after 10 makes 11; the same function after one gate makes 2."""

        def run(x):
            deep = torch.cond(x[0] > 0, torch.exp, torch.exp, (exps(x, 10),))
            shallow = torch.cond(x[0] > 0, torch.exp, torch.sin, (x + 1,))
            return deep, shallow

        assert trace_function(run, X(3), convention="implemented") == (11, 2)


class TestLoops:
    """Each carried tensor by itself. Every loop has the depths of the same loop written in Python."""

    def test_growth_beside_a_deep_input(self):
        """10 iterations of one gate on `a` are 10; `b` is 5 deep from the start and stays so."""

        def looped(x):
            return scan(lambda carry, _: ((carry[0] + 1, carry[1].clone()), carry[0] * 1), (x, exps(x, 5)), X(10, 1))[0]

        def unrolled(x):
            a, b = x, exps(x, 5)
            for _ in range(10):
                a, b = a + 1, b.clone()
            return a, b

        assert trace_function(looped, X(3)) == trace_function(unrolled, X(3)) == (10, 5)

    def test_layers_with_a_mask_that_is_computed(self):
        """A layer of width 8: product 4, choice by the mask 1, tanh 1; ten are 60. The mask, 3 deep, enters the first
        layer 2 gates before its end, 5 < 6, and so is never on the longest path."""
        weights = X(10, 8, 8)

        def mask_of(x):
            return x.abs() * 2 > 1

        def looped(x):
            mask = mask_of(x)

            def layer(h, weight):
                h = torch.tanh(torch.where(mask, h @ weight, 0.0))
                return h, h.clone()

            return scan(layer, x, weights)[0]

        def unrolled(x):
            mask, h = mask_of(x), x
            for weight in weights:
                h = torch.tanh(torch.where(mask, h @ weight, 0.0))
            return h

        assert trace_function(looped, X(8)) == trace_function(unrolled, X(8)) == (60,)

    def test_delayed_copy(self):
        """After 10 iterations `b` is `a` of the iteration before: 9."""

        def looped(x):
            return scan(lambda carry, _: ((carry[0] + 1, carry[0].clone()), carry[0] * 1), (x, x), X(10, 1))[0]

        def unrolled(x):
            a, b = x, x
            for _ in range(10):
                a, b = a + 1, a
            return a, b

        assert trace_function(looped, X(3)) == trace_function(unrolled, X(3)) == (10, 9)

    def test_swap(self):
        """A value passes the one gate every second time: 5 of 10."""

        def looped(a, b):
            return scan(lambda carry, _: ((carry[1].clone(), carry[0] + 1), carry[0] * 1), (a, b), X(10, 1))[0]

        def unrolled(a, b):
            for _ in range(10):
                a, b = b, a + 1
            return a, b

        assert trace_function(looped, X(3), X(3)) == trace_function(unrolled, X(3), X(3)) == (5, 5)

    def test_shift_register(self):
        """44 iterations over three places: 14 whole rounds, and two places one gate further."""

        def looped(*places):
            def shift(carry, _):
                a, b, c = carry
                return (b.clone(), c.clone(), a + 1), a * 1

            return scan(shift, places, X(44, 1))[0]

        def unrolled(a, b, c):
            for _ in range(44):
                a, b, c = b, c, a + 1
            return a, b, c

        places = (X(3), X(3), X(3))
        assert trace_function(looped, *places) == trace_function(unrolled, *places) == (14, 15, 15)

    def test_recurrent_network_that_puts_out_its_previous_state(self):
        """A step of width 8: product 4, sum 1, tanh 1. The last output has passed 9 of 10 steps: 54."""
        weight = X(8, 8)

        def looped(h, x_PD):
            return scan(lambda h, x: (torch.tanh(h @ weight + x), h.clone()), h, x_PD)

        def unrolled(h, x_PD):
            emitted = []
            for x_D in x_PD:
                emitted.append(h)
                h = torch.tanh(h @ weight + x_D)
            return h, torch.stack(emitted)

        assert trace_function(looped, X(8), X(10, 8)) == trace_function(unrolled, X(8), X(10, 8)) == (60, 54)

    def test_map_is_as_deep_as_one_slice(self):
        """Ten exponentials side by side: 1."""
        assert trace_function(lambda x_PD: map_slices(torch.exp, x_PD), X(10, 3)) == (1,)

    def test_while_loop_is_entered(self):
        """Ten sines one after another: 10; the counter depends on no input."""

        def looped(x):
            return while_loop(lambda i, _: i < 10, lambda i, x: (i + 1, x.sin()), (X((), dtype=torch.long), x))

        def unrolled(x):
            i = X((), dtype=torch.long)
            for _ in range(10):
                i, x = i + 1, x.sin()
            return i, x

        with loop_bound(10):
            assert trace_function(looped, X(3)) == trace_function(unrolled, X(3)) == (0, 10)

    def test_linear_recurrence_as_a_loop_and_as_a_scan(self):
        """a * h + b for 1,024 steps: two gates a step as a loop; ten levels of two as a prefix network, and two more
        where the first element takes in an initial state."""

        def looped(h, a_PD, b_PD):
            def step(h, x):
                h = x[0] * h + x[1]
                return h, h.clone()

            return scan(step, h, (a_PD, b_PD))[1]

        def scanned(a_PD, b_PD):
            return associative_scan(lambda x, y: (x[0] * y[0], y[0] * x[1] + y[1]), (a_PD, b_PD), 0, False, "generic")

        def with_initial_state(h, a_PD, b_PD):
            return scanned(a_PD, torch.cat([a_PD[:1] * h + b_PD[:1], b_PD[1:]]))

        assert trace_function(looped, X(3), X(1024, 3), X(1024, 3)) == (2048,)
        assert trace_function(scanned, X(1024, 3), X(1024, 3)) == (10, 20)
        assert trace_function(with_initial_state, X(3), X(1024, 3), X(1024, 3)) == (10, 22)


class TestNothingIsSilentlyFree:
    @pytest.mark.parametrize("gates", [1, 5])
    def test_a_hundred_operations(self, gates):
        """An error function is 1; a convolution over 3 x 4 channels is lg 12 + 1 = 5."""
        one = torch.erf if gates == 1 else nn.Conv1d(4, 4, 3, padding=1, bias=False)

        def run(x):
            for _ in range(100):
                x = one(x)
            return x

        assert trace_function(run, X(1, 4, 9)) == (100 * gates,)

    def test_what_has_no_rule_raises(self):
        with pytest.raises(UnknownOperationError, match="no depth rule for the operation _linalg_svd"):
            trace_function(torch.linalg.svdvals, X(4, 4))

    @pytest.mark.parametrize("place", [(), (1,), (2, 3)])
    def test_pointer_chase(self, place):
        """Reading one of 16 entries at a computed place is a selection, lg 16 = 4; in the program it is free. A token
        looked up in a constant table is an input: the first of 100 readings is free where the table is known."""

        def chase(table, i):
            for _ in range(100):
                i = table[i]
            return i

        constant, i = X(16, dtype=torch.long), X(place, dtype=torch.long)
        assert trace_function(chase, X(16, dtype=torch.long), i) == (400,)
        assert trace_function(lambda i: chase(constant, i), i) == (396,)
        assert trace_function(chase, X(16, dtype=torch.long), i, convention="implemented") == (0,)

    def test_pointer_chase_as_a_loop(self):
        """The same, 1,000 times."""

        def chase(table, i):
            return scan(lambda i, _: (table[i], i.clone()), i, X(1000, 1))[0]

        constant, i = X(16, dtype=torch.long), X(1, dtype=torch.long)
        assert trace_function(chase, X(16, dtype=torch.long), i) == (4000,)
        assert trace_function(lambda i: chase(constant, i), i) == (3996,)


class TestNesting:
    """20 levels inside of each other take no more than 20 times one level."""

    def test_nested_loops(self):
        """Each of 20 loops runs the next twice: 2^20 exponentials."""

        def nested(x, level):
            if level == 0:
                return x.exp()

            def body(carry, _):
                carry = nested(carry, level - 1)
                return carry, carry.clone()

            return scan(body, x, X(2, 1))[0]

        assert self.seconds(lambda: trace_function(lambda x: nested(x, 1), X(3)))[1] == (2,)
        seconds, depths = self.seconds(lambda: trace_function(lambda x: nested(x, 20), X(3)))
        assert depths == (2**20,)
        assert seconds < 20 * max(0.1, self.seconds(lambda: trace_function(lambda x: nested(x, 1), X(3)))[0])

    def test_nested_branches(self):
        """Each of 20 branches calls the next on either side: one gate, a predicate of 2 + 1, and 20 choices."""

        def nested(x, level):
            def call(x):
                return nested(x, level - 1)

            return x.exp() if level == 0 else torch.cond(x.sum() > 0, call, call, (x,))

        assert trace_function(lambda x: nested(x, 20), X(4)) == (3 + 20,)

    def test_nested_calls(self):
        """A function of a function of a function, 20 deep, called through modules."""
        module = nn.Sequential(nn.Tanh())
        for _ in range(20):
            module = nn.Sequential(module, nn.Tanh())
        assert trace_function(module, X(3)) == (21,)

    @staticmethod
    def seconds(run):
        begin = time.perf_counter()
        depths = run()
        return time.perf_counter() - begin, depths


def test_work_on_constants_costs_nothing():
    """50 layers over constants are constants; adding them to the input is one gate. So is a loop over constants."""

    def run(x):
        constant = torch.ones(4)
        for _ in range(50):
            constant = torch.tanh(constant @ torch.ones(4, 4))
        looped = scan(lambda carry, _: (carry.sin(), carry.cos()), torch.ones(4), X(50, 1))[0]
        return x + constant, x + looped, looped

    assert trace_function(run, X(4)) == (1, 1, 0)


def test_values_inside_can_be_marked_and_the_path_is_told():
    """A thought of 3 gates a step, thought 10 times and said by 2: 32, or 3 with every thought readable."""
    think = Segment(
        name="think",
        inputs=("thought",),
        outputs=("thought",),
        fn=lambda values: {"thought": exps(values["thought"], 3)},
        repeat=(10, 10),
        example=lambda: {"thought": X(3)},
    )
    read = Segment(
        name="read",
        inputs=("tokens",),
        outputs=("thought",),
        fn=lambda values: {"thought": values["tokens"]},
        example=lambda: {"tokens": X(3)},
    )
    say = Segment(
        name="say",
        inputs=("thought",),
        outputs=("tokens",),
        fn=lambda values: {"tokens": exps(values["thought"], 2)},
        example=lambda: {"thought": X(3)},
    )
    opaque = opaque_depth([read, think, say])
    assert opaque.depth == 32
    assert [(step.segment, step.times, step.gates) for step in opaque.path] == [("think", 10, 3), ("say", 1, 2)]
    assert opaque_depth([read, think, say], interpretable=("thought",)).depth == 3
