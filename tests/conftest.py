"""Two very small checkpoints with random weights, made once, for tests that run whole suites."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

LAYERS, HIDDEN = 1, 32


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoints `diffusion` and `causal`, which share one tokenizer."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch

    from monitorbench.tasks.arithmetic_chain import vocabulary
    from monitorbench.zoo.models import build_causal, build_diffusion, build_tokenizer

    folder = tmp_path_factory.mktemp("checkpoints")
    tokenizer = build_tokenizer(vocabulary())
    for name, build in (("diffusion", build_diffusion), ("causal", build_causal)):
        torch.manual_seed(0)
        build(len(tokenizer), layers=LAYERS, hidden=HIDDEN).save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return folder
