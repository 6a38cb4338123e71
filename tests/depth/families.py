"""Every model class of the installed transformers that generates text, built small and without weights.

A family is a model class of three of transformers' own lists: causal language models, text to text, and image and text
to text. The last one is there because some families have no class of their own for text; they are run on text alone.
Sizes do not matter without weights, so that a configuration keeps its defaults but for the number of its layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from monitorbench.adapters.base import Segment

LISTS = ("CAUSAL_LM", "SEQ_TO_SEQ_CAUSAL_LM", "IMAGE_TEXT_TO_TEXT")
_LAYER_COUNTS = (
    "num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers", "depth",
    "num_encoder_layers", "num_decoder_layers",
)  # fmt: skip
_LAYER_LISTS = ("layer_types", "layers_block_type", "mlp_layer_types")

_SHARED_CACHE = {"num_hidden_layers": 4, "num_kv_shared_layers": 2}
_TWO_KINDS = {"layer_types": ["sliding_attention", "full_attention"] * 2}
_ROPE = {"rope_type": "default", "rope_theta": 1e4}
_COMPASS = _TWO_KINDS | {
    "num_hidden_layers": 4,
    "rope_parameters": {"sliding_attention": _ROPE, "full_attention": _ROPE},
}
_EXPERTS = {"num_experts_per_tok": 2, "n_shared_experts": 1, "n_routed_experts": 8}
_INDEXER = {
    "indexer_n_heads": 4, "indexer_kv_heads": 1, "indexer_head_dim": 256, "indexer_budget": 8,
    "indexer_compress_ratio": 4,
}  # fmt: skip
_GEMMA4_EXPERTS = {"num_experts": 8, "top_k_experts": 2, "moe_intermediate_size": 64}
ON_CPU = ("XLNetLMHeadModel",)
"""Families that mix up devices when their weights are on the meta device."""

TWEAKS: Mapping[str, Mapping[str, Any]] = {
    "ChameleonForConditionalGeneration": {"vocabulary_map": {"<image>": 1}},
    "CohereCompassForCausalLM": _COMPASS,
    "DbrxForCausalLM": {"attn_config": {"kv_n_heads": 2, "rope_theta": 1e4, "clip_qkv": 8}},
    "DeepseekOcr2ForConditionalGeneration": {
        "text_config": {"mlp_layer_types": ["dense", "sparse"], "num_experts_per_tok": 2}
    },
    "DeepseekV2ForCausalLM": {"num_experts_per_tok": 2},
    "DiffusionGemmaForBlockDiffusion": {"text_config": _GEMMA4_EXPERTS},
    "Dots1ForCausalLM": _EXPERTS,
    "Emu3ForConditionalGeneration": {"vocabulary_map": {"<image>": 1}},
    "GPTNeoForCausalLM": {"num_layers": 2, "attention_types": [[["global", "local"], 1]]},
    "Gemma3nForCausalLM": _TWO_KINDS | _SHARED_CACHE,
    "Gemma4AssistantForCausalLM": {"text_config": {"hidden_size_per_layer_input": 0, "vocab_size_per_layer_input": 0}},
    "Gemma4UnifiedAssistantForCausalLM": {"text_config": _TWO_KINDS | _SHARED_CACHE},
    "Glm4vForConditionalGeneration": {"text_config": {"rope_parameters": {"mrope_section": [16, 24, 24]}}},
    "Glm4vMoeForConditionalGeneration": {"text_config": {"head_dim": 128}},
    "HunYuanDenseV1ForCausalLM": {"head_dim": 64},
    "HunYuanMoEV1ForCausalLM": {"head_dim": 64},
    "HunYuanVLForConditionalGeneration": {
        "text_config": {"head_dim": 64, "rope_parameters": _ROPE | {"mrope_section": [8, 8, 8, 8]}}
    },
    "Lfm2MoeForCausalLM": {"layer_types": ["conv", "full_attention"], "num_hidden_layers": 2},
    "LongcatFlashForCausalLM": {"num_layers": 1, "num_hidden_layers": 2},
    "MinistralForCausalLM": {"head_dim": 64},
    "Molmo2ForConditionalGeneration": {"vision_config": {"num_hidden_layers": 27}},
    "MuseSparkForConditionalGeneration": {"audio_config": {"num_hidden_layers": 4}},
    "Granite4VisionForConditionalGeneration": {"deepstack_layer_map": [[0, 0]], "downsample_rate": "4/8"},
    "NemotronForCausalLM": {"num_key_value_heads": 8},
    "Qwen3OmniMoeThinkerForConditionalGeneration": {"text_config": {"head_dim": 128}},
    "Qwen4ExpForCausalLM": _INDEXER,
    "Qwen4ExpForConditionalGeneration": {"text_config": _INDEXER},
    "ReformerModelWithLMHead": {"is_decoder": True, "axial_pos_embds": False},
    "Step3p7ForConditionalGeneration": {"text_config": {"sliding_window": 512}},
    "XmodForCausalLM": {"default_language": "en_XX"},
    "ZambaForCausalLM": {"num_hidden_layers": 4, "layers_block_type": ["mamba", "hybrid"] * 2},
}
"""Values for configurations that cannot be built with their defaults, or not with two layers."""

MORE_INPUTS: Mapping[str, Callable[[torch.Tensor], Mapping[str, Any]]] = {
    "MusicgenForCausalLM": lambda tokens: {"input_ids": tokens.expand(4, -1)},
    "MusicgenMelodyForCausalLM": lambda tokens: {"input_ids": tokens.expand(4, -1)},
    "UdopForConditionalGeneration": lambda tokens: {"bbox": torch.zeros(*tokens.shape, 4)},
}
"""What a model wants beside tokens even to read text."""

NEEDS_MORE_THAN_TEXT: Mapping[str, str] = {
    "BlipForConditionalGeneration": "describes an image",
    "Gemma4AssistantForCausalLM": "drafts from another model's keys and values",
    "Gemma4UnifiedAssistantForCausalLM": "drafts from another model's keys and values",
    "IdeficsForVisionText2Text": "describes an image",
    "Kosmos2ForConditionalGeneration": "describes an image",
    "PI0ForConditionalGeneration": "moves a robot",
    "PPFormulaNetForConditionalGeneration": "reads an image",
    "Pix2StructForConditionalGeneration": "reads an image",
    "VisionEncoderDecoderModel": "describes an image",
}
"""Families that do not generate from text alone, with what they do."""

EXCEPTIONS: Mapping[str, str] = {
    "BltForCausalLM": "it cuts its bytes into patches by the entropy of their values",
    "FSMTForConditionalGeneration": "it reads whether a token is padding",
    "Glm5NextForConditionalGeneration": "its indexer keeps the pools of keys that hold a valid key, by value",
    "LEDForConditionalGeneration": "it reads where attention is global",
    "Qwen4ExpForCausalLM": "its indexer keeps blocks of keys by value",
    "Qwen4ExpForConditionalGeneration": "its indexer keeps blocks of keys by value",
    "XLMWithLMHeadModel": "it reads the lengths of its inputs",
    "XmodForCausalLM": "the adapter of each language finds its rows by value",
}
"""Families that build and cannot be traced, with the reason: the value that decides what runs next."""

_LOOP = "each expert finds its tokens by value, in a loop over the experts that were hit"
PROGRAM_EXCEPTIONS: Mapping[str, str] = {
    "DbrxForCausalLM": _LOOP,
    "JetMoeForCausalLM": "it reads how many tokens each expert was given",
    "LongcatFlashForCausalLM": _LOOP,
    "Step3p7ForConditionalGeneration": _LOOP,
}
"""Families of which the function is traced by a module rule and the program as it is written cannot be."""


def families() -> tuple[str, ...]:
    """Names of all model classes that generate text, as transformers lists them."""
    from transformers.models.auto import modeling_auto

    lists = [getattr(modeling_auto, f"MODEL_FOR_{name}_MAPPING_NAMES") for name in LISTS]
    own = [(kind, name) for names in lists for kind, name in names.items() if _has_a_text_model_of_its_own(kind)]
    return tuple(sorted({name for _, name in own}))


def _has_a_text_model_of_its_own(model_type: str) -> bool:
    """Whether no other family is the text model, as Llama is that of LLaVA."""
    from transformers import AutoConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

    if model_type in CAUSAL:
        return True
    text = CONFIG_MAPPING[model_type].sub_configs.get("text_config")
    return text is None or (text is not AutoConfig and text.model_type not in CAUSAL)


def build(family: str) -> nn.Module:
    """A small model of a family, without weights."""
    import transformers

    model_class = getattr(transformers, family)
    tweaks = TWEAKS.get(family, {})
    config = model_class.config_class(**_merged(_shrunk(model_class.config_class(**tweaks)), tweaks))
    with FakeTensorMode(allow_non_fake_inputs=True) if family in ON_CPU else torch.device("meta"):
        model: nn.Module = model_class(config).eval()
    return model


def segment(family: str, model: Any, context: int) -> Segment:
    """One forward pass over a context, from tokens to logits; an encoder and a decoder each read all of it."""
    names = ["input_ids"] + ["decoder_input_ids"] * bool(getattr(model.config, "is_encoder_decoder", False))
    more = MORE_INPUTS.get(family, lambda _: {})

    def forward(values: Mapping[str, Any]) -> dict[str, Any]:
        given = dict.fromkeys(names, values["tokens"]) | dict(more(values["tokens"]))
        return {"logits": model(**given, use_cache=False).logits}

    return Segment(
        name="forward",
        inputs=("tokens",),
        outputs=("logits",),
        module=model,
        example=lambda: {"tokens": torch.zeros(1, context, dtype=torch.long)},
        fn=forward,
    )


def _shrunk(config: Any) -> dict[str, Any]:
    """Options that leave one layer of each kind that a configuration has."""
    options = config.to_dict()
    kinds = [options[name] for name in _LAYER_LISTS if options.get(name)]
    layers = max([1, *(len(set(kind)) for kind in kinds)])
    shrunk: dict[str, Any] = {
        name: min(layers, options[name]) for name in _LAYER_COUNTS if isinstance(options.get(name), int)
    }
    for name in _LAYER_LISTS:
        if options.get(name):
            shrunk[name] = (list(dict.fromkeys(options[name])) * layers)[:layers]
    for name in config.sub_configs:
        part = getattr(config, name, None)
        if part is not None and not isinstance(part, dict):
            shrunk[name] = {**_shrunk(part), "model_type": part.model_type}
    return shrunk


def _merged(options: Mapping[str, Any], tweaks: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _merged(options[name], tweaks[name])
        if isinstance(options.get(name), dict) and isinstance(tweaks.get(name), dict)
        else tweaks.get(name, options.get(name))
        for name in (*options, *(name for name in tweaks if name not in options))
    }
