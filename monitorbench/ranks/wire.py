"""Work and rollouts as bytes: JSON, and safetensors for traces."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from monitorbench.interventions.clamp import Clamp
from monitorbench.interventions.gate import Gate
from monitorbench.interventions.intervention import Intervention
from monitorbench.interventions.row_edits import RowEdit
from monitorbench.rollouts.arm import Arm, Rollout
from monitorbench.rollouts.batching import Row, RowBatch
from monitorbench.rollouts.packing import packed_blocks, packed_trace
from monitorbench.tasks.base import Edge, Problem

_EDITS: Mapping[str, type[RowEdit]] = {kind.__name__: kind for kind in (Clamp, Gate)}
_HEAD = 8
"""Bytes that say how long the JSON is."""
_PLAIN = tuple(field.name for field in fields(Rollout) if field.name not in ("problem", "trace"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Batches that are run by several ranks.

    Attributes:
        arms: the arms that share them; the source of each row says which of these it belongs to.
        orders: for each batch, which of the prompts it asks: batches of the same prompts have the same number.
        together: whether all ranks run every batch at once, or each batch is run by one of them.
    """

    arms: Sequence[Arm]
    orders: Sequence[int]
    together: bool


def job_to_bytes(job: Job) -> bytes:
    """A job without its batches."""
    return _json(asdict(job))


def job_from_bytes(content: bytes) -> Job:
    """The job that `job_to_bytes` was given."""
    said = _frozen(json.loads(content))
    arms = tuple(Arm(**{**arm, "intervention": Intervention(**arm["intervention"])}) for arm in said["arms"])
    return Job(**{**said, "arms": arms})


def batch_to_bytes(batch: RowBatch) -> bytes:
    """A batch, edits of its rows included."""
    rows = [{**asdict(row), "edit": [type(row.edit).__name__, row.edit and asdict(row.edit)]} for row in batch.rows]
    return _json({"rows": rows, "real": batch.real})


def batch_from_bytes(content: bytes) -> RowBatch:
    """The batch that `batch_to_bytes` was given."""
    said = json.loads(content)
    return RowBatch(rows=tuple(_row(row) for row in said["rows"]), real=said["real"])


def rollouts_to_bytes(rollouts: Sequence[Rollout]) -> bytes:
    """What a batch came to; problems, which the other side knows, are left out."""
    packed = [packed_blocks(rollout.trace) for rollout in rollouts]
    arrays = {
        f"{row}.{number}.{name}": np.ascontiguousarray(array)
        for row, blocks in enumerate(packed)
        for number, block in enumerate(blocks)
        for name, array in block.items()
    }
    plain = [{name: getattr(rollout, name) for name in _PLAIN} for rollout in rollouts]
    head = _json({"rollouts": plain, "blocks": [len(blocks) for blocks in packed]})
    return len(head).to_bytes(_HEAD, "big") + head + save(arrays)


def rollouts_from_bytes(content: bytes, problems: Sequence[Problem]) -> list[Rollout]:
    """The rollouts that `rollouts_to_bytes` was given, of these problems."""
    end = _HEAD + int.from_bytes(content[:_HEAD], "big")
    said, arrays = json.loads(content[_HEAD:end]), load(content[end:])
    blocks: list[list[dict[str, Any]]] = [[{} for _ in range(count)] for count in said["blocks"]]
    for place, array in arrays.items():
        row, number, name = place.split(".", 2)
        blocks[int(row)][int(number)][name] = array
    return [
        Rollout(problem=problem, trace=packed_trace(trace), **_frozen(plain))
        for problem, plain, trace in zip(problems, said["rollouts"], blocks, strict=True)
    ]


def _row(said: Mapping[str, Any]) -> Row:
    row = _frozen(said)
    problem = row["problem"]
    edges = tuple(Edge(**edge) for edge in problem["edges"])
    kind, edit = row["edit"]
    made = None if edit is None else _EDITS[kind](**edit)
    return Row(**{**row, "problem": Problem(**{**problem, "edges": edges}), "edit": made})


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=dict).encode()


def _frozen(value: Any) -> Any:
    """JSON as these dataclasses hold it: every list is a tuple."""
    if isinstance(value, list):
        return tuple(_frozen(each) for each in value)
    if isinstance(value, dict):
        return {name: _frozen(each) for name, each in value.items()}
    return value
