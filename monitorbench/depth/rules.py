"""Every rule that comes with the package: importing this module registers them."""

from monitorbench.depth import (
    rules_contraction,
    rules_elementwise,
    rules_experts,
    rules_indexing,
    rules_movement,
    rules_nonlinear,
    rules_recurrence,
    rules_reduction,
    rules_transform,
)

__all__ = [
    "rules_contraction",
    "rules_elementwise",
    "rules_experts",
    "rules_indexing",
    "rules_movement",
    "rules_nonlinear",
    "rules_recurrence",
    "rules_reduction",
    "rules_transform",
]
