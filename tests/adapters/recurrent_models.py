"""Tiny recurrent and hybrid models with random weights, by the name that transformers gives their configuration.

Every weight, biases and the padding token's embedding too, is moved away from where it starts, so that nothing is
hidden by a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from monitorbench.zoo.models import BOS, EOS, PAD

_IDS = {"pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS}
_TWO = {"hidden_size": 32, "num_hidden_layers": 2}
_ATTENTION = {"intermediate_size": 64, "num_attention_heads": 2, "num_key_value_heads": 2}
_PLACES = {"max_position_embeddings": 96, "head_dim": 16}
_MIXED = {"layer_types": ["linear_attention", "full_attention"]}
_MAMBA = {
    "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_n_groups": 1, "mamba_d_state": 8, "mamba_chunk_size": 8,
}  # fmt: skip
_DELTA = {
    "linear_key_head_dim": 8, "linear_value_head_dim": 8, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
}  # fmt: skip
_LATENT = {"kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
_INDEXER = {
    "indexer_n_heads": 4, "indexer_kv_heads": 1, "indexer_head_dim": 16, "indexer_budget": 8,
    "indexer_compress_ratio": 4,
}  # fmt: skip
_ROUTED = {
    "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "head_dim": 16, "d_rel": 4,
    "rel_extent": 32, "swa_num_attention_heads": 2, "swa_num_key_value_heads": 2, "swa_head_dim": 16,
}  # fmt: skip
_EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
_HYBRID = {**_TWO, **_ATTENTION, "max_position_embeddings": 96}
_ZAMBA = {"num_hidden_layers": 4, "layers_block_type": ["mamba", "hybrid"] * 2, "mamba_d_state": 8, "n_mamba_heads": 2}
_HEADS = {"num_heads": 4, "head_dim": 16, "n_groups": 1, "state_size": 8, "chunk_size": 8}

RECURRENT: Mapping[str, Mapping[str, Any]] = {
    "bailing_hybrid": {
        **_HYBRID, **_MIXED, **_LATENT, **_EXPERTS, "first_k_dense_replace": 2, "head_dim": 16, "num_mtp_layers": 0,
        "n_group": 1, "topk_group": 1,
    },
    "bamba": {**_HYBRID, **_MAMBA, "attn_layer_indices": [1]},
    "falcon_h1": {**_HYBRID, **_MAMBA, "mamba_d_ssm": 64, "head_dim": 16},
    "falcon_mamba": {**_TWO, "state_size": 8},
    "granitemoehybrid": {
        **_HYBRID, **_MAMBA, **_MIXED, "num_local_experts": 2, "num_experts_per_tok": 1,
        "shared_intermediate_size": 32,
    },
    "inkling2_text": {**_HYBRID, **_ROUTED, "layer_types": ["hybrid_sliding", "hybrid"]},
    "inkling_text": {**_HYBRID, **_ROUTED, "layer_types": ["hybrid_sliding", "hybrid"]},
    "jamba": {
        **_HYBRID, "attn_layer_period": 2, "attn_layer_offset": 1, "num_experts": 2, "num_experts_per_tok": 1,
        "mamba_d_state": 8, "use_mamba_kernels": False,
    },
    "kimi_linear": {
        **_HYBRID, **_MIXED, **_LATENT, "linear_head_dim": 8, "linear_num_heads": 2, "num_local_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 32,
    },
    "lfm2": {**_HYBRID, "layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {**_HYBRID, **_EXPERTS, "layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "lfm3": {**_HYBRID, "layer_types": ["conv", "full_attention"]},
    "mamba": {**_TWO, "state_size": 8},
    "mamba2": {**_TWO, **_HEADS},
    "minimax": {**_HYBRID, **_MIXED, "num_local_experts": 2, "num_experts_per_tok": 1, "head_dim": 16, "block_size": 8},
    "nemotron_h": {
        **_HYBRID, "num_hidden_layers": 3, "layers_block_type": ["mamba", "attention", "mlp"], "mamba_num_heads": 4,
        "mamba_head_dim": 16, "n_groups": 1, "ssm_state_size": 8, "chunk_size": 8, "head_dim": 16,
    },
    "olmo_hybrid": {**_HYBRID, **_DELTA, **_MIXED},
    "qwen3_5_moe_text": {
        **_HYBRID, **_PLACES, **_DELTA, **_MIXED, **_EXPERTS, "shared_expert_intermediate_size": 32,
    },
    "qwen3_5_text": {**_HYBRID, **_PLACES, **_DELTA, **_MIXED},
    "qwen3_next": {**_HYBRID, **_PLACES, **_DELTA, **_MIXED, **_EXPERTS, "shared_expert_intermediate_size": 32},
    "qwen4_exp_text": {
        **_HYBRID, **_DELTA, **_MIXED, **_INDEXER, **_EXPERTS, "head_dim": 16, "shared_expert_intermediate_size": 32,
        "make_ngram_vocab_size_divisible_by": 8, "split_ngram_parts": 2, "hc_lowrank": 8,
    },
    "recurrent_gemma": {**_HYBRID, **_PLACES, "num_hidden_layers": 3, "lru_width": 32, "sliding_window": 64},
    "rwkv": {**_TWO, "context_length": 96},
    "xlstm": {
        "hidden_size": 128, "num_hidden_layers": 2, "num_heads": 2, "chunk_size": 16,
        "max_inference_chunksize": 2**31, "mode": "inference",
    },
    "zamba": {**_HYBRID, **_ZAMBA, "attention_head_dim": 32, "attention_hidden_size": 64, "use_mamba_kernels": False},
    "zamba2": {**_HYBRID, **_ZAMBA, "mamba_ngroups": 1, "num_mem_blocks": 1, "chunk_size": 8},
    "zaya": {**_HYBRID},
}  # fmt: skip
"""Options that make a model small and give it one layer of each kind."""


def build_recurrent(kind: str, words: int) -> Any:
    """A model of a kind, with weights.

    Args:
        kind: a name in `RECURRENT`.
        words: size of the vocabulary.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, vocab_size=words, **_IDS, **RECURRENT[kind])
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2.0).add_(torch.randn_like(weight) * 0.05)
    return model


def builders() -> dict[str, Callable[[int], Any]]:
    """What builds each kind for a vocabulary."""
    return {kind: lambda words, kind=kind: build_recurrent(kind, words) for kind in RECURRENT}
