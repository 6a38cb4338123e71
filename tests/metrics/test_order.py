"""Order against fixtures with known answers, scipy, published values, and the invariances that define it."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from monitorbench.metrics.order import block_order, pairs_by_lag, permutation_null, rollout_order
from monitorbench.metrics.times import content_times, mid_ranks
from monitorbench.metrics.trace import BlockTrace

quick = settings(max_examples=50, deadline=None)
times = st.lists(st.integers(0, 12), min_size=9, max_size=60).map(np.array)


def test_autoregressive_decoding_is_in_order_and_fully_resolved():
    order = block_order(np.arange(200))

    assert (order.gamma.value, order.resolved.value, order.tau_b.value) == (1.0, 1.0, 1.0)


def test_sixteen_at_once_is_in_order_and_only_less_resolved():
    """Pooling order with parallelism would report .962."""
    order = block_order(np.arange(200) // 16)

    assert order.gamma.value == 1.0
    assert order.tau_b.value == pytest.approx(0.962, abs=5e-4)
    assert order.resolved.value == pytest.approx(0.962**2, abs=1e-3)


def test_right_to_left_is_minus_one():
    order = block_order(np.arange(200)[::-1])

    assert (order.gamma.value, order.resolved.value, order.tau_b.value) == (-1.0, 1.0, -1.0)


def test_random_order_is_zero_with_the_known_spread():
    """SD of Kendall's tau without ties: sqrt(2 (2n + 5) / (9 n (n - 1))) = .042 at n = 256."""
    rng = np.random.default_rng(0)
    concordant, discordant = pairs_by_lag(rng.permuted(np.tile(np.arange(256), (600, 1)), axis=1))
    gammas = (concordant - discordant).sum(axis=1) / (255 * 128)

    assert gammas.mean() == pytest.approx(0.0, abs=0.006)
    assert gammas.std() == pytest.approx(0.042, abs=0.004)


def test_pooling_canvases_would_fake_order():
    """Four canvases in random order inside: .751 pooled, nothing within."""
    rng = np.random.default_rng(1)
    draws = [[rng.permutation(256) for _ in range(4)] for _ in range(20)]
    pooled = [block_order(np.concatenate([256 * k + block for k, block in enumerate(blocks)])) for blocks in draws]
    within = [rollout_order(blocks).gamma.value for blocks in draws]

    assert np.mean([order.gamma.value * order.resolved.value for order in pooled]) == pytest.approx(0.751, abs=0.006)
    assert np.mean(within) == pytest.approx(0.0, abs=0.02)


def padding_fixture() -> BlockTrace:
    """216 positions of padding from the far end, one per step, then 40 of content left to right."""
    times_P = np.concatenate([216 + np.arange(40), np.arange(216)[::-1]])
    tokens_SP = np.where(times_P <= np.arange(256)[:, None], 7, -1).astype(np.int32)
    return BlockTrace(
        tokens_SP=tokens_SP,
        committed_SP=tokens_SP >= 0,
        entropy_SP=np.zeros((256, 256), np.float32),
        content_P=np.arange(256) < 40,
    )


def test_padding_fakes_right_to_left_order_and_content_alone_does_not():
    block = padding_fixture()
    everything = BlockTrace(
        tokens_SP=block.tokens_SP,
        committed_SP=block.committed_SP,
        entropy_SP=block.entropy_SP,
        content_P=np.ones(256, bool),
    )

    assert block_order(content_times(everything)).tau_b.value == pytest.approx(-0.952, abs=5e-4)
    content = block_order(content_times(block))
    assert (content.gamma.value, content.tau_b.value, content.positions) == (1.0, 1.0, 40)


@pytest.mark.parametrize(
    ("times_N", "reason"),
    [
        (np.zeros(64, int), "all content determined in one step"),
        (np.arange(7), "fewer than 8 content positions"),
        (np.arange(0), "fewer than 8 content positions"),
        (np.array([0] * 20 + [1]), "fewer than 30 resolved pairs"),
    ],
)
def test_too_little_to_order_is_undefined(times_N, reason):
    order = block_order(times_N)

    assert (order.gamma.value, order.tau_b.value) == (None, None)
    assert order.gamma.status == f"undefined: {reason}"


def test_one_call_is_undefined_order_but_zero_resolved():
    assert block_order(np.zeros(64, int)).resolved.value == 0.0


@pytest.mark.parametrize(
    ("tau_b", "tied", "gamma"),
    [
        pytest.param(0.512, 0.28, 0.60, id="GSM8K"),
        pytest.param(0.430, 0.49, 0.60, id="HumanEval"),
        pytest.param(0.604, 0.19, 0.67, id="MBPP"),
        pytest.param(0.460, 0.50, 0.65, id="factual"),
        pytest.param(0.502, 0.11, 0.53, id="open-ended"),
        pytest.param(-0.044, 0.72, -0.08, id="JSON"),
    ],
)
def test_published_triples_obey_the_identity(tau_b, tied, gamma):
    """arXiv 2606.14620: tau_b and the tied share as published, gamma derived."""
    assert tau_b / np.sqrt(1.0 - tied) == pytest.approx(gamma, abs=0.006)


@given(times)
@quick
def test_tau_b_is_scipys_and_gamma_root_resolved(times_N):
    order = block_order(times_N)
    assume(order.gamma.value is not None)

    assert order.tau_b.value == pytest.approx(kendalltau(np.arange(times_N.size), times_N).statistic)
    assert order.tau_b.value == pytest.approx(order.gamma.value * np.sqrt(order.resolved.value))


@given(times)
@quick
def test_only_the_order_of_times_matters(times_N):
    assert block_order(times_N) == block_order(times_N**3 + 5)


@given(times)
@quick
def test_ranks_give_the_same_order_as_times(times_N):
    twice_the_ranks_N = (2 * mid_ranks(times_N)).astype(np.int64)

    assert block_order(twice_the_ranks_N) == block_order(times_N)


@given(times)
@quick
def test_reversing_the_text_flips_the_sign(times_N):
    order, mirrored = block_order(times_N), block_order(times_N[::-1])
    assume(order.gamma.value is not None)

    assert mirrored.gamma.value == -order.gamma.value
    assert mirrored.resolved == order.resolved


@given(times, st.integers(0, 20), st.integers(0, 15))
@quick
def test_padding_outside_the_content_changes_nothing(times_N, padding, padding_time):
    def block(times_P: np.ndarray) -> BlockTrace:
        tokens_SP = np.where(times_P <= np.arange(16)[:, None], 3, -1).astype(np.int32)
        return BlockTrace(
            tokens_SP=tokens_SP,
            committed_SP=tokens_SP >= 0,
            entropy_SP=np.zeros(tokens_SP.shape, np.float32),
            content_P=np.arange(times_P.size) < times_N.size,
        )

    padded = np.concatenate([times_N, np.full(padding, padding_time)])

    assert block_order(content_times(block(padded))) == block_order(content_times(block(times_N)))


@given(times)
@quick
def test_counts_by_lag_match_every_pair(times_N):
    concordant_L, discordant_L = pairs_by_lag(times_N)
    i, j = np.triu_indices(times_N.size, k=1)
    expected = np.bincount(j - i, weights=times_N[i] < times_N[j], minlength=times_N.size)[1:]

    assert concordant_L.tolist() == expected.tolist()
    assert int(discordant_L.sum()) == int((times_N[i] > times_N[j]).sum())


def test_the_profile_tells_local_disorder_from_global_order():
    """Neighbours swapped throughout: pairs one apart are half reversed, pairs further apart are in order."""
    profile = block_order(np.arange(64) ^ 1).profile

    assert [(lag.first, lag.last) for lag in profile] == [(1, 1), (2, 3), (4, 7), (8, 15), (16, 31), (32, 63)]
    assert profile[0].gamma.value == pytest.approx(-1 / 63)
    assert all(lag.gamma.value == 1.0 for lag in profile[1:])


def test_the_profile_adds_up_to_gamma():
    order = block_order(np.random.default_rng(2).integers(0, 20, 100))
    weighted = sum(lag.gamma.value * lag.gamma.n for lag in order.profile)

    assert weighted / order.gamma.n == pytest.approx(order.gamma.value)
    assert sum(lag.gamma.n for lag in order.profile) == order.gamma.n


def test_a_rollout_is_the_mean_of_its_blocks_by_positions():
    order = rollout_order([np.arange(30), np.arange(10)[::-1], np.arange(3), np.arange(0)])

    assert order.gamma.value == pytest.approx((30 - 10) / 40)
    assert order.resolved.value == 1.0
    assert order.positions == 43
    assert order.profile[0].gamma.value == pytest.approx((30 - 10) / 40)
    assert (order.profile[-1].first, order.profile[-1].last) == (16, 29)


def test_a_rollout_without_a_block_to_score_says_why():
    assert rollout_order([np.zeros(20, int), np.arange(3)]).gamma.status == (
        "undefined: all content determined in one step, fewer than 8 content positions"
    )
    assert rollout_order([]).gamma.status == "undefined: no blocks"


def test_the_null_is_centred_on_zero_and_keeps_the_ties():
    """With ties kept, the spread is that of the same batch sizes in random order, not that of distinct times."""
    blocks = [np.arange(128) // 8, np.arange(64) // 8]
    null = permutation_null(blocks, permutations=400)

    assert null.mean == pytest.approx(0.0, abs=0.015)
    assert null.low < 0.0 < null.high
    assert rollout_order(blocks).gamma.value > null.high
    assert null == permutation_null(blocks, permutations=400)


def test_what_cannot_be_ordered_has_no_null():
    assert permutation_null([np.zeros(64, int)]) is None


def test_a_canvas_of_1024_positions_is_scored():
    assert block_order(np.arange(1024)).gamma.n == 1024 * 1023 // 2
