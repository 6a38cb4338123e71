"""Messages of any length arrive whole, and once where they are taken."""

from __future__ import annotations

import os

import pytest

from monitorbench.ranks.post import PART, Post


@pytest.mark.parametrize("length", [0, 1, PART - 1, PART, PART + 1, 9 * PART])
def test_a_message_of_any_length(post: Post, length: int) -> None:
    content = os.urandom(length)
    post.copy().put("a", content)
    assert post.get("a") == content
    assert post.take("a") == content
    assert not post.has("a")


def test_a_message_that_does_not_come(post: Post) -> None:
    assert not post.wait("never", 0.05)
    post.put("now", b"x")
    assert post.wait("now", 0.0)


def test_numbers_are_shared_and_begin_at_nothing(post: Post) -> None:
    assert post.add("n", 0) == 0
    assert [post.add("n"), post.copy().add("n")] == [1, 2]


def test_another_attempt_finds_nothing_of_the_last(post: Post) -> None:
    post.put("a", b"x")
    assert not Post(post._store, "1").has("a")
