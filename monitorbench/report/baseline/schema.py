"""JSON Schema (draft-07) of the baseline file; structure and types follow from its dataclasses."""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft7Validator

from monitorbench.report.baseline.model import SCHEMA_VERSION, Checkpoint, Entry, Prompts
from monitorbench.report.model import Bound, Interval
from monitorbench.report.schema import DAY, FIELDS, Fields, object_schema, problems_by

_HASH = {"pattern": "^([0-9a-f]{64})?$"}


def _field(description: str, **keywords: Any) -> dict[str, Any]:
    return {"description": description, **keywords}


_OWN: Fields = {
    Interval: FIELDS[Interval],
    Bound: FIELDS[Bound],
    Checkpoint: {
        "source": _field("Where the checkpoint came from, as its suite named it."),
        "revision": _field("Commit, tag or branch of a hub checkpoint; null elsewhere."),
        "weights_sha256": _field("SHA-256 of the weights; empty where there are none.", **_HASH),
        "config_sha256": _field("SHA-256 of the configuration; empty if it has none.", **_HASH),
        "tokenizer_sha256": _field("SHA-256 of the tokenizer; empty if it has none.", **_HASH),
    },
    Prompts: {
        "low": _field("Least possible contribution of a prompt."),
        "high": _field("Largest possible contribution of a prompt."),
        "values": _field("What each prompt contributed to the value, by prompt id."),
    },
    Entry: {
        "type": _field("Check type.", minLength=1),
        "verdict": _field("What the check came to by its own bounds."),
        "value": _field("The accepted estimate; null where nothing was measured."),
        "unit": _field("Its unit; empty for a plain number."),
        "interval": _field("Its interval; null where there is none."),
        "bound": _field("What the suite demanded of it; null where that was nothing."),
        "n": _field("Prompts (or other units) behind it; null where nothing is sampled.", minimum=0),
        "tolerance": _field("What the suite tolerated; a run is judged by its own suite."),
        "checkpoint": _field("The checkpoint that it was measured on."),
        "environment": _field("Device, number format and versions, by dotted path."),
        "first_seen": _field("Day on which a value of this check was first accepted.", pattern=DAY),
        "last_seen": _field("Day of the run whose value stands here.", pattern=DAY),
        "reason": _field("Why it was accepted; a failure needs one."),
        "expires": _field("Last day on which a known failure is let through; null elsewhere.", pattern=DAY),
        "settings": _field("What decides what was measured, by dotted path; free-form."),
        "prompts": _field("What each prompt contributed; null where the check does not say."),
    },
}


def schema() -> dict[str, Any]:
    """The schema as a draft-07 document."""
    entries = {"type": "object", "additionalProperties": object_schema(Entry, _OWN)}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"monitorbench baseline file, version {SCHEMA_VERSION}",
        "type": "object",
        "properties": {
            "schema_version": {"const": SCHEMA_VERSION, "description": "Version of this layout."},
            "suites": {
                "type": "object",
                "additionalProperties": entries,
                "description": "What was accepted, by name of the suite and id of the check.",
            },
        },
        "required": ["schema_version", "suites"],
        "additionalProperties": False,
    }


def problems(payload: object) -> tuple[str, ...]:
    """Every way in which a JSON value is no baseline file, as `place: what`; empty if it is one."""
    return problems_by(_validator(), payload, "baseline")


@cache
def _validator() -> Draft7Validator:
    return Draft7Validator(schema())
