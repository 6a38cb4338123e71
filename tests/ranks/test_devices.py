"""Every rank has a GPU of its own, where there are GPUs."""

from __future__ import annotations

import pytest

from monitorbench.errors import UsageError
from monitorbench.ranks.devices import own_device, require_own
from monitorbench.ranks.environment import Ranks
from monitorbench.suite.model import ModelSpec

SECOND = Ranks(rank=5, size=8, local=1)


@pytest.mark.parametrize(
    ("device", "ranks", "visible", "own"),
    [
        ("cpu", SECOND, 0, "cpu"),
        ("cuda", SECOND, 4, "cuda:1"),
        ("cuda", Ranks(), 4, "cuda"),
        ("cuda:3", Ranks(), 4, "cuda:3"),
        ("cuda", SECOND, 1, "cuda:0"),  # a cluster shows every process its own GPU only
    ],
)
def test_which_gpu_is_whose(device: str, ranks: Ranks, visible: int, own: str) -> None:
    assert own_device(device, ranks, visible=visible) == own


def test_more_ranks_than_gpus() -> None:
    with pytest.raises(UsageError, match="rank 5 is number 3 on its machine, where 2 GPUs are visible"):
        own_device("cuda", Ranks(rank=5, size=8, local=2), visible=2)


def test_one_gpu_for_all() -> None:
    with pytest.raises(UsageError, match="cuda:1 names one GPU for 8 ranks; use device cuda"):
        own_device("cuda:1", SECOND, visible=2)


def test_a_model_that_every_rank_would_spread_over_the_same_gpus() -> None:
    spread = ModelSpec(source="org/m", device_map="auto")
    with pytest.raises(UsageError, match=r"org/m: device_map spreads the model over 4 GPUs.*tp_plan: auto"):
        require_own(spread, SECOND, device="cuda:1", visible=4)
    require_own(spread, Ranks(rank=1, size=2, local=0), device="cuda:0", visible=4)  # one rank on each machine
    require_own(ModelSpec(source="org/m"), SECOND, device="cuda:1", visible=4)
