"""Reductions over a dimension, cumulative ones, pooling, softmax and the norms."""

from __future__ import annotations

import math

from monitorbench.depth.costs import Call, Gates, gate_rule, lg


def reduced(call: Call) -> int:
    """Number of elements that one output of a reduction is made of."""
    return call.size("self", call.arguments.get("dim"))


@gate_rule(
    "sum", "prod", "max", "min", "amax", "amin", "aminmax", "argmax", "argmin", "any", "all", "nansum",
    "_is_all_true", "_is_any_true",
)  # fmt: skip
def reduction(call: Call) -> Gates:
    """A balanced tree: lg n. Between two tensors `max` and `min` are one gate."""
    return 1 if call.arguments.get("other") is not None else lg(reduced(call))


@gate_rule("count_nonzero")
def count(call: Call) -> Gates:
    """A comparison and a sum."""
    return 1 + lg(reduced(call))


@gate_rule("mean")
def mean(call: Call) -> Gates:
    """A sum and a division."""
    return lg(reduced(call)) + 1


@gate_rule("cumsum", "cumprod", "cummax", "cummin", "_cummax_helper", "_cummin_helper")
def cumulative(call: Call) -> Gates:
    """A parallel prefix network: lg n."""
    return lg(reduced(call))


@gate_rule("logsumexp", "logcumsumexp")
def log_sum_exp(call: Call) -> Gates:
    """exp, sum, log; the program also takes out the maximum and puts it back."""
    n = reduced(call)
    return lg(n) + 2 + (0 if call.circuit else lg(n) + 2)


@gate_rule("var", "std", "var_mean", "std_mean")
def variance(call: Call) -> Gates:
    """Mean, difference, square, mean; a standard deviation also a root."""
    return 2 * (lg(reduced(call)) + 1) + 2 + call.operation.startswith("std")


@gate_rule("linalg_vector_norm", "norm")
def vector_norm(call: Call) -> Gates:
    """Power, sum, root; the largest or smallest magnitude and a count take two steps."""
    order = call.arguments.get("ord", call.arguments.get("p", 2))
    outer = 0 if order in (0, 1, math.inf, -math.inf) else 1
    return 1 + lg(reduced(call)) + outer


def softmax_gates(n: int, *, circuit: bool) -> int:
    """exp, sum, division: lg n + 2; the program also subtracts the maximum: 2 lg n + 3."""
    return lg(n) + 2 + (0 if circuit else lg(n) + 1)


@gate_rule("_softmax", "softmax", "_safe_softmax")
def softmax(call: Call) -> Gates:
    """Softmax over one dimension."""
    return softmax_gates(reduced(call), circuit=call.circuit)


@gate_rule("_log_softmax", "log_softmax")
def log_softmax(call: Call) -> Gates:
    """x - log(sum(exp(x))): lg n + 3; the program also subtracts the maximum."""
    n = reduced(call)
    return lg(n) + 3 + (0 if call.circuit else lg(n) + 1)


def _normalised(n: int, call: Call) -> Gates:
    """Mean, difference, square, mean, epsilon, reciprocal root, product; then weight and bias."""
    weight, bias = (int(call.arguments.get(name) is not None) for name in ("weight", "bias"))
    return {"input": 2 * (lg(n) + 1) + 5 + weight + bias, "weight": 1 + bias, "bias": 1}


@gate_rule("native_layer_norm", "layer_norm")
def layer_norm(call: Call) -> Gates:
    """Over the normalised dimensions."""
    return _normalised(math.prod(call.arguments["normalized_shape"]), call)


@gate_rule("native_group_norm")
def group_norm(call: Call) -> Gates:
    """Over the channels of a group and every place."""
    channels, places, groups = (call.arguments[name] for name in ("C", "HxW", "group"))
    return _normalised(channels * places // groups, call)


@gate_rule("rms_norm", "_fused_rms_norm")
def rms_norm(call: Call) -> Gates:
    """Square, mean, epsilon, reciprocal root, product; then the weight."""
    n = math.prod(call.arguments["normalized_shape"])
    weight = int(call.arguments.get("weight") is not None)
    return {"input": lg(n) + 5 + weight, "weight": 1}


@gate_rule("native_batch_norm", "_native_batch_norm_legit_no_training", "_native_batch_norm_legit", "cudnn_batch_norm")
def batch_norm(call: Call) -> Gates:
    """With running statistics: difference, product, weight, bias. With those of the batch: over all of it."""
    places = call.size("input") // call.shape("input")[1]
    if call.arguments.get("training", False):
        return _normalised(places, call)
    weight, bias = (int(call.arguments.get(name) is not None) for name in ("weight", "bias"))
    return {"input": 2 + weight + bias, "weight": 1 + bias, "bias": 1, "running_mean": 2 + weight + bias}


@gate_rule("avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices")
def pooling(call: Call) -> Gates:
    """A reduction over the kernel; an average also divides."""
    kernel, places = call.arguments["kernel_size"], 3 if "3d" in call.operation else 2
    n = math.prod(kernel) if len(kernel) > 1 or "1d" in call.operation else kernel[0] ** places
    return lg(n) + call.operation.startswith("avg")


@gate_rule("_adaptive_avg_pool2d", "adaptive_max_pool2d", "_adaptive_avg_pool3d", "adaptive_max_pool3d")
def adaptive_pooling(call: Call) -> Gates:
    """A reduction over the largest window; an average also divides."""
    sizes = call.arguments["output_size"]
    windows = [math.ceil(n / m) + (n % m != 0) for n, m in zip(call.shape("self")[-len(sizes) :], sizes, strict=True)]
    return lg(math.prod(windows)) + ("avg" in call.operation)
