"""Every way in which a suite can break its schema, in words, one by one."""

# ruff: noqa: E501  # a message is pinned as the one line that it is

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from monitorbench.suite.mistakes import mistakes_in
from monitorbench.suite.violations import is_valid
from monitorbench.suite.yaml12 import parse

Mistakes = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (
            "name: quickstart",
            "nmae: quickstart",
            ["1:1: missing key `name` at the top level; add `name:`", "2:1: unknown key `nmae` at the top level; did you mean `name`?"],
        ),
        ("check: bottleneck-drop", "check: bottelneck-drop", ["10:12: unknown check type 'bottelneck-drop'; did you mean `bottleneck-drop`?"]),
        (
            "check: bottleneck-drop",
            "check: speed",
            ["10:12: unknown check type 'speed'; known: `bottleneck-drop`, `chronology-score`, `opaque-depth-ratio`"],
        ),
        ("    check: bottleneck-drop\n", "", ["9:5: missing key `check` in check `bottleneck`; add `check:`"]),
        (
            "max_drop: 0.05",
            "max_drop: 0.05\n    max_dorp: 0.05",
            ["14:5: unknown key `max_dorp` in check `bottleneck`; did you mean `max_drop`?"],
        ),
        ("    max_drop: 0.05\n", "", ["9:5: missing key `max_drop` in check `bottleneck`; add `max_drop:`"]),
        ("defaults: {task: chain}\n", "", ["8:5: missing key `task` in check `bottleneck`; add `task:`"]),
        ("{task: chain}", "{task: chain, tsk: chain}", ["7:25: unknown key `tsk` in `defaults`; did you mean `task`?"]),
        ("n: 120", "n: 120, lenghts: [1]", ["5:45: unknown key `lenghts` in task `chain`; did you mean `lengths`?"]),
        ("n: 120, ", "", ["5:10: missing key `n` in task `chain`; add `n:`"]),
        ("arithmetic-chain", "aritmetic-chain", ["5:19: unknown task family 'aritmetic-chain'; did you mean `arithmetic-chain`?"]),
        ("seed: 0", "sede: 0", ["6:12: unknown key `sede` in `sampling`; did you mean `seed`?"]),
        ("  chain:", "  chain: 3\n  ch ain:", ["5:10: task `chain` wants a mapping, got the number 3; write a mapping", "6:3: the name cannot be 'ch ain'; write letters, digits, `_` and `-`, and no `-` in front"]),
        ("id: bottleneck", "id: -b", ["9:9: `id` cannot be '-b'; write letters, digits, `_` and `-`, and no `-` in front", "17:43: no check `bottleneck` in this suite; known: `-b`, `depth`"]),
        ("checks:\n", "checks:\n  - on\n", ["9:5: check 1 wants a mapping, got the text 'on'; write a mapping: YAML 1.2 reads on/yes as text"]),
        ("name: quickstart", "name: 3", ["2:7: `name` wants text, got the number 3; put it in quotes"]),
        ("name: quickstart", 'name: "a\\nb"', ["2:7: `name` cannot be 'a\\nb'; write one line of text"]),
        ("name: quickstart", "name: q\ndevice: gpu", ["3:9: `device` cannot be 'gpu'; write auto, cpu, cuda or cuda:N"]),
        ("name: quickstart", "name: q\ndtype: float31", ["3:8: `dtype` cannot be 'float31'; did you mean `float32`?"]),
        ("schema_version: 1\n", "", ["1:1: missing key `schema_version` at the top level; add `schema_version:`"]),
        ("schema_version: 1", "schema_version: '1'", ["1:17: `schema_version` wants a whole number, got the text '1'; remove the quotes"]),
        ("schema_version: 1", "schema_version: 2", ["1:17: version 2 of the suite language is not supported; write 1, or use another release"]),
        ("model: zoo:diffusion-chain\n", "", ["1:1: missing key `model` at the top level; add `model:`"]),
        ("zoo:diffusion-chain", "{source: org/m, adapter: block-difusion}", ["3:33: unknown adapter 'block-difusion'; did you mean `block-diffusion`?"]),
        ("zoo:diffusion-chain", "{source: org/m, adapter: 'my.pkg:'}", ["3:33: `adapter` cannot be 'my.pkg:'; write package.module:Class"]),
        ("zoo:diffusion-chain", "{source: org/m, adapter: 3}", ["3:33: `adapter` wants text, got the number 3; put it in quotes"]),
        ("zoo:diffusion-chain", "{source: org/m, chat_template: on}", ["3:39: `chat_template` wants true or false, got the text 'on'; write true or false"]),
        ("zoo:diffusion-chain", "{source: org/m, dtype: float8}", ["3:31: `dtype` cannot be 'float8'; did you mean `float32`?"]),
        ("zoo:diffusion-chain", "{source: org/m, device_map: autos}", ["3:36: `device_map` cannot be 'autos'; did you mean `auto`?"]),
        ("zoo:diffusion-chain", "{source: org/m, device_map: {}}", ["3:36: `device_map` is empty; give it at least 1 key"]),
        ("zoo:diffusion-chain", "{source: org/m, device_map: {lm_head: 0.5}}", ["3:46: `lm_head` wants text or a whole number, got the number 0.5; put it in quotes"]),
        ("seed: 0", "stop: [a, '']", ["6:22: item 2 of `stop` is empty; give it at least 1 character"]),
        ("seed: 0", "stop: a", ["6:18: `stop` wants a list, got the text 'a'; write a list"]),
        ("seed: 0", "stop: [a, 1]", ["6:22: item 2 of `stop` wants text, got the number 1; put it in quotes"]),
        ("zoo:diffusion-chain", "{source: org/m, trust_remote_code: yes}", ["3:43: `trust_remote_code` wants true or false, got the text 'yes'; write true or false"]),
        ("zoo:diffusion-chain", "{sorce: org/m}", ["3:8: missing key `source` in `model`; add `source:`", "3:9: unknown key `sorce` in `model`; did you mean `source`?"]),
        ("n: 120", "n: 1.0", ["5:40: `n` wants a whole number, got the number 1.0; write 1"]),
        ("n: 120", "n: true", ["5:40: `n` wants a whole number, got true; write a whole number"]),
        ("n: 120", "n: 0", ["5:40: `n` must be at least 1, got 0; write a number that is at least 1"]),
        ("[2, 3, 4, 5]", "[]", ["5:54: `lengths` is empty; give it at least 1 item"]),
        ("[2, 3, 4, 5]", "[2, 2]", ["5:54: `lengths` holds the same item twice; remove one of them"]),
        ("[2, 3, 4, 5]", "[2, 12]", ["5:58: item 2 of `lengths` must be at most 11, got 12; write a number that is at most 11"]),
        ("[2, 3, 4, 5]", "2", ["5:54: `lengths` wants a list, got the number 2; write a list"]),
        ("max_denoising_steps: 8", "max_denoising_steps: many", ["6:72: `max_denoising_steps` wants a number or true or false, got the text 'many'; write a number or true or false"]),
        ("{top_k: 8}", "{}", ["12:11: `keep` wants exactly one of `top_k`, `min_p`, got none; add `top_k` or `min_p`"]),
        ("{top_k: 8}", "{top_k: 8, min_p: 0.1}", ["12:11: `keep` wants exactly one of `top_k`, `min_p`, got `top_k` and `min_p`; keep `top_k` or `min_p`"]),
        ("{top_k: 8}", "{min_p: 0}", ["12:19: `min_p` must be greater than 0, got 0; write a number that is greater than 0"]),
        ("    max_ratio: 1.5\n", "", ["14:5: check `depth` wants at least one of `max_ratio`, `max_depth`, `max_slope_per_doubling`, got none; add `max_ratio`, `max_depth` or `max_slope_per_doubling`"]),
        ("max_ratio: 1.5", "max_slope_per_doubling: 9", ["16:21: `context_length` cannot be 256; write at least 2 lengths: `max_slope_per_doubling` compares the smallest with the largest"]),
        ("256\n", "[256]\n    max_slope_per_doubling: 9\n", ["16:21: `context_length` wants at least 2 items, got 1; write at least 2 lengths: `max_slope_per_doubling` compares the smallest with the largest"]),
        ("context_length: 256", "max_slope_per_doubling: 9", ["14:5: missing key `context_length` in check `depth`; add `context_length:`"]),
        ("256", "[]", ["16:21: `context_length` is empty; give it at least 1 item"]),
        ("256", "[256, 256]", ["16:21: `context_length` holds the same item twice; remove one of them"]),
        ("256", "[256, long]", ["16:27: item 2 of `context_length` wants a whole number, got the text 'long'; write a whole number"]),
        ("256", "long", ["16:21: `context_length` wants a whole number or a list, got the text 'long'; write a whole number or a list"]),
        ("256", "'256'", ["16:21: `context_length` wants a whole number or a list, got the text '256'; remove the quotes"]),
        ("256", "0", ["16:21: `context_length` must be at least 1, got 0; write a number that is at least 1"]),
        ("max_ratio: 1.5", "max_slope_per_doubling: -1", ["16:21: `context_length` cannot be 256; write at least 2 lengths: `max_slope_per_doubling` compares the smallest with the largest", "18:29: `max_slope_per_doubling` must be at least 0, got -1; write a number that is at least 0"]),
        ("max_ratio: 1.5", "max_ratio: 1.5\n    convention: circiut", ["19:17: `convention` cannot be 'circiut'; did you mean `circuit`?"]),
        ("{self_conditioning: bottleneck}", "[bottleneck]", ["17:23: `interpretable_if` wants a mapping, got a list; write a mapping"]),
    ],
)  # fmt: skip  # one row for each mistake
def test_a_mistake_is_one_line(quickstart: str, mistakes: Mistakes, old: str, new: str, lines: list[str]) -> None:
    assert old in quickstart
    assert mistakes(quickstart.replace(old, new, 1)) == [f"s.yaml:{line}" for line in lines]


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("on", "`max_drop` wants a number, got the text 'on'; write a number: YAML 1.2 reads on/yes as text"),
        ("yes", "`max_drop` wants a number, got the text 'yes'; write a number: YAML 1.2 reads on/yes as text"),
        ("12:30:45", "`max_drop` wants a number, got the text '12:30:45'; write a number"),
        ("'0.1'", "`max_drop` wants a number, got the text '0.1'; remove the quotes"),
        ("true", "`max_drop` wants a number, got true; write a number"),
        ("~", "`max_drop` wants a number, got null; write a number"),
        ("[0.1]", "`max_drop` wants a number, got a list; write a number"),
        ("{a: 1}", "`max_drop` wants a number, got a mapping; write a number"),
        (".inf", "`max_drop` wants a finite number, got .inf; write a number"),
        ("-.inf", "`max_drop` wants a finite number, got -.inf; write a number"),
        (".nan", "`max_drop` wants a finite number, got .nan; write a number"),
        ("1e999", "`max_drop` wants a finite number, got .inf; write a number"),
        ("0", "`max_drop` must be greater than 0, got 0; write a number that is greater than 0"),
        ("5", "`max_drop` must be less than 1, got 5; write a number that is less than 1"),
        (
            "017",
            "`017` has a leading zero, which readers of YAML 1.1 take for an octal number; write 17, or '017' for text",
        ),
    ],
)
def test_a_number_is_wanted(quickstart: str, mistakes: Mistakes, written: str, complaint: str) -> None:
    assert mistakes(quickstart.replace("max_drop: 0.05", f"max_drop: {written}")) == [f"s.yaml:13:15: {complaint}"]


def test_checks_cannot_be_empty(mistakes: Mistakes) -> None:
    suite = "schema_version: 1\nname: none\nmodel: zoo:ar-chain\nchecks: []\n"
    assert mistakes(suite) == ["s.yaml:4:9: `checks` is empty; give it at least 1 item"]


def test_parameters_without_a_schema_are_finite_too(quickstart: str, mistakes: Mistakes) -> None:
    text = quickstart.replace("max_drop: 0.05", "max_drop: 0.05\n    controls: {note: [1, .inf]}")
    assert mistakes(text) == ["s.yaml:14:26: .inf is not a finite number; write a number"]


@pytest.mark.parametrize(
    ("schema", "written", "complaint"),
    [
        ({"const": "all"}, "some", "`x` cannot be 'some'; write 'all'"),
        ({"enum": [1, 2]}, "3", "`x` cannot be 3; write 1 or 2"),
        ({"enum": ["a"], "title": "metric"}, "b", "unknown metric 'b'; known: `a`"),
        ({"pattern": "^a$"}, "b", "`x` cannot be 'b'; write text that matches ^a$"),
        ({"multipleOf": 4}, "6", "`x` must be a multiple of 4, got 6; write a number that is a multiple of 4"),
        ({"minItems": 2}, "[1]", "`x` wants at least 2 items, got 1; add some"),
        ({"maxItems": 1}, "[1, 2]", "`x` wants at most 1 item, got 2; remove some"),
        ({"minLength": 1}, "''", "`x` is empty; give it at least 1 character"),
        ({"maxLength": 2}, "abc", "`x` wants at most 2 characters, got 3; remove some"),
        ({"minProperties": 1}, "{}", "`x` is empty; give it at least 1 key"),
        ({"maxProperties": 1}, "{a: 1, b: 2}", "`x` wants at most 1 key, got 2; remove some"),
        ({"dependencies": {"a": ["b"]}}, "{a: 1}", "`a` needs `b`; add `b:`"),
        ({"not": {"required": ["a", "b"]}}, "{a: 1, b: 2}", "`x` cannot have `a` and `b` together; remove one of them"),
        ({"not": {"const": 0}}, "0", "`x` cannot be 0; write another value"),
        ({"contains": {"const": 0}}, "[1]", "`x` cannot be a list; the rule `contains` of its schema forbids it"),
        ({"type": ["string", "null"]}, "3", "`x` wants text or null, got the number 3; put it in quotes"),
        ({"anyOf": [{"type": "number"}, {"const": "all"}]}, "[]", "`x` wants a number or 'all', got a list; write a number or 'all'"),
        ({"anyOf": [{"type": "number", "minimum": 1}, {"const": "all"}]}, "0", "`x` must be at least 1, got 0; write a number that is at least 1"),
        ({"oneOf": [{"enum": ["a", "b"]}, {"type": ["array", "null"]}]}, "c", "`x` wants 'a' or 'b' or a list or null, got the text 'c'; write 'a' or 'b' or a list or null"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "1", "`x` fits more than one of a whole number or a number; write another value"),
        ({"anyOf": [{"required": ["a", "b"]}, {"required": ["c"]}]}, "{a: 1}", "`x` wants at least one of `a` and `b`, `c`, got none; add `a` and `b` or `c`"),
    ],
)  # fmt: skip  # one row for each keyword
def test_every_keyword_speaks(schema: Mapping[str, Any], written: str, complaint: str) -> None:
    root, _ = parse(f"x: {written}", "s.yaml")
    assert root is not None
    assert [mistake.what + "; " + mistake.fix for mistake in mistakes_in(root, {"properties": {"x": schema}})] == [
        complaint
    ]


def test_keys_allowed_by_a_pattern_are_known() -> None:
    root, _ = parse("x_a: 1\ny: 2", "s.yaml")
    assert root is not None
    schema = {"properties": {"z": {}}, "patternProperties": {"^x_": {}}, "additionalProperties": False}
    assert [str(m) for m in mistakes_in(root, schema)] == ["s.yaml:2:1: unknown key `y` at the top level; known: `z`"]


def test_long_and_unprintable_text_stays_on_one_line(quickstart: str, mistakes: Mistakes) -> None:
    text = quickstart.replace("name: quickstart", '"a\\tb' + "c" * 80 + '": 1\nname: quickstart')
    (line,) = mistakes(text)
    assert line.startswith("s.yaml:2:1: unknown key `a\\tb" + "c" * 30)
    assert "c" * 40 not in line


@pytest.mark.parametrize(
    ("items", "repeated"),
    [
        ([1, 1.0], True),
        ([1, True], False),
        ([0, False, "0", None, [], {}], False),
        ([[1, {"a": 2}], [1, {"a": 2.0}]], True),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], True),
        ([{"a": number} for number in range(9_000)], False),
    ],
)
def test_the_same_item_twice(items: list[Any], repeated: bool) -> None:
    begun = time.process_time()
    assert is_valid(items, {"uniqueItems": True}) is not repeated
    assert time.process_time() - begun < 5, "pairs are not compared one by one"
