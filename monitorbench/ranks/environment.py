"""Which rank this process is, by the environment that torchrun sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitorbench.errors import UsageError

LEADER = 0
"""The rank that plans, keeps what is recorded, judges and writes the report."""
_SET = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranks:
    """This process among those that run a suite together.

    Attributes:
        rank: which of them it is, from 0.
        size: how many they are.
        local: which of those on its machine it is, from 0.
    """

    rank: int = LEADER
    size: int = 1
    local: int = 0

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    @property
    def leads(self) -> bool:
        """Whether it is the one that plans and keeps."""
        return self.rank == LEADER


def ranks_of(environ: Mapping[str, str]) -> Ranks:
    """The ranks that an environment speaks of; one by itself where it speaks of none.

    Raises:
        UsageError: it speaks of several, and leaves out or muddles what they need to find each other.
    """
    size = _number(environ, "WORLD_SIZE") if environ.get("WORLD_SIZE") else 1
    if size <= 1:
        return Ranks()
    if absent := [name for name in _SET if not environ.get(name)]:
        raise UsageError(
            f"WORLD_SIZE is {size}, but {absent[0]} is not set",
            where="environment",
            fix="start it with torchrun, or unset WORLD_SIZE to run in one process",
        )
    rank = _number(environ, "RANK")
    if rank >= size:
        raise UsageError(f"RANK is {rank} of {size}", where="environment", fix="count ranks from 0, as torchrun does")
    return Ranks(rank=rank, size=size, local=_number(environ, "LOCAL_RANK"))


def require_one(environ: Mapping[str, str], command: str) -> None:
    """Refuse to do on several ranks what one process does.

    Raises:
        UsageError: the environment speaks of several.
    """
    if (ranks := ranks_of(environ)).several:
        raise UsageError(
            f"only `run` is shared among ranks, and this is rank {ranks.rank} of {ranks.size}",
            where=command,
            fix="start it without torchrun",
        )


def _number(environ: Mapping[str, str], name: str) -> int:
    text = environ[name]
    if not text.isdecimal():
        raise UsageError(f"{name} is {text!r}, which is no whole number", where="environment", fix="use torchrun")
    return int(text)
