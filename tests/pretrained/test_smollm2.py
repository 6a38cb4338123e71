"""SmolLM2-135M-Instruct, which nobody trained for us, runs as its own code runs it, and thinks in mixtures of tokens.

`MONITORBENCH_PROMPTS=50 pytest tests/pretrained` compares the texts of all prompts, not of a few.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import torch

from monitorbench.adapters.base import Limits
from monitorbench.adapters.batches import bucket_width
from monitorbench.interventions.intervention import Intervention, build_hook
from monitorbench.planning import vocabulary
from monitorbench.suite.loader import load
from monitorbench.tasks.word_problems import WordProblems

pytestmark = pytest.mark.pretrained

SUITE = Path(__file__).parents[2] / "suites" / "pretrained-smollm2.monitor.yaml"
TEMPLATES = (
    "{} is",
    "Question: Why do people like {}?\nAnswer:",
    "<|im_start|>user\nWrite a sentence about {}.<|im_end|>\n<|im_start|>assistant\n",
    "A poem about {}:\n",
    "def {}(",
)
THINGS = ("rain", "bread", "music", "the sea", "Paris", "a cat", "winter", "chess", "the moon", "tea")
PROMPTS = [TEMPLATES[i % 5].format(THINGS[(i // 5 + i % 5) % 10]) for i in range(50)]
SOME = PROMPTS[: int(os.environ.get("MONITORBENCH_PROMPTS", "6"))]
TOKENS, THOUGHTS = 16, 4

WORKING = 6
"""Tokens of the working, ` 5 + 4 =`, which is what thoughts stand in for; the result takes up to three more."""
PROBLEMS = WordProblems(examples=2).problems(8)
SOFT = {"mode": "mixture", "thoughts": WORKING}

Texts = list[tuple[int, ...]]


def texts(
    adapter: Any,
    prompts: Sequence[str],
    *,
    tokens: int,
    change: Intervention | None = None,
    **sampler: float | int | bool | str,
) -> Texts:
    """What the adapter writes after each prompt; prompts of one width run as one batch."""
    batches: dict[int, list[int]] = defaultdict(list)
    encoded = [adapter.encode(prompt) for prompt in prompts]
    for place, ids in enumerate(encoded):
        batches[bucket_width(len(ids))].append(place)
    found: dict[int, tuple[int, ...]] = {}
    for places in batches.values():
        hook = build_hook(change or Intervention(), adapter)
        limits = Limits(max_new_tokens=tokens, sampler=sampler)
        output = adapter.generate([encoded[place] for place in places], places, hook, limits)
        found |= dict(zip(places, output.tokens, strict=True))
    return [found[place] for place in range(len(prompts))]


def solved(adapter: Any, found: Texts) -> int:
    """How many of the problems the texts answer rightly."""
    task = WordProblems()
    pairs = zip(PROBLEMS, found, strict=True)
    return sum(task.grade(problem, adapter.decode(tokens)).correct for problem, tokens in pairs)


@pytest.fixture(scope="session")
def greedy(smollm2: Any) -> Texts:
    """The texts after the prompts, decoded greedily."""
    return texts(smollm2, SOME, tokens=TOKENS, do_sample=False)


@pytest.fixture(scope="session")
def worked(smollm2: Any) -> Texts:
    """The answers to the problems, decoded greedily, with room for their working."""
    asked = [problem.prompt for problem in PROBLEMS]
    return texts(smollm2, asked, tokens=WORKING + 3, do_sample=False)


def test_the_model_is_the_one_meant(smollm2: Any) -> None:
    assert type(smollm2.model).__name__ == "LlamaForCausalLM"
    assert sum(parameter.numel() for parameter in smollm2.model.parameters()) == 134_515_008
    assert smollm2.decode(smollm2.encode("Tea is")) == "Tea is"


def test_its_suite_asks_it_in_the_same_way(smollm2: Any) -> None:
    suite = load(SUITE, vocabulary())
    for spec, adapter in ((suite.model, "thought-loop"), (suite.baseline, None)):
        assert spec is not None
        assert spec == replace(
            spec, source=smollm2.tokenizer.name_or_path, adapter=adapter, chat_template=smollm2.chats
        )
    assert suite.sampling.sampler == SOFT
    assert suite.tasks["sums"].parameters["examples"] == 2


def test_greedy_decoding_is_the_models_own_generate(smollm2: Any, greedy: Texts) -> None:
    _, ends = smollm2.special_ids()
    for prompt, text in zip(SOME, greedy, strict=True):
        ids_BT = torch.tensor([smollm2.encode(prompt)])
        alone_BT = smollm2.model.generate(
            ids_BT, attention_mask=torch.ones_like(ids_BT), do_sample=False, max_new_tokens=TOKENS
        )
        written = alone_BT[0, ids_BT.shape[1] :].tolist()
        assert text == tuple(takewhile(lambda token: token not in ends, written)), prompt


def test_thoughts_of_a_single_token_are_greedy_decoding(thinker: Any, greedy: Texts) -> None:
    """Thoughts take the place of the first tokens of a text, where it does not end among them."""
    single = texts(thinker, SOME, tokens=TOKENS - THOUGHTS, mode="mixture", thoughts=THOUGHTS, top_k=1)
    pairs = [(text[THOUGHTS:], rest) for text, rest in zip(greedy, single, strict=True) if len(text) >= THOUGHTS]
    assert len(pairs) >= len(SOME) // 2
    for expected, rest in pairs:
        assert rest == expected


def test_its_working_is_what_solves_the_problems(smollm2: Any, worked: Texts) -> None:
    direct = WordProblems(examples=2, working="hidden").problems(len(PROBLEMS))
    guessed = texts(smollm2, [problem.prompt for problem in direct], tokens=3, do_sample=False)
    assert solved(smollm2, worked) >= 6
    assert solved(smollm2, guessed) <= 2


@pytest.fixture(scope="session")
def ladder(thinker: Any) -> dict[str, Texts]:
    """What is written after thoughts in place of the working, by how many tokens of each thought are kept."""
    keeps = {
        str(k): Intervention(kind="keep", channel="thought", keep=("top_k", k), fill="renorm") for k in (1, 2, 4, 8)
    }
    changes = {"all": Intervention(), **keeps, "none": Intervention(kind="zero", channel="thought")}
    asked = [problem.prompt for problem in PROBLEMS]
    return {name: texts(thinker, asked, tokens=3, change=change, **SOFT) for name, change in changes.items()}


def test_a_bottleneck_of_one_token_is_greedy_decoding(worked: Texts, ladder: dict[str, Texts]) -> None:
    assert ladder["1"] == [text[WORKING:] for text in worked]


def test_a_wide_bottleneck_lets_through_what_the_model_thinks(thinker: Any, ladder: dict[str, Texts]) -> None:
    changed = [sum(map(tuple.__ne__, ladder["all"], ladder[k])) for k in ("1", "2", "4", "8")]
    assert changed[0] >= changed[-1]
    assert changed[-1] <= 1


def test_without_its_thoughts_the_model_does_not_solve_the_problems(thinker: Any, ladder: dict[str, Texts]) -> None:
    assert solved(thinker, ladder["none"]) <= 1
    assert solved(thinker, ladder["1"]) >= 5
