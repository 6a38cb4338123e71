"""What checks hold of each prompt, for comparisons with other reports."""

from __future__ import annotations

from monitorbench.checks.per_prompt import MOST_PROMPTS, per_prompt


def test_values_stand_beside_the_ids_of_their_prompts() -> None:
    held = per_prompt({"a": 0.5, "b": -1.0}, low=-1.0, high=1.0)["per_prompt"]
    assert held == {"ids": ["a", "b"], "values": [0.5, -1.0], "low": -1.0, "high": 1.0, "left_out": 0}


def test_of_too_many_prompts_only_the_count_is_held() -> None:
    many = {str(index): 1.0 for index in range(MOST_PROMPTS + 1)}
    held = per_prompt(many, low=0.0, high=1.0)["per_prompt"]
    assert (held["ids"], held["values"], held["left_out"]) == ([], [], MOST_PROMPTS + 1)
    del many["0"]
    assert len(per_prompt(many, low=0.0, high=1.0)["per_prompt"]["ids"]) == MOST_PROMPTS
