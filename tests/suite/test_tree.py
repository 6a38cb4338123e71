"""The tree that remembers where everything was written."""

from __future__ import annotations

from monitorbench.suite.tree import Node, Place

HERE, THERE = Place(file="s.yaml", line=3, column=5), Place(file="s.yaml", line=9, column=1)


def test_a_place_makes_mistakes() -> None:
    assert str(HERE.mistake("a slip", "mend it")) == "s.yaml:3:5: a slip; mend it"
    assert str(Place(file="--set").mistake("a slip")) == "--set:1:1: a slip"


def test_scalars_have_neither_entries_nor_items() -> None:
    node = Node(value="text", place=HERE)
    assert (node.entries, node.items, node.text, node.text_at("key")) == ({}, (), "text", None)


def test_paths_lead_through_mappings_and_lists() -> None:
    leaf = Node(value=1, place=THERE)
    root = Node(value={"a": Node(value=(leaf,), place=HERE)}, place=HERE)
    assert root.at(("a", 0)) is leaf
    assert root.plain() == {"a": [1]}


def test_changing_an_entry_leaves_the_tree_as_it_was() -> None:
    root = Node(value={"a": Node(value=1, place=HERE)}, place=HERE)
    changed = root.with_entry("a", Node(value=2, place=THERE)).with_entry("b", Node(value=3, place=THERE))
    assert (root.plain(), changed.plain()) == ({"a": 1}, {"a": 2, "b": 3})
    assert (changed.place, changed.entries["a"].place) == (HERE, THERE)
