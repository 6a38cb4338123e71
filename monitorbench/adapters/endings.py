"""Where a text ends: before an end-of-sequence token, or before the first stop string."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitorbench.adapters.base import Output

SLACK = 16
"""Tokens looked at beyond those that could spell a stop string: some add no text, such as special ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """What ends the texts of one generation.

    Attributes:
        ends: end-of-sequence ids.
        stop: stop strings; a text ends before the first of them.
        decode: text of generated ids.
    """

    ends: tuple[int, ...]
    stop: tuple[str, ...]
    decode: Callable[[Sequence[int]], str]

    def place(self, row: Sequence[int], start: int = 0) -> int | None:
        """Index of the first token that ends a text: an end-of-sequence id, or the token that completes a stop string.

        Args:
            row: generated ids.
            start: tokens before this index are known to end nothing.
        """
        for place in range(start, len(row)):
            if row[place] in self.ends or self._completes(row, place):
                return place
        return None

    def ended(self, before: Sequence[bool], rows: Sequence[Sequence[int]], start: int) -> list[bool]:
        """Whether each text has ended, of which `before` says whether it had before the token at `start`."""
        return [was or self.place(row, start) is not None for was, row in zip(before, rows, strict=True)]

    def output(self, rows: Sequence[Sequence[int]]) -> Output:
        """What a generation ended in, of the ids of every row; what follows a row's end is of no meaning."""
        places = [self.place(row) for row in rows]
        return Output(
            tokens=tuple(tuple(row[:place]) for row, place in zip(rows, places, strict=True)),
            finished=tuple(place is not None for place in places),
            texts=tuple(map(self._text, rows, places)) if self.stop else None,
        )

    def _completes(self, row: Sequence[int], place: int) -> bool:
        if not self.stop:
            return False
        # Every token spells a byte at least, so that the newest ones are enough, however long the text.
        reach = max(len(word.encode()) for word in self.stop) + SLACK
        newest = self.decode(row[max(0, place + 1 - reach) : place + 1])
        return any(word in newest for word in self.stop)

    def _text(self, row: Sequence[int], place: int | None) -> str:
        """Text before the end. The token that completes a stop string may begin with what still belongs to it."""
        with_last = place is not None and row[place] not in self.ends
        text = self.decode(row[: place + 1] if place is not None and with_last else row[:place])
        found = [start for word in self.stop if (start := text.find(word)) >= 0]
        return text[: min(found, default=len(text))]
