"""JUnit files of pytest: every test carries what its check came to."""

from __future__ import annotations

from xml.etree import ElementTree

from plugin_bench import DOES_NOT_APPLY, PASSES, Bench

pytest_plugins = "pytester"


def test_the_figures_of_a_check_are_properties_of_its_test(bench: Bench) -> None:
    bench.suite(PASSES + DOES_NOT_APPLY)
    bench.pytest("--junitxml", "junit.xml", "--monitorbench-report", "r.json")
    first, second = (
        {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
        for case in ElementTree.parse(bench / "junit.xml").iter("testcase")
    )
    assert first.pop("monitorbench_reason").startswith("order.gamma is 1.000")
    assert first == {
        "monitorbench_verdict": "pass",
        "monitorbench_estimate": "1.0",
        "monitorbench_interval": "[1.0, 1.0]",
        "monitorbench_level": "1.0",
        "monitorbench_bound": "min 0.9",
        "monitorbench_n": "6",
        "monitorbench_severity": "fail",
        "monitorbench_report": "r.json",
    }
    assert second["monitorbench_verdict"] == "not_applicable"
    assert "monitorbench_estimate" not in second
