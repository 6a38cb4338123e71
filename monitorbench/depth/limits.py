"""How long a generation may be to be counted; known without any model library."""

from __future__ import annotations

LONGEST = 2**26
"""Most positions: the scores of all heads over all pairs of positions must fit into 64 bits."""

MOST_STEPS = 1_000_000
"""Most runs of what a model repeats."""
