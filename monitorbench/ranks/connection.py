"""How ranks find each other."""

from __future__ import annotations

import os

from monitorbench.errors import UsageError, first_line
from monitorbench.ranks.post import Post

PATIENCE = 300
"""Seconds to wait for whoever keeps the messages."""


def connected() -> Post:
    """The messages that all ranks share, at the address that the environment names.

    Raises:
        UsageError: nobody can be reached there.
    """
    from datetime import timedelta

    from torch.distributed.rendezvous import rendezvous

    try:
        store, _, _ = next(iter(rendezvous("env://", timeout=timedelta(seconds=PATIENCE))))
    except (RuntimeError, ValueError) as error:
        raise UsageError(
            f"the other ranks cannot be reached at {os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']} "
            f"({first_line(error)})",
            fix="start all ranks with torchrun; between machines, its port must be open",
        ) from error
    # torchrun may start all ranks anew, and they may find what the last attempt left.
    return Post(store, os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
