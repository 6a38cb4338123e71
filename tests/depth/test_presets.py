"""Presets are the published models: every one builds without weights and has the published number of parameters."""

from __future__ import annotations

import subprocess
import sys

import pytest

from monitorbench.depth import preset, preset_names, weightless

BILLIONS = {
    "diffusiongemma-26b-a4b": 25.42,
    "gemma-2-27b": 27.227,
    "gemma-2-2b": 2.614,
    "gemma-2-9b": 9.242,
    "gemma-3-12b": 11.766,
    "gemma-3-1b": 1.0,
    "gemma-3-270m": 0.268,
    "gemma-3-27b": 27.009,
    "gemma-3-4b": 3.88,
    "gemma-4-26b-a4b": 25.23,
    "gemma-4-31b": 30.7,
    "gemma-4-e2b": 4.63,
    "gemma-4-e4b": 7.46,
    "gpt2": 0.1244,
    "hrm-text-1b": 1.183,
    "llama-3-8b": 8.030,
    "mamba2-2.7b": 2.70,
    "mixtral-8x7b": 46.703,
    "qwen3-0.6b": 0.596,
    "qwen3-30b-a3b": 30.532,
    "recurrentgemma-2b": 2.683,
    "smollm2-135m": 0.1345,
}
"""Parameters of the language models in billions, as published: model cards and technical reports. Towers for images and
sound are left out where the checkpoint has one, but for DiffusionGemma, whose vision tower is a part of the model."""


def test_the_presets_are_exactly_these():
    assert preset_names() == tuple(BILLIONS)


@pytest.mark.parametrize("name", BILLIONS)
def test_a_preset_says_what_it_is_and_where_its_numbers_come_from(name):
    found = preset(name)
    assert found.name == name
    assert found.summary.endswith(".")
    assert found.source.startswith("https://")
    assert "model_type" in found.config


@pytest.mark.parametrize("name", BILLIONS)
def test_a_preset_has_the_parameters_of_the_published_model(name):
    model = weightless(name).model
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e9 == pytest.approx(BILLIONS[name], rel=2e-3)


def test_names_of_presets_are_there_without_a_model_library():
    script = (
        "import sys\nfrom monitorbench.depth import CONVENTIONS, preset, preset_names\n"
        "[preset(name) for name in preset_names()]\nassert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
