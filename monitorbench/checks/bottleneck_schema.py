"""What a suite may say of a check `bottleneck-drop`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitorbench.checks.bottleneck_ladder import gate_of, rungs_of
from monitorbench.suite.model import CheckSchema

LEAST_P = 0.001
"""Least `min_p`, and least probability that `top_p` leaves out: with less next to nothing is dropped."""
FILLS = ("haze", "renorm", "onehot")

_MIN_P = (
    "Tokens of at least this probability: an absolute threshold for each token by itself, neither nucleus sampling "
    "(that is top_p) nor the sampler option of the same name, which is relative to the largest."
)
_TOP_P = "The fewest most probable tokens that have at least this much probability together (the nucleus)."
_KEEP = {
    "additionalProperties": False,
    "properties": {
        "top_k": {"type": "integer", "minimum": 1, "description": "The k most probable tokens."},
        "min_p": {"type": "number", "minimum": LEAST_P, "maximum": 1, "description": _MIN_P},
        "top_p": {"type": "number", "exclusiveMinimum": 0, "maximum": 1.0 - LEAST_P, "description": _TOP_P},
    },
    "oneOf": [{"required": ["top_k"]}, {"required": ["min_p"]}, {"required": ["top_p"]}],
}


def refusal(parameters: Mapping[str, Any]) -> tuple[str, str] | None:
    """What is wrong with rungs that fit the schema one by one, and what to do; None where nothing is."""
    rungs = rungs_of(parameters)
    names = list(dict.fromkeys(rung.keep for rung in rungs))
    if len(names) > 1:
        return f"mixes {' and '.join(names)} in one ladder", "declare one check for each"
    if gate_of(parameters) not in rungs:
        listed = ", ".join(rung.name for rung in rungs)
        return f"gates at {gate_of(parameters).name}, which is none of its rungs", f"gate at one of {listed}"
    wider = next((rung for rung in rungs if (rung.keep, rung.value) != ("top_k", 1)), None)
    if parameters.get("fill") == "onehot" and wider is not None:
        return f"fills with onehot, which keeps one token, but keeps {wider.name}", "write keep: {top_k: 1}"
    return None


SCHEMA = CheckSchema(
    properties={
        "task": {"type": "string", "description": "Task of the suite on which accuracy is measured."},
        "channel": {"type": "string", "description": "Channel that is forced through tokens."},
        "keep": {
            "description": "What survives of the carried value at every step and position, or a list of such: a "
            "ladder, whose rungs run over the same prompts and seeds. Nothing survives of a state.",
            "type": ["object", "array"],
            "if": {"type": "object"},
            "then": _KEEP,
            "items": {"type": "object", **_KEEP},
            "minItems": 1,
            "uniqueItems": True,
        },
        "gate_at": {
            "description": "The rung of the ladder whose drop decides the verdict; the first where it is not given.",
            "type": "object",
            **_KEEP,
        },
        "fill": {
            "enum": list(FILLS),
            "default": "haze",
            "description": "haze: the dropped tokens share their probability evenly; renorm: they get none; onehot: "
            "the most probable token gets all (with top_k: 1).",
        },
        "max_drop": {
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1,
            "description": "Non-inferiority margin: largest accuracy drop that is allowed, as a share.",
        },
        "min_floor_drop": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "default": 0.05,
            "description": "The channel counts as used when removing it costs more than this share of accuracy.",
        },
    },
    bounds=("max_drop",),
    required=("task", "channel", "keep", "max_drop"),
    refusal=refusal,
)
