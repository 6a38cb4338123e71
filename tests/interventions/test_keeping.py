"""Which tokens are kept: compared with plain Python over sorted lists."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from monitorbench.errors import UsageError
from monitorbench.interventions.keeping import keep_from, keep_min_p, keep_top_k, keep_top_p

IMPOSSIBLE = float("-inf")
DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
tied = st.lists(st.one_of(st.integers(-2, 2).map(float), st.just(IMPOSSIBLE)), min_size=1, max_size=10).filter(
    lambda values: max(values) > IMPOSSIBLE
)


def in_order(values: list[float]) -> list[int]:
    """Possible tokens from the likeliest to the least likely, equal ones by id."""
    possible = [token for token, value in enumerate(values) if value > IMPOSSIBLE]
    return sorted(possible, key=lambda token: (-values[token], token))


def ids(kept_V: Tensor) -> list[int]:
    return kept_V.nonzero()[:, 0].tolist()


@settings(max_examples=80, deadline=None)
@given(tied, st.integers(1, 12), st.sampled_from(DTYPES))
def test_top_k_keeps_the_first_k_possible_tokens_equal_ones_by_id(
    values: list[float], k: int, dtype: torch.dtype
) -> None:
    assert ids(keep_top_k(k)(torch.tensor(values, dtype=dtype))) == sorted(in_order(values)[:k])


@settings(max_examples=150, deadline=None)
@given(tied, st.floats(0.01, 1), st.sampled_from(DTYPES))
def test_top_p_keeps_the_fewest_likeliest_tokens_that_reach_p_equal_ones_by_id(
    values: list[float], p: float, dtype: torch.dtype
) -> None:
    order = in_order(values)
    # Exact sums of exponentials that are correct to the last bit or so: only a p this close to one is left to rounding.
    weights = [Fraction(math.exp(values[token])) for token in order]
    reached = [sum(weights[: n + 1]) / sum(weights) for n in range(len(order))]
    if p < 1 and min(abs(share - Fraction(p)) for share in reached) < 1e-12:
        return
    n = next((n for n, share in enumerate(reached) if share >= Fraction(p)), len(order) - 1)
    assert ids(keep_top_p(p)(torch.tensor(values, dtype=dtype))) == sorted(order[: n + 1])


def test_top_p_reached_exactly_takes_no_further_token() -> None:
    assert keep_top_p(0.5)(torch.zeros(4)).tolist() == [True, True, False, False]
    assert keep_top_p(0.51)(torch.zeros(4)).tolist() == [True, True, True, False]


@settings(max_examples=80, deadline=None)
@given(tied, st.floats(0.01, 1), st.sampled_from(DTYPES))
def test_min_p_keeps_what_has_p_by_itself_or_else_the_first_of_the_likeliest(
    values: list[float], p: float, dtype: torch.dtype
) -> None:
    logits_V = torch.tensor(values, dtype=dtype)
    likely = ids(logits_V.double().softmax(-1) >= p)
    kept_V, short = keep_min_p(p).marked(logits_V)
    assert short.item() == (not likely)
    assert ids(kept_V) == (likely or in_order(values)[:1])


def test_min_p_is_an_absolute_threshold() -> None:
    logits_BV = torch.tensor([[0.5, 0.3, 0.2], [0.25, 0.25, 0.5]], dtype=torch.float64).log()
    assert keep_min_p(0.25)(logits_BV).tolist() == [[True, True, False], [True, True, True]]
    assert keep_min_p(0.6)(logits_BV).tolist() == [[True, False, False], [False, False, True]]


def test_of_equal_logits_the_smaller_ids_are_kept() -> None:
    logits_BV = torch.tensor([[1.0, 2.0, 1.0, 1.0, 3.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert keep_top_k(3)(logits_BV).tolist() == [[True, True, False, False, True], [True, True, True, False, False]]
    assert keep_min_p(0.9)(logits_BV).tolist() == [[False] * 4 + [True], [True] + [False] * 4]


def test_a_suite_names_truncations() -> None:
    logits_V = torch.tensor([0.0, 1.0, 2.0])
    assert keep_from("top_k", 2.0)(logits_V).tolist() == [False, True, True]
    assert keep_from("min_p", 0.5)(logits_V).tolist() == [False, False, True]
    assert keep_from("top_p", 0.9)(logits_V).tolist() == [False, True, True]
    with pytest.raises(UsageError, match="no truncation is called 'typical'; use top_k, min_p or top_p"):
        keep_from("typical", 0.5)
