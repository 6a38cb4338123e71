"""Segments joined by names: cuts, repeats, and the path that explains the number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from monitorbench.adapters.base import Segment
from monitorbench.depth import compose, opaque_depth, trace_function, trace_segment
from monitorbench.errors import UsageError


def tanhs(x: Tensor, n: int) -> Tensor:
    for _ in range(n):
        x = torch.tanh(x)
    return x


def segment(
    name: str,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    fn: Callable[[Any], Any],
    repeat: tuple[int, int] = (1, 1),
) -> Segment:
    """A segment whose values are all vectors of length 4."""
    return Segment(
        name=name,
        inputs=inputs,
        outputs=outputs,
        fn=fn,
        repeat=repeat,
        example=lambda: {key: torch.zeros(4) for key in inputs},
    )


def thinking(steps: int, *, gates: int = 3) -> tuple[Segment, Segment, Segment]:
    """Read tokens into a thought, think for a number of steps, say it."""
    return (
        segment("read", ("tokens.prompt",), ("thought",), lambda v: {"thought": tanhs(v["tokens.prompt"], 2)}),
        segment("think", ("thought",), ("thought",), lambda v: {"thought": tanhs(v["thought"], gates)}, (1, steps)),
        segment("say", ("thought",), ("tokens",), lambda v: {"tokens": tanhs(v["thought"], 5)}),
    )


class TestCuts:
    """A path ends where it meets an interpretable value, and begins there anew."""

    @pytest.mark.parametrize("steps", [1, 2, 7, 1000, 10**6])
    def test_opaque_thoughts_add_up(self, steps):
        result = opaque_depth(thinking(steps))
        assert (result.depth, result.depth_at_fewest_repeats) == (2 + 3 * steps + 5, 2 + 3 + 5)

    @pytest.mark.parametrize("steps", [1, 1000])
    def test_interpretable_thoughts_leave_the_deepest_piece(self, steps):
        result = opaque_depth(thinking(steps), interpretable=frozenset({"thought"}))
        (piece,) = result.path
        assert (piece.segment, piece.source, piece.end, piece.gates) == ("say", "thought", "tokens", 5)
        assert result.depth == 5

    def test_segment_that_may_not_run_at_all(self):
        read, think, say = thinking(4)
        assert opaque_depth([read, replace(think, repeat=(0, 4)), say]).depth_at_fewest_repeats == 2 + 5

    def test_tokens_are_always_cut(self):
        write = segment("write", ("tokens",), ("tokens",), lambda v: {"tokens": tanhs(v["tokens"], 4)}, (1, 100))
        assert opaque_depth([write]).depth == 4

    def test_what_nothing_has_put_out_is_a_constant_even_when_interpretable(self):
        def step(values):
            return {"carry": tanhs(values["tokens"], 1) + tanhs(values["carry"], 9)}

        once = segment("step", ("tokens", "carry"), ("carry",), step)
        assert opaque_depth([once]).depth == 2
        assert opaque_depth([once], interpretable=frozenset({"carry"})).depth == 2

    def test_cutting_never_raises_depth(self):
        for steps in (1, 2, 9):
            segments = thinking(steps)
            assert opaque_depth(segments, interpretable=frozenset({"thought"})).depth <= opaque_depth(segments).depth

    def test_depth_belongs_to_a_tensor_not_to_its_name(self):
        def two(values):
            return {"kv": {"deep": tanhs(values["tokens"], 50), "shallow": tanhs(values["tokens"], 1)}}

        def read(values):
            return {"tokens": tanhs(values["kv"]["shallow"], 2)}

        first = segment("fill", ("tokens",), ("kv",), two)
        second = Segment(
            name="read",
            inputs=("kv",),
            outputs=("tokens",),
            fn=read,
            example=lambda: {"kv": {"deep": torch.zeros(4), "shallow": torch.zeros(4)}},
        )
        reader_only = compose([trace_segment(first), trace_segment(second)])
        assert reader_only.path[0].end == "kv['deep']"  # the deepest value there is, although no one reads it
        assert reader_only.depth == 50


names = ("a", "b", "tokens")
programs = st.lists(
    st.tuples(st.sampled_from(names), st.lists(st.tuples(st.sampled_from(names), st.integers(0, 3)), max_size=3)),
    min_size=1,
    max_size=3,
    unique_by=lambda row: row[0],
)


def step_of(program: Any) -> Callable[[Any], dict[str, Tensor]]:
    """One step: each named value is the sum of others, each after some gates; a value of nothing is a constant."""

    def step(values):
        out = {}
        for name, terms in program:
            total = torch.zeros(4)
            for source, gates in terms:
                total = total + tanhs(values[source], gates)
            out[name] = total
        return out

    return step


@settings(max_examples=50, deadline=None)
@given(programs, st.integers(1, 12))
def test_repeated_map_equals_the_full_unroll(program, times):
    """Every carried value starts from an input, so that the unrolled program traces the same paths."""
    step = step_of(program)
    carried = ("a", "b")
    start = segment("start", ("tokens",), carried, lambda v: {name: torch.tanh(v["tokens"]) for name in carried})
    outputs = tuple(name for name, _ in program)
    repeated = segment("step", names, outputs, step, (1, times))

    def unrolled(tokens):
        state = {name: torch.tanh(tokens) for name in carried}
        everything = []
        for _ in range(times):
            state = {**state, **step({**state, "tokens": tokens})}
            everything.append(state.pop("tokens", tokens))
        return [*everything, *state.values()]

    assert opaque_depth([start, repeated]).depth == max(trace_function(unrolled, torch.zeros(4)))


def test_rnn_of_many_steps_equals_the_traced_loop():
    cell = torch.nn.RNNCell(8, 8, bias=False)

    def step(values):
        return {"h": cell(values["x"], values["h"])}

    example = {"x": torch.zeros(1, 8), "h": torch.zeros(1, 8)}
    one = Segment(
        name="step", inputs=("tokens.x", "h"), outputs=("h",), repeat=(1, 50), module=cell,
        fn=lambda v: step({"x": v["tokens.x"], "h": v["h"]}),
        example=lambda: {"tokens.x": example["x"], "h": example["h"]},
    )  # fmt: skip
    assert opaque_depth([one]).depth == 6 * 50
    assert trace_function(torch.nn.RNN(8, 8, bias=False), torch.zeros(50, 1, 8))[0] == 6 * 50


class TestExplanation:
    """The critical path adds up to the depth and names segments, modules and operations."""

    @pytest.mark.parametrize("steps", [1, 3, 48])
    def test_gates_add_up(self, steps):
        result = opaque_depth(thinking(steps))
        assert sum(step.times * step.gates for step in result.path) == result.depth
        assert all(sum(op.gates for op in step.operations) == step.gates for step in result.path)
        assert [(step.segment, step.times) for step in result.path] == [("read", 1), ("think", steps), ("say", 1)]

    def test_operations_carry_their_module(self):
        mlp = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh())
        one = Segment(
            name="mlp", inputs=("tokens",), outputs=("tokens",), module=mlp,
            fn=lambda v: {"tokens": mlp(v["tokens"])}, example=lambda: {"tokens": torch.zeros(1, 4)},
        )  # fmt: skip
        (step,) = opaque_depth([one]).path
        assert [(op.module, op.operation, op.gates) for op in step.operations] == [("0", "addmm", 4), ("1", "tanh", 1)]

    def test_segments_by_themselves(self):
        assert [(s.segment, s.gates, s.repeat) for s in opaque_depth(thinking(7)).segments] == [
            ("read", 2, (1, 1)),
            ("think", 3, (1, 7)),
            ("say", 5, (1, 1)),
        ]


class TestMistakes:
    def test_no_segment(self):
        with pytest.raises(UsageError, match="no segment"):
            opaque_depth([])

    def test_unknown_convention(self):
        with pytest.raises(UsageError, match="use one of circuit, implemented, nls, layers"):
            opaque_depth(thinking(1), convention="blocks")  # type: ignore[arg-type]  # the mistake under test

    def test_output_that_is_not_there(self):
        with pytest.raises(UsageError, match="outputs of the segment lack b"):
            opaque_depth([segment("half", ("tokens",), ("a", "b"), lambda v: {"a": v["tokens"]})])

    def test_names_whose_structure_differs(self):
        first = segment("first", ("tokens",), ("kv",), lambda v: {"kv": [v["tokens"]]})
        second = segment("second", ("kv",), ("tokens",), lambda v: {"tokens": v["kv"]})
        with pytest.raises(UsageError, match="no segment puts that tensor out under the name kv"):
            opaque_depth([first, second])
