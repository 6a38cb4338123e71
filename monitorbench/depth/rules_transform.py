"""Fourier transforms, distances, and reading between the places of a grid."""

from __future__ import annotations

import math

from monitorbench.depth.costs import Call, Gates, gate_rule, lg, register_movement
from monitorbench.depth.rules_contraction import contraction

register_movement("complex", "view_as_complex_copy", "view_as_real_copy")


def _transformed(call: Call) -> int:
    """Numbers that one number of the result is made of; of the one-sided input of an inverse, both sides."""
    shape, dims = list(call.shape("self")), call.arguments["dim"]
    if call.operation == "_fft_c2r":
        shape[dims[-1]] = call.arguments["last_dim_size"]
    n: int = math.prod(shape[dim] for dim in dims)
    return n


@gate_rule("_fft_r2c", "_fft_c2c", "_fft_c2r")
def fourier(call: Call) -> Gates:
    """In `circuit` a contraction with a fixed matrix; a complex number is two real ones.

    As a program the fast transform: a product with a fixed factor and a sum at each of lg n levels (Cooley and Tukey,
    1965), and the normalisation.
    """
    n = _transformed(call)
    if call.circuit:
        return contraction(n if call.operation == "_fft_r2c" else 2 * n)
    return 2 * lg(n) + int(call.arguments["normalization"] != 0)


@gate_rule("_cdist_forward", "_pdist_forward")
def distance(call: Call) -> Gates:
    """Difference, magnitude or square, sum, root; with p = 0 a comparison, with p infinite the largest magnitude."""
    p = float(call.arguments["p"])
    n = call.size("x1" if "x1" in call.arguments else "self", -1)
    outer = 1 if p in (0, 1, math.inf) else 2 if p == 2 else 3
    return 1 + outer + lg(n)


@gate_rule("_euclidean_dist")
def euclidean_distance(call: Call) -> Gates:
    """Difference, square, sum, root."""
    return 3 + lg(call.size("x1", -1))


@gate_rule("linalg_cross")
def cross(_: Call) -> Gates:
    """Products and a difference."""
    return 2


@gate_rule("_trilinear")
def trilinear(call: Call) -> Gates:
    """Two products, and a sum over some of the dimensions that the three operands are spread over."""
    shapes = [list(call.shape(name)) for name in ("i1", "i2", "i3")]
    for shape, name in zip(shapes, ("expand1", "expand2", "expand3"), strict=True):
        for dim in sorted(call.arguments[name]):
            shape.insert(dim, 1)
    return 2 + lg(math.prod(max(shape[dim] for shape in shapes) for dim in call.arguments["sumdim"]))


@gate_rule("trace")
def trace(call: Call) -> Gates:
    """A sum along the diagonal."""
    return lg(min(call.shape("self")))


@gate_rule("polar")
def polar(_: Call) -> Gates:
    """Cosine and sine side by side, then a product."""
    return {"abs": 1, "angle": 2}


_NEIGHBOURS = {"upsample_linear1d": 2, "upsample_bilinear2d": 4, "upsample_bicubic2d": 16, "upsample_trilinear3d": 8}


@gate_rule(*_NEIGHBOURS)
def interpolation(call: Call) -> Gates:
    """A contraction of the neighbours with fixed weights."""
    return contraction(_NEIGHBOURS[call.operation])


@gate_rule("grid_sampler_2d", "grid_sampler_3d")
def grid_sample(call: Call) -> Gates:
    """A contraction of the neighbours, whose weights are: two steps of scaling, floor, difference, product.

    In `circuit` a neighbour at a computed place is a selection among all places.
    """
    places = call.shape("input")[2:]
    chosen = lg(math.prod(places)) if call.circuit and call.varies("grid") else 0
    product = contraction(2 ** len(places))
    return {"input": chosen + product, "grid": 5 + chosen + product}


@gate_rule("_embedding_bag", "_embedding_bag_forward_only")
def embedding_bag(call: Call) -> Gates:
    """Rows selected, weighted and summed; a mean also divides."""
    reads_tokens = "indices" in call.token_reads and not call.varies("weight")
    computed = call.circuit and call.varies("indices") and not reads_tokens
    chosen = lg(call.size("weight", 0)) if computed else 0
    weighted = call.arguments.get("per_sample_weights") is not None
    return chosen + weighted + lg(call.size("indices")) + (call.arguments.get("mode") == 1)


@gate_rule("isin")
def isin(call: Call) -> Gates:
    """A comparison with each, and whether any was equal."""
    return 1 + lg(call.size("test_elements") if hasattr(call.arguments["test_elements"], "shape") else 1)
