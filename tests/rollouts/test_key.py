"""The key of a rollout: nothing that decides it may change unseen, and nothing else counts."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.interventions.clamp import Clamp
from monitorbench.interventions.gate import Gate
from monitorbench.rollouts.key import ArmFacts, RolloutFacts, canonical, digest
from monitorbench.tasks.base import Edge, Problem

ARM = ArmFacts(
    weights="w",
    config="c",
    tokenizer="t",
    adapter="adapters:A",
    architecture="models:M",
    remote_code=False,
    chat_template=None,
    dtype="float32",
    device_map=None,
    tensor_parallel=None,
    task="tasks:T",
    parameters={"lengths": [2, 3]},
    arm={"intervention": {"kind": "keep", "keep": ["top_k", 8]}},
    limits={"max_new_tokens": 18, "sampler": {"entropy_bound": 0.1}, "stop": []},
    code={"monitorbench": "m"},
    device="cpu",
    kernels={"threads": 1},
    versions={"torch": "2.13.0"},
)
PROBLEM = Problem(id="p", prompt="1 + 1 =", target="2", answer="2", values={"a": "2"}, form={"order": "topological"})
ROLLOUT = RolloutFacts(arm=digest(ARM.text), problem=PROBLEM, tokens=(1, 2), seed=3, repeat=0, rows=4, width=16)

texts = st.text(max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
problems = st.builds(
    Problem,
    id=texts,
    prompt=texts,
    target=texts,
    answer=texts,
    values=st.dictionaries(texts, texts, max_size=2),
    edges=st.lists(st.builds(Edge, cause=texts, effect=texts), max_size=2).map(tuple),
    form=st.dictionaries(texts, texts, max_size=2),
)
ids = st.lists(st.integers(0, 99), max_size=4).map(tuple)
OF_A_ROLLOUT: dict[str, st.SearchStrategy[Any]] = {
    "arm": texts,
    "problem": problems,
    "tokens": ids,
    "seed": st.integers(),
    "repeat": st.integers(),
    "rows": st.integers(),
    "width": st.integers(),
    "batch": st.lists(st.tuples(ids, st.integers()), max_size=3),
    "place": st.integers(),
    "edit": st.none()
    | st.builds(Clamp, step=st.integers(), positions=ids, tokens=ids, reseed=st.none() | st.integers())
    | st.builds(Gate, waves=st.lists(ids, max_size=2).map(tuple)),
}


def test_every_fact_of_a_rollout_is_tried_here() -> None:
    assert OF_A_ROLLOUT.keys() == {field.name for field in fields(RolloutFacts)}


@pytest.mark.parametrize("name", [field.name for field in fields(ArmFacts)])
@given(value=json_values)
def test_changing_one_fact_of_an_arm_changes_the_key(name: str, value: Any) -> None:
    other = replace(ARM, **{name: value})
    same = canonical(getattr(ARM, name)) == canonical(value)
    assert (replace(ROLLOUT, arm=digest(other.text)).key == ROLLOUT.key) is same


@pytest.mark.parametrize("name", OF_A_ROLLOUT)
@given(data=st.data())
def test_changing_one_fact_of_a_rollout_changes_the_key(name: str, data: st.DataObject) -> None:
    value = data.draw(OF_A_ROLLOUT[name])
    same = getattr(ROLLOUT, name) == value or (name == "batch" and not value)
    assert (replace(ROLLOUT, **{name: value}).key == ROLLOUT.key) is same


def test_the_order_of_a_mapping_is_no_fact() -> None:
    versions = {"numpy": "2", "torch": "2.13.0"}
    turned = dict(reversed(versions.items()))
    assert list(turned) != list(versions)
    assert replace(ARM, versions=turned).text == replace(ARM, versions=versions).text


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        _ = replace(ARM, limits={"temperature": float("nan")}).text
