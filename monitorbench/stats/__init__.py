"""Intervals, decisions and sample sizes for claims about prompts."""
