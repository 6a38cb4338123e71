"""Truncation keeps the probability of what it keeps, exactly, and never says more than that."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from monitorbench.errors import UsageError
from monitorbench.interventions.truncation import Keep, keep_from, keep_min_p, keep_top_k, truncate

DTYPES = {torch.float32: 2e-5, torch.float64: 1e-12}
"""Relative precision at which probabilities are compared."""


@st.composite
def logits(draw: st.DrawFn) -> Tensor:
    """A row of 1 to 12 logits, many of them tied."""
    values = draw(st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-30, 30)), min_size=1, max_size=12))
    return torch.tensor(values, dtype=draw(st.sampled_from(list(DTYPES))))


keeps: st.SearchStrategy[Keep] = st.one_of(
    st.integers(1, 15).map(keep_top_k),
    st.floats(0.001, 1).map(keep_min_p),
    st.sampled_from([0.25, 0.5, 1.0]).map(keep_min_p),
)


@settings(max_examples=80, deadline=None)
@given(logits(), keeps)
def test_haze_keeps_kept_probabilities_and_spreads_the_rest_evenly(logits_V: Tensor, keep: Keep) -> None:
    tolerance, kept_V = DTYPES[logits_V.dtype], keep(logits_V)
    before_V, cut_V = logits_V.double().softmax(-1), truncate(logits_V, keep)
    after_V = cut_V.double().softmax(-1)
    assert cut_V.dtype == logits_V.dtype
    assert torch.equal(cut_V[kept_V], logits_V[kept_V])
    torch.testing.assert_close(after_V[kept_V], before_V[kept_V], rtol=tolerance, atol=0)
    assert after_V.sum().item() == pytest.approx(1)
    assert cut_V[~kept_V].unique().numel() <= 1
    assert after_V[~kept_V].sum().item() == pytest.approx(before_V[~kept_V].sum().item(), rel=10 * tolerance)


@settings(max_examples=80, deadline=None)
@given(logits(), keeps)
def test_renorm_leaves_the_kept_tokens_their_proportions(logits_V: Tensor, keep: Keep) -> None:
    kept_V, after_V = keep(logits_V), truncate(logits_V, keep, fill="renorm").double().softmax(-1)
    assert after_V.sum().item() == pytest.approx(1)
    if kept_V.any():
        assert not after_V[~kept_V].any()
        torch.testing.assert_close(
            after_V[kept_V], logits_V.double()[kept_V].softmax(-1), rtol=DTYPES[logits_V.dtype], atol=0
        )
    else:
        torch.testing.assert_close(after_V, torch.full_like(after_V, 1 / after_V.numel()))


@settings(max_examples=40, deadline=None)
@given(logits(), st.integers(0, 3), st.sampled_from(["haze", "renorm"]))
def test_keeping_all_is_the_identity_bit_for_bit(logits_V: Tensor, more: int, fill: str) -> None:
    assert torch.equal(truncate(logits_V, keep_top_k(logits_V.numel() + more), fill=fill), logits_V)
    assert torch.equal(truncate(logits_V, keep_min_p(1e-300), fill=fill), logits_V)


@settings(max_examples=40, deadline=None)
@given(logits(), st.integers(1, 12))
def test_top_k_keeps_exactly_k_of_the_largest_ties_or_not(logits_V: Tensor, k: int) -> None:
    kept_V = keep_top_k(k)(logits_V)
    assert int(kept_V.sum()) == min(k, logits_V.numel())
    if not kept_V.all():
        assert logits_V[kept_V].min() >= logits_V[~kept_V].max()


def test_of_equal_logits_the_smaller_ids_are_kept() -> None:
    logits_BV = torch.tensor([[1.0, 2.0, 1.0, 1.0, 3.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert keep_top_k(3)(logits_BV).tolist() == [[True, True, False, False, True], [True, True, True, False, False]]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(2, 9), keeps, st.sampled_from(["haze", "renorm"]))
def test_what_is_worked_on_at_once_makes_no_difference(B: int, P: int, V: int, keep: Keep, fill: str) -> None:
    logits_BPV = torch.randn((B, P, V), generator=torch.Generator().manual_seed(B + P + V))
    with pytest.MonkeyPatch.context() as patch:
        whole_BPV = truncate(logits_BPV, keep, fill=fill)
        patch.setattr("monitorbench.interventions.truncation.MOST_AT_ONCE", 2 * V)
        assert torch.equal(truncate(logits_BPV, keep, fill=fill), whole_BPV)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_a_large_vocabulary_in_any_precision(dtype: torch.dtype) -> None:
    logits_BPV = 4 * torch.randn((2, 40, 262_144), generator=torch.Generator().manual_seed(0))
    logits_BPV = logits_BPV.to(dtype)
    cut_BPV = truncate(logits_BPV, keep_top_k(8))
    kept_BPV = keep_top_k(8)(logits_BPV)
    assert int(kept_BPV.sum()) == 2 * 40 * 8
    assert torch.equal(cut_BPV[kept_BPV], logits_BPV[kept_BPV])
    left_BP = logits_BPV.double().softmax(-1).masked_fill(kept_BPV, 0).sum(-1)
    spread_BP = cut_BPV.double().softmax(-1).masked_fill(kept_BPV, 0).sum(-1)
    torch.testing.assert_close(spread_BP, left_BP, rtol=0.0, atol=4 * torch.finfo(dtype).eps)


def test_min_p_is_an_absolute_threshold_and_may_keep_nothing() -> None:
    logits_BV = torch.tensor([[0.5, 0.3, 0.2], [0.25, 0.25, 0.5]], dtype=torch.float64).log()
    assert keep_min_p(0.25)(logits_BV).tolist() == [[True, True, False], [True, True, True]]
    assert keep_min_p(0.6)(logits_BV).any().item() is False
    for fill in ("haze", "renorm"):
        torch.testing.assert_close(
            truncate(logits_BV, keep_min_p(0.6), fill=fill).softmax(-1), torch.full((2, 3), 1 / 3, dtype=torch.float64)
        )


def test_top_1_renormed_is_one_hot() -> None:
    cut_BPV = truncate(torch.tensor([[[1.0, 3.0, 2.0]]]), keep_top_k(1), fill="renorm")
    assert cut_BPV.softmax(-1).tolist() == [[[0.0, 1.0, 0.0]]]


def test_impossible_tokens_stay_impossible() -> None:
    logits_V = torch.tensor([2.0, 1.0, float("-inf"), float("-inf")])
    assert truncate(logits_V, keep_top_k(2)).softmax(-1).tolist() == logits_V.softmax(-1).tolist()


def test_a_suite_names_truncations_and_fillings() -> None:
    logits_V = torch.tensor([0.0, 1.0, 2.0])
    assert keep_from("top_k", 2.0)(logits_V).tolist() == [False, True, True]
    assert keep_from("min_p", 0.5)(logits_V).tolist() == [False, False, True]
    with pytest.raises(UsageError, match="no truncation is called 'top_p'; use top_k or min_p"):
        keep_from("top_p", 0.5)
    with pytest.raises(UsageError, match="no filling is called 'zero'; use haze or renorm"):
        truncate(logits_V, keep_top_k(1), fill="zero")
