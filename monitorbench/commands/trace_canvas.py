"""A trace as lines of text: one for each step of the rollout, or one for each position of a step.

Shape suffixes: S steps, P positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from monitorbench.metrics.trace import BlockTrace
from monitorbench.report.words import one_line

OPEN = "\N{MIDDLE DOT}"
_SPACES = {" ": "\N{OPEN BOX}", "\n": "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}", "\t": "\N{RIGHTWARDS ARROW TO BAR}"}
_LONGEST = 16
_COMMITTED, _TENTATIVE, _PLAIN = "\x1b[32m", "\x1b[2m", "\x1b[0m"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of a rollout.

    Attributes:
        number: counted over all blocks, from 0.
        block: its block.
        row: which of the block's steps it is.
    """

    number: int
    block: int
    row: int


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """What a rollout would have said after each step.

    Attributes:
        blocks: its blocks, in text order.
        words: texts of tokens; one that is not among them is shown by its id.
    """

    blocks: Sequence[BlockTrace]
    words: Mapping[int, str]

    @cached_property
    def steps(self) -> list[Step]:
        """Every step, in the order in which they happened."""
        places = [(block, row) for block, trace in enumerate(self.blocks) for row in range(len(trace.tokens_SP))]
        return [Step(number=number, block=block, row=row) for number, (block, row) in enumerate(places)]

    def lines(self, *, colour: bool) -> Iterator[str]:
        """One line for each step: the likeliest token of every position, in brackets where it is committed.

        Args:
            colour: tell committed tokens by colour too.
        """
        yield f"[word]: committed; {OPEN}: nothing predicted yet; positions without content are left out"
        digits = len(str(len(self.steps)))
        for number, block in enumerate(self.blocks):
            S, P = block.tokens_SP.shape
            yield f"block {number}: {S} steps, {P} positions, {int(block.content_P.sum())} with content"
            texts = [[self._marked(block, row, place) for place in _content(block)] for row in range(S)]
            widths = [max(map(_width, column)) for column in zip(*texts, strict=True)]
            for step in (step for step in self.steps if step.block == number):
                cells = [_padded(text, width) for text, width in zip(texts[step.row], widths, strict=True)]
                if colour:
                    marks = [
                        _COMMITTED if block.committed_SP[step.row, place] else _TENTATIVE for place in _content(block)
                    ]
                    cells = [f"{mark}{cell}{_PLAIN}" for mark, cell in zip(marks, cells, strict=True)]
                yield f"step {step.number:{digits}}  {' '.join(cells)}".rstrip()

    def table(self, step: Step) -> Iterator[str]:
        """One line for each position of a step, with its likeliest tokens."""
        yield f"step {step.number}: step {step.row} of block {step.block}"
        rows = [("position", "token", "committed", "entropy", "seen", "likeliest")]
        for place in self.as_data(step, top=True)["positions"]:
            rows.append(
                (
                    str(place["position"]),
                    shown(place["text"]) if place["token"] is not None else OPEN,
                    "yes" if place["committed"] else "no",
                    "-" if place["entropy"] is None else f"{place['entropy']:.3f}",
                    "-" if place["seen"] is None else shown(place["seen"]["text"]),
                    ", ".join(f"{shown(each['text'])} {each['probability']:.3f}" for each in place["top"]) or "-",
                )
            )
        widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            yield "  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()

    def as_data(self, step: Step, *, top: bool) -> dict[str, Any]:
        """A step as plain data.

        Args:
            step: which.
            top: with what the model saw at each position, and its likeliest tokens.
        """
        block = self.blocks[step.block]
        positions = [self._position(block, step.row, place, top=top) for place in _content(block)]
        return {"step": step.number, "block": step.block, "step_of_block": step.row, "positions": positions}

    def _position(self, block: BlockTrace, row: int, place: int, *, top: bool) -> dict[str, Any]:
        entropy = float(block.entropy_SP[row, place])
        found = {
            "position": place,
            **self._token(int(block.tokens_SP[row, place])),
            "committed": bool(block.committed_SP[row, place]),
            "entropy": None if np.isnan(entropy) else entropy,
        }
        if not top:
            return found
        seen = None if block.canvas_SP is None else self._token(int(block.canvas_SP[row, place]))
        return {**found, "seen": seen, "top": self._top(block, row, place)}

    def _top(self, block: BlockTrace, row: int, place: int) -> list[dict[str, Any]]:
        ids, probabilities = block.top_ids_SPK, block.top_probabilities_SPK
        if ids is None or probabilities is None:
            return []
        pairs = zip(ids[row, place].tolist(), probabilities[row, place].tolist(), strict=True)
        return [{**self._token(each), "probability": probability} for each, probability in pairs if each >= 0]

    def _token(self, token: int) -> dict[str, Any]:
        return (
            {"token": token, "text": self.words.get(token) or f"<{token}>"}
            if token >= 0
            else {"token": None, "text": ""}
        )

    def _marked(self, block: BlockTrace, row: int, place: int) -> str:
        token = int(block.tokens_SP[row, place])
        text = shown(self._token(token)["text"]) if token >= 0 else OPEN
        return f"[{text}]" if block.committed_SP[row, place] else f" {text} "


def shown(text: str) -> str:
    """A token as it may be shown on a terminal: on one line, without control characters, white space made visible."""
    visible = one_line(text) or "".join(_SPACES.get(char, "\N{OPEN BOX}") for char in text)
    return visible if len(visible) <= _LONGEST else f"{visible[: _LONGEST - 3]}..."


def _content(block: BlockTrace) -> list[int]:
    return np.flatnonzero(block.content_P).tolist()


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
