"""Element-wise operations: arithmetic, comparison, elementary functions, and activations by their decomposition."""

from __future__ import annotations

from monitorbench.depth.costs import Call, Gates, gate_rule


@gate_rule(
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "angle", "bitwise_and", "bitwise_left_shift",
    "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "ceil", "copysign", "cos", "cosh", "digamma",
    "div", "eq", "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "floor", "floor_divide", "fmax", "fmin", "fmod",
    "frac", "gcd", "ge", "gt", "heaviside", "hypot", "i0", "isfinite", "isinf", "isnan", "isneginf", "isposinf",
    "ldexp", "le", "lgamma", "log", "log10", "log1p", "log2", "logaddexp", "logical_and",
    "logical_not", "logical_or", "logical_xor", "lt", "maximum", "minimum", "mul", "ne", "neg", "nextafter",
    "polygamma", "pow", "reciprocal", "relu", "remainder", "round", "rsqrt", "sgn", "sigmoid", "sign", "signbit", "sin",
    "sinc", "sinh", "special_erfcx", "sqrt", "square", "tan", "tanh", "trunc", "xlogy", "__and__", "__or__", "__xor__",
    "__lshift__", "__rshift__", "deg2rad", "rad2deg", "logaddexp2", "_conj_physical", "special_bessel_j0",
    "special_bessel_j1", "special_entr", "special_i0e", "special_i1", "special_i1e", "special_log_ndtr",
    "special_ndtri", "special_xlog1py",
)  # fmt: skip
def one_gate(_: Call) -> Gates:
    """One gate of one or two numbers; a constant operand does not make it free."""
    return 1


@gate_rule("add", "sub", "rsub")
def scaled_sum(call: Call) -> Gates:
    """One gate; a factor `alpha` other than 1 is another on the operand it scales."""
    scaled = "self" if call.operation == "rsub" else "other"
    other = "other" if scaled == "self" else "self"
    return {other: 1, scaled: 1 + (call.arguments.get("alpha", 1) != 1)}


@gate_rule("addcmul", "addcdiv")
def fused_multiply_add(call: Call) -> Gates:
    """self + value * (a o b)."""
    product = 2 + (call.arguments.get("value", 1) != 1)
    return {"self": 1, "tensor1": product, "tensor2": product}


@gate_rule("lerp")
def lerp(_: Call) -> Gates:
    """self + weight * (end - self)."""
    return {"self": 3, "end": 3, "weight": 2}


@gate_rule("where")
def where(call: Call) -> Gates:
    """Selection among two; when the condition is known beforehand the choice is structure in `circuit`."""
    return 0 if call.circuit and not call.varies("condition") else 1


@gate_rule("masked_fill")
def masked_fill(call: Call) -> Gates:
    """Selection among two, free in `circuit` where the mask is known beforehand."""
    return 0 if call.circuit and not call.varies("mask") else 1


@gate_rule("clamp", "clip", "hardtanh", "relu6")
def clamp(call: Call) -> Gates:
    """One gate for each bound."""
    bounds = [call.arguments.get(name) is not None for name in ("min", "max") if name in call.arguments]
    return sum(bounds) if bounds else 2


@gate_rule("clamp_min", "clamp_max", "threshold")
def one_bound(_: Call) -> Gates:
    """One bound."""
    return 1


@gate_rule("silu", "log_sigmoid_forward", "glu", "leaky_relu", "prelu", "_prelu_kernel", "hardshrink", "softshrink")
def two_gates(_: Call) -> Gates:
    """SiLU and GLU: sigmoid, product. Log-sigmoid: sigmoid, log. Leaky: scale and compare side by side, choose."""
    return 2


@gate_rule("gelu")
def gelu(call: Call) -> Gates:
    """tanh: cube, scale, add, scale, tanh, add, halve, product. Error function: scale, erf, add, halve, product."""
    return 8 if call.arguments.get("approximate") == "tanh" else 5


@gate_rule("softplus")
def softplus(call: Call) -> Gates:
    """exp and log1p; a `beta` other than 1 scales before and after. The program also chooses by its threshold."""
    return 2 + 2 * int(call.arguments.get("beta", 1) != 1) + (0 if call.circuit else 1)


@gate_rule("elu", "celu", "selu")
def elu(_: Call) -> Gates:
    """expm1, scale, choose, and the outer scale."""
    return 4


@gate_rule("mish", "hardsigmoid")
def four_gates(_: Call) -> Gates:
    """Mish: exp, log1p, tanh, product. Hard sigmoid: shift, two bounds, scale."""
    return 4


@gate_rule("hardswish")
def hardswish(_: Call) -> Gates:
    """A hard sigmoid and a product."""
    return 5


@gate_rule("logit")
def logit(call: Call) -> Gates:
    """x / (1 - x) and its logarithm; `eps` adds two bounds."""
    return 3 + 2 * (call.arguments.get("eps") is not None)


@gate_rule("isclose")
def isclose(_: Call) -> Gates:
    """|a - b| <= tolerance + relative * |b|."""
    return 4


@gate_rule("nan_to_num")
def nan_to_num(_: Call) -> Gates:
    """Three choices, one after another: not a number, plus infinity, minus infinity."""
    return 3
