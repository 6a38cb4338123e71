"""What adapters share about one batch."""

from __future__ import annotations

import pytest
import torch

from monitorbench.adapters.base import ABSENT, Edit
from monitorbench.adapters.batches import bucket_width, check_settings, end_ids, left_pad, require_honoured
from monitorbench.errors import UsageError


def test_a_prompt_runs_at_a_width_that_only_its_own_length_sets() -> None:
    assert [bucket_width(length) for length in (0, 1, 16, 17, 32)] == [16, 16, 16, 32, 32]


def test_prompts_are_padded_on_the_left_and_masked_there() -> None:
    ids_BW, mask_BW = left_pad([[5, 6], [7]], 0, torch.device("cpu"))
    assert ids_BW.shape == mask_BW.shape == (2, 16)
    assert ids_BW[:, -2:].tolist() == [[5, 6], [0, 7]]
    assert mask_BW.sum(-1).tolist() == [2, 1]


def test_end_ids_come_alone_or_in_lists() -> None:
    assert [end_ids(value) for value in (None, 3, [3, 4])] == [(), (3,), (3, 4)]


def test_an_edit_that_a_family_cannot_make_is_refused() -> None:
    require_honoured(None, frozenset(), "f")
    require_honoured(Edit(), frozenset(), "f")
    require_honoured(Edit(value=ABSENT), frozenset({"value"}), "f")
    with pytest.raises(UsageError) as caught:
        require_honoured(Edit(hold=torch.ones(1, 1), value=ABSENT), frozenset({"value"}), "f")
    assert str(caught.value) == "the adapter family f does not honour an edit of hold; use another intervention"


def test_a_setting_that_a_family_lacks_is_refused() -> None:
    check_settings(["b"], ("a", "b"), "f")
    with pytest.raises(UsageError) as caught:
        check_settings(["b", "top"], ("a", "b"), "f")
    assert str(caught.value) == "the adapter family f has no sampler setting 'top'; use a, b"
