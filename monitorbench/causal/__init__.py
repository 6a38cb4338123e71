"""Experiments on live canvases: what is changed in which rollout, what was to follow, and whether it did."""
