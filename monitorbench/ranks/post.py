"""Messages between ranks, through the key-value store of torch.distributed.

A rollout is no tensor that all ranks add up: nothing but messages has to pass, so neither gloo nor NCCL is needed, and
what runs over one network card between processes of a machine runs over any network on which torchrun finds its ranks.
Messages are bytes: no object is pickled.
"""

from __future__ import annotations

import time
from typing import Any, Self

PART = 2**20
"""Bytes of one value: the store takes no more than eight of these at once."""
OFTEN = 0.01
"""Seconds between two looks for a message."""


class Post:
    """Messages by name. For one thread; another one takes a copy.

    Every method raises RuntimeError where the store is gone.

    Args:
        store: a `torch.distributed.Store` that every rank reaches.
        attempt: tells this run apart from others that used the same store.
    """

    def __init__(self, store: Any, attempt: str = "0") -> None:
        self._store, self._attempt = store, attempt

    def copy(self) -> Self:
        """The same messages over a connection of its own."""
        return type(self)(self._store.clone(), self._attempt)

    def put(self, name: str, content: bytes) -> None:
        """Leave a message. Who finds its name finds all of it."""
        parts = [content[start : start + PART] for start in range(0, len(content), PART)]
        for number, part in enumerate(parts):
            self._store.set(self._key(name, number), part)
        self._store.set(self._key(name), str(len(parts)))

    def get(self, name: str) -> bytes:
        """A message that is there."""
        parts = int(self._store.get(self._key(name)))
        return b"".join(self._store.get(self._key(name, number)) for number in range(parts))

    def take(self, name: str) -> bytes:
        """A message that is there; afterwards it is not."""
        content = self.get(name)
        self._store.delete_key(self._key(name))
        for number in range(-(-len(content) // PART)):
            self._store.delete_key(self._key(name, number))
        return content

    def has(self, name: str) -> bool:
        """Whether a message is there."""
        return bool(self._store.check([self._key(name)]))

    def wait(self, name: str, seconds: float) -> bool:
        """Wait for a message; whether it came."""
        # The store could wait by itself, and would complain on stderr whenever that takes longer than told.
        until = time.monotonic() + seconds
        while not self.has(name):
            if time.monotonic() > until:
                return False
            time.sleep(OFTEN)
        return True

    def add(self, name: str, number: int = 1) -> int:
        """Add to a number that all share and that begins at 0; what it comes to."""
        return int(self._store.add(self._key(name), number))

    def _key(self, name: str, part: int | None = None) -> str:
        return f"monitorbench/{self._attempt}/{name}" + ("" if part is None else f"/{part}")
