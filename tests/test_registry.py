"""Names and what stands behind them."""

from __future__ import annotations

import importlib.metadata
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from monitorbench.adapters.registry import ADAPTERS
from monitorbench.checks.registry import CHECKS
from monitorbench.errors import UsageError
from monitorbench.registry import Registry
from monitorbench.tasks.registry import TASKS

OWN = Registry("check type", "nobody.checks", {"pairs": "collections:Counter", "gone": "collections:Gone"})


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry beside which another package has registered `extra` and a name that is taken."""
    points = EntryPoints(
        [
            EntryPoint(name="extra", value="fractions:Fraction", group="some.checks"),
            EntryPoint(name="pairs", value="fractions:Fraction", group="taken.checks"),
        ]
    )
    monkeypatch.setattr("monitorbench.registry.entry_points", lambda group: points.select(group=group))
    return Registry("check type", "some.checks", {"pairs": "collections:Counter"})


def test_every_own_name_stands_for_something() -> None:
    for registry in (ADAPTERS, CHECKS, TASKS):
        assert list(registry) == sorted(registry)
        assert len(registry) == len(list(registry)) > 0
        for name in registry:
            assert isinstance(registry.load(name), type)
            assert name in registry


def test_other_packages_add_names(installed: Registry) -> None:
    assert list(installed) == ["extra", "pairs"]
    assert installed.load("extra").__name__ == "Fraction"
    assert installed.listing() == "extra, pairs"


def test_own_names_cannot_be_taken_over(installed: Registry) -> None:
    taken = Registry("check type", "taken.checks", {"pairs": "collections:Counter"})
    with pytest.raises(UsageError) as caught:
        taken.load("pairs")
    assert str(caught.value) == (
        "entry point fractions:Fraction: the check type 'pairs' is registered twice; "
        "rename it or uninstall one of the packages"
    )


def test_an_unknown_name_says_what_was_meant_or_what_there_is() -> None:
    assert "pear" not in OWN
    with pytest.raises(UsageError, match=r"^no check type is called 'pair'; did you mean 'pairs'\?$"):
        OWN.load("pair")
    with pytest.raises(UsageError, match=r"^no check type is called 'xyz'; use gone, pairs$"):
        OWN.load("xyz")


def test_what_cannot_be_imported_says_so() -> None:
    with pytest.raises(UsageError, match="collections:Gone: the check type 'gone' cannot be imported: "):
        OWN.load("gone")


def test_a_class_may_be_named_by_its_place() -> None:
    assert OWN.load("collections:Counter").__name__ == "Counter"
    with pytest.raises(
        UsageError, match=r"^the check type 'collections:Gone' cannot be imported: module 'collections'"
    ):
        OWN.load("collections:Gone")
    with pytest.raises(UsageError, match=r"^the check type 'nowhere.at_all:C' cannot be imported: No module named"):
        OWN.load("nowhere.at_all:C")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise RuntimeError('no licence\\nmore')", "no licence"),
        ("raise SystemExit(3)", "it exits with 3"),
        ("import nowhere_at_all", "No module named 'nowhere_at_all'"),
        ("def", "invalid syntax (broken_plugin.py, line 1)"),
        ("", "module 'broken_plugin' has no attribute 'Check'"),
    ],
)
def test_a_package_that_breaks_when_imported_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    (tmp_path / "broken_plugin.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken_plugin", raising=False)
    with pytest.raises(UsageError) as caught:
        Registry("check type", "nobody.checks", {"own": "broken_plugin:Check"}).load("own")
    assert str(caught.value) == (
        f"broken_plugin:Check: the check type 'own' cannot be imported: {said}; "
        "mend or install the package that it is in, or uninstall what registers it"
    )


def test_a_class_that_lacks_what_it_needs_is_named() -> None:
    registry = Registry("check type", "nobody.checks", {"own": "fractions:Fraction"}, needs=("judge", "real", "name"))
    with pytest.raises(UsageError) as caught:
        registry.load("own")
    assert str(caught.value) == (
        "fractions:Fraction: the check type 'own' has no judge, name; a class needs judge, real, name"
    )


def test_the_entry_point_groups_are_the_documented_ones() -> None:
    assert {registry.group for registry in (ADAPTERS, CHECKS, TASKS)} == {
        "monitorbench.adapters",
        "monitorbench.checks",
        "monitorbench.tasks",
    }
    assert importlib.metadata.entry_points(group="nobody.checks") == ()
