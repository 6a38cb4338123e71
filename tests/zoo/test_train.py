"""Every run of a recipe starts from what it says: random weights, another checkpoint, or the run before it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from monitorbench.adapters.checkpoint import ZOO, load_tokenizer
from monitorbench.adapters.factory import find
from monitorbench.suite.model import ModelSpec
from monitorbench.zoo.recipes import RECIPES
from monitorbench.zoo.train import build, parent_folder


@pytest.mark.parametrize("name", ["masked-chain", "thought-opaque", "diffusion-chain"])
def test_a_later_run_goes_on_from_the_output_of_the_one_before(name: str, tmp_path: Path) -> None:
    first, later = RECIPES[name][0], RECIPES[name][1]
    assert parent_folder(first, name, tmp_path) == (ZOO / first.parent if first.parent else None)
    assert parent_folder(later, name, tmp_path) == tmp_path
    tokenizer = load_tokenizer(find(ModelSpec(source=f"zoo:{name}")))
    before = build(later, tokenizer, ZOO / name)
    with torch.no_grad():
        before.get_input_embeddings().weight.add_(1.0)
    before.save_pretrained(tmp_path)
    after = build(later, tokenizer, parent_folder(later, name, tmp_path))
    assert torch.equal(after.get_input_embeddings().weight, before.get_input_embeddings().weight)
