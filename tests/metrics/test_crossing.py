"""Two text orders of one problem tell what follows the logic from what follows the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitorbench.metrics.crossing import content_position
from monitorbench.metrics.score import Score

unit = st.floats(-1.0, 1.0)


@given(unit, unit)
def test_both_halves_come_back_from_their_split(natural, turned):
    split = content_position(Score.ok(natural, n=3), Score.ok(turned, n=4))

    assert split.content.value + split.position.value == pytest.approx(natural)
    assert split.content.value - split.position.value == pytest.approx(turned)
    assert max(abs(split.content.value), abs(split.position.value)) <= 1.0
    assert split.content.n == 7


@given(unit, unit)
def test_swapping_the_forms_flips_the_position_only(natural, turned):
    a, b = Score.ok(natural, n=1), Score.ok(turned, n=1)
    one, other = content_position(a, b), content_position(b, a)

    assert (one.content.value, one.position.value) == (other.content.value, -other.position.value)


def test_half_a_crossing_is_undefined():
    split = content_position(Score.ok(1.0, n=3), Score.undefined("no edge between values in the text"))

    assert split.content.value is None
    assert split.content.status == "undefined: reversed order: no edge between values in the text"


def test_every_form_that_is_missing_says_why():
    nothing = Score.undefined("no answer in the block")
    split = content_position(nothing, nothing, forms=("answer last", "answer first"))

    assert split.position.status == (
        "undefined: answer last: no answer in the block; answer first: no answer in the block"
    )
