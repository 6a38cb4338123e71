"""What the environment says of ranks, and what of it cannot be used."""

from __future__ import annotations

import pytest

from monitorbench.errors import UsageError
from monitorbench.ranks.environment import Ranks, ranks_of, require_one

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
}


@pytest.mark.parametrize("environ", [{}, {"RANK": "0"}, {**TORCHRUN, "WORLD_SIZE": "1", "RANK": "0"}])
def test_a_process_by_itself(environ: dict[str, str]) -> None:
    alone = ranks_of(environ)
    assert alone == Ranks(rank=0, size=1, local=0)
    assert alone.leads
    assert not alone.several


def test_what_torchrun_sets() -> None:
    last = ranks_of(TORCHRUN)
    assert last == Ranks(rank=3, size=4, local=1)
    assert last.several
    assert not last.leads


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"RANK": ""}, "WORLD_SIZE is 4, but RANK is not set; start it with torchrun, or unset WORLD_SIZE"),
        ({"MASTER_PORT": ""}, "WORLD_SIZE is 4, but MASTER_PORT is not set"),
        ({"RANK": "4"}, "RANK is 4 of 4; count ranks from 0"),
        ({"RANK": "-1"}, "RANK is '-1', which is no whole number"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE is 'two', which is no whole number"),
    ],
)
def test_an_environment_in_a_muddle(change: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=r"^environment: ") as refused:
        ranks_of({**TORCHRUN, **change})
    assert said in str(refused.value)


def test_what_only_one_process_does() -> None:
    require_one({}, "plan")
    with pytest.raises(UsageError, match=r"^plan: only `run` is shared among ranks, and this is rank 3 of 4"):
        require_one(TORCHRUN, "plan")
