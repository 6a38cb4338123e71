"""How often the intervals of this room hold the truth: `python -m monitorbench.stats.coverage`."""
