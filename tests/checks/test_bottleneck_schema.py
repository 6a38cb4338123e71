"""What a suite may say of a bottleneck, and what is refused with what to do instead."""

# ruff: noqa: E501  # a message is pinned as the one line that it is

from __future__ import annotations

from pathlib import Path

import pytest

from monitorbench.api import load_suite
from monitorbench.errors import SuiteError
from monitorbench.suite.model import CheckSpec

SUITE = """\
schema_version: 1
name: s
model: zoo:diffusion-chain
tasks: {{chain: {{family: arithmetic-chain, n: 4}}}}
checks:
  - {{id: b, check: bottleneck-drop, task: chain, channel: self_conditioning, max_drop: 0.1, {fields}}}
"""


def declared(folder: Path, fields: str) -> CheckSpec:
    path = folder / "s.yaml"
    path.write_text(SUITE.format(fields=fields), encoding="utf-8")
    return load_suite(path).checks[0]


@pytest.mark.parametrize(
    "fields",
    [
        "keep: {top_k: 8}",
        "keep: {min_p: 0.03}",
        "keep: {top_p: 0.9}",
        "keep: [{top_k: 8}]",
        "keep: [{top_k: 8}, {top_k: 1}], gate_at: {top_k: 1}",
        "keep: [{min_p: 0.01}, {min_p: 0.1}], fill: renorm",
        "keep: {top_k: 1}, fill: onehot",
    ],
)
def test_one_rung_or_a_ladder_of_them(tmp_path: Path, fields: str) -> None:
    assert "keep" in declared(tmp_path, fields).parameters


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ("keep: 8", "`keep` wants a mapping or a list, got the number 8; write a mapping or a list"),
        ("keep: []", "`keep` is empty; give it at least 1 item"),
        ("keep: {top_k: 8, min_p: 0.1}", "`keep` wants exactly one of `top_k`, `min_p`, `top_p`, got `top_k` and `min_p`; keep `top_k` or `min_p`"),
        ("keep: [{top_k: 8}, {top_k: 4, topk: 4}]", "unknown key `topk` in item 2 of `keep`; did you mean `top_k`?"),
        ("keep: [{top_k: 8}, 4]", "item 2 of `keep` wants a mapping, got the number 4; write a mapping"),
        ("keep: [{top_k: 8}, {top_k: 8}]", "`keep` holds the same item twice; remove one of them"),
        ("keep: {top_p: 1}", "`top_p` must be at most 0.999, got 1; write a number that is at most 0.999"),
        ("keep: [{top_k: 8}, {min_p: 0.1}]", "check `b` mixes top_k and min_p in one ladder; declare one check for each"),
        ("keep: [{top_k: 8}, {top_k: 4}], gate_at: {top_k: 2}", "check `b` gates at top_k=2, which is none of its rungs; gate at one of top_k=8, top_k=4"),
        ("keep: {top_k: 8}, gate_at: {top_k: 4}", "check `b` gates at top_k=4, which is none of its rungs; gate at one of top_k=8"),
        ("keep: {top_k: 2}, fill: onehot", "check `b` fills with onehot, which keeps one token, but keeps top_k=2; write keep: {top_k: 1}"),
        ("keep: {min_p: 0.5}, fill: onehot", "check `b` fills with onehot, which keeps one token, but keeps min_p=0.5; write keep: {top_k: 1}"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(tmp_path: Path, fields: str, mistake: str) -> None:
    with pytest.raises(SuiteError) as refused:
        declared(tmp_path, fields)
    assert [f"{each.what}; {each.fix}" for each in refused.value.mistakes] == [mistake]
