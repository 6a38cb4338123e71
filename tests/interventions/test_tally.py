"""What a truncation counts: positions, and those where only the likeliest token was left, of rows that still run."""

from __future__ import annotations

from typing import Any

import torch
from toy_events import CHANNEL, VALUE_BPV, Reader, event

from monitorbench.interventions.intervention import Intervention, build_hook
from monitorbench.interventions.tally import Tally


def tallied(intervention: Intervention, *lives: list[bool]) -> list[dict[str, int]]:
    """Counts of two rows, the first with probabilities up to 0.5, the second with one of 0.7."""
    reader: Any = Reader()
    tally = Tally()
    hook = build_hook(intervention, reader, tally=tally)
    assert hook is not None
    value_BPV = VALUE_BPV.expand(-1, 3, -1)
    for step, live in enumerate(lives):
        hook(event(value_BPV, step=step, live=live))
    return [tally.of(row) for row in (0, 1)]


def test_min_p_counts_where_it_left_nothing_but_the_likeliest() -> None:
    keep = Intervention(kind="keep", channel=CHANNEL, keep=("min_p", 0.6))
    both = [True, True]
    assert tallied(keep, both, both) == [{"positions": 6, "argmax only": 6}, {"positions": 6, "argmax only": 0}]


def test_rows_that_have_finished_count_no_more() -> None:
    keep = Intervention(kind="keep", channel=CHANNEL, keep=("min_p", 0.6))
    counts = tallied(keep, [True, True], [False, True], [False, False])
    assert counts == [{"positions": 3, "argmax only": 3}, {"positions": 6, "argmax only": 0}]


def test_what_always_keeps_something_counts_positions_only() -> None:
    for keep in (("top_k", 1.0), ("top_p", 0.3)):
        counts = tallied(Intervention(kind="keep", channel=CHANNEL, keep=keep), [True, True])
        assert counts == [{"positions": 3}, {"positions": 3}]


def test_controls_count_nothing() -> None:
    for kind in ("identity", "keep-everything", "zero", "batch-shuffled", "mean", "random-tokens"):
        assert tallied(Intervention(kind=kind, channel=CHANNEL), [True, True]) == [{}, {}]


def test_counts_of_other_rows_are_left_alone() -> None:
    tally = Tally()
    tally.add("positions", torch.tensor([2, 3]), torch.tensor([True, False]))
    tally.add("positions", torch.tensor([4, 5]), torch.tensor([True, True]))
    assert [tally.of(row) for row in (0, 1)] == [{"positions": 6}, {"positions": 5}]
