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
from monitorbench.zoo.models import (
    BOS,
    CANVAS_LENGTH,
    EOS,
    PAD,
    build_causal,
    build_diffusion,
    build_tokenizer,
)

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


def _dense(words: int) -> Any:
    """Gemma 4 without experts."""
    from transformers import Gemma4ForCausalLM

    config = _causal(words).config
    config.enable_moe_block = False
    torch.manual_seed(0)
    return Gemma4ForCausalLM(config)


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


def _qwen3(words: int) -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    heads = {"num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 96}
    ids = {"bos_token_id": BOS, "eos_token_id": EOS}
    return Qwen3ForCausalLM(Qwen3Config(vocab_size=words, **sizes, **heads, **ids))


def _mixtral(words: int) -> Any:
    from transformers import MixtralConfig, MixtralForCausalLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    experts = {"num_local_experts": 4, "num_experts_per_tok": 2}
    heads = {"num_key_value_heads": 1, "max_position_embeddings": 96}
    ids = {"bos_token_id": BOS, "eos_token_id": EOS}
    return MixtralForCausalLM(MixtralConfig(vocab_size=words, **sizes, **experts, **heads, **ids))


def _gemma3(words: int) -> Any:
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    heads = {"num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 96}
    layers = {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]}
    ids = {"pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS}
    return Gemma3ForCausalLM(Gemma3TextConfig(vocab_size=words, **sizes, **heads, **layers, **ids))


def _hrm(words: int) -> Any:
    from transformers import HrmTextConfig, HrmTextForCausalLM

    torch.manual_seed(0)
    # One layer in each stack: the configuration itself makes it the number of places in the cache.
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    ids = {"pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS}
    return HrmTextForCausalLM(HrmTextConfig(vocab_size=words, head_dim=16, max_position_embeddings=96, **sizes, **ids))


def _thinking(build: Callable[[int], Any], **how: Any) -> Callable[[int], Any]:
    """A checkpoint that says of itself how it thinks."""

    def built(words: int) -> Any:
        model = build(words)
        model.config.thought_loop = how
        return model

    return built


def _masked(words: int) -> Any:
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    ids = {"pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS, "cls_token_id": BOS, "sep_token_id": EOS}
    # Larger weights than usual, so that predictions differ enough to be ordered.
    spread = {"initializer_range": 0.1, "initializer_cutoff_factor": 3.0}
    places = {"max_position_embeddings": 96, "layer_types": ["full_attention"]}
    return ModernBertForMaskedLM(ModernBertConfig(vocab_size=words, **sizes, **ids, **spread, **places))


def _bert(words: int) -> Any:
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    return BertForMaskedLM(BertConfig(vocab_size=words, max_position_embeddings=96, eos_token_id=EOS, **sizes))


def _roberta(words: int) -> Any:
    from transformers import RobertaConfig, RobertaForMaskedLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    ids = {"pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS}
    return RobertaForMaskedLM(RobertaConfig(vocab_size=words, max_position_embeddings=96, **sizes, **ids))


BUILDERS: dict[str, Callable[[int], Any]] = {
    "diffusion": _diffusion,
    "confident diffusion": _confident,
    "causal": _causal,
    "diffusion with experts": _with_experts(_diffusion),
    "causal with experts": _with_experts(_causal),
    "gpt2": _gpt2,
    "dense": _dense,
    "llama": _llama,
    "qwen3": _qwen3,
    "mixtral": _mixtral,
    "gemma3": _gemma3,
    "hrm": _hrm,
    "thinking gpt2": _thinking(_gpt2, thoughts=3),
    "thinking gemma3": _thinking(_gemma3, thoughts=3),
    "projecting gpt2": _thinking(_gpt2, thoughts=3, mode="projection", projection="transformer.h.0.mlp"),
    "projecting gemma3": _thinking(_gemma3, thoughts=3, mode="projection", projection="model.layers.1.mlp"),
    "mixing gpt2": _thinking(_gpt2, thoughts=3, mode="mixture", top_k=8),
    "mixing gemma3": _thinking(_gemma3, thoughts=3, mode="mixture", temperature=0.7),
    "masked": _masked,
    "bert": _bert,
    "roberta": _roberta,
}
MASKED = ("masked", "bert", "roberta")


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a checkpoint, by the name of its builder; made on first use."""
    root = tmp_path_factory.mktemp("saved")

    def folder(name: str) -> Path:
        tokenizer = build_tokenizer(vocabulary())
        if name in MASKED:
            tokenizer.add_special_tokens({"mask_token": "<mask>"})
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
    """A batch of three different prompts for a checkpoint; `canvases` times 18 tokens are generated, or `tokens`."""

    def trial(
        name: str, *, seed: int = 0, canvases: int = 1, tokens: int | None = None, **sampler: float | int | bool | str
    ) -> Trial:
        adapter = adapter_of(name)
        texts = [problem.prompt for problem in ArithmeticChain(lengths=(2,)).problems(3)]
        limits = Limits(max_new_tokens=tokens or canvases * CANVAS_LENGTH, sampler=sampler)
        return Trial(
            adapter=adapter,
            prompts=[adapter.encode(text) for text in texts],
            seeds=[seed, seed + 1, seed + 2],
            limits=limits,
            texts=texts,
        )

    return trial
