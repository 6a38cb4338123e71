"""JUnit files of pytest."""

from __future__ import annotations

from xml.etree import ElementTree

from plugin_bench import PASSES, Bench

pytest_plugins = "pytester"


def test_junit_files_carry_the_verdict(bench: Bench) -> None:
    bench.suite(PASSES)
    bench.pytest("--junitxml", "junit.xml")
    (found,) = ElementTree.parse(bench / "junit.xml").iter("property")
    assert found.attrib == {"name": "monitorbench", "value": "order: pass, 1.000, bound >= 0.9, n 6"}
