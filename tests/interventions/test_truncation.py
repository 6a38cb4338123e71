"""Truncation keeps the probability of what it keeps, exactly, and never says more than that."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from monitorbench.errors import UsageError
from monitorbench.interventions.keeping import Keep, keep_min_p, keep_top_k, keep_top_p
from monitorbench.interventions.truncation import FILLS, truncate, truncated

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
IMPOSSIBLE = float("-inf")


@st.composite
def logits(draw: st.DrawFn) -> Tensor:
    """A row of 1 to 12 logits in any precision, many of them tied, some of them -inf, at least one finite."""
    finite = st.one_of(st.integers(-3, 3).map(float), st.floats(-30, 30))
    values = draw(st.lists(st.one_of(finite, finite, finite, st.just(IMPOSSIBLE)), min_size=0, max_size=11))
    values.insert(draw(st.integers(0, len(values))), draw(finite))
    return torch.tensor(values, dtype=draw(st.sampled_from(DTYPES)))


shares = st.one_of(st.floats(0.001, 1), st.sampled_from([0.25, 0.5, 1.0]))
keeps: st.SearchStrategy[Keep] = st.one_of(
    st.integers(1, 15).map(keep_top_k), shares.map(keep_min_p), shares.map(keep_top_p)
)


@settings(max_examples=200, deadline=None)
@given(logits(), keeps)
def test_haze_keeps_kept_probabilities_and_spreads_the_rest_evenly(logits_V: Tensor, keep: Keep) -> None:
    """Probabilities before and after are softmaxes in double precision of what goes in and comes out.

    The one inexact number is the constant c, rounded to the type of the logits; 1e-12 is for the softmaxes.
    """
    kept_V = keep(logits_V)
    before_V, cut_V = logits_V.double().softmax(-1), truncate(logits_V, keep)
    after_V, left = cut_V.double().softmax(-1), before_V[~kept_V].sum().item()
    rounded = sum(cut_V[~kept_V].unique().double().abs().tolist()) * torch.finfo(logits_V.dtype).eps if left else 0.0
    assert cut_V.dtype == logits_V.dtype
    assert not cut_V.isnan().any()
    assert torch.equal(cut_V[kept_V], logits_V[kept_V])
    torch.testing.assert_close(after_V[kept_V], before_V[kept_V], rtol=left * rounded + 1e-12, atol=0)
    assert after_V.sum().item() == pytest.approx(1, abs=1e-12)
    assert cut_V[~kept_V].unique().numel() <= 1
    assert after_V[~kept_V].sum().item() == pytest.approx(left, rel=rounded + 1e-12, abs=0)


@settings(max_examples=80, deadline=None)
@given(logits(), keeps)
def test_renorm_leaves_the_kept_tokens_their_proportions(logits_V: Tensor, keep: Keep) -> None:
    kept_V, after_V = keep(logits_V), truncate(logits_V, keep, fill="renorm").double().softmax(-1)
    assert after_V.sum().item() == pytest.approx(1)
    assert not after_V[~kept_V].any()
    torch.testing.assert_close(after_V[kept_V], logits_V.double()[kept_V].softmax(-1), rtol=1e-12, atol=0)


@settings(max_examples=80, deadline=None)
@given(logits(), keeps)
def test_onehot_is_the_first_of_the_likeliest_with_all_the_probability(logits_V: Tensor, keep: Keep) -> None:
    cut_V = truncate(logits_V, keep, fill="onehot")
    first = logits_V.tolist().index(logits_V.max().item())
    assert cut_V.softmax(-1).tolist() == [float(token == first) for token in range(logits_V.numel())]
    assert cut_V[first] == logits_V[first]


@settings(max_examples=80, deadline=None)
@given(logits(), st.integers(0, 3), st.sampled_from(["haze", "renorm"]))
def test_keeping_all_is_the_identity_bit_for_bit(logits_V: Tensor, more: int, fill: str) -> None:
    for keep in (keep_top_k(logits_V.numel() + more), keep_top_p(1.0), keep_min_p(1e-300)):
        assert torch.equal(truncate(logits_V, keep, fill=fill), logits_V)


@settings(max_examples=40, deadline=None)
@given(logits(), st.integers(1, 12))
def test_fewer_finite_logits_than_k_come_back_as_they_are(logits_V: Tensor, more: int) -> None:
    finite = int(logits_V.isfinite().sum())
    for fill in ("haze", "renorm"):
        assert torch.equal(truncate(logits_V, keep_top_k(finite - 1 + more), fill=fill), logits_V)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fill", FILLS)
def test_one_possible_token_among_impossible_ones_stays_where_it_is(fill: str, dtype: torch.dtype) -> None:
    logits_V = torch.full((9,), IMPOSSIBLE, dtype=dtype)
    logits_V[4] = -2.0
    for keep in (keep_top_k(1), keep_top_k(3), keep_min_p(0.5), keep_min_p(1.0), keep_top_p(0.9), keep_top_p(1.0)):
        assert torch.equal(truncate(logits_V, keep, fill=fill), logits_V)


@pytest.mark.parametrize("fill", FILLS)
def test_a_row_without_any_possible_token_says_nothing_and_is_no_nan(fill: str) -> None:
    logits_V = torch.full((4,), IMPOSSIBLE)
    for keep in (keep_top_k(2), keep_min_p(0.1), keep_top_p(0.9)):
        assert torch.equal(truncate(logits_V, keep, fill=fill), logits_V)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(2, 9), keeps, st.sampled_from(FILLS))
def test_what_is_worked_on_at_once_makes_no_difference(B: int, P: int, V: int, keep: Keep, fill: str) -> None:
    logits_BPV = torch.randn((B, P, V), generator=torch.Generator().manual_seed(B + P + V))
    with pytest.MonkeyPatch.context() as patch:
        whole_BPV = truncate(logits_BPV, keep, fill=fill)
        patch.setattr("monitorbench.interventions.truncation.MOST_AT_ONCE", 2 * V)
        assert torch.equal(truncate(logits_BPV, keep, fill=fill), whole_BPV)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_a_large_vocabulary_in_any_precision(dtype: torch.dtype) -> None:
    logits_BPV = 4 * torch.randn((2, 8, 262_144), generator=torch.Generator().manual_seed(0))
    logits_BPV = logits_BPV.to(dtype)
    cut_BPV = truncate(logits_BPV, keep_top_k(8))
    kept_BPV = keep_top_k(8)(logits_BPV)
    assert int(kept_BPV.sum()) == 2 * 8 * 8
    assert torch.equal(cut_BPV[kept_BPV], logits_BPV[kept_BPV])
    left_BP = logits_BPV.double().softmax(-1).masked_fill(kept_BPV, 0).sum(-1)
    spread_BP = cut_BPV.double().softmax(-1).masked_fill(kept_BPV, 0).sum(-1)
    torch.testing.assert_close(spread_BP, left_BP, rtol=0.0, atol=4 * torch.finfo(dtype).eps)


def test_top_1_renormed_is_one_hot() -> None:
    cut_BPV = truncate(torch.tensor([[[1.0, 3.0, 2.0]]]), keep_top_k(1), fill="renorm")
    assert cut_BPV.softmax(-1).tolist() == [[[0.0, 1.0, 0.0]]]


def test_impossible_tokens_stay_impossible() -> None:
    logits_V = torch.tensor([2.0, 1.0, float("-inf"), float("-inf")])
    assert truncate(logits_V, keep_top_k(2)).softmax(-1).tolist() == logits_V.softmax(-1).tolist()


def test_it_is_said_where_only_the_likeliest_was_kept_for_want_of_another() -> None:
    logits_BV = torch.tensor([[0.5, 0.3, 0.2], [0.4, 0.2, 0.4]], dtype=torch.float64).log()
    cut_BV, short_B = truncated(logits_BV, keep_min_p(0.45))
    assert short_B.tolist() == [False, True]
    torch.testing.assert_close(
        cut_BV.softmax(-1), torch.tensor([[0.5, 0.25, 0.25], [0.4, 0.3, 0.3]], dtype=torch.float64)
    )


def test_gradients_reach_kept_and_dropped_tokens() -> None:
    logits_V = torch.tensor([2.0, 1.0, 0.0], requires_grad=True)
    truncate(logits_V, keep_top_k(1)).softmax(-1)[0].backward()
    # Its probability is what it was, so that its gradient is, too.
    expected = torch.tensor([2.0, 1.0, 0.0], requires_grad=True)
    expected.softmax(-1)[0].backward()
    torch.testing.assert_close(logits_V.grad, expected.grad)


def test_there_is_no_other_filling() -> None:
    with pytest.raises(UsageError, match="no filling is called 'zero'; use haze, renorm or onehot"):
        truncate(torch.zeros(3), keep_top_k(1), fill="zero")
