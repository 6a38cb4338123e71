"""Configurations of the reference checkpoints: one narrow trunk, the same for every member of the family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import DiffusionGemmaForBlockDiffusion, Gemma4ForCausalLM, PreTrainedTokenizerFast

SPECIAL_TOKENS = ("<pad>", "<eos>", "<bos>", "<unk>", "<image>")
PAD, EOS, BOS, UNKNOWN, IMAGE = range(len(SPECIAL_TOKENS))
MASK = "<mask>"
CANVAS_LENGTH = 18
DENOISING_STEPS = 8
TEMPERATURE = (0.4, 0.8)
"""Temperature of the last and of the first denoising step; the schedule is linear between them."""

_ROPE = {"rope_type": "default", "rope_theta": 10_000.0}


def build_tokenizer(words: list[str], *, masks: bool = False) -> PreTrainedTokenizerFast:
    """A tokenizer that splits at white space and knows exactly `words` and the special tokens.

    With `masks` a mask token comes last, so that all other ids stay the same.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate([*SPECIAL_TOKENS, *words, *([MASK] if masks else [])])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers does not type it
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        bos_token="<bos>",
        unk_token="<unk>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
        **({"mask_token": MASK} if masks else {}),
    )


def _trunk(vocab_size: int, *, layers: int, hidden: int) -> dict[str, Any]:
    return {
        "vocab_size": vocab_size,
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "head_dim": hidden // 4,
        "global_head_dim": hidden // 4,
        "layer_types": ["sliding_attention"] * (layers - 1) + ["full_attention"],
        "rope_parameters": {"full_attention": _ROPE, "sliding_attention": _ROPE},
        "num_experts": 1,
        "top_k_experts": 1,
        "moe_intermediate_size": hidden,
        "attention_bias": True,
        "max_position_embeddings": 256,
        "sliding_window": 256,
        "initializer_range": 0.1,
        "final_logit_softcapping": 30.0,
        "pad_token_id": PAD,
        "eos_token_id": EOS,
        "bos_token_id": BOS,
    }


def build_causal(vocab_size: int, *, layers: int = 3, hidden: int = 128) -> Gemma4ForCausalLM:
    """A small Gemma 4 text model with the same trunk as the diffusion models, random weights."""
    from transformers import Gemma4ForCausalLM, Gemma4TextConfig

    config = Gemma4TextConfig(
        **_trunk(vocab_size, layers=layers, hidden=hidden),
        enable_moe_block=True,
        attention_k_eq_v=True,
        hidden_size_per_layer_input=0,
        vocab_size_per_layer_input=vocab_size,
    )
    model = Gemma4ForCausalLM(config)
    model.generation_config.pad_token_id = PAD
    model.generation_config.eos_token_id = EOS
    model.generation_config.bos_token_id = BOS
    return model


def build_diffusion(vocab_size: int, *, layers: int = 3, hidden: int = 128) -> DiffusionGemmaForBlockDiffusion:
    """A small DiffusionGemma with random weights; its vision tower is as small as the class allows."""
    from transformers import (
        DiffusionGemmaConfig,
        DiffusionGemmaForBlockDiffusion,
        DiffusionGemmaTextConfig,
        Gemma4VisionConfig,
    )
    from transformers.models.diffusion_gemma.generation_diffusion_gemma import (
        DiffusionGemmaGenerationConfig,
        EntropyBoundSamplerConfig,
    )

    config = DiffusionGemmaConfig(
        text_config=DiffusionGemmaTextConfig(**_trunk(vocab_size, layers=layers, hidden=hidden)),
        vision_config=Gemma4VisionConfig(
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            num_key_value_heads=1,
            head_dim=8,
            position_embedding_size=4,
        ),
        canvas_length=CANVAS_LENGTH,
        image_token_id=IMAGE,
        boi_token_id=IMAGE,
        eoi_token_id=IMAGE,
    )
    model = DiffusionGemmaForBlockDiffusion(config)
    t_min, t_max = TEMPERATURE
    model.generation_config = DiffusionGemmaGenerationConfig(  # type: ignore[no-untyped-call]  # transformers does not type it
        max_new_tokens=CANVAS_LENGTH,
        max_denoising_steps=DENOISING_STEPS,
        sampler_config=EntropyBoundSamplerConfig(entropy_bound=0.1),
        t_min=t_min,
        t_max=t_max,
        stability_threshold=1,
        confidence_threshold=0.005,
        pad_token_id=PAD,
        eos_token_id=EOS,
        bos_token_id=BOS,
    )
    return model


def adapt_to_diffusion(causal: Gemma4ForCausalLM, vocab_size: int) -> DiffusionGemmaForBlockDiffusion:
    """A DiffusionGemma that starts from the trunk of a causal model, as the published one does from Gemma 4.

    The encoder and the decoder each get a copy of what they do not share. The self-conditioning block, which a causal
    model lacks, starts as 2 x |x| for each coordinate x, so that a token carried from the last step arrives as
    something like its embedding, stronger than the noise on the canvas.
    """
    import torch

    trained = causal.model.state_dict()
    model = build_diffusion(vocab_size)
    identity = torch.eye(model.model.decoder.embed_tokens.embedding_dim)
    block = model.model.decoder.self_conditioning
    with torch.no_grad():
        for half in (model.model.decoder, model.model.encoder.language_model):
            for name, value in half.state_dict().items():
                if name in trained:
                    value.copy_(trained[name])
        # gelu(2x) x + gelu(-2x) x is close to 2 x |x|
        block.gate_proj.weight.copy_(torch.cat([2 * identity, -2 * identity]))
        block.up_proj.weight.copy_(torch.cat([identity, identity]))
        block.down_proj.weight.copy_(torch.cat([identity, identity], dim=1))
    return model
