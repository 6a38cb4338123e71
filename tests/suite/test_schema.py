"""The published JSON Schema: valid draft-07, documented, and never stricter than loading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from monitorbench.suite.model import Vocabulary
from monitorbench.suite.schema import complete, partial, schema

BARE = {"schema_version": 1, "name": "bare", "model": "org/m"}


def accepted(suite: dict[str, Any], vocabulary: Vocabulary) -> bool:
    return jsonschema.Draft7Validator(schema(vocabulary)).is_valid(suite)


def test_it_is_draft_07(vocabulary: Vocabulary) -> None:
    assert schema(vocabulary)["$schema"] == "http://json-schema.org/draft-07/schema#"
    for made in (schema(vocabulary), complete(vocabulary), partial()):
        jsonschema.Draft7Validator.check_schema(made)


def test_every_key_of_the_language_is_described(vocabulary: Vocabulary) -> None:
    properties = schema(vocabulary)["properties"]
    described = [properties, properties["model"]["properties"], properties["sampling"]["properties"]]
    described += [
        properties["tasks"]["additionalProperties"]["properties"],
        properties["checks"]["items"]["properties"],
    ]
    assert all(entry["description"] for entries in described for entry in entries.values())


def test_the_quickstart_is_accepted(quickstart: str, vocabulary: Vocabulary) -> None:
    assert accepted(yaml.safe_load(quickstart), vocabulary)


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"checks": []},
        {"checks": [{"id": "d", "check": "opaque-depth-ratio"}]},
        {"checks": [{"id": "d", "check": "opaque-depth-ratio", "context_length": 8}]},
        {"checks": [{"id": "d", "check": "opaque-depht-ratio"}]},
        {"defaults": {"tsk": 1}, "checks": [{"id": "d", "check": "chronology-score"}]},
    ],
)
def test_what_can_never_load_is_refused(extra: dict[str, Any], vocabulary: Vocabulary) -> None:
    assert not accepted(BARE | extra, vocabulary)


@pytest.mark.parametrize(
    "extra",
    [
        {"include": ["common.yaml"]},
        {"defaults": {"max_ratio": 2, "context_length": 8}, "checks": [{"id": "d", "check": "opaque-depth-ratio"}]},
    ],
)
def test_what_defaults_or_includes_may_provide_is_not_missed(extra: dict[str, Any], vocabulary: Vocabulary) -> None:
    assert accepted(BARE | extra, vocabulary)


def test_documented_defaults_satisfy_their_own_schemas(vocabulary: Vocabulary) -> None:
    with_default = [entry for entry in subschemas(complete(vocabulary)) if "default" in entry]
    assert len(with_default) > 10
    for entry in with_default:
        jsonschema.validate(entry["default"], entry)


def subschemas(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from subschemas(inner)
