"""Contractions: products summed over a dimension, convolutions, and attention."""

from __future__ import annotations

import math

from monitorbench.depth.costs import Call, Gates, gate_rule, lg
from monitorbench.depth.rules_reduction import softmax_gates

FUSED_ATTENTION = (
    "scaled_dot_product_attention", "_scaled_dot_product_flash_attention", "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_attention_math", "_scaled_dot_product_fused_attention_overrideable",
)  # fmt: skip
"""Attention as fused kernels compute it."""


def contraction(n: int) -> int:
    """Gates of a sum of n products: lg n + 1."""
    return lg(n) + 1


@gate_rule("mm", "bmm", "matmul", "dot", "vdot", "mv", "_grouped_mm", "_int_mm")
def matrix_product(call: Call) -> Gates:
    """A contraction over the last dimension of the first operand."""
    return contraction(call.size("self", -1))


@gate_rule("monitorbench::grouped_product")
def grouped_product(call: Call) -> Gates:
    """Each row with the matrix of its group: a contraction."""
    return contraction(call.size("rows", -1))


@gate_rule("linear")
def linear(call: Call) -> Gates:
    """A contraction over the features, and the bias."""
    bias = int(call.arguments.get("bias") is not None)
    product = contraction(call.size("input", -1)) + bias
    return {"input": product, "weight": product, "bias": 1}


@gate_rule("addmm", "baddbmm", "addbmm", "addmv", "addr")
def product_and_sum(call: Call) -> Gates:
    """beta * self + alpha * (a @ b)."""
    left, right = {"addmv": ("mat", "vec"), "addmm": ("mat1", "mat2"), "addr": ("vec1", "vec2")}.get(
        call.operation, ("batch1", "batch2")
    )
    summed = {"addr": 1, "addbmm": call.size(left, 0) * call.size(left, -1)}.get(call.operation, call.size(left, -1))
    product = contraction(summed) + (call.arguments.get("alpha", 1) != 1) + 1
    return {"self": 1 + (call.arguments.get("beta", 1) != 1), left: product, right: product}


@gate_rule("convolution", "_convolution", "mkldnn_convolution", "cudnn_convolution")
def convolution(call: Call) -> Gates:
    """A contraction over kernel x channels of a group, and the bias. The bound holds for a transposed one, too."""
    weight = call.shape("weight")
    channels = call.shape("input")[1] // call.arguments["groups"]
    has_bias = call.arguments.get("bias") is not None
    product = contraction(math.prod(weight[2:]) * channels) + has_bias
    return {"input": product, "weight": product, "bias": 1}


@gate_rule("linalg_solve_triangular")
def triangular_solve(call: Call) -> Gates:
    """Row by row as the program is written: contraction, difference, division, n times.

    In `circuit` by doubling: the inverse of I - N for a strictly triangular N is the product of I + N^(2^i), i < lg n;
    a factor takes a square and a sum, side by side with the product so far; then comes the right-hand side.
    """
    n = call.size("self", -1)
    if not call.circuit:
        return n * (contraction(n) + 2)
    return 2 + lg(n) * (contraction(n) + 1) + 2 * contraction(n)


def attention_gates(
    *, head_dim: int, keys: int, before_softmax: int, circuit: bool, mask: int, biased: bool = False
) -> dict[str, int]:
    """Gates from each operand of softmax(q k + bias + mask) v.

    Args:
        head_dim: length of a query and of a key.
        keys: number of keys that enter the softmax of one query.
        before_softmax: element-wise gates between the scores and the mask: scale, soft cap.
        circuit: count the softmax without its stabilising maximum.
        mask: 1 where adding the mask is a gate.
        biased: whether a bias by position is added.
    """
    weights = softmax_gates(keys, circuit=circuit) + contraction(keys)
    scores = contraction(head_dim) + before_softmax + biased + mask + weights
    gates = {"query": scores, "key": scores, "attn_mask": 1 + weights, "value": contraction(keys)}
    return {**gates, "position_bias": 1 + mask + weights} if biased else gates


@gate_rule(*FUSED_ATTENTION)
def fused_attention(call: Call) -> Gates:
    """What a fused kernel decomposes into. A mask known beforehand is structure in `circuit`, a sum as written."""
    mask_name = "attn_bias" if "attn_bias" in call.arguments else "attn_mask"
    masked = call.arguments.get(mask_name) is not None or bool(call.arguments.get("is_causal"))
    gates = attention_gates(
        head_dim=call.size("query", -1),
        keys=call.size("key", -2),
        before_softmax=int(call.arguments.get("scale") != 1.0),
        circuit=call.circuit,
        mask=int(call.varies(mask_name) if call.circuit else masked),
    )
    return {mask_name if name == "attn_mask" else name: depth for name, depth in gates.items()}


@gate_rule("monitorbench::attention")
def windowed_attention(call: Call) -> Gates:
    """Attention of a whole layer, over the keys that its window lets in."""
    capped = call.arguments["softcap"] is not None
    return attention_gates(
        head_dim=call.size("query", -1),
        keys=call.arguments["keys"],
        before_softmax=int(call.arguments["scaling"] != 1.0) + 3 * capped,
        circuit=call.circuit,
        mask=int(call.varies("attn_mask") or (not call.circuit and call.arguments["attn_mask"] is not None)),
        biased=call.arguments["position_bias"] is not None,
    )
