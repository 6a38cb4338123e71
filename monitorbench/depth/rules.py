"""Every rule that comes with the package: importing this module registers them."""

from monitorbench.depth import (
    rules_contraction,
    rules_elementwise,
    rules_indexing,
    rules_movement,
    rules_reduction,
)

__all__ = ["rules_contraction", "rules_elementwise", "rules_indexing", "rules_movement", "rules_reduction"]
