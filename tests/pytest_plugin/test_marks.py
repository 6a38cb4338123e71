"""Marks and names by which checks are selected."""

from __future__ import annotations

import pytest
from plugin_bench import ALL, PASSES, Bench

from monitorbench.checks.registry import CHECKS

pytest_plugins = "pytester"


@pytest.mark.parametrize(
    ("words", "selected"),
    [
        (["-m", "monitorbench"], ["order", "disorder", "bottleneck", "depth", "test_it"]),
        (["-m", "bottleneck_drop"], ["bottleneck"]),
        (["-m", "monitorbench and not chronology_score"], ["bottleneck", "depth", "test_it"]),
        (["-k", "chronology-score"], ["order", "disorder"]),
        (["-k", "self_conditioning"], ["bottleneck"]),
        (["-k", "order and not dis"], ["order"]),
        (["s.monitor.yaml::depth"], ["depth"]),
    ],
)
def test_what_selects_what(bench: Bench, words: list[str], selected: list[str]) -> None:
    bench.suite(ALL)
    bench.test("pass")
    listed = bench.pytest("--collect-only", "-q", "--strict-markers", *words).outlines
    assert [line.partition("::")[2] for line in listed if "::" in line] == selected


def test_the_marks_of_all_check_types_are_listed(bench: Bench) -> None:
    listed = bench.pytest("--markers").outlines
    for kind in CHECKS:
        assert f"@pytest.mark.{kind.replace('-', '_')}: a check of type {kind} (monitorbench)" in listed
    assert any(line.startswith("@pytest.mark.monitorbench: ") for line in listed)


def test_the_mark_may_be_put_on_any_test(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.pytester.makepyfile("import pytest\n\n@pytest.mark.monitorbench\ndef test_it(): pass")
    assert len(bench.collected("--strict-markers", "-m", "monitorbench")) == 2
