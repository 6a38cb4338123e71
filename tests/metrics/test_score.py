"""A score is a number or the reason why there is none."""

import pytest

from monitorbench.metrics.score import Score, weighted_mean


def test_an_undefined_score_says_why():
    assert Score.undefined("one call").status == "undefined: one call"
    assert Score.undefined("one call").value is None


def test_the_mean_leaves_out_what_is_undefined():
    mean = weighted_mean([(Score.ok(1.0, n=5), 3), (Score.undefined("one call"), 100), (Score.ok(0.0, n=7), 1)])

    assert mean == Score.ok(0.75, n=12)


def test_a_mean_of_nothing_is_undefined_with_every_reason():
    assert weighted_mean([]).status == "undefined: no blocks"
    mean = weighted_mean([(Score.undefined("b"), 1), (Score.undefined("a"), 1), (Score.undefined("b"), 1)])
    assert mean.status == "undefined: a, b"


def test_a_defined_score_has_no_reason():
    assert Score.ok(0.5, n=3).status == "ok"
    assert Score.ok(0.5, n=3).value == pytest.approx(0.5)
