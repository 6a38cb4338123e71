"""Models that accelerate spreads, dtypes of their own, and weights that need another package."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from monitorbench.adapters import placement
from monitorbench.adapters.base import Limits
from monitorbench.adapters.factory import Loaded, load_model
from monitorbench.errors import CheckpointError
from monitorbench.suite.model import ModelSpec

Saved = Callable[[str], Path]
NEEDS_ACCELERATE = pytest.mark.skipif(
    importlib.util.find_spec("accelerate") is None, reason="needs accelerate, which the extra gguf brings"
)


def loaded(folder: Path, **spec: Any) -> Loaded:
    return load_model("candidate", ModelSpec(source=str(folder), **spec), device="cpu", dtype="float32")


def refusal(folder: Path, **spec: Any) -> str:
    with pytest.raises(CheckpointError) as refused:
        loaded(folder, **spec)
    text = str(refused.value)
    assert "\n" not in text
    assert text.startswith(f"{folder}: ")
    return text.removeprefix(f"{folder}: ")


@NEEDS_ACCELERATE
@pytest.mark.parametrize("name", ["gpt2", "causal with experts", "thinking gpt2", "masked", "diffusion"])
@pytest.mark.parametrize("device_map", ["auto", {"": "cpu"}])
def test_a_model_that_is_placed_runs_as_one_that_is_moved(saved: Saved, name: str, device_map: Any) -> None:
    placed, moved = loaded(saved(name), device_map=device_map), loaded(saved(name))
    assert placed.report.device_map == {"": "cpu"}
    assert moved.report.device_map is None
    prompt = placed.adapter.encode("ask a :")
    outputs = [model.adapter.generate([prompt], [0], None, Limits(max_new_tokens=18)) for model in (placed, moved)]
    assert outputs[0] == outputs[1]


@NEEDS_ACCELERATE
def test_a_map_that_does_not_fit_is_refused(saved: Saved) -> None:
    said = refusal(saved("gpt2"), device_map={"": "cpu", "transformer.hh": "cpu"})
    what = "has no module 'transformer.hh' for device_map to place"
    assert said == f"{what}; did you mean transformer.h, transformer.h.0, transformer?"
    nowhere = refusal(saved("gpt2"), device_map={"": "gpu"})
    assert nowhere.startswith("the weights cannot be loaded: ")
    assert nowhere.endswith("; correct device_map, or leave it out")


@NEEDS_ACCELERATE
def test_what_takes_the_tokens_in_cannot_stay_on_disk(saved: Saved) -> None:
    what = "device_map leaves its first module on disk, where nothing runs; map that module to cpu or to a GPU"
    assert refusal(saved("gpt2"), device_map={"": "disk"}) == what


def test_a_suite_that_runs_on_the_processor_places_nothing_elsewhere() -> None:
    def spread_over(*devices: str) -> Any:
        parameters = [SimpleNamespace(device=torch.device(device)) for device in devices]
        return SimpleNamespace(parameters=lambda: parameters, named_modules=list, named_parameters=list)

    spec = ModelSpec(source="org/m", device_map="auto")
    placement.require_place(spec, spread_over("cpu", "meta"), "cpu")  # what lies on disk is read when it is needed
    placement.require_place(spec, spread_over("cpu", "cuda:0"), "cuda")
    with pytest.raises(CheckpointError) as refused:
        placement.require_place(spec, spread_over("cpu", "cuda:0"), "cpu")
    assert str(refused.value) == (
        "org/m: device_map puts a part of it on cuda, and the suite runs on cpu; "
        "set device: auto, or map every module to cpu"
    )


def test_accelerate_has_to_be_there(saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "find_spec", lambda _: None)
    missing = "the package accelerate, which is not installed; pip install 'accelerate>=1.1'"
    assert refusal(saved("gpt2"), device_map="auto") == f"device_map needs {missing}"
    folder = quantised(saved("gpt2"), tmp_path, quant_method="gptq", bits=4)
    assert refusal(folder) == f"its quantised weights need {missing}"
    assert loaded(saved("gpt2")).report.device_map is None


def quantised(folder: Path, into: Path, **how: Any) -> Path:
    """A copy of a checkpoint whose configuration says that its weights are quantised."""
    copy = Path(shutil.copytree(folder, into / "quantised"))
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"quantization_config": how}))
    return copy


BACKENDS = [
    ("bitsandbytes", "bitsandbytes", {"load_in_4bit": True}),
    ("gptq", "optimum", {"bits": 4}),
    ("compressed-tensors", "compressed_tensors", {}),
    ("quanto", "optimum", {"weights": "int8"}),
]


@NEEDS_ACCELERATE
@pytest.mark.parametrize(("method", "package", "how"), BACKENDS, ids=[method for method, *_ in BACKENDS])
def test_quantised_weights_name_the_package_that_they_need(
    saved: Saved, tmp_path: Path, method: str, package: str, how: dict[str, Any]
) -> None:
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    said = refusal(quantised(saved("gpt2"), tmp_path, quant_method=method, **how))
    assert said.startswith(f"its {method} weights need a package that is not installed: ")
    assert package.replace("_", "-") in said
    assert said.endswith("; install it, or use a checkpoint that does without")


@NEEDS_ACCELERATE
def test_how_weights_are_quantised_is_left_to_transformers(saved: Saved, tmp_path: Path) -> None:
    # Of fp8 weights, transformers makes full ones on a processor; these are full already.
    folder = quantised(saved("llama"), tmp_path, quant_method="fp8")
    prompt = loaded(folder).adapter.encode("ask a :")
    tokens = [
        loaded(source).adapter.generate([prompt], [0], None, Limits(max_new_tokens=8)).tokens
        for source in (folder, saved("llama"))
    ]
    assert tokens[0] == tokens[1]


def test_quantised_weights_that_cannot_be_read_are_not_called_those_of_another_model(
    saved: Saved, tmp_path: Path
) -> None:
    error = placement.unloadable(
        ModelSpec(source="org/m"), loaded_config(quant_method="gptq"), RuntimeError("no GPU\nfound")
    )
    assert str(error) == (
        "org/m: the weights cannot be loaded: no GPU; its weights are quantised (gptq): see that this machine runs "
        "them, or use those in full precision"
    )


def loaded_config(**how: Any) -> Any:
    from transformers import GPT2Config

    return GPT2Config(quantization_config=how)


def test_a_model_may_have_a_dtype_of_its_own(saved: Saved) -> None:
    own, suites = loaded(saved("gpt2"), dtype="bfloat16"), loaded(saved("gpt2"))
    assert {parameter.dtype for parameter in own.adapter.model.parameters()} == {torch.bfloat16}
    assert (own.report.dtype, suites.report.dtype) == ("bfloat16", "float32")


def test_the_report_says_whether_code_of_the_checkpoint_was_allowed_to_run(saved: Saved) -> None:
    reports = [loaded(saved("gpt2"), trust_remote_code=trust).report for trust in (True, False)]
    assert [report.remote_code for report in reports] == [True, False]
