"""Which tokens are most like a token: those whose input embeddings point the same way.

Shape suffixes: V vocabulary, d width, Q tokens asked for, C candidates of a block, N neighbours of a token, M nearest
of a block, P positions of a block, T positions of the text.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor

from monitorbench.adapters.base import Adapter
from monitorbench.errors import UsageError
from monitorbench.metrics.trace import Trace
from monitorbench.notices import Working, tell
from monitorbench.rollouts.packing import packed_blocks, packed_trace
from monitorbench.rollouts.sources import own_code

AT_ONCE = 256
"""Tokens looked up at a time."""
MOST_AT_ONCE = 2**24
"""Numbers of a block of candidates, 64 MB in single precision."""
DIGITS = 10**6
"""Cosines that agree to six digits are equal: the last digits depend on the order in which a device adds up."""
_NONE = torch.iinfo(torch.int64).min
_KNOWN: dict[str, dict[int, NDArray[np.int32]]] = {}


class Neighbours:
    """The nearest tokens of any token by the cosine of their embeddings, each looked up once per matrix.

    Of equally near ones those of smaller ids come first. No token is a neighbour of itself; one whose embedding is all
    zeros (padding, most often) has no direction: it has no neighbours and is none.

    Args:
        matrix_Vd: the input embedding matrix.
        count: neighbours of each token, at least 1.
        cache: folder in which they outlive the process, under the hashes of the matrix and of the code that looks them
            up; None keeps them in memory.

    Raises:
        UsageError: the matrix is not in memory.
    """

    def __init__(self, matrix_Vd: Tensor, count: int, *, cache: Path | None = None) -> None:
        if matrix_Vd.is_meta:
            raise UsageError("the input embeddings are not in memory", fix="do not offload them to disk")
        self._matrix_Vd, self._count = matrix_Vd.detach(), min(count, len(matrix_Vd) - 1)
        self._cache = cache

    def of(self, ids: Sequence[int]) -> NDArray[np.int32]:
        """(Q, N) ids of the neighbours of each token, nearest first; -1 where there are fewer."""
        known = self._known
        missing = sorted({*ids} - known.keys())
        for start in range(0, len(missing), AT_ONCE):
            asked = missing[start : start + AT_ONCE]
            nearest_QN = nearest(self._matrix_Vd, asked, self._count).cpu().numpy().astype(np.int32)
            known.update(zip(asked, nearest_QN, strict=True))
            done = min(start + AT_ONCE, len(missing))
            tell(Working(what="looking up what tokens are like", done=done, total=len(missing), unit="tokens"))
        if missing and self._cache is not None:
            _write(self._cache / f"{self._name}.safetensors", known)
        return np.stack([known[each] for each in ids]) if len(ids) else np.empty((0, self._count), np.int32)

    @cached_property
    def _name(self) -> str:
        return f"neighbours-{content_hash(self._matrix_Vd)}-{self._count}-{own_code()[:12]}"

    @cached_property
    def _known(self) -> dict[int, NDArray[np.int32]]:
        """What was looked up before, by this process or an earlier one."""
        known = _KNOWN.setdefault(self._name, {})
        if self._cache is not None:
            known.update(_read(self._cache / f"{self._name}.safetensors"))
        return known


def nearest(matrix_Vd: Tensor, ids: Sequence[int], count: int) -> Tensor:
    """(Q, N) int64 ids of the nearest tokens; the matrix is walked through in blocks that bound the memory."""
    V, d = matrix_Vd.shape
    asked_Q = torch.tensor(ids, device=matrix_Vd.device)
    query_Qd = torch.nn.functional.normalize(matrix_Vd[asked_Q].float(), dim=-1)
    best_QN = torch.full((len(ids), count), _NONE, device=matrix_Vd.device)
    block = max(1, MOST_AT_ONCE // max(d, len(ids)))
    for start in range(0, V, block):
        candidate_Cd = torch.nn.functional.normalize(matrix_Vd[start : start + block].float(), dim=-1)
        id_C = torch.arange(start, start + len(candidate_Cd), device=matrix_Vd.device)
        barred_QC = (id_C == asked_Q[:, None]) | (candidate_Cd == 0).all(-1) | (query_Qd == 0).all(-1, keepdim=True)
        near_QC = (query_Qd @ candidate_Cd.T).mul_(DIGITS).round_().masked_fill_(barred_QC, float("-inf"))
        key_QM = _keys(near_QC, start, V, min(count, len(id_C)))
        best_QN = torch.cat([best_QN, key_QM], dim=-1).topk(count, dim=-1).values
    return torch.where(best_QN == _NONE, -1, V - 1 - best_QN.remainder(V))


def _keys(near_QC: Tensor, start: int, V: int, count: int) -> Tensor:
    """(Q, M) the `count` nearest candidates and all that tie with the last of them, as whole numbers.

    One number holds nearness and id, so that no two are equal and their order is that of both.
    """
    least_Q1 = near_QC.topk(count, dim=-1).values[:, -1:]
    fit_QC = (near_QC >= least_Q1) & near_QC.isfinite()
    near_QM, at_QM = near_QC.topk(max(count, int(fit_QC.sum(-1).max())), dim=-1)
    key_QM = near_QM.nan_to_num(neginf=0.0).long() * V + (V - 1 - start - at_QM)
    return key_QM.masked_fill_(near_QM.isinf(), _NONE)


def embeddings(adapter: Adapter) -> Tensor:
    """(V, d) input embeddings of the adapter's model."""
    model: Any = adapter.model
    matrix_Vd: Tensor = model.get_input_embeddings().weight
    return matrix_Vd


def with_neighbours(trace: Trace, tokens: Sequence[int], neighbours: Neighbours) -> Trace:
    """The trace with the neighbours of the final token of every position that holds one."""
    found_TN = neighbours.of(tokens)
    blocks, start = [], 0
    for block in packed_blocks(trace):
        content = int(block["content_P"].sum())
        neighbours_PN = np.full((block["content_P"].size, found_TN.shape[-1]), -1, np.int32)
        neighbours_PN[:content] = found_TN[start : start + content]
        blocks.append({**block, "neighbours_PN": neighbours_PN})
        start += content
    return packed_trace(blocks)


def content_hash(matrix_Vd: Tensor) -> str:
    """SHA-256 of shape, number format and every number, read a block at a time."""
    total = hashlib.sha256(f"{tuple(matrix_Vd.shape)} {matrix_Vd.dtype}".encode())
    for rows in torch.split(matrix_Vd.detach(), max(1, MOST_AT_ONCE // matrix_Vd.shape[-1])):
        total.update(rows.cpu().contiguous().view(torch.uint8).numpy().data)
    return total.hexdigest()


def _read(file: Path) -> Iterable[tuple[int, NDArray[np.int32]]]:
    """What an earlier process looked up; nothing where the file is not there or not whole: it can be made again."""
    try:
        stored = load_file(file)
        return list(zip(stored["ids"].tolist(), stored["neighbours"], strict=True))
    except (OSError, SafetensorError, KeyError, ValueError):
        return []


def _write(file: Path, known: dict[int, NDArray[np.int32]]) -> None:
    ids = sorted(known)
    draft = file.with_name(f"{secrets.token_hex(8)}.draft")
    try:
        save_file({"ids": np.array(ids, np.int32), "neighbours": np.stack([known[each] for each in ids])}, draft)
        draft.replace(file)
    except OSError as error:
        raise UsageError(
            f"neighbours of tokens cannot be kept ({error.strerror})", where=str(file.parent), fix="make it writable"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
