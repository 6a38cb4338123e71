"""A whole suite: read, refused with everything that is wrong with it, and written back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from monitorbench.errors import SuiteError
from monitorbench.suite.loader import load, resolved
from monitorbench.suite.model import ChannelSpec, CheckSpec, ModelSpec, Sampling, Suite, TaskSpec, Vocabulary
from monitorbench.suite.schema import schema
from monitorbench.suite.yaml12 import Yaml12Loader

Loaded = Callable[..., Suite]
Mistakes = Callable[..., list[str]]


class Yaml12Dumper(yaml.SafeDumper):
    """Writes text in quotes wherever YAML 1.2 would read it as something else."""

    yaml_implicit_resolvers = Yaml12Loader.yaml_implicit_resolvers


def test_quickstart(quickstart: str, loaded: Loaded) -> None:
    suite = loaded(quickstart)
    assert suite == Suite(
        path=Path("s.yaml"),
        name="quickstart",
        schema_version=1,
        model=ModelSpec(source="zoo:diffusion-chain"),
        baseline=None,
        tasks={
            "chain": TaskSpec(
                name="chain",
                family="arithmetic-chain",
                n=120,
                parameters={"lengths": [2, 3, 4, 5], "order": "topological", "answer": "answer-last"},
            )
        },
        sampling=Sampling(seed=0, max_new_tokens=16, sampler={"max_denoising_steps": 8}),
        checks=(
            CheckSpec(
                id="bottleneck",
                type="bottleneck-drop",
                file="s.yaml",
                line=9,
                column=5,
                parameters={
                    "task": "chain",
                    "channel": "self_conditioning",
                    "keep": {"top_k": 8},
                    "max_drop": 0.05,
                    "paired": True,
                    "controls": {"zero": True},
                },
            ),
            CheckSpec(
                id="depth",
                type="opaque-depth-ratio",
                file="s.yaml",
                line=14,
                column=5,
                parameters={
                    "context_length": 256,
                    "interpretable_if": {"self_conditioning": "bottleneck"},
                    "max_ratio": 1.5,
                    "convention": "implemented",
                },
            ),
        ),
        source_hash=suite.source_hash,
    )


def test_a_suite_needs_few_words(loaded: Loaded) -> None:
    suite = loaded(
        "schema_version: 1\nname: few\nmodel: org/m\n"
        "checks: [{id: d, check: opaque-depth-ratio, context_length: 8, max_depth: 9}]\n"
    )
    assert (suite.tasks, suite.sampling, suite.device, suite.dtype) == ({}, Sampling(), "auto", "float32")


def test_stop_strings_and_how_a_model_is_loaded(quickstart: str, loaded: Loaded) -> None:
    text = quickstart.replace("seed: 0", 'stop: ["\\n\\n", "Q:"]').replace(
        "zoo:diffusion-chain",
        "{source: org/m, adapter: my.pkg:Own, chat_template: false, dtype: bfloat16, device_map: {lm_head: 0}}",
    )
    suite = loaded(text)
    assert suite.sampling.stop == ("\n\n", "Q:")
    assert suite.model == ModelSpec(
        source="org/m", adapter="my.pkg:Own", chat_template=False, dtype="bfloat16", device_map={"lm_head": 0}
    )


def test_what_is_declared_of_channels(quickstart: str, loaded: Loaded) -> None:
    declared = "channels: {self_conditioning: {trained_through: false}, loop_state: {}}\n"
    suite = loaded(quickstart + declared)
    assert suite.channels == {
        "self_conditioning": ChannelSpec(trained_through=False),
        "loop_state": ChannelSpec(trained_through="unknown"),
    }
    assert loaded(quickstart).channels == {}


def test_a_check_goes_before_the_defaults(quickstart: str, loaded: Loaded) -> None:
    text = quickstart.replace("  chain:", "  other: {family: arithmetic-chain, n: 1}\n  chain:")
    suite = loaded(text.replace("channel: self", "task: other\n    channel: self"))
    assert suite.checks[0].parameters["task"] == "other"
    assert "task" not in suite.checks[1].parameters


def test_nested_parameters_are_filled_in(quickstart: str, loaded: Loaded) -> None:
    suite = loaded(quickstart.replace("max_drop: 0.05", "max_drop: 0.05\n    controls: {note: [1, {a: null}]}"))
    assert suite.checks[0].parameters["controls"] == {"zero": True, "note": [1, {"a": None}]}


def test_all_mistakes_are_reported_at_once_in_order(quickstart: str, mistakes: Mistakes) -> None:
    text = quickstart.replace("n: 120", "n: 012").replace("seed: 0", "seed: -1").replace("max_ratio", "max_raito")
    assert mistakes(text.replace("ning: bottleneck", "ning: botleneck"), only=("deph",)) == [
        "--only:1:1: no check `deph`; did you mean `depth`?",
        "s.yaml:5:40: `012` has a leading zero, which readers of YAML 1.1 take for an octal number; "
        "write 12, or '012' for text",
        "s.yaml:6:18: `seed` must be at least 0, got -1; write a number that is at least 0",
        "s.yaml:14:5: check `depth` wants at least one of `max_ratio`, `max_depth`, `max_slope_per_doubling`, "
        "got none; add `max_ratio`, `max_depth` or `max_slope_per_doubling`",
        "s.yaml:17:43: no check `botleneck` in this suite; did you mean `bottleneck`?",
        "s.yaml:18:5: unknown key `max_raito` in check `depth`; did you mean `max_ratio`?",
    ]


@pytest.mark.parametrize("written", ["[]", "text", "3", "null"])
def test_the_top_level_is_a_mapping(mistakes: Mistakes, written: str) -> None:
    found = {"[]": "a list", "text": "the text 'text'", "3": "the number 3", "null": "null"}[written]
    assert mistakes(written) == [
        f"s.yaml:1:1: a suite is a mapping from keys to values, got {found}; write `key: value` lines"
    ]


def test_a_suite_in_another_version_is_not_read_further(mistakes: Mistakes) -> None:
    assert mistakes("schema_version: 7\nmodels: [a]\n") == [
        "s.yaml:1:17: version 7 of the suite language is not supported; write 1, or use another release"
    ]


def test_parameters_are_not_shared_with_the_vocabulary(quickstart: str, loaded: Loaded, vocabulary: Vocabulary) -> None:
    loaded(quickstart).checks[0].parameters["controls"]["zero"] = False
    assert vocabulary.checks["bottleneck-drop"].properties["controls"]["default"] == {"zero": True}
    assert loaded(quickstart).checks[0].parameters["controls"] == {"zero": True}


def test_loading_needs_no_torch() -> None:
    code = "import sys, monitorbench.suite.loader; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- round trip

names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,8}", fullmatch=True)
lines = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1)
numbers = st.floats(0.001, 0.999)
sources = st.sampled_from(["zoo:diffusion-chain", "zoo:ar-chain", "org/name", "org/name.v2"])


@st.composite
def models(draw: st.DrawFn) -> dict[str, Any] | str:
    source = draw(sources)
    if draw(st.booleans()):
        return source
    extras: dict[str, Any] = {"source": source, "trust_remote_code": draw(st.booleans())}
    if source.startswith("org") and draw(st.booleans()):
        extras["revision"] = draw(st.sampled_from(["main", "on", "017", "1e5", "null"]))
    extras |= draw(st.sampled_from([{}, {"adapter": "depth-loop"}, {"adapter": "my.pkg:Own"}, {"gguf_file": "w.gguf"}]))
    maps = [{}, {"device_map": "auto"}, {"device_map": {"": "cpu", "lm_head": 0}}]
    return (
        extras | draw(st.sampled_from(maps)) | draw(st.sampled_from([{}, {"chat_template": False, "dtype": "float16"}]))
    )


@st.composite
def suites(draw: st.DrawFn) -> dict[str, Any]:
    """Suites in the language, with every section and check type."""
    tasks = draw(
        st.dictionaries(
            names,
            st.fixed_dictionaries(
                {"family": st.just("arithmetic-chain"), "n": st.integers(1, 10**6)},
                optional={
                    "lengths": st.lists(st.integers(1, 11), min_size=1, unique=True),
                    "order": st.sampled_from(["topological", "reversed"]),
                },
            ),
            min_size=1,
        )
    )
    task = st.sampled_from(sorted(tasks))
    ids = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    checks: list[dict[str, Any]] = []
    for index, name in enumerate(ids):
        kind = draw(st.sampled_from(["bottleneck-drop", "opaque-depth-ratio", "chronology-score"]))
        check: dict[str, Any] = {"id": name, "check": kind}
        if kind == "bottleneck-drop":
            keep = st.fixed_dictionaries({"top_k": st.integers(1, 99)}) | st.fixed_dictionaries({"min_p": numbers})
            note = draw(
                st.none() | st.booleans() | st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])) | numbers
            )
            check |= {"task": draw(task), "channel": "loop_state", "keep": draw(keep), "max_drop": draw(numbers)}
            check |= {"controls": {"note": note}}
        elif kind == "opaque-depth-ratio":
            length = st.integers(1, 2**40)
            lengths = st.lists(length, min_size=2, max_size=4, unique=True)
            one = st.fixed_dictionaries({"context_length": length, "max_ratio": numbers})
            several = st.fixed_dictionaries({"context_length": lengths, "max_slope_per_doubling": numbers})
            check |= draw(one | several)
            if index:
                check |= {"interpretable_if": {"self_conditioning": draw(st.sampled_from(ids[:index]))}}
        else:
            check |= {
                "task": draw(task),
                "metric": draw(st.sampled_from(["kendall", "adjacent"])),
                "min": draw(numbers),
            }
        check |= draw(st.sampled_from([{}, {"severity": "fail"}, {"severity": "warn"}, {"severity": "info"}]))
        if "max_drop" in check and draw(st.booleans()):
            most = check.pop("max_drop")
            tighter = {"warn_if": {"max_drop": most / 2}} if most > 1e-6 else {}
            check |= {"fail_if": {"max_drop": most}} | tighter
        checks.append(check)
    suite = {"schema_version": 1, "name": draw(lines), "model": draw(models()), "tasks": tasks, "checks": checks}
    sampler = st.dictionaries(
        st.sampled_from(["max_denoising_steps", "temperature"]), st.integers(-9, 9) | numbers | st.booleans()
    )
    declared = st.fixed_dictionaries({}, optional={"trained_through": st.sampled_from([True, False, "unknown"])})
    optional = {
        "baseline": models(),
        "device": st.sampled_from(["auto", "cpu", "cuda", "cuda:3"]),
        "channels": st.dictionaries(st.sampled_from(["self_conditioning", "loop_state"]), declared),
        "dtype": st.sampled_from(["float32", "bfloat16"]),
        "sampling": st.fixed_dictionaries(
            {},
            optional={
                "seed": st.integers(0, 2**63 - 1),
                "sampler": sampler,
                "stop": st.lists(st.sampled_from(["\n\n", "Q:", "on", "1e5"]), unique=True),
            },
        ),
    }
    return suite | draw(st.fixed_dictionaries({}, optional=optional))


def reloaded(plain: dict[str, Any], vocabulary: Vocabulary) -> Suite:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.yaml")
        path.write_text(yaml.dump(plain, Dumper=Yaml12Dumper, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return load(path, vocabulary)


def without_places(suite: Suite) -> Suite:
    checks = tuple(replace(check, file="", line=0, column=0) for check in suite.checks)
    return replace(suite, path=Path(), source_hash="", checks=checks)


@given(suites())
@settings(max_examples=50, deadline=None)
def test_a_resolved_suite_is_strict_json_and_loads_to_the_same(vocabulary: Vocabulary, plain: dict[str, Any]) -> None:
    jsonschema.validate(plain, schema(vocabulary))
    suite = reloaded(plain, vocabulary)
    once = resolved(suite)
    assert json.loads(json.dumps(once, allow_nan=False)) == once
    again = reloaded(once, vocabulary)
    assert without_places(again) == without_places(suite)
    assert resolved(again) == once
    jsonschema.validate(once, schema(vocabulary))


@given(suites())
@settings(max_examples=20, deadline=None)
def test_what_is_gated_is_no_part_of_a_resolved_suite(vocabulary: Vocabulary, plain: dict[str, Any]) -> None:
    suite = reloaded(plain, vocabulary)
    ungated = replace(suite, checks=tuple(replace(check, gated=False) for check in suite.checks))
    assert resolved(ungated) == resolved(suite)


# --- any text

SIGNS = ["\n", " ", "\t", "\0", ":", "-", "{", "}", "[", "]", ",", "&a ", "*a", "!!int ", "?", "'", '"', "|", ">", "%"]
WORDS = ["null", "on", "017", "1e3", ".nan", "task: ", "check: ", "id: depth", "interpretable_if: ", "zoo:", "./", "é"]
debris = st.sampled_from([*SIGNS, *WORDS, "\n  - ", "<<: ", "---\n", "include: [s.yaml]\n", "\u2028", "\\ud800"])


@st.composite
def broken(draw: st.DrawFn, text: str) -> str:
    """A suite after some slips of the hand."""
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 4, 30])))
        text = text[:start] + draw(debris | st.text(max_size=2)) + text[end:]
    return text


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_text_is_a_suite_or_a_suite_error(vocabulary: Vocabulary, data: st.DataObject, quickstart: str) -> None:
    text = data.draw(broken(quickstart) | st.text())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.yaml")
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        suite, refusal = suite_or_refusal(path, vocabulary)
    if suite is not None:
        json.dumps(resolved(suite), allow_nan=False)
    position = re.escape(str(path)) + r":[1-9]\d*:[1-9]\d*: \S"
    assert all(re.match(position, line) for line in refusal)
    assert (suite is None) == bool(refusal)


def suite_or_refusal(path: Path, vocabulary: Vocabulary) -> tuple[Suite | None, list[str]]:
    try:
        return load(path, vocabulary), []
    except SuiteError as error:
        return None, str(error).split("\n")
