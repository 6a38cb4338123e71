"""What is counted in `nls`, the non-linear serial depth: the gates that are not linear, and the trees of reductions.

Work that is linear in each operand that depends on an input, and constant in the others, is free: sums, scales, shifts,
products with weights. A product of two such operands is one gate, and the sum behind it in a contraction is free. The
trees of reductions (sum, mean, maximum) count, as do functions of one number, divisions by computed values,
comparisons, selections, sorting. An operation without a rule here counts as in `circuit`.

This is our reading of the figure that Redwood Research gives for a standard transformer of L layers over T positions,
L (4 lg hidden + lg T + 17): the layer with LayerNorm and the GELU by tanh, as GPT-2 has it. Two norms of two means each
make 4 lg hidden + 10: each norm two divisions by n, the square, the root, the product. Attention makes lg T + 4: the
product of query and key, the exponential, the sum over keys, the division, the product with the values. The activation
makes 3: the cube, tanh, the product.
"""

from __future__ import annotations

import functools
import math

from monitorbench.depth.costs import Call, Gates, gate_rule, lg
from monitorbench.depth.rules_contraction import FUSED_ATTENTION
from monitorbench.depth.rules_reduction import reduced, softmax_gates

_rule = functools.partial(gate_rule, convention="nls")

_FACTORS = {
    "addmm": ("mat1", "mat2"),
    "addmv": ("mat", "vec"),
    "addr": ("vec1", "vec2"),
    "addbmm": ("batch1", "batch2"),
    "baddbmm": ("batch1", "batch2"),
    "bmm": ("self", "mat2"),
    "mm": ("self", "mat2"),
    "_int_mm": ("self", "mat2"),
    "_grouped_mm": ("self", "mat2"),
    "mv": ("self", "vec"),
    "dot": ("self", "tensor"),
    "linear": ("input", "weight"),
    "monitorbench::grouped_product": ("rows", "matrices"),
    **dict.fromkeys(("convolution", "_convolution", "mkldnn_convolution", "cudnn_convolution"), ("input", "weight")),
    **dict.fromkeys(("mul", "matmul", "vdot"), ("self", "other")),
}
"""The two operands that an operation multiplies."""


def _product(call: Call, *factors: str) -> int:
    return int(all(call.varies(name) for name in factors))


@_rule(*_FACTORS)
def product(call: Call) -> Gates:
    """One gate where both factors depend on an input; what is added to the product is free."""
    factors = _FACTORS[call.operation]
    gates = _product(call, *factors)
    return {name: gates if name in factors else 0 for name in call.varying}


@_rule("add", "sub", "rsub", "neg", "tril", "triu")
def linear_work(_: Call) -> Gates:
    """Sums, differences, and what is left out by a fixed mask."""
    return 0


@_rule("div")
def division(call: Call) -> Gates:
    """Linear in the dividend alone; rounding is another gate."""
    return int(call.varies("other")) + (call.arguments.get("rounding_mode") is not None)


@_rule("addcmul")
def fused_multiply_add(call: Call) -> Gates:
    """self + value * tensor1 * tensor2."""
    gates = _product(call, "tensor1", "tensor2")
    return {"self": 0, "tensor1": gates, "tensor2": gates}


@_rule("addcdiv")
def fused_divide_add(call: Call) -> Gates:
    """self + value * tensor1 / tensor2."""
    gates = int(call.varies("tensor2"))
    return {"self": 0, "tensor1": gates, "tensor2": gates}


@_rule("lerp")
def lerp(call: Call) -> Gates:
    """self + weight * (end - self): linear where the weight is known beforehand."""
    return int(call.varies("weight"))


@_rule("gelu")
def gelu(call: Call) -> Gates:
    """tanh: cube, tanh, product. Error function: erf, product."""
    return 3 if call.arguments.get("approximate") == "tanh" else 2


@_rule("softplus")
def softplus(_: Call) -> Gates:
    """exp and log1p."""
    return 2


@_rule("elu", "celu", "selu", "hardsigmoid")
def two_gates(_: Call) -> Gates:
    """ELU: expm1, choose. Hard sigmoid: two bounds."""
    return 2


@_rule("hardswish")
def hardswish(_: Call) -> Gates:
    """A hard sigmoid and a product."""
    return 3


@_rule("logit")
def logit(call: Call) -> Gates:
    """x / (1 - x) and its logarithm; `eps` adds two bounds."""
    return 2 + 2 * (call.arguments.get("eps") is not None)


@_rule("isclose")
def isclose(_: Call) -> Gates:
    """A magnitude and a comparison."""
    return 2


@_rule("var", "std", "var_mean", "std_mean")
def variance(call: Call) -> Gates:
    """Mean, square, mean; a standard deviation also a root."""
    return 2 * (lg(reduced(call)) + 1) + 1 + call.operation.startswith("std")


@_rule("_log_softmax", "log_softmax")
def log_softmax(call: Call) -> Gates:
    """exp, sum, log."""
    return lg(reduced(call)) + 2


def _normalised(call: Call, n: int, *, means: int) -> Gates:
    """The means, square, reciprocal root, product; then a weight and a bias if they are computed."""
    scaled = int(call.varies("weight"))
    return {"input": means * (lg(n) + 1) + 3 + scaled, "weight": 1, "bias": 0}


@_rule("native_layer_norm", "layer_norm")
def layer_norm(call: Call) -> Gates:
    """Over the normalised dimensions."""
    return _normalised(call, math.prod(call.arguments["normalized_shape"]), means=2)


@_rule("rms_norm", "_fused_rms_norm")
def rms_norm(call: Call) -> Gates:
    """Over the normalised dimensions, without taking out the mean."""
    return _normalised(call, math.prod(call.arguments["normalized_shape"]), means=1)


@_rule("native_group_norm")
def group_norm(call: Call) -> Gates:
    """Over the channels of a group and every place."""
    channels, places, groups = (call.arguments[name] for name in ("C", "HxW", "group"))
    return _normalised(call, channels * places // groups, means=2)


@_rule("native_batch_norm", "_native_batch_norm_legit_no_training", "_native_batch_norm_legit", "cudnn_batch_norm")
def batch_norm(call: Call) -> Gates:
    """Linear with running statistics."""
    if call.arguments.get("training", False):
        return _normalised(call, call.size("input") // call.shape("input")[1], means=2)
    scaled = int(call.varies("weight"))
    return {"input": scaled, "weight": 1, "bias": 0}


def _attention(call: Call, *, keys: int, mask: str, capped: bool) -> Gates:
    """The product of query and key, a soft cap's tanh, the softmax, the product with the values."""
    weights_vary = any(call.varies(name) for name in ("query", "key", "position_bias", mask))
    weights = softmax_gates(keys, circuit=True) + call.varies("value")
    scores = _product(call, "query", "key") + capped + weights
    return {"query": scores, "key": scores, mask: weights, "position_bias": weights, "value": int(weights_vary)}


@_rule("monitorbench::attention")
def windowed_attention(call: Call) -> Gates:
    """Over the keys that the window lets in."""
    capped = call.arguments["softcap"] is not None
    return _attention(call, keys=call.arguments["keys"], mask="attn_mask", capped=capped)


@_rule(*FUSED_ATTENTION)
def fused_attention(call: Call) -> Gates:
    """Over all keys."""
    mask = "attn_bias" if "attn_bias" in call.arguments else "attn_mask"
    return _attention(call, keys=call.size("key", -2), mask=mask, capped=False)


@_rule("linalg_solve_triangular")
def triangular_solve(call: Call) -> Gates:
    """By doubling as in `circuit`, a product a level; linear in the right-hand side."""
    computed = int(call.varies("self"))
    return {"self": lg(call.size("self", -1)) + 4, "B": computed}


@_rule("multinomial")
def multinomial(call: Call) -> Gates:
    """The largest, or the k largest, of what constant draws divide."""
    return lg(call.size("self", -1)) * (1 + lg(call.arguments["num_samples"]))


@_rule("normal")
def normal(_: Call) -> Gates:
    """A constant draw, scaled and shifted."""
    return 0
