"""Text of a model in Markdown: a parser gives back what was written, and GitHub finds nothing to act on."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from monitorbench.report.render.markup import escaped, fitted, row
from monitorbench.report.words import one_line

PIECES = [*"\\`*_[]()~|<>&$@#:/!12aw. \n\x1b", "www.", "GH-", "https://", "&lt;"]
MARKS = st.lists(st.sampled_from(PIECES)).map("".join)


def shown(markdown: str) -> list[str]:
    """The plain texts of all pieces of a document, as a reader sees them."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    inline = [token for token in tokens if token.type == "inline"]
    kinds = {child.type for token in inline for child in token.children or ()}
    assert kinds <= {"text", "text_special"}, kinds
    return ["".join(child.content for child in token.children or ()).replace("\u200b", "") for token in inline]


@given(MARKS | st.text())
@settings(max_examples=300, deadline=None)
def test_a_cell_shows_the_text_and_nothing_else(text: str) -> None:
    table = "\n".join([row("a", "b"), row("---", "---"), row(f"x {escaped(text)} x", "end")])
    assert shown(table) == ["a", "b", f"x {one_line(text)} x", "end"]


@given(MARKS | st.text())
@settings(max_examples=300, deadline=None)
def test_nothing_is_left_for_github_to_link_or_to_call(text: str) -> None:
    seen = escaped(text)
    assert not re.search(r"@(?!&#8203;)|#(?=\d)(?<!&#)|://|\$|www\.|GH-\d", seen, re.IGNORECASE)
    assert "<" not in seen
    assert "\n" not in seen


def test_ordinary_words_stay_readable() -> None:
    assert escaped("self_conditioning [-0.4, 3.1] <= 5 pp") == "self\\_conditioning \\[-0.4, 3.1\\] &lt;= 5 pp"


@pytest.mark.parametrize(("text", "kept"), [("x" * 10, "x" * 10), ("x" * 11, "x" * 7 + "...")])
def test_long_texts_are_cut(text: str, kept: str) -> None:
    assert escaped(text, longest=10) == kept


@given(st.lists(st.text(alphabet="a\N{SNOWMAN}", max_size=60), max_size=40), st.integers(200, 1000))
@settings(max_examples=100, deadline=None)
def test_what_is_fitted_fits_and_says_what_it_left_out(lines: list[str], most: int) -> None:
    text = fitted(lines, most_bytes=most, unit="a comment")
    assert len(text.encode()) <= most
    whole = "\n".join(lines) + "\n"
    assert text == whole or re.search(r"\n\n?[\d,]+ more lines were left out: a comment holds [\d,]+ bytes\.\n$", text)
