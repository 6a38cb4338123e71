"""The JSON Schema (draft-07) of suites, built from the registered names: for editors, and for validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from monitorbench.suite.model import CheckSchema, Sampling, Severity, Vocabulary

DRAFT = "http://json-schema.org/draft-07/schema#"
SCHEMA_VERSION = 1
SECTIONS = {"tasks": "object", "sampling": "object", "defaults": "object", "checks": "array"}
"""What an included file may bring along."""

# `$` alone would match before a final line break in Python, though not in editors.
NAME = {
    "pattern": r"^[A-Za-z0-9_][A-Za-z0-9_-]*$(?!\n)",
    "patternErrorMessage": "letters, digits, `_` and `-`, and no `-` in front",
}
ONE_LINE = {"pattern": r"^[^\x00-\x1f\x7f]+$(?!\n)", "patternErrorMessage": "one line of text"}
DEVICE = {"pattern": r"^(auto|cpu|cuda(:[0-9]+)?)$(?!\n)", "patternErrorMessage": "auto, cpu, cuda or cuda:N"}
DTYPES = ["float32", "bfloat16", "float16"]
STRATEGIES = ["auto", "balanced", "balanced_low_0", "sequential"]
_DOTTED = r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*"
CLASS = {
    "pattern": rf"^{_DOTTED}:{_DOTTED}$(?!\n)",
    "patternErrorMessage": "package.module:Class",
}
"""A class that no package registers; its channels and settings are known once it is loaded, and not before."""

Json = dict[str, Any]


def schema(vocabulary: Vocabulary) -> Json:
    """The schema that editors use. It refuses nothing that `load` accepts.

    What a check needs is asked for only in a suite without `defaults` and `include`, since they may provide it.
    """
    outside = [{"required": ["defaults"]}, {"required": ["include"]}]
    return {**_suite(vocabulary), "if": {"anyOf": outside}, "else": _demands(vocabulary)}


def complete(vocabulary: Vocabulary) -> Json:
    """The schema of a suite after includes, overrides and `defaults` were merged into it."""
    suite = _suite(vocabulary)
    return {**suite, "allOf": [*suite["allOf"], _demands(vocabulary)]}


def partial() -> Json:
    """The outer shape of an included file; its content is validated after merging."""
    shapes = {name: {"type": kind} for name, kind in SECTIONS.items()}
    return _object({"schema_version": _version(), "include": _include(), **shapes})


def _suite(vocabulary: Vocabulary) -> Json:
    properties = {
        "schema_version": _version(),
        "name": {
            "type": "string",
            **ONE_LINE,
            "description": "What reports call the suite.",
        },
        "include": _include(),
        "model": _model(vocabulary, "The model under test."),
        "baseline": _model(vocabulary, "The model that ratios and differences are taken against."),
        "device": {"type": "string", **DEVICE, "default": "auto", "description": "Where the models run."},
        "dtype": {
            "type": "string",
            "enum": DTYPES,
            "default": "float32",
            "description": "Number format of the weights.",
        },
        "channels": _channels(),
        **_family(),
        "tasks": _tasks(vocabulary),
        "sampling": _sampling(),
        "defaults": _defaults(vocabulary),
        "checks": _checks(vocabulary),
    }
    return {
        "$schema": DRAFT,
        "title": "monitorbench suite",
        **_object(properties, required=("schema_version", "name", "model")),
        "allOf": [_sampler_settings(vocabulary)],
        "not": {"required": ["gate", "alert"]},
    }


def _object(properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> Json:
    shape = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**shape, "required": list(required)} if required else shape


def _version() -> Json:
    return {"type": "integer", "const": SCHEMA_VERSION, "description": "Version of the suite language."}


def _include() -> Json:
    return {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "description": "Partial suites to merge in, by paths relative to this file.",
    }


def _model(vocabulary: Vocabulary, description: str) -> Json:
    text = {"type": "string", "minLength": 1}
    places = "zoo:NAME, package:NAME (the folder of an installed Python package), a local folder, or a hub id such as "
    source = {**ONE_LINE, "description": f"{places}org/name or org/name@revision."}
    mapping = _object(
        {
            "source": {"type": "string", **source},
            "revision": {**text, "description": "Commit, tag or branch of a hub id."},
            "gguf_file": {**text, "description": "File of the folder or repository that holds the weights in GGUF."},
            "adapter": {
                "type": "string",
                "if": {"pattern": ":"},
                "then": CLASS,
                "else": {"title": "adapter", "enum": sorted(vocabulary.adapters)},
                "description": "Adapter family, or package.module:Class of one that is not registered; without it, the "
                "checkpoint's configuration decides.",
            },
            "trust_remote_code": {
                "type": "boolean",
                "default": False,
                "description": "Run model code that the checkpoint brings along.",
            },
            "chat_template": {
                "type": "boolean",
                "default": True,
                "description": "Send prompts through the tokenizer's chat template, where it has one.",
            },
            "dtype": {"type": "string", "enum": DTYPES, "description": "Number format of the weights, if another."},
            "device_map": {
                "anyOf": [
                    {"type": "string", "enum": STRATEGIES},
                    {"type": "object", "minProperties": 1, "additionalProperties": {"type": ["string", "integer"]}},
                ],
                "description": "How accelerate spreads the model: a strategy, or the device of each module by name.",
            },
        },
        required=("source",),
    )
    return {**mapping, "type": ["string", "object"], **ONE_LINE, "description": description}


def _family() -> Json:
    gate = "Every check has to pass, each judged by itself: no correction for their number is needed. The default."
    alert = "An alarm if any check fails: fails are corrected for the number of checks (Holm)."
    return {"gate": {"enum": ["all"], "description": gate}, "alert": {"enum": ["any"], "description": alert}}


def _channels() -> Json:
    trained_through = {
        "enum": [True, False, "unknown"],
        "default": "unknown",
        "description": "Whether a gradient flowed through it in training; under `nls` only false lets it be read.",
    }
    return {
        "type": "object",
        "additionalProperties": _object({"trained_through": trained_through}),
        "description": "What is declared of channels, by name.",
    }


def _tasks(vocabulary: Vocabulary) -> Json:
    head = {
        "family": {
            "type": "string",
            "title": "task family",
            "enum": sorted(vocabulary.tasks),
            "description": "Registered task family; further keys are its parameters.",
        },
        "n": {"type": "integer", "minimum": 1, "description": "Number of problems."},
    }
    forms = [
        _case("family", name, {**_form(head, task.properties), **_needs(task)})
        for name, task in sorted(vocabulary.tasks.items())
    ]
    return {
        "type": "object",
        "propertyNames": NAME,
        "additionalProperties": {"type": "object", "properties": head, "required": ["family", "n"], "allOf": forms},
        "description": "Tasks by name.",
    }


def _sampling() -> Json:
    usual = Sampling()
    whole = {"type": "integer"}
    return _object(
        {
            "seed": {**whole, "minimum": 0, "default": usual.seed, "description": "Base of every seed of the run."},
            "seeds_per_prompt": {
                **whole,
                "minimum": 1,
                "default": usual.seeds_per_prompt,
                "description": "Rollouts of each prompt; they are averaged inside the prompt.",
            },
            "max_new_tokens": {
                **whole,
                "minimum": 1,
                "default": usual.max_new_tokens,
                "description": "Tokens generated at most.",
            },
            "batch_size": {
                **whole,
                "minimum": 1,
                "default": usual.batch_size,
                "description": "Rows of every forward pass.",
            },
            "sampler": {
                "type": "object",
                "description": "Settings of the adapter's sampler; those not given are the checkpoint's.",
            },
            "stop": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "uniqueItems": True,
                "default": list(usual.stop),
                "description": "A response ends before the first of these strings.",
            },
            "sequential": {
                "type": "boolean",
                "default": usual.sequential,
                "description": "Stop as soon as every check is decided, by bounds that hold at any moment.",
            },
        }
    ) | {"description": "How rollouts are sampled."}


def _sampler_settings(vocabulary: Vocabulary) -> Json:
    """What the sampler may be told: anything where a model is run by a class that is not registered."""
    by_class = {"type": "object", "required": ["adapter"], "properties": {"adapter": {"pattern": ":"}}}
    unregistered = [{"required": [role], "properties": {role: by_class}} for role in ("model", "baseline")]
    known = {
        "properties": {name: {"type": "string"} for name in vocabulary.word_settings},
        "propertyNames": {"title": "sampler setting", "enum": sorted(vocabulary.settings)},
        "additionalProperties": {"type": ["number", "boolean"]},
    }
    any_setting = {"additionalProperties": {"type": ["number", "boolean", "string"]}}
    then, otherwise = ({"properties": {"sampling": {"properties": {"sampler": s}}}} for s in (any_setting, known))
    return {"if": {"anyOf": unregistered}, "then": then, "else": otherwise}


def _defaults(vocabulary: Vocabulary) -> Json:
    names = {name for check in vocabulary.checks.values() for name in check.properties}
    return _object({name: {} for name in sorted(names)}) | {
        "description": "Parameters given to every check whose type has them; a check's own value goes first."
    }


def _checks(vocabulary: Vocabulary) -> Json:
    head = {
        "id": {"type": "string", **NAME, "description": "Unique name of the check."},
        "check": {
            "type": "string",
            "title": "check type",
            "enum": sorted(vocabulary.checks),
            "description": "Registered check type; further keys are its parameters.",
        },
        "severity": {
            "enum": list(get_args(Severity)),
            "default": "fail",
            "description": "What becomes of the run when the check does not pass: fail; warn: a warning, which counts "
            "under --strict; info: it never counts.",
        },
        "tolerance": _tolerance(),
        "max_drop_vs": {
            "enum": ["previous"],
            "description": "previous: the estimate has to be shown no worse than the last accepted one in the baseline "
            "file, within the tolerance.",
        },
    }
    forms = [
        _case("check", name, _form(head, {**check.properties, **_bounds(check)}))
        for name, check in sorted(vocabulary.checks.items())
    ]
    item = {"type": "object", "properties": head, "required": ["id", "check"], "allOf": forms}
    return {"type": "array", "minItems": 1, "items": item, "description": "The declared checks, in order."}


def _tolerance() -> Json:
    absolute = "By how much the estimate may be worse, in its own unit: 0.02 is two points of a share."
    relative = "The same as a share of the accepted value."
    sides = {"abs": absolute, "rel": relative}
    shape = _object({name: {"type": "number", "minimum": 0, "description": text} for name, text in sides.items()})
    what = "By how much the estimate may be worse than an accepted one before that is a fail; the larger of both holds."
    return {**shape, "minProperties": 1, "description": what}


def _bounds(check: CheckSchema) -> Json:
    """`fail_if` and `warn_if` of a check type that has bounds."""
    form = {**_object({name: check.properties[name] for name in check.bounds}), "minProperties": 1}
    fail_if = "The bounds of the check, as if they were written beside it."
    warn_if = "Tighter bounds, judged from the same rollouts: a check that breaks only these passes with a warning."
    if not check.bounds:
        return {}
    return {"fail_if": {**form, "description": fail_if}, "warn_if": {**form, "description": warn_if}}


def _demands(vocabulary: Vocabulary) -> Json:
    """What has to be there once everything is merged; bounds may also be in `fail_if`."""
    forms = [_case("check", name, _needs(check)) for name, check in sorted(vocabulary.checks.items())]
    items = {"if": {"not": {"required": ["fail_if"]}}, "then": {"allOf": forms}}
    return {"required": ["checks"], "properties": {"checks": {"items": items}}}


def _case(key: str, name: str, then: Json) -> Json:
    return {"if": {"properties": {key: {"const": name}}, "required": [key]}, "then": then}


def _form(head: Mapping[str, Any], properties: Mapping[str, Any]) -> Json:
    return {"properties": {**{key: {} for key in head}, **properties}, "additionalProperties": False}


def _needs(parameters: CheckSchema) -> Json:
    return {"required": list(parameters.required), **parameters.extra}
