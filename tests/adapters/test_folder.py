"""A checkpoint folder that somebody else made: nothing in it is run, unpickled, waited for, or read past the folder."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from monitorbench.adapters.folder import CONVERT
from monitorbench.errors import CheckpointError, MonitorbenchError
from monitorbench.suite.model import ModelSpec

Saved = Callable[[str], Path]
COPY = "copy the checkpoint again"


@pytest.fixture
def folder(saved: Saved, tmp_path: Path) -> Path:
    """A copy of a good checkpoint, to be spoilt."""
    return Path(shutil.copytree(saved("gpt2"), tmp_path / "model"))


def loaded(folder: Path, **spec: Any) -> Any:
    from monitorbench.adapters.factory import load_model

    return load_model("candidate", ModelSpec(source=str(folder), **spec), device="cpu", dtype="float32")


def refusal(folder: Path, **spec: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        loaded(folder, **spec)
    return str(caught.value).removeprefix(f"{folder}: ")


def edit(file: Path, **values: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A file that is there once code ran which nobody allowed."""
    return tmp_path / "code-ran"


class Bomb:
    """Leaves the trap when it is unpickled."""

    def __init__(self, trap: Path) -> None:
        self.trap = trap

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.trap),))


# --- pickles


@pytest.mark.parametrize(
    "name",
    [
        *("pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "adapter_model.bin", "model.pt", "model.ckpt"),
        *("consolidated.00.pth", "model.pkl", "model.pickle", "weights.npz", "model.joblib"),
    ],
)
def test_weights_in_a_pickle_are_refused_with_the_conversion(folder: Path, trap: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(Bomb(trap), folder / name)
    said = refusal(folder)
    assert said == f"holds its weights as a pickle only ({name}), which is never read; {CONVERT}"
    assert not trap.exists()


@pytest.mark.parametrize("name", ["tf_model.h5", "flax_model.msgpack", "model.onnx"])
def test_weights_in_another_format_are_refused_with_the_conversion(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    assert refusal(folder) == f"has no weights in safetensors, but in another format ({name}); {CONVERT}"


def test_weights_in_gguf_have_to_be_named(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model.Q4.gguf")
    assert refusal(folder).endswith("in GGUF (model.Q4.gguf); add gguf_file: model.Q4.gguf to the model")


def test_pickles_beside_safetensors_are_not_looked_at(folder: Path, trap: Path) -> None:
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "scheduler.pt", "tokenizer.pkl"):
        torch.save(Bomb(trap), folder / name)
    assert loaded(folder).report.parameters > 0
    assert not trap.exists()


def test_an_index_cannot_lead_to_a_pickle(folder: Path, trap: Path) -> None:
    torch.save(Bomb(trap), folder / "pytorch_model.bin")
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "pytorch_model.bin"}}')
    assert refusal(folder) == f"lacks the weight file pytorch_model.bin; {COPY}"
    assert not trap.exists()


@pytest.mark.parametrize("name", ["adapter_model.bin", "below/model.safetensors", "../model.safetensors", ["x"]])
def test_a_configuration_cannot_name_other_weights(folder: Path, trap: Path, name: str) -> None:
    (folder / "below").mkdir()
    for place in (folder / "below", folder.parent):
        shutil.copy(folder / "model.safetensors", place)
    torch.save(Bomb(trap), folder / "adapter_model.bin")
    edit(folder / "config.json", transformers_weights=name)
    assert refusal(folder) == (
        f"its config.json names other weights ({name}) than the safetensors files beside it; "
        "remove transformers_weights, or name one of those"
    )
    assert not trap.exists()


def test_an_adapter_is_no_model(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "nobody/base", "peft_type": "LORA"}')
    said = refusal(folder)
    assert said.startswith("holds an adapter (adapter_config.json), which changes another model; merge the two: ")


# --- code


def plant(folder: Path, trap: Path) -> dict[str, str]:
    """Code in the folder that leaves the trap when it is imported; the map that leads to it."""
    (folder / "own.py").write_text(
        f"open({str(trap)!r}, 'w').close()\nfrom transformers import PretrainedConfig\n\n\n"
        "class Config(PretrainedConfig):\n    model_type = 'unheard-of'\n"
    )
    return {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}


def test_code_of_a_checkpoint_is_not_even_imported_without_the_flag(folder: Path, trap: Path) -> None:
    edit(folder / "config.json", model_type="unheard-of", auto_map=plant(folder, trap))
    assert refusal(folder).endswith(
        "; set trust_remote_code: true for this model if you trust the code that comes with it"
    )
    assert not trap.exists()


@pytest.mark.usefixtures("own_modules")
def test_with_the_flag_it_is(folder: Path, trap: Path) -> None:
    edit(folder / "config.json", model_type="unheard-of", auto_map=plant(folder, trap))
    with pytest.raises(MonitorbenchError):
        loaded(folder, trust_remote_code=True)
    assert trap.exists()


def test_a_known_model_and_tokenizer_load_without_the_code_that_they_bring(folder: Path, trap: Path) -> None:
    edit(folder / "config.json", auto_map=plant(folder, trap))
    edit(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.Slow", "own.Fast"]})
    assert loaded(folder).report.remote_code is False
    assert not trap.exists()


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
def test_a_configuration_cannot_ask_for_kernels_of_the_hub(folder: Path, key: str) -> None:
    edit(folder / "config.json", **{key: "nobody/kernel"})
    said = refusal(folder)
    assert said.startswith(f"its config.json asks for code of the hub ({key}: nobody/kernel); remove that entry, or ")


# --- what would hang, or fill the memory


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja", "x.safetensors.index.json"]
)
def test_a_pipe_among_the_files_is_not_waited_for(folder: Path, name: str) -> None:
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    assert refusal(folder) == f"{name} is neither a file nor a folder; {COPY}"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/dev/zero", "model.safetensors is neither a file nor a folder; "),
        ("/etc/passwd", "model.safetensors is damaged"),
        ("model.safetensors", "has no weights (*.safetensors)"),
    ],
)
def test_a_link_in_place_of_weights(folder: Path, target: str, said: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to(target)
    assert refusal(folder).startswith(said)


@pytest.mark.parametrize(
    "shards", [{"a": 1, "b": "x"}, {"a": None}, {"a": "../model.safetensors"}, {"a": "/etc/passwd"}, ["a"], None]
)
def test_an_index_of_anything_else(folder: Path, shards: object) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    assert refusal(folder).endswith(f"; {COPY}")


def test_an_index_that_is_a_folder(folder: Path) -> None:
    (folder / "model.safetensors.index.json").mkdir()
    assert refusal(folder) == f"model.safetensors.index.json is no index of weights; {COPY}"


@pytest.mark.parametrize(
    ("length", "header"),
    [
        (2**62, b"{}"),
        (None, b'{"a":' + b"[" * 50_000),
        (None, b'{"a":"' + b"x" * 1_000_000 + b'"}'),
        (None, b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}'),
        (None, b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}'),
    ],
)
def test_headers_that_lie(folder: Path, length: int | None, header: bytes) -> None:
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", length or len(header)) + header)
    said = refusal(folder)
    assert said.startswith("model.safetensors is damaged or cut short (")
    assert len(said) < 500


@pytest.mark.parametrize(
    ("key", "value", "most"),
    [("n_layer", 10**6, "10,000"), ("vocab_size", 10**12, "133"), ("n_embd", 10**5, "133")],
)
def test_a_configuration_cannot_make_a_model_that_fills_the_memory(
    folder: Path, key: str, value: int, most: str
) -> None:
    edit(folder / "config.json", **{key: value})
    assert refusal(folder) == (
        f"does not fit its configuration: {key} is {value:,}, and its weights show at most {most}; "
        "weights and config.json must come from the same model"
    )


def test_a_huge_configuration_is_not_read(folder: Path) -> None:
    with (folder / "config.json").open("wb") as file:
        file.truncate(2**30)
    assert refusal(folder) == f"config.json is larger than 64 MiB; {COPY}"
