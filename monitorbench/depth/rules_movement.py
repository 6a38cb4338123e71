"""Operations that move, make or forget data. Views need no rule: the tracer knows them by their schema."""

from __future__ import annotations

from monitorbench.depth.costs import Call, Gates, gate_rule, register_cast, register_movement

register_movement(
    "alias_copy", "block_diag", "cat", "channel_shuffle", "clone", "col2im", "constant_pad_nd", "contiguous",
    "detach_copy", "diag_embed", "diagonal_copy", "diagonal_scatter", "expand_copy", "flip", "im2col",
    "lift", "lift_fresh_copy", "permute_copy", "pixel_shuffle", "pixel_unshuffle",
    "reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "repeat", "replication_pad1d", "replication_pad2d",
    "replication_pad3d", "resize", "roll", "rot90", "select_copy", "select_scatter", "slice_copy", "slice_scatter",
    "split_copy", "split_with_sizes_copy", "squeeze_copy", "stack", "t_copy", "transpose", "t", "squeeze", "unsqueeze",
    "transpose_copy", "unbind_copy", "unfold_copy", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes",
    "unsqueeze_copy", "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "view_copy", "_reshape_copy",
    "_unsafe_view", "_reshape_alias_copy", "_conj_copy",
)  # fmt: skip
register_cast("_to_copy", "to")


@gate_rule(
    "cauchy", "empty_like", "exponential", "full_like", "geometric", "log_normal",
    "new_empty", "new_empty_strided", "new_full", "new_ones", "new_zeros", "ones_like", "rand_like",
    "randint_like", "randn_like", "random", "uniform", "zero", "zeros_like", "_assert_tensor_metadata",
    "_assert_async", "_assert_scalar",
)  # fmt: skip
def forget(_: Call) -> Gates:
    """What comes out depends on no value that went in. Random numbers are inputs of depth 0, drawn beforehand."""
    return {}


@gate_rule("fill")
def fill(_: Call) -> Gates:
    """A fill depends on what it is filled with, and forgets what was there."""
    return {"value": 0}


@gate_rule("copy")
def copy(call: Call) -> Gates:
    """The old value is forgotten; a copy between types casts."""
    cast = call.arguments["src"].dtype != call.arguments["self"].dtype
    return {"src": int(cast and not call.circuit)}


@gate_rule("tril", "triu")
def triangle(call: Call) -> Gates:
    """Which elements become zero is known beforehand: structure in `circuit`, a choice as the program is written."""
    return 0 if call.circuit else 1


@gate_rule("bernoulli")
def bernoulli(call: Call) -> Gates:
    """A uniform draw compared with a probability: an argument of its own, or the tensor itself."""
    return {"self" if call.arguments.get("p") is None else "p": 1}


@gate_rule("normal")
def normal(_: Call) -> Gates:
    """A standard draw, scaled and shifted."""
    return {"mean": 1, "std": 2}
