"""`--monitorbench-html`: the report as a page."""

from __future__ import annotations

import pytest
from plugin_bench import PASSES, Bench

pytest_plugins = "pytester"


def test_it_holds_the_verdicts_and_stored_rollouts(bench: Bench) -> None:
    bench.suite(PASSES)
    result = bench.pytest("--monitorbench-html", "out/page.html")
    result.stdout.fnmatch_lines(["html: out/page.html"])
    page = (bench / "out/page.html").read_text(encoding="utf-8")
    assert page.lstrip().startswith("<!doctype html>")
    assert "order.gamma" in page
    assert "No stored rollouts" not in page


def test_a_page_that_could_not_be_written_is_refused_before_anything_runs(bench: Bench) -> None:
    bench.suite(PASSES)
    result = bench.pytest("--monitorbench-html", ".")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --monitorbench-html: .: is a folder, not a file; *"])
