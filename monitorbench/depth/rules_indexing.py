"""Reading and writing at computed places, top-k and sorting.

At a place known beforehand data only moves. In `circuit` a place computed from inputs is a selection: lg of the number
of candidates. A token read from the input and looked up in a constant table is an input itself, and free.
"""

from __future__ import annotations

import math

import torch

from monitorbench.depth.costs import Call, Gates, gate_rule, lg


def _selection(call: Call, *, table: str, index: str, candidates: int) -> Gates:
    reads_token = index in call.token_reads and not call.varies(table)
    free = not call.circuit or not call.varies(index) or reads_token
    return 0 if free else lg(candidates)


@gate_rule("embedding")
def embedding(call: Call) -> Gates:
    """Selection among the rows of the table."""
    return _selection(call, table="weight", index="indices", candidates=call.size("weight", 0))


@gate_rule("gather", "index_select", "take_along_dim")
def gather(call: Call) -> Gates:
    """Selection along one dimension."""
    return _selection(call, table="self", index="index", candidates=call.size("self", call.arguments["dim"]))


@gate_rule("take")
def take(call: Call) -> Gates:
    """Selection among all elements."""
    return _selection(call, table="self", index="index", candidates=call.size("self"))


def _indexed_size(call: Call) -> int:
    """Number of places that computed indices choose among."""
    shape, places, dim = call.shape("self"), 1, 0
    flags = iter(call.varying.get("indices", ()))
    for index in call.arguments["indices"]:
        dims = index.dim() if index is not None and index.dtype in (torch.bool, torch.uint8) else 1
        if index is not None and next(flags):
            places *= math.prod(shape[dim : dim + dims])
        dim += dims
    return places


@gate_rule("index", "_unsafe_index")
def index(call: Call) -> Gates:
    """Selection among the places that computed indices range over."""
    return _selection(call, table="self", index="indices", candidates=_indexed_size(call))


def _writing(call: Call, *, source: str, index: str, writes: int, adds: bool) -> Gates:
    """Where n writes may meet: adding sums n + 1 numbers; at computed places each is first compared with its place."""
    computed = call.circuit and call.varies(index)
    if not adds:
        chosen = lg(writes + 1) if computed else 0
        return {"self": chosen, source: chosen, index: 1 + chosen if computed else 0}
    summed = lg(writes + 1)
    return {"self": summed, source: summed + computed, index: summed + 2 * computed}


@gate_rule("scatter", "scatter_add", "scatter_reduce", "index_add", "index_copy", "index_reduce")
def scatter(call: Call) -> Gates:
    """Writes along one dimension; without knowledge of the indices every one of them may meet at one place."""
    source = next((name for name in ("src", "source", "value") if name in call.arguments), "src")
    adds = call.operation not in ("scatter", "index_copy") or call.arguments.get("reduce") is not None
    return _writing(call, source=source, index="index", writes=call.size("index", call.arguments["dim"]), adds=adds)


@gate_rule("index_fill")
def index_fill(call: Call) -> Gates:
    """One value is written at each place."""
    return _writing(call, source="value", index="index", writes=call.size("index"), adds=False)


@gate_rule("index_put", "_unsafe_index_put", "_index_put_impl")
def index_put(call: Call) -> Gates:
    """Writes at the places that the indices name together."""
    present = [item for item in call.arguments["indices"] if item is not None]
    writes = max(math.prod(item.shape) for item in present)
    adds = bool(call.arguments.get("accumulate"))
    return _writing(call, source="values", index="indices", writes=writes, adds=adds)


@gate_rule("masked_scatter")
def masked_scatter(call: Call) -> Gates:
    """The place of each element counts the mask before it; under a computed mask the source is then a selection."""
    if not call.circuit or not call.varies("mask"):
        return {"self": 0, "source": 0, "mask": 0 if call.circuit else 1}
    chosen = lg(call.size("source")) + 1
    return {"self": 1, "source": chosen, "mask": lg(call.size("mask")) + chosen}


@gate_rule("histc", "bincount")
def histogram(call: Call) -> Gates:
    """A comparison with each bin and a sum over all elements."""
    return 1 + lg(call.size("self"))


@gate_rule("searchsorted", "bucketize")
def search(call: Call) -> Gates:
    """A comparison with each boundary, and a count."""
    boundaries = call.size("boundaries" if "boundaries" in call.arguments else "sorted_sequence", -1)
    return 1 + lg(boundaries)


@gate_rule("topk", "kthvalue")
def top_k(call: Call) -> Gates:
    """lg n for the largest; a tournament of binary comparators, lg n (1 + lg k), bounds the k largest in `circuit`."""
    levels = lg(call.size("self", call.arguments["dim"]))
    return levels * (1 + lg(call.arguments["k"])) if call.circuit else levels


@gate_rule("sort", "argsort", "msort", "median", "nanmedian", "mode")
def sort(call: Call) -> Gates:
    """A bitonic network: m (m + 1) / 2, m = lg n (Batcher, 1968)."""
    levels = lg(call.size("self", call.arguments.get("dim")))
    return levels * (levels + 1) // 2


@gate_rule("multinomial")
def multinomial(call: Call) -> Gates:
    """Divide by exponential draws and take the largest (the Gumbel-max trick), or the k largest."""
    levels, k = lg(call.size("self", -1)), call.arguments["num_samples"]
    return 1 + levels * (1 + lg(k))
