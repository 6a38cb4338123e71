"""Tiny checkpoints with random weights, saved as anyone saves a model and loaded as a suite loads one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch  # after the environment: transformers reads it when first imported

from monitorbench.adapters.base import Limits
from monitorbench.adapters.conformance import Trial
from monitorbench.adapters.factory import load_model
from monitorbench.suite.model import ModelSpec
from monitorbench.tasks.arithmetic_chain import ArithmeticChain, vocabulary
from monitorbench.zoo.models import CANVAS_LENGTH, EOS, build_causal, build_diffusion, build_tokenizer

SIZES = {"layers": 1, "hidden": 32}


def _diffusion(words: int) -> Any:
    torch.manual_seed(0)
    return build_diffusion(words, **SIZES)


def _confident(words: int) -> Any:
    """Embeddings are the output map too: larger ones make surer predictions, so that canvases settle."""
    model = _diffusion(words)
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(8.0)
    return model


def _causal(words: int) -> Any:
    torch.manual_seed(0)
    return build_causal(words, **SIZES)


def _with_experts(build: Callable[[int], Any]) -> Callable[[int], Any]:
    def built(words: int) -> Any:
        template = build(words)
        text = template.config.get_text_config()
        text.num_experts, text.top_k_experts = 4, 2
        torch.manual_seed(1)
        model = type(template)(template.config)
        model.generation_config = template.generation_config
        return model

    return built


def _gpt2(words: int) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    ids = {"bos_token_id": 2, "eos_token_id": EOS}
    return GPT2LMHeadModel(GPT2Config(vocab_size=words, n_positions=96, n_embd=32, n_layer=1, n_head=2, **ids))


def _llama(words: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    ids = {"bos_token_id": 2, "eos_token_id": EOS}
    return LlamaForCausalLM(LlamaConfig(vocab_size=words, max_position_embeddings=96, **sizes, **ids))


BUILDERS: dict[str, Callable[[int], Any]] = {
    "diffusion": _diffusion,
    "confident diffusion": _confident,
    "causal": _causal,
    "diffusion with experts": _with_experts(_diffusion),
    "causal with experts": _with_experts(_causal),
    "gpt2": _gpt2,
    "llama": _llama,
}


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a checkpoint, by the name of its builder; made on first use."""
    root = tmp_path_factory.mktemp("saved")
    tokenizer = build_tokenizer(vocabulary())

    def folder(name: str) -> Path:
        if not (root / name).exists():
            BUILDERS[name](len(tokenizer)).save_pretrained(root / name)
            tokenizer.save_pretrained(root / name)
        return root / name

    return folder


@pytest.fixture(scope="session")
def adapter_of(saved: Callable[[str], Path]) -> Callable[[str], Any]:
    """The adapter of a checkpoint, by the name of its builder; loaded once."""
    loaded: dict[str, Any] = {}

    def adapter(name: str) -> Any:
        if name not in loaded:
            spec = ModelSpec(source=str(saved(name)))
            loaded[name] = load_model("candidate", spec, device="cpu", dtype="float32").adapter
        return loaded[name]

    return adapter


@pytest.fixture(scope="session")
def trial_of(adapter_of: Callable[[str], Any]) -> Callable[..., Trial]:
    """A batch of three different prompts for a checkpoint; `canvases` times 18 tokens are generated."""

    def trial(name: str, *, seed: int = 0, canvases: int = 1, **sampler: float | int | bool) -> Trial:
        adapter = adapter_of(name)
        prompts = [adapter.encode(problem.prompt) for problem in ArithmeticChain(lengths=(2,)).problems(3)]
        limits = Limits(max_new_tokens=canvases * CANVAS_LENGTH, sampler=sampler)
        return Trial(adapter=adapter, prompts=prompts, seeds=[seed, seed + 1, seed + 2], limits=limits)

    return trial
