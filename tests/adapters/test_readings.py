"""Prompts that were read are not read again, and thoughts, text and what was seen of them are the same to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from recurrent_models import build_recurrent
from transformers import Gemma4ForCausalLM, Gemma4TextConfig, LlamaConfig, LlamaForCausalLM

from monitorbench.adapters.base import ABSENT, Edit, Event, Hook, Limits
from monitorbench.adapters.conformance import Trial
from monitorbench.adapters.readings import Readings
from monitorbench.adapters.thought_loop import ThoughtLoop

MakeTrial = Callable[..., Trial]
NAMED = (
    "causal",
    "causal with experts",
    "dense",
    "gpt2",
    "llama",
    "qwen3",
    "mixtral",
    "gemma3",
    "projecting gpt2",
    "projecting gemma3",
    "mixing gpt2",
    "mixing gemma3",
)
READ_AGAIN = ("minimax", "falcon_h1", "jamba")
"""Recurrent layers beside others: their states are not kept."""


LONG = {"short_factor": [1.0] * 8, "long_factor": [2.0] * 8}
SMALL: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "vocab_size": 50}


class Ids:
    """A tokenizer of ids alone."""

    pad_token_id, eos_token_id = 0, 1

    def decode(self, ids: Sequence[int], **_: Any) -> str:
        return " ".join(map(str, ids))


def thinker(model: Any) -> ThoughtLoop:
    tokenizer: Any = Ids()
    return ThoughtLoop(model=model.eval(), tokenizer=tokenizer)


def layers_share_keys() -> ThoughtLoop:
    """Gemma 4 whose last two layers use keys and values of the two before them."""
    torch.manual_seed(0)
    kinds: dict[str, Any] = {"layer_types": ["sliding_attention", "full_attention"] * 2, "sliding_window": 8}
    heads: dict[str, Any] = {
        "num_key_value_heads": 1,
        "head_dim": 16,
        "global_head_dim": 16,
        "max_position_embeddings": 96,
    }
    without: dict[str, Any] = {"hidden_size_per_layer_input": 0, "vocab_size_per_layer_input": 50}
    config = Gemma4TextConfig(**SMALL, **kinds, **heads, **without, num_hidden_layers=4, num_kv_shared_layers=2)
    return thinker(Gemma4ForCausalLM(config))


def rotates_by(places: int, **rope: Any) -> ThoughtLoop:
    """Llama whose positions are turned by what depends on the longest text so far."""
    torch.manual_seed(0)
    rope = {"rope_theta": 1e4, "factor": 2.0, **rope}
    return thinker(
        LlamaForCausalLM(
            LlamaConfig(**SMALL, num_hidden_layers=1, max_position_embeddings=places, rope_parameters=rope)
        )
    )


def of(trial: Trial) -> tuple[Any, list[Sequence[int]]]:
    adapter: Any = trial.adapter
    return ThoughtLoop(model=adapter.model, tokenizer=adapter.tokenizer), list(trial.prompts)


def seen_of(adapter: Any, prompts: Sequence[Sequence[int]], edit: Edit | None = None) -> list[Any]:
    """All that is put out and all that a hook sees."""
    seen: list[Any] = []

    def hook(event: Event) -> Edit | None:
        seen.extend([event.index, event.tokens, event.live, event.committed, event.value, event.logits])
        return edit if event.channel is not None else None

    watching: Hook = hook
    limits = Limits(max_new_tokens=5, sampler={"thoughts": 2} if edit is None else {"thoughts": 2, "temperature": 0.7})
    output = adapter.generate(prompts, range(len(prompts)), watching, limits)
    return [*seen, output.tokens, output.finished]


def assert_same(some: Sequence[Any], others: Sequence[Any]) -> None:
    for one, other in zip(some, others, strict=True):
        if isinstance(one, torch.Tensor):
            assert torch.equal(one, other)
        else:
            assert one == other


@contextmanager
def reads(model: Any) -> Iterator[list[int]]:
    """How many positions each forward pass of a model takes in that takes in more than one."""
    widths: list[int] = []

    def watch(_model: Any, _inputs: Any, given: dict[str, Any]) -> None:
        if "input_ids" in given and given["input_ids"] is not None:
            widths.append(given["input_ids"].shape[1])

    handle = model.register_forward_pre_hook(watch, with_kwargs=True)
    try:
        yield widths
    finally:
        handle.remove()


@pytest.mark.parametrize("name", NAMED)
def test_arms_that_share_prompts_read_them_once_and_come_out_the_same_to_the_bit(
    trial_of: MakeTrial, name: str
) -> None:
    plain, (a, b, c) = of(trial_of(name))
    short = b[len(b) // 2 :]
    shared = plain.sharing_prefills()
    batches = [[a, b, short], [b, c, c], [c, a, b], [short, short, a]]
    with reads(plain.model) as widths:
        for prompts in batches:
            for edit in (None, Edit(value=ABSENT)):
                apart = seen_of(plain, prompts, edit)
                read = len(widths)
                assert_same(seen_of(shared, prompts, edit), apart)
                is_new = edit is None and prompts in batches[:2]
                assert len(widths) - read == is_new, "only what was never read before is read"


def test_layers_that_use_the_keys_of_others_have_none_that_are_kept() -> None:
    plain, prompts = layers_share_keys(), [[5, 6, 7], [8, 9, 10, 11, 12]]
    assert_read(plain, [prompts, prompts[::-1], prompts], times=1)


@pytest.mark.parametrize("kind", READ_AGAIN)
def test_a_model_that_carries_more_than_keys_and_values_reads_its_prompts_every_time(kind: str) -> None:
    assert_read(thinker(build_recurrent(kind, 50)), [[[5, 6, 7], [8, 9, 10]]] * 2, times=2)


@pytest.mark.parametrize(
    ("places", "rope", "times"),
    [
        (96, {"rope_type": "dynamic"}, 1),
        (6, {"rope_type": "dynamic"}, 3),  # longer texts grow what the next short prompt sets back
        (96, {"rope_type": "longrope", "original_max_position_embeddings": 6, **LONG}, 3),
    ],
)
def test_a_model_that_adapts_itself_to_what_it_reads_reads_it(places: int, rope: dict[str, Any], times: int) -> None:
    assert_read(rotates_by(places, **rope), [[[5, 6, 7], [8, 9, 10]]] * 3, times=times)


def assert_read(plain: ThoughtLoop, batches: Sequence[Sequence[Sequence[int]]], *, times: int) -> None:
    """The same comes out as by reading every time, and so often prompts are read."""
    shared, read = plain.sharing_prefills(), 0
    for prompts in batches:
        apart = seen_of(plain, prompts)
        with reads(plain.model) as widths:
            assert_same(seen_of(shared, prompts), apart)
        read += len(widths)
    assert read == times


def test_a_prompt_is_read_again_at_another_batch_shape(trial_of: MakeTrial) -> None:
    plain, prompts = of(trial_of("gemma3"))
    shared = plain.sharing_prefills()
    with reads(plain.model) as widths:
        for batch in (prompts, prompts[:2], [[*prompts[0], *prompts[0]], *prompts[1:]]):
            seen_of(shared, batch)
    assert len(widths) == 3


def test_a_changed_weight_makes_all_be_read_again(trial_of: MakeTrial) -> None:
    plain, prompts = of(trial_of("gpt2"))
    shared, weight = plain.sharing_prefills(), plain.model.transformer.h[0].mlp.c_fc.weight
    before = seen_of(shared, prompts)
    with torch.no_grad():
        weight.mul_(2)
        try:
            assert_same(seen_of(shared, prompts), changed := seen_of(plain, prompts))
        finally:
            weight.div_(2)
    assert not all(torch.equal(one, other) for one, other in zip(_logits(before), _logits(changed), strict=True))
    assert_same(seen_of(shared, prompts), before)


def _logits(seen: Sequence[Any]) -> list[torch.Tensor]:
    return [one for one in seen if isinstance(one, torch.Tensor) and one.is_floating_point()]


def test_another_weight_in_the_place_of_one_makes_all_be_read_again(trial_of: MakeTrial) -> None:
    plain, prompts = of(trial_of("gpt2"))
    shared, layer = plain.sharing_prefills(), plain.model.transformer.h[0].mlp.c_fc
    before = layer.weight
    seen_of(shared, prompts)
    layer.weight = torch.nn.Parameter(2 * before.detach(), requires_grad=False)
    try:
        assert_same(seen_of(shared, prompts), seen_of(plain, prompts))
    finally:
        layer.weight = before


def test_a_model_in_training_reads_its_prompts_every_time(trial_of: MakeTrial) -> None:
    plain, prompts = of(trial_of("llama"))
    shared = plain.sharing_prefills()
    plain.model.model.layers[0].train()
    try:
        with reads(plain.model) as widths:
            for _ in range(2):
                seen_of(shared, prompts)
    finally:
        plain.model.eval()
    assert len(widths) == 2


def test_what_is_kept_belongs_to_one_run(trial_of: MakeTrial) -> None:
    plain, prompts = of(trial_of("llama"))
    with reads(plain.model) as widths:
        for shared in (plain.sharing_prefills(), plain.sharing_prefills()):
            for _ in range(2):
                seen_of(shared, prompts)
    assert plain.readings is None
    assert len(widths) == 2


@pytest.mark.parametrize("name", ["gpt2", "gemma3"])
def test_no_more_is_kept_than_there_is_room_for(trial_of: MakeTrial, name: str) -> None:
    plain, (a, b, c) = of(trial_of(name))
    config, W = plain.model.config, 32
    V, d = plain.vocab_size, config.hidden_size
    # Gemma 3 as it is built here: a layer that keeps what its window of 8 reaches back to, and one that keeps all.
    values = {"gpt2": 2 * d * W, "gemma3": 2 * config.hidden_size // 2 * (W + 7)}[name]
    one_prompt = 4 * (V + d + values)
    for room, read in ((one_prompt, 2), (one_prompt - 1, 4)):
        shared = replace(plain, readings=Readings(most=room))
        with reads(plain.model) as widths:
            for prompts in ([a, b, c], [a, a, a], [a, a, a], [b, b, b]):
                seen_of(shared, prompts)
        assert {*widths} == {W}
        assert len(widths) == read
