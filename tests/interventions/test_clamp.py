"""Clamping one rollout of a batch: which tokens, where, when, and nobody else's.

Shape suffixes: B rows, P positions of the canvas, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from monitorbench.adapters.base import ABSENT, Edit, Event, Index
from monitorbench.interventions.clamp import Clamp, certain
from monitorbench.interventions.gate import Gate
from monitorbench.interventions.row_edits import with_row_edits

B, P, V = 3, 4, 9
CANVAS_BP = torch.arange(B * P).reshape(B, P) % V


class Toy:
    """An adapter whose channel is logits."""

    vocab_size = V

    def __init__(self, *, left_to_right: bool = False) -> None:
        self.left_to_right = left_to_right

    def write(self, channel: str, logits: Tensor, like: Tensor) -> Tensor:
        assert channel == "memo"
        return logits.to(like.dtype)


def event(step: int = 0, *, block: int = 0, width: int = P, **given: Any) -> Event:
    fields = {"seeds": (7, 8, 9), "live": torch.ones(B, dtype=torch.bool), "tokens": CANVAS_BP[:, :width]}
    return Event(index=Index(block=block, step=step), **fields | given)


def edit_of(edits: Any, seen: Event, *, left_to_right: bool = False, inner: Any = None) -> Edit | None:
    adapter: Any = Toy(left_to_right=left_to_right)
    hook = with_row_edits(inner, edits, adapter)
    assert hook is not None
    return hook(seen)


def canvas_of(edits: Any, seen: Event, **how: Any) -> list[list[int]] | None:
    edit = edit_of(edits, seen, **how)
    return None if edit is None or edit.tokens is None else edit.tokens.tolist()


def with_changes(**changes: int) -> list[list[int]]:
    found = CANVAS_BP.clone()
    for place, token in changes.items():
        found[int(place[1]), int(place[2])] = token
    return found.tolist()


PUT = Clamp(step=1, positions=(0, 2), tokens=(5, 6))


def test_only_the_row_and_the_span_change() -> None:
    assert canvas_of([None, PUT, None], event(1)) == with_changes(_10=5, _12=6)


@pytest.mark.parametrize(("persistent", "steps"), [(True, [1, 2]), (False, [1])])
def test_it_happens_from_its_step_on_or_once(persistent: bool, steps: list[int]) -> None:
    clamp = Clamp(step=1, positions=(0,), tokens=(5,), persistent=persistent)
    assert [step for step in range(3) if canvas_of([clamp, None, None], event(step))] == steps


def test_it_is_of_one_block_and_of_rows_that_run() -> None:
    assert canvas_of([PUT, None, None], event(1, block=1)) is None
    assert canvas_of([PUT, None, None], event(1, live=torch.tensor([False, True, True]))) is None


def test_masks_and_noise_elsewhere_stay() -> None:
    canvas_BP = torch.full((B, P), 3)
    found = canvas_of([PUT, None, None], event(1, next_canvas=canvas_BP))
    assert found == [[5, 3, 6, 3], [3] * P, [3] * P]


def test_left_to_right_only_the_newest_token_changes_and_only_from_the_step_on() -> None:
    def changed(width: int) -> list[list[int]] | None:
        return canvas_of([PUT, None, None], event(width - 1, width=width), left_to_right=True)

    assert changed(1) is None, "position 0 is written before step 1"
    assert changed(2) is None
    assert changed(3) == [[0, 1, 6], *CANVAS_BP[1:, :3].tolist()]
    assert changed(4) is None


def test_once_is_when_the_position_comes_where_text_comes_left_to_right() -> None:
    clamp = Clamp(step=0, positions=(2,), tokens=(6,), persistent=False)
    assert canvas_of([clamp, None, None], event(2, width=3), left_to_right=True) is not None


def test_the_channel_says_the_tokens_for_certain_and_the_canvas_stays() -> None:
    value_BPV = torch.randn(B, P, V)
    clamp = Clamp(step=0, positions=(1,), tokens=(4,), canvas=False, channel="memo")
    assert edit_of([clamp, None, None], event()) is None
    edit = edit_of([clamp, None, None], event(channel="memo", value=value_BPV))
    assert edit is not None
    assert isinstance(edit.value, Tensor)
    assert edit.value[0, 1].softmax(-1).tolist() == [float(token == 4) for token in range(V)]
    edit.value[0, 1] = value_BPV[0, 1]
    assert torch.equal(edit.value, value_BPV)
    assert edit_of([clamp, None, None], event(channel="other", value=value_BPV)) is None


def test_what_another_hook_puts_in_is_what_is_clamped() -> None:
    other_BP = torch.full((B, P), 8)
    found = canvas_of([PUT, None, None], event(1), inner=lambda _: Edit(tokens=other_BP))
    assert found == [[5, 8, 6, 8], [8] * P, [8] * P]
    absent = Edit(value=ABSENT)
    clamp = Clamp(step=0, positions=(1,), tokens=(4,), channel="memo")
    seen = event(channel="memo", value=torch.zeros(B, P, V))
    assert edit_of([clamp, None, None], seen, inner=lambda _: absent) is absent


def test_a_row_draws_from_other_seeds_from_its_step_on() -> None:
    clamps = [Clamp(step=0, reseed=1), None, Clamp(step=2, reseed=3)]
    seeds = [getattr(edit_of(clamps, event(step)), "seeds", None) for step in range(4)]
    assert seeds == [[1, 8, 9], None, [1, 8, 3], None]


def test_nothing_to_do_is_no_hook_of_ours() -> None:
    adapter: Any = Toy()
    assert with_row_edits(None, [None, None], adapter) is None


def test_certain_logits_say_nothing_elsewhere() -> None:
    logits_1PV = certain([4], [1], P, V)
    assert logits_1PV.shape == (1, P, V)
    assert torch.equal(logits_1PV[0, 0].softmax(-1), torch.full((V,), 1 / V))


COMMITTED_BP = torch.tensor([[True, False, False, True], [True, False, False, False], [False] * 4])


@pytest.mark.parametrize(
    ("waves", "hold"),
    [
        (((1, 2), (0, 3)), [True, False, False, True]),  # two commit: the first wave may, and it is full
        (((1,), (2,), (3,), (0,)), [True, False, False, True]),
        (((1,), (2, 3), (0,)), [True, False, False, False]),  # the second wave is reached into
        (((3,),), [False] * 4),  # positions in no wave come after all
    ],
)
def test_no_wave_commits_ahead_of_an_earlier_one(waves: Any, hold: list[bool]) -> None:
    edit = edit_of([Gate(waves=waves), None, None], event(committed=COMMITTED_BP))
    assert edit is not None
    assert edit.hold is not None
    assert edit.hold.tolist() == [hold, [False] * P, [False] * P]


def test_gates_add_to_what_another_hook_holds() -> None:
    held_BP = torch.zeros((B, P), dtype=torch.bool)
    held_BP[:, 1] = True
    gates = [Gate(waves=((1, 2), (0, 3))), None, None]
    edit = edit_of(gates, event(committed=COMMITTED_BP), inner=lambda _: Edit(hold=held_BP))
    assert edit is not None
    assert edit.hold is not None
    assert edit.hold.tolist()[:2] == [[True, True, False, True], [False, True, False, False]]
    assert not held_BP[0, 0], "the other hook's own edit stays as it is"
    assert edit_of(gates, event(block=1, committed=COMMITTED_BP)) is None
    assert edit_of(gates, event(committed=None)) is None
