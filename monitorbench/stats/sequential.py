"""Placeholder until the bounds are merged."""
from monitorbench.stats.bounded import bounded_mean as sequential_mean  # noqa: F401
