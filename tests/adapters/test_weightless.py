"""Adapters without weights: the same segments as with them, and a clear word where text is asked for."""

from __future__ import annotations

import pytest
from torch._subclasses.fake_tensor import FakeTensor

from monitorbench.adapters.autoregressive import Autoregressive
from monitorbench.adapters.block_diffusion import BlockDiffusion
from monitorbench.errors import UsageError
from monitorbench.zoo.models import build_causal, build_diffusion

FAMILIES = {"causal": (Autoregressive, build_causal), "diffusion": (BlockDiffusion, build_diffusion)}
SIZES = {"layers": 1, "hidden": 32}


@pytest.fixture(params=FAMILIES)
def weightless(request):
    """An adapter made from the configuration of a small model."""
    family, build = FAMILIES[request.param]
    return family.from_config(build(20, **SIZES).config, dtype="bfloat16")


def test_nothing_is_stored(weightless):
    assert all(isinstance(parameter, FakeTensor) for parameter in weightless.model.parameters())
    assert not weightless.model.training


def test_it_has_the_facts_of_the_configuration(weightless):
    assert (weightless.vocab_size, str(weightless.model.dtype)) == (20, "torch.bfloat16")


@pytest.mark.parametrize("use", [lambda adapter: adapter.encode("a"), lambda adapter: adapter.decode([1])])
def test_text_needs_a_tokenizer(weightless, use):
    with pytest.raises(UsageError, match="built from its configuration alone has no tokenizer; load the checkpoint"):
        use(weightless)


def test_committing_goes_from_a_cache_to_a_cache():
    adapter = BlockDiffusion.from_config(build_diffusion(20, **SIZES).config, dtype="float32")
    lengths = {"context_length": 64, "max_new_tokens": 8, "sampler": {}}
    generated = [segment.name for segment in adapter.segments(**lengths)]
    committed = adapter.segments(**lengths, commit=True)
    assert generated == ["encode prompt", "denoising step"]
    assert [segment.name for segment in committed] == ["denoising step", "commit canvas"]
    assert "tokens.drawn" in committed[0].outputs
    assert "tokens.drawn" in committed[1].inputs
