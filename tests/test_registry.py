"""Names and what stands behind them."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import EntryPoint, EntryPoints

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


def test_the_entry_point_groups_are_the_documented_ones() -> None:
    assert {registry.group for registry in (ADAPTERS, CHECKS, TASKS)} == {
        "monitorbench.adapters",
        "monitorbench.checks",
        "monitorbench.tasks",
    }
    assert importlib.metadata.entry_points(group="nobody.checks") == ()
