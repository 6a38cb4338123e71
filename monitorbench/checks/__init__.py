"""Check types: the arms that each needs, and how it judges what was recorded."""
