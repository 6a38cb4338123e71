"""Example rollouts for the trace viewer: which are shown, and how a trace is put into little space in a page.

A trace is kept as what changes from step to step, as `rollouts.packing` stores it, and goes into the page like that:
JSON, deflated, in base64. The page unpacks the one that is looked at.

Shape suffixes: S steps, P positions of a block, X changes by steps, then positions, K most probable tokens.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 10_000_000
"""Of all traces of a page, encoded."""
MOST_BYTES_EACH = 1_500_000
_TOPS = (8, 3, 0)
"""How many of the likeliest tokens of each prediction are shown: fewer where a trace would be too large."""
_GROUPS = {"tokens": ("tokens_X",), "committed": ("committed_X",), "canvas": ("canvas_X",)}

Block = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A rollout to look at.

    Attributes:
        name: under which it is stored.
        arm: what was run, in words.
        status: what the grader made of it.
        text: the response.
        blocks: packed blocks of its trace, in text order.
        words: texts of its tokens, by id.
        values: token positions at which the response states each value, over all blocks.
        answer: token positions of the answer.
    """

    name: str
    arm: str
    status: str
    finished: bool
    text: str
    blocks: Sequence[Block]
    words: Mapping[int, str]
    values: Mapping[str, Sequence[int]] = field(default_factory=dict)
    answer: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Traces:
    """What there is to look at.

    Attributes:
        examples: the rollouts that were chosen.
        stored: how many rollouts of the models of the report are stored.
        missing: why there are none, as a sentence; empty where there are some.
        unreadable: how many that were chosen cannot be read.
    """

    examples: Sequence[Example] = ()
    stored: int = 0
    missing: str = ""
    unreadable: int = 0


def embedded(traces: Traces) -> list[dict[str, Any]]:
    """The examples as a page holds them, those left out for which there is no room.

    Each has an equal share of the room, and of what the ones before it left over: no arm crowds out another.
    """
    found, room = [], MOST_BYTES
    for place, example in enumerate(traces.examples):
        data = _fitting(example, min(room // (len(traces.examples) - place), MOST_BYTES_EACH))
        if data is None:
            continue
        room -= len(data)
        found.append(
            {
                "name": example.name,
                "arm": example.arm,
                "status": example.status,
                "finished": example.finished,
                "text": example.text,
                "data": data,
            }
        )
    return found


def _fitting(example: Example, room: int) -> str | None:
    return next((data for top in _TOPS if len(data := _encoded(example, top)) <= room), None)


def _encoded(example: Example, top: int) -> str:
    vocabulary: dict[int, int] = {}
    renumbered: dict[int, int] = {}
    start = 0
    for block in example.blocks:
        for place in np.flatnonzero(block["content_P"]).tolist():
            renumbered[start + place] = len(renumbered)
        start += block["content_P"].size
    payload = {
        "blocks": [_block(block, vocabulary, top) for block in example.blocks],
        "values": {name: _kept(places, renumbered) for name, places in example.values.items()},
        "answer": _kept(example.answer, renumbered),
        "words": [example.words.get(token) or f"<{token}>" for token in vocabulary],
    }
    text = json.dumps(payload, separators=(",", ":")).encode()
    packer = zlib.compressobj(6, wbits=-15)
    return base64.b64encode(packer.compress(text) + packer.flush()).decode()


def _kept(places: Sequence[int], renumbered: Mapping[int, int]) -> list[int]:
    return [renumbered[place] for place in places if place in renumbered]


def _block(block: Block, vocabulary: dict[int, int], top: int) -> dict[str, Any]:
    """A block without the positions that hold no content."""
    content_P = block["content_P"]
    found: dict[str, Any] = {"positions": int(content_P.sum()), "steps": int(block["tokens.counts_S"].size)}
    for group, (array,) in _GROUPS.items():
        if array in block:
            where, inside_X = _where(block, group)
            values_X = block[array][inside_X]
            listed = values_X.astype(int).tolist() if group == "committed" else _indices(values_X, vocabulary)
            found[group] = {**where, "values": listed}
    if "entropy_X" in block:
        where, inside_X = _where(block, "predictions")
        entropy_X = np.nan_to_num(block["entropy_X"][inside_X].astype(float) * 1000, nan=-1.0)
        found["predictions"] = {**where, "entropy": np.rint(entropy_X).astype(int).tolist(), "top": 0}
        if top and "top_ids_XK" in block:
            ids_XK = block["top_ids_XK"][inside_X][:, :top]
            share_XK = block["top_probabilities_XK"][inside_X][:, :top].astype(float)
            found["predictions"] |= {
                "top": ids_XK.shape[1],
                "ids": _indices(ids_XK.ravel(), vocabulary),
                "shares": np.rint(1000 * share_XK.ravel()).astype(int).tolist(),
            }
    return found


def _where(block: Block, group: str) -> tuple[dict[str, list[int]], NDArray[np.bool_]]:
    """Counts by step and positions of the changes of a group, renumbered over content; (X,) which changes those are."""
    content_P, counts_S = block["content_P"], block[f"{group}.counts_S"]
    positions_X = block[f"{group}.positions_X"].astype(np.intp)
    inside_X = content_P[positions_X]
    step_X = np.repeat(np.arange(counts_S.size), counts_S)[inside_X]
    place_P = np.cumsum(content_P) - 1
    counts = np.bincount(step_X, minlength=counts_S.size).tolist()
    return {"counts": counts, "places": place_P[positions_X[inside_X]].tolist()}, inside_X


def _indices(ids: NDArray[Any], vocabulary: dict[int, int]) -> list[int]:
    """Ids as places in a list of words that grows as needed; -1 stays."""
    known, inverse = np.unique(ids, return_inverse=True)
    places = [-1 if token < 0 else vocabulary.setdefault(token, len(vocabulary)) for token in known.tolist()]
    found: list[int] = np.array(places, int)[inverse.ravel()].tolist()
    return found
