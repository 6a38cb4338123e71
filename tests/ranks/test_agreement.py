"""Ranks that compute differently do not run one suite."""

from __future__ import annotations

import json

import pytest

from monitorbench.errors import UsageError
from monitorbench.ranks.agreement import require_same

FACTS = {"weights": "a", "kernels": {"threads": 1, "machine": "x86_64"}}


def test_the_same_facts_are_agreed_on() -> None:
    require_same([json.dumps(FACTS)] * 2, [json.dumps(FACTS)] * 2)


def test_what_differs_is_named() -> None:
    other = {**FACTS, "kernels": {"threads": 4, "machine": "x86_64"}}
    with pytest.raises(
        UsageError, match=r"computes otherwise than rank 0: kernels\.threads is 4 here, and 1 on rank 0"
    ):
        require_same([json.dumps(FACTS), json.dumps(other)], [json.dumps(FACTS)] * 2)
    with pytest.raises(UsageError, match="1 arms are planned here, and 2 on rank 0"):
        require_same([json.dumps(FACTS)], [json.dumps(FACTS)] * 2)
