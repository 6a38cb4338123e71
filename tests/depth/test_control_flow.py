"""Branches, maps, associative scans and attention that torch is given as functions; what is refused."""

from __future__ import annotations

import functools
import subprocess
import sys
import textwrap

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch._higher_order_ops import associative_scan, cond, scan
from torch._higher_order_ops import map as map_slices
from torch._higher_order_ops.invoke_subgraph import invoke_subgraph
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from torch.utils.checkpoint import checkpoint

from monitorbench.depth import trace_function
from monitorbench.errors import UnknownOperationError, UsageError

X = torch.zeros


class TestBranches:
    """`cond`: the deepest outcome and the predicate, and as a function the gate that chooses."""

    def test_predicate_known_beforehand_chooses_nothing(self):
        def run(x):
            return cond(torch.ones(()) > 0, torch.exp, lambda x: x.sin().cos(), (x,))

        assert trace_function(run, X(3)) == trace_function(run, X(3), convention="implemented") == (2,)

    def test_each_outcome_by_itself(self):
        """Predicate 1; outcomes 1 and 3, 5 and 2 deep, and one that depends on the predicate alone."""

        def chain(x, n):
            return x if n == 0 else chain(x + 1, n - 1)

        def run(x):
            return cond(
                x[0] > 0,
                lambda x: (chain(x, 1), {"b": chain(x, 5), "c": torch.ones(3)}),
                lambda x: (chain(x, 3), {"b": chain(x, 2), "c": torch.zeros(3)}),
                (x,),
            )

        assert trace_function(run, X(3)) == (4, 6, 2)
        assert trace_function(run, X(3), convention="implemented") == (3, 5, 1)

    def test_what_a_token_chooses_is_no_token(self):
        """One of two constants, chosen by a token, is then looked up in a table of 16: 1 + 4."""
        table = nn.Embedding(16, 3)

        def run(token):
            place = cond(token, lambda: torch.tensor(3), lambda: torch.tensor(5), ())
            return table(place)

        assert trace_function(run, X((), dtype=torch.bool)) == (5,)
        assert trace_function(table, X((), dtype=torch.long)) == (0,)

    def test_functions_may_close_over_what_they_use(self):
        def run(x):
            deep = x.exp().exp().exp()
            return cond(x[0] > 0, lambda: deep + 1, lambda: x + 1, ())

        assert trace_function(run, X(3)) == (5,)

    def test_write_in_a_branch_is_seen_after_it_and_not_in_the_other(self):
        """The buffer is 3 deep in one branch and 0 in the other, which reads it unwritten; then the choice."""

        def run(x):
            buffer = torch.zeros(3)

            def write(x):
                buffer.copy_(x.exp().exp().exp())
                return x.clone()

            out = cond(x[0] > 0, write, lambda x: x + buffer, (x,))
            return out, buffer

        assert trace_function(run, X(3)) == (2, 4)

    def test_outcomes_of_different_shapes(self):
        with pytest.raises(UsageError, match="the branches of a cond return values of different shapes"):
            trace_function(lambda x: cond(x[0] > 0, lambda x: x[:2].clone(), torch.exp, (x,)), X(3))

    def test_inside_attention_is_still_one_operation(self):
        """Attention over one window is counted alike inside and outside of a branch; the choice is one gate."""

        def attend(q):
            return nn.functional.scaled_dot_product_attention(q, q, q)

        q = X(1, 2, 16, 8)
        (plain,) = trace_function(attend, q)
        assert trace_function(lambda q: cond(torch.ones(()) > 0, attend, attend, (q,)), q) == (plain,)


class TestSlices:
    def test_map_reads_its_slices_and_what_it_closes_over(self):
        """One gate on a slice that is 1 deep, one on a value that is 3 deep."""

        def run(x_PD):
            deep = x_PD[0].exp().exp().exp()
            return map_slices(lambda x_D: (x_D + 1, x_D + deep), x_PD.exp())

        assert trace_function(run, X(10, 3)) == (2, 4)

    @pytest.mark.parametrize("n", [1, 2, 3, 8, 1000])
    def test_associative_scan_has_lg_n_levels(self, n):
        """Each level adds one gate to what lies left, two to what lies right."""

        def combine(x, y):
            return torch.maximum(x, y * 2)

        levels = (n - 1).bit_length()
        assert trace_function(lambda x: associative_scan(combine, x, 0, False, "generic"), X(n, 3)) == (2 * levels,)

    @pytest.mark.parametrize("n", [2, 8, 16])
    def test_associative_scan_is_as_deep_as_the_tree_it_is(self, n):
        def combine(x, y):
            return x[0] * y[0], y[0] * x[1] + y[1]

        def tree(a, b):
            while len(a) > 1:
                a, b = combine((a[::2], b[::2]), (a[1::2], b[1::2]))
            return a, b

        def whole(a, b):
            return associative_scan(combine, (a, b), 0, False, "generic")

        assert trace_function(whole, X(n, 3), X(n, 3)) == trace_function(tree, X(n, 3), X(n, 3))

    def test_as_the_program_it_takes_the_steps_that_torch_takes(self):
        """Pairs on the way up and again on the way down: 2 lg n - 1 sums."""

        def run(x):
            return associative_scan(torch.add, x, 0, False, "generic")

        assert trace_function(run, X(64, 3), convention="implemented") == (11,)


class TestAttention:
    """`flex_attention` has the depth of what it computes."""

    q = X(1, 2, 16, 8)

    @pytest.mark.parametrize("convention", ["circuit", "implemented"])
    def test_plain(self, convention):
        """lg 8 + 1 and the scale; softmax over 16, in the program with its mask; lg 16 + 1."""
        expected = {"circuit": 5 + 6 + 5, "implemented": 5 + 1 + 11 + 5}[convention]
        assert trace_function(lambda q: flex_attention(q, q, q), self.q, convention=convention) == (expected,)

    def test_scores_are_modified(self):
        """A bias from a constant table is one gate, read at known places; a computed bias enters there, 3 deep."""

        def run(q, table):
            return flex_attention(q, q, q, score_mod=lambda score, _b, h, i, j: score + table[h, i - j])

        assert trace_function(lambda q: run(q, X(2, 31)), self.q) == (17,)
        assert trace_function(lambda q: run(X(1, 2, 16, 8), (q * 2).exp().sin()), X(2, 31)) == (3 + 1 + 6 + 5,)

    def test_mask_known_beforehand_is_structure_and_a_computed_one_a_choice(self):
        causal = create_block_mask(lambda _b, _h, i, j: i >= j, None, None, 16, 16, device="cpu")
        assert trace_function(lambda q: flex_attention(q, q, q, block_mask=causal), self.q) == (16,)

        def within_documents(q, document):
            def same(_b, _h, i, j):
                return document[i] == document[j]

            mask = create_block_mask(same, None, None, 16, 16, device="cpu")
            return flex_attention(q, q, q, block_mask=mask)

        depth, mask_alone = 17, 1 + 1 + 6 + 5
        assert trace_function(within_documents, self.q, X(16, dtype=torch.long)) == (depth,)
        assert trace_function(lambda d: within_documents(self.q, d), X(16, dtype=torch.long)) == (mask_alone,)


class TestWrappers:
    def test_checkpoints_compiled_functions_and_subgraphs_are_what_they_wrap(self):
        def two(x):
            return x.exp() + 1

        def run(x):
            again = checkpoint(two, x, use_reentrant=False)
            return torch.compile(two)(again), torch.compile(dynamic=False)(two)(again), invoke_subgraph(two, "", again)

        assert trace_function(run, X(3)) == (4, 4, 4)

    def test_what_was_traced_can_still_be_run_and_compiled(self):
        """In a process of its own: torch remembers what it was told not to compile."""
        code = """
            import torch
            from monitorbench.depth import trace_function

            class Branch(torch.nn.Module):
                def forward(self, x):
                    return torch.cond(x.sum() > 0, lambda x: x * 2, lambda x: x * 3, (x,))

            for _ in range(2):
                assert trace_function(Branch(), torch.ones(3)) == (4,)
                assert Branch()(torch.ones(3)).tolist() == [2, 2, 2]
                assert torch.compile(Branch(), backend="eager")(-torch.ones(3)).tolist() == [-3, -3, -3]
                assert torch.export.export(Branch(), (torch.ones(3),)).module()(torch.ones(3)).tolist() == [2, 2, 2]
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def test_higher_order_operation_without_a_rule(self):
        from torch._higher_order_ops import strict_mode

        with pytest.raises(UnknownOperationError, match="higher-order operation strict_mode; write it with one of"):
            trace_function(lambda x: strict_mode(torch.exp, (x,)), X(3))


PIECES = {
    "tanh": torch.tanh,
    "cond": lambda x: cond(x.sum() > 0, torch.exp, lambda x: x.sin().cos(), (x,)),
    "loop": lambda x: scan(lambda h, row: ((h * row).sin(), h + row), x[0], x)[1],
    "map": lambda x: map_slices(lambda row: row.softmax(-1), x),
    "scan": lambda x: associative_scan(torch.add, x, 0, False, "generic"),
}
pieces = st.sampled_from(sorted(PIECES))


class TestProperties:
    """What holds of depth however control flow is put together."""

    @settings(max_examples=30, deadline=None)
    @given(st.lists(pieces, max_size=4), pieces, st.sampled_from(["circuit", "implemented", "nls"]))
    def test_one_more_operation_never_lowers_depth(self, names, last, convention):
        def build(names):
            return lambda x: functools.reduce(lambda x, name: PIECES[name](x), names, x)

        fewer, more = (trace_function(build(n), X(4, 4), convention=convention) for n in (names, [*names, last]))
        assert more >= fewer


class TestRefusals:
    """Control flow over values in Python says so, and where."""

    @pytest.mark.parametrize(
        ("fn", "what"),
        [
            (lambda x: x if x.sum() > 0 else -x, "`if`, bool"),
            (lambda x: x * bool(x[0] > 0), "bool"),
            (lambda x: x * int(x[0]), "int"),
            (lambda x: x * x.tolist()[0], "tolist"),
            (lambda x: x * x[0].item(), "item"),
            (lambda x: [x] * x.argmax(), "`if`, bool"),
            (lambda x: x.nonzero(), "nonzero"),
            (lambda x: torch.where(x > 0), "where"),
            (lambda x: x[x > 0], "indexing by a mask"),
            (lambda x: x.masked_select(x > 0), "masked_select"),
            (lambda x: x.unique(), "unique"),
            (lambda x: x.repeat_interleave(x.long()), "repeat_interleave"),
        ],
    )
    def test_reading_a_value(self, fn, what):
        class Peek(nn.Module):
            def forward(self, x):
                return fn(x)

        with pytest.raises(UnknownOperationError) as caught:
            trace_function(nn.Sequential(nn.Tanh(), Peek()), X(4))
        assert what in caught.value.what
        assert "reads the value of a tensor, and a value that is traced has only a shape" in caught.value.what
        assert caught.value.where == "1"
        assert "torch.cond and while_loop" in caught.value.fix
