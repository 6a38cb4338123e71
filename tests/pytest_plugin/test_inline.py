"""Hand-written checks as suites: every check type can be measured without a bound."""

from __future__ import annotations

import pytest

from monitorbench.checks.registry import CHECKS
from monitorbench.planning import vocabulary
from monitorbench.pytest_plugin.inline import STANDING_IN
from monitorbench.suite.loader import of_data
from monitorbench.suite.tree import Place

GIVEN = {
    "bottleneck-drop": {"channel": "self_conditioning", "keep": {"top_k": 8}},
    "chronology-score": {"metric": "order.gamma"},
    "opaque-depth-ratio": {"context_length": 64},
    "variable-transparency": {"channel": "self_conditioning"},
}


@pytest.mark.parametrize("kind", [kind for kind in CHECKS if CHECKS.load(kind).__module__.startswith("monitorbench.")])
def test_what_stands_in_for_a_bound_is_one_of_those_the_type_has(kind: str) -> None:
    bound = STANDING_IN[kind]
    assert bound.keys() <= set(CHECKS.load(kind).schema.bounds)
    task = {} if kind == "opaque-depth-ratio" else {"task": "task"}
    data = {
        "schema_version": 1,
        "name": "x",
        "model": "zoo:ar-chain",
        "tasks": {"task": {"family": "arithmetic-chain", "n": 1}},
        "checks": [{"id": "x", "check": kind, **task, **GIVEN.get(kind, {}), **bound}],
    }
    (check,) = of_data(data, Place(file="test.py"), vocabulary()).checks
    assert {name: check.parameters[name] for name in bound} == bound


def test_every_metric_of_a_chronology_can_be_held_against_it() -> None:
    """A bound that no value could break would be refused."""
    from monitorbench.checks.chronology_causal import RANGES as CAUSAL
    from monitorbench.checks.chronology_scales import RANGES

    (least,) = STANDING_IN["chronology-score"].values()
    assert all(low < least for low, _ in {**RANGES, **CAUSAL}.values())
