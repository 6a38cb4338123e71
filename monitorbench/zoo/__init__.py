"""Reference checkpoints, and the recipes that trained them."""
