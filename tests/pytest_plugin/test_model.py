"""`--monitorbench-model`: the candidate of every suite."""

from __future__ import annotations

import pytest
from plugin_bench import PASSES, Bench

pytest_plugins = "pytester"


def test_it_replaces_the_model_of_every_suite(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.suite(PASSES, file="t.monitor.yaml", name="other")
    items = bench.collected("--monitorbench-model", "zoo:diffusion-chain")
    assert [item.parent.suite.model.source for item in items] == ["zoo:diffusion-chain"] * 2


def test_a_name_that_is_none_names_the_option(bench: Bench) -> None:
    bench.suite(PASSES)
    result = bench.pytest("--monitorbench-model", "zoo:nothing")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["--monitorbench-model:1:1: no reference checkpoint `nothing`; *"])


def test_an_unusable_checkpoint_fails_every_test_with_one_message(bench: Bench) -> None:
    (bench / "empty").mkdir()
    bench.suite(PASSES + PASSES.replace("order", "again", 1))
    result = bench.pytest("--monitorbench-model", "empty", "-o", "console_output_style=classic")
    result.assert_outcomes(failed=2)
    messages = {line for line in result.outlines if line.startswith("empty: ")}
    assert len(messages) == 1
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_folder_in_the_ini_file_is_beside_it(bench: Bench, pytester: pytest.Pytester) -> None:
    (bench / "last").mkdir()
    bench.ini(model="last")
    bench.suite(PASSES)
    (item,) = bench.collected()
    assert item.parent.suite.model.source == "last"
