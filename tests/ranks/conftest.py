"""Messages between ranks that are threads of this process."""

from __future__ import annotations

import pytest

from monitorbench.ranks.post import Post


@pytest.fixture
def post() -> Post:
    """Messages of a store that nobody else uses."""
    from torch.distributed import TCPStore

    return Post(TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False))
