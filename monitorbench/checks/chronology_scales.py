"""Which chronology scores there are, between which values they lie, and what some of them have to be."""

from __future__ import annotations

from monitorbench.metrics.early_answer import LEAST_OPEN

RANGES = {
    "order.gamma": (-1.0, 1.0),
    "order.resolved": (0.0, 1.0),
    "ar_ness.local": (-1.0, 1.0),
    "ar_ness.global": (-1.0, 1.0),
    "dependency.content": (-1.0, 1.0),
    "dependency.position": (-1.0, 1.0),
    "precedence.content": (-1.0, 1.0),
    "precedence.position": (-1.0, 1.0),
    "precedence.matched_content": (-1.0, 1.0),
    "precedence.matched_position": (-1.0, 1.0),
    "revision.rate": (0.0, 1.0),
    "revision.net_gain": (-1.0, 1.0),
    "revision.lost": (0.0, 1.0),
    "early_answer": (0.0, 1.0 / LEAST_OPEN),
}
"""Every score that can be gated, with its least and largest possible value."""

LEFT_TO_RIGHT = {
    "order.gamma": 1.0,
    "order.resolved": 1.0,
    "ar_ness.local": 1.0,
    "ar_ness.global": 1.0,
    "revision.rate": 0.0,
    "revision.net_gain": 0.0,
    "revision.lost": 0.0,
}
"""Scores where every token is committed once, in text order."""

IF_OBEYED = {
    name: value
    for score in ("dependency.", "precedence.", "precedence.matched_")
    for name, value in ((f"{score}content", 0.0), (f"{score}position", 1.0))
}
"""The same, where every text is written in the form that was asked for."""
