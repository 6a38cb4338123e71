"""JSON Schema (draft-07) of the report.

Structure and types follow from the dataclasses of `report.model`; what each field means and its range stand here.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, Literal, cast, get_args, get_origin

from jsonschema import Draft7Validator, TypeChecker, validators
from jsonschema.exceptions import ValidationError

from monitorbench.report.codec import field_types, without_none
from monitorbench.report.exit_code import ExitCode
from monitorbench.report.model import (
    SCHEMA_VERSION,
    Acceptance,
    Bound,
    CheckReport,
    Control,
    Dropped,
    Interval,
    ModelReport,
    Policy,
    Report,
    RunFacts,
)

_SHA256 = "^[0-9a-f]{64}$"
_SHA256_OR_EMPTY = "^([0-9a-f]{64})?$"
DAY = r"^\d{4}-\d{2}-\d{2}$"
_TYPE_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def _field(description: str, **keywords: Any) -> dict[str, Any]:
    return {"description": description, **keywords}


Fields = Mapping[type, Mapping[str, dict[str, Any]]]
"""What the fields of dataclasses mean, and their ranges."""

FIELDS: Fields = {
    Interval: {
        "low": _field("Lower end, in the unit of the number it belongs to."),
        "high": _field("Upper end, not below the lower one."),
        "level": _field("Confidence level; 1 for what is fixed by construction.", exclusiveMinimum=0, maximum=1),
        "method": _field("How the interval was made.", minLength=1),
    },
    Bound: {
        "min": _field("Smallest value the suite allows; null where that side is open."),
        "max": _field("Largest value the suite allows; null where that side is open."),
    },
    Dropped: {
        "reason": _field("Why the items were left out.", minLength=1),
        "count": _field("How many items were left out.", minimum=0),
    },
    Control: {
        "name": _field("Name of the control arm or of the null.", minLength=1),
        "value": _field("What came out; null where it could not be computed."),
        "interval": _field("Interval of the value; null where there is none."),
        "expected": _field("What had to come out, in words."),
        "ok": _field("Whether that came out; null where it is shown for comparison only."),
    },
    Acceptance: {
        "held": _field("What came of it; a known failure is let through by the exit code."),
        "by_bounds": _field("What the check came to by its own bounds."),
        "words": _field("What the reason of the check begins with because of this."),
        "verdict": _field("The verdict that was accepted; null where nothing was."),
        "value": _field("The estimate that was accepted; null where there is none."),
        "interval": _field("Interval of the accepted estimate; null where there is none."),
        "difference": _field("The estimate minus the accepted one; null where they cannot be compared."),
        "difference_interval": _field("Interval of the difference; null where there is none."),
        "tolerance": _field("By how much the estimate may be worse; null where that is not judged.", minimum=0),
        "reason": _field("Why a failure was accepted; empty where none was."),
        "expires": _field("Last day on which a known failure is let through; null elsewhere.", pattern=DAY),
    },
    CheckReport: {
        "id": _field("Name of the check in its suite.", minLength=1),
        "type": _field("Check type: the code behind it.", minLength=1),
        "line": _field("Line that declares the check, from 1.", minimum=1),
        "file": _field("File that declares the check."),
        "gated": _field("Whether the verdict counts towards the exit code."),
        "verdict": _field("What the check came to."),
        "reason": _field("The verdict in words, with the chain of checks it rests on.", minLength=1),
        "estimate": _field("The measured number that the bound is about; null where nothing was measured."),
        "unit": _field("Unit of the estimate, its interval and its bound; empty for a plain number."),
        "interval": _field("Interval of the estimate; null where there is none."),
        "bound": _field("What the suite demands of the estimate; null where it demands nothing."),
        "n": _field("Prompts (or other units) behind the estimate; null where nothing is sampled.", minimum=0),
        "dropped": _field("What was left out of the measurement."),
        "controls": _field("Control arms and nulls that the verdict rests on."),
        "rests_on": _field("Ids of the checks whose verdicts this one used."),
        "parameters": _field("Every parameter of the check, defaults filled in; free-form."),
        "evidence": _field("Every further number that was computed; free-form."),
        "severity": _field("What becomes of the run when the check does not pass."),
        "warning": _field("What warn_if says of a check that holds its own bounds; empty where that is nothing."),
        "warn_verdict": _field("What the check comes to by its warn_if; null where it has none."),
        "warn_bound": _field("What warn_if demands of the estimate; null where it has none."),
        "accepted": _field("How it was held against what was accepted of it; null where it was not."),
    },
    ModelReport: {
        "role": _field("Part the model plays in the run, such as candidate or baseline.", minLength=1),
        "source": _field("Where the checkpoint came from, as the suite names it.", minLength=1),
        "family": _field("Adapter family that ran it."),
        "architecture": _field("Architecture that the checkpoint's configuration names."),
        "parameters": _field("Number of parameters.", minimum=0),
        "channels": _field("Channels that the adapter declares."),
        "weights_sha256": _field("SHA-256 of the weights; empty where there are none.", pattern=_SHA256_OR_EMPTY),
        "config_sha256": _field("SHA-256 of the configuration; empty if it has none.", pattern=_SHA256_OR_EMPTY),
        "tokenizer_sha256": _field("SHA-256 of the tokenizer; empty if it has none.", pattern=_SHA256_OR_EMPTY),
        "revision": _field("Commit, tag or branch of a hub checkpoint; null elsewhere."),
        "dtype": _field("Number format of the weights; null in older reports."),
        "remote_code": _field("Whether model code of the checkpoint's own was allowed to run; null in older reports."),
        "chat_template": _field("Whether prompts went through its chat template; null where that is not known."),
        "device_map": _field("Device of each module that was placed by itself; null for a model on one device."),
        "tensor_parallel": _field("By which plan how many ranks held it together; null where one held it whole."),
    },
    RunFacts: {
        "started": _field("When the run began, ISO 8601.", pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}"),
        "seconds": _field("How long the run took.", minimum=0),
        "host": _field("Name of the machine."),
        "platform": _field("Operating system and processor of the machine."),
        "seconds_by_check": _field("How long each check took, by id."),
        "recorded": _field("SHA-256 of what the run store keeps of each model, by role."),
        "rescored": _field("Of a report judged from stored rollouts: from which report, by which releases."),
    },
    Policy: {
        "inconclusive": _field("What an inconclusive check does: leave the run undecided, or be let through."),
        "strict": _field("Whether warnings count as fails."),
    },
    Report: {
        "schema_version": _field("Version of this layout.", const=SCHEMA_VERSION),
        "verdict": _field("The worst verdict that counts."),
        "exit_code": _field(
            " ".join(f"{code.value}: {code.meaning}" for code in ExitCode), enum=[code.value for code in ExitCode]
        ),
        "policy": _field("What the exit code was derived with; null in older reports."),
        "versions": _field("Versions of monitorbench, python, torch and transformers."),
        "device": _field("Device and dtype that the models ran on."),
        "suite_sha256": _field("SHA-256 of the suite's text and of everything it includes.", pattern=_SHA256),
        "suite": _field("The suite as it was run, defaults and overrides filled in; free-form."),
        "models": _field("The checkpoints, by content."),
        "checks": _field("The checks in the order of the suite, with their evidence."),
        "run": _field("Times and the host: the only section that may differ between two runs of the same inputs."),
    },
}


_LATER: Mapping[type, frozenset[str]] = {
    CheckReport: frozenset({"severity", "warning", "warn_verdict", "warn_bound", "accepted"}),
    Report: frozenset({"policy"}),
    ModelReport: frozenset({"dtype", "remote_code", "chat_template", "device_map", "tensor_parallel"}),
    RunFacts: frozenset({"recorded", "rescored"}),
}
"""Fields that reports of this version did not have at first: every new report has them, older ones are read without."""


def _is_integer(_checker: TypeChecker, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@cache
def _validator() -> Draft7Validator:
    # Draft-07 counts 2.0 as an integer; formats that write it out do not.
    kinds = Draft7Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    strict: type[Draft7Validator] = validators.extend(  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        Draft7Validator, type_checker=kinds
    )
    return strict(schema())


def schema() -> dict[str, Any]:
    """The schema as a draft-07 document.

    Every field is required but those that older reports lack; only suite, parameters and evidence are free-form.
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"monitorbench report, version {SCHEMA_VERSION}",
        "description": "The report of one run: the single source of every rendering, and of the exit code.",
        **object_schema(Report),
    }


def schema_text() -> str:
    """The schema as indented JSON text that ends in a newline."""
    return json.dumps(schema(), indent=2) + "\n"


def problems(payload: object) -> tuple[str, ...]:
    """Every way in which a JSON value is not a report, as `place: what`; empty if it is one."""
    return problems_by(_validator(), payload, "report")


def problems_by(validator: Draft7Validator, payload: object, name: str) -> tuple[str, ...]:
    """Every way in which a JSON value breaks a schema, as `place: what`; `name` is what places begin with."""
    errors = sorted(validator.iter_errors(payload), key=lambda error: [str(part) for part in error.absolute_path])
    return tuple(f"{error.json_path.replace('$', name, 1)}: {_words(error)}" for error in errors)


def object_schema(cls: type, fields: Fields = FIELDS) -> dict[str, Any]:
    """The schema of a dataclass, and of those in it: structure and types from them, all else from `fields`."""
    properties = {name: {**_schema_of(hint, fields), **fields[cls][name]} for name, hint in field_types(cls).items()}
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in _LATER.get(cls, ())],
        "additionalProperties": False,
    }


def _schema_of(hint: Any, fields: Fields) -> dict[str, Any]:
    kept, nullable = without_none(hint)
    if nullable:
        inner = _schema_of(kept, fields)
        named = {"enum": [*inner["enum"], None]} if "enum" in inner else {}
        return {**inner, **named, "type": [inner["type"], "null"]}
    if dataclasses.is_dataclass(kept):
        return object_schema(cast(type, kept), fields)
    if get_origin(kept) is tuple:
        return {"type": "array", "items": _schema_of(get_args(kept)[0], fields)}
    if kept in _TYPE_NAMES:
        return {"type": _TYPE_NAMES[kept]}
    if get_origin(kept) is Literal or (isinstance(kept, type) and issubclass(kept, StrEnum)):
        return {"type": "string", "enum": [str(word) for word in (get_args(kept) or kept)]}
    value_type = get_args(kept)[1]
    values = True if value_type is Any else _schema_of(value_type, fields)
    return {"type": "object", "additionalProperties": values}


def _words(error: ValidationError) -> str:
    # The library quotes the whole value, which may be a whole report.
    if error.validator != "type":
        return error.message if len(error.message) <= 200 else f"{error.message[:200]}..."
    wanted = error.validator_value
    return f"wants {' or '.join(wanted) if isinstance(wanted, list) else wanted}, found {type(error.instance).__name__}"
