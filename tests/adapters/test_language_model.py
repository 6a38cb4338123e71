"""Text in and out, in all families: chat templates, tokens that fill up, and the room that a generation takes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from monitorbench.adapters.base import Limits
from monitorbench.adapters.factory import Loaded, load_model
from monitorbench.errors import CheckpointError
from monitorbench.suite.model import ModelSpec
from monitorbench.tasks.arithmetic_chain import vocabulary
from monitorbench.zoo.models import BOS, EOS, PAD

Saved = Callable[[str], Path]
TEMPLATE = (
    "{{ bos_token }} {% for message in messages %}{{ message.content }}{% endfor %}"
    "{% if add_generation_prompt %} answer{% endif %}"
)


@pytest.fixture
def copied(saved: Saved, tmp_path: Path) -> Callable[..., Path]:
    """A copy of a checkpoint, with another tokenizer where `change` makes one."""

    def copied(name: str, change: Callable[[PreTrainedTokenizerFast], None]) -> Path:
        folder = Path(shutil.copytree(saved(name), tmp_path / name))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        change(tokenizer)
        tokenizer.save_pretrained(folder)
        return folder

    return copied


def loaded(folder: Path, **spec: Any) -> Loaded:
    return load_model("candidate", ModelSpec(source=str(folder), **spec), device="cpu", dtype="float32")


def chatting(template: str) -> Callable[[Any], None]:
    """A tokenizer with this template that writes <bos> before every text by itself."""

    def change(tokenizer: Any) -> None:
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single="<bos> $A", special_tokens=[("<bos>", BOS)]
        )
        tokenizer.chat_template = template

    return change


@pytest.mark.parametrize("name", ["causal", "thinking gpt2", "masked", "diffusion"])
def test_a_prompt_goes_through_the_chat_template_in_every_family(copied: Callable[..., Path], name: str) -> None:
    folder = copied(name, chatting(TEMPLATE))
    model = loaded(folder)
    assert model.adapter.encode("ask a :") == AutoTokenizer.from_pretrained(folder)("ask a : answer")["input_ids"]
    assert model.report.chat_template is True


def test_a_suite_does_without_the_template(copied: Callable[..., Path], saved: Saved) -> None:
    plain = loaded(copied("causal", chatting(TEMPLATE)), chat_template=False)
    without = loaded(saved("causal"))
    assert plain.adapter.encode("ask a :") == [BOS, *without.adapter.encode("ask a :")]
    assert (plain.report.chat_template, without.report.chat_template) == (False, False)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ raise_exception('Only the weather, please.\\nNothing else.') }}", "Only the weather, please"),
        ("{{ messages[1].content }}", "list object has no element 1"),
        ("{% for %}", "Expected an expression"),
    ],
)
def test_a_template_that_fails_names_the_checkpoint(copied: Callable[..., Path], template: str, said: str) -> None:
    folder = copied("causal", chatting(template))
    adapter = loaded(folder).adapter
    with pytest.raises(CheckpointError) as refused:
        adapter.encode("ask a :")
    assert str(refused.value).splitlines() == [str(refused.value)]
    assert str(refused.value).startswith(f"{folder}: its chat template cannot be used: {said}")
    fix = "mend chat_template in the tokenizer's files, or set chat_template: false for this model"
    assert str(refused.value).endswith(f"; {fix}")


def without(*roles: str) -> Callable[[Any], None]:
    def change(tokenizer: Any) -> None:
        for role in roles:
            setattr(tokenizer, f"{role}_token", None)

    return change


def take_ids_away(folder: Path, *roles: str) -> None:
    for file in ("config.json", "generation_config.json"):
        if (folder / file).exists():
            values = json.loads((folder / file).read_text())
            texts = (values, values.get("text_config", {}))
            for text in texts:
                text.update({f"{role}_token_id": None for role in roles})
            (folder / file).write_text(json.dumps(values))


@pytest.mark.parametrize("name", ["gpt2", "thinking gpt2", "diffusion"])
def test_without_a_token_to_fill_up_with_a_model_is_refused_at_load(copied: Callable[..., Path], name: str) -> None:
    folder = copied(name, without("pad", "eos"))
    take_ids_away(folder, "pad", "eos")
    with pytest.raises(CheckpointError) as refused:
        loaded(folder)
    assert str(refused.value) == (
        f"{folder}: its tokenizer has neither a padding nor an end token, one of which fills up shorter prompts; "
        "set pad_token in the tokenizer's configuration"
    )


@pytest.mark.parametrize("name", ["gpt2", "thinking gpt2", "masked", "diffusion"])
def test_an_end_token_or_a_mask_fills_up_as_well_under_a_mask(
    copied: Callable[..., Path], saved: Saved, name: str
) -> None:
    folder = copied(name, without("pad", "eos") if name == "masked" else without("pad"))
    take_ids_away(folder, "pad")

    def generated(folder: Path) -> Any:
        adapter = loaded(folder).adapter
        prompts = [adapter.encode("a+3 -> b ; 17 -> a ; ask b :"), adapter.encode("ask a :")]
        return adapter.generate(prompts, [0, 1], None, Limits(max_new_tokens=18))

    assert generated(folder) == generated(saved(name))


@pytest.mark.parametrize(
    ("name", "sampler", "extra"),
    [
        ("causal", {}, 0),
        ("thinking gpt2", {}, 3),
        ("thinking gpt2", {"thoughts": 7}, 7),
        ("masked", {}, 0),
        ("masked", {"block_length": 8}, 4),
        ("diffusion", {}, 16),
    ],
)
def test_thoughts_and_the_rest_of_a_block_take_positions_too(
    adapter_of: Callable[[str], Any], name: str, sampler: dict[str, Any], extra: int
) -> None:
    assert adapter_of(name).extra_positions(Limits(max_new_tokens=20, sampler=sampler)) == extra


@pytest.mark.parametrize("name", ["gpt2", "thinking gpt2", "bert", "roberta"])
def test_what_fits_by_the_count_of_positions_runs(adapter_of: Callable[[str], Any], name: str) -> None:
    adapter = adapter_of(name)
    limits = Limits(max_new_tokens=2)
    longest = adapter.max_length - limits.max_new_tokens - adapter.extra_positions(limits)
    adapter.generate([[7] * longest], [0], None, limits)
    with pytest.raises((IndexError, RuntimeError)):
        # Learned positions end there; two more, because the last token may be written without being read.
        adapter.generate([[7] * (longest + 2)], [0], None, limits)


def test_special_tokens_are_no_text(adapter_of: Callable[[str], Any]) -> None:
    adapter = adapter_of("causal")
    assert adapter.decode([BOS, *adapter.encode("ask a :"), PAD, EOS]) == "ask a :"
    assert len(vocabulary()) < adapter.vocab_size
    assert isinstance(adapter.model, torch.nn.Module)
