"""Scores of recorded rollouts: pure functions of arrays."""
