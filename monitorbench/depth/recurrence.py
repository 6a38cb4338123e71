"""Linear recurrences as operations: h_t = a_t h_(t-1) + b_t for all t at once, whatever loop computes them.

As a function such a recurrence is a parallel scan: pairs combine by (a, b) then (c, d) = (ca, cb + d), which is
associative, so that n steps take lg n levels (Blelloch, 1990). An initial state is one step more.
Shape legend: B rows, P places in time, ... any further dimensions, K rows of a state, V columns of a state.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from monitorbench.depth.costs import Call, Gates, gate_rule, lg


def linear_recurrence(drive: Tensor, decay: Tensor, initial: Tensor | None = None) -> Tensor:
    """All states of h_t = decay_t * h_(t-1) + drive_t, element by element.

    Args:
        drive: (B, P, ...).
        decay: broadcastable to the drive; for a decay that is the same at all times its size along P is 1.
        initial: state before the first step, (B, ...); zero where it is not given.

    Returns:
        (B, P, ...)
    """
    states: Tensor = torch.ops.monitorbench.linear_recurrence(drive, decay, initial)
    return states


def matrix_recurrence(drive: Tensor, transition: Tensor, initial: Tensor | None = None) -> Tensor:
    """All states of H_t = transition_t @ H_(t-1) + drive_t.

    Args:
        drive: (B, P, ..., K, V).
        transition: (B, P, ..., K, K).
        initial: state before the first step, (B, ..., K, V); zero where it is not given.

    Returns:
        (B, P, ..., K, V)
    """
    states: Tensor = torch.ops.monitorbench.matrix_recurrence(drive, transition, initial)
    return states


@gate_rule("monitorbench::linear_recurrence")
def linear_recurrence_gates(call: Call) -> Gates:
    """Scan: product and sum at each level. With a decay known beforehand a state is a contraction: lg n + 1."""
    levels = _levels(call)
    return 2 * levels if call.varies("change") else min(2 * levels, levels + 1)


@gate_rule("monitorbench::matrix_recurrence")
def matrix_recurrence_gates(call: Call) -> Gates:
    """Scan: a contraction over K and a sum at each level."""
    return (lg(call.size("change", -1)) + 2) * _levels(call)


@gate_rule("monitorbench::linear_recurrence", "monitorbench::matrix_recurrence", convention="nls")
def nonlinear_gates(call: Call) -> Gates:
    """A product at each level where the change is computed; otherwise the states are linear in the drive."""
    return _levels(call) if call.varies("change") else 0


def _levels(call: Call) -> int:
    return lg(call.size("drive", 1) + (call.arguments["initial"] is not None))


def _stepwise(apply: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    def run(drive: Tensor, change: Tensor, initial: Tensor | None) -> Tensor:
        state = torch.zeros_like(drive[:, 0]) if initial is None else initial
        states = []
        for p, b in enumerate(drive.unbind(1)):
            state = apply(change[:, min(p, change.shape[1] - 1)], state) + b
            states.append(state)
        return torch.stack(states, 1)

    return run


for _name, _operator in (("linear_recurrence", torch.mul), ("matrix_recurrence", torch.matmul)):
    torch.library.define(f"monitorbench::{_name}", "(Tensor drive, Tensor change, Tensor? initial) -> Tensor")
    torch.library.impl(f"monitorbench::{_name}", ("cpu", "cuda"), _stepwise(_operator))
    torch.library.register_fake(f"monitorbench::{_name}", lambda drive, _change, _initial: torch.empty_like(drive))
