"""Good checkpoints load whole; each kind of bad one is refused in one sentence that says what to do."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from monitorbench.adapters import checkpoint
from monitorbench.adapters.base import Limits
from monitorbench.adapters.checkpoint import find
from monitorbench.adapters.factory import load_model, resolve_device
from monitorbench.errors import CheckpointError, UsageError
from monitorbench.suite.model import ModelSpec
from monitorbench.tasks.arithmetic_chain import ArithmeticChain

Saved = Callable[[str], Path]
COPY = "copy the checkpoint again"
SAME = "weights and config.json must come from the same model"

FAMILIES = "autoregressive, block-diffusion, depth-loop, masked-diffusion, thought-loop"


@pytest.fixture
def folder(saved: Saved, tmp_path: Path) -> Path:
    """A copy of a good checkpoint, to be spoilt."""
    return Path(shutil.copytree(saved("gpt2"), tmp_path / "model"))


def refusal(folder: Path, **spec: Any) -> str:
    """The one line that a checkpoint is refused with, without the folder that it starts with."""
    with pytest.raises(CheckpointError) as caught:
        load_model("candidate", ModelSpec(source=str(folder), **spec), device="cpu", dtype="float32")
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{folder}: ")
    return text.removeprefix(f"{folder}: ").replace(str(folder), "FOLDER")


def edit_config(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("name", "family", "architecture"),
    [
        ("diffusion", "block-diffusion", "DiffusionGemmaForBlockDiffusion"),
        ("causal", "autoregressive", "Gemma4ForCausalLM"),
        ("gpt2", "autoregressive", "GPT2LMHeadModel"),
        ("llama", "autoregressive", "LlamaForCausalLM"),
    ],
)
def test_a_saved_folder_loads_by_its_configuration(
    saved: Saved, capfd: pytest.CaptureFixture[str], name: str, family: str, architecture: str
) -> None:
    folder = saved(name)
    capfd.readouterr()
    loaded = load_model("candidate", ModelSpec(source=str(folder)), device="cpu", dtype="float32")
    assert (loaded.report.family, loaded.report.architecture) == (family, architecture)
    assert loaded.report.parameters == sum(p.numel() for p in loaded.adapter.model.parameters())  # type: ignore[attr-defined]
    assert len({loaded.report.weights_sha256, loaded.report.config_sha256, loaded.report.tokenizer_sha256}) == 3
    text = ArithmeticChain().problems(1)[0].target
    assert loaded.adapter.decode(loaded.adapter.encode(text)) == text
    assert capfd.readouterr() == ("", ""), "loading is silent"


def test_hashes_follow_the_content_and_not_the_name(saved: Saved, folder: Path) -> None:
    original, copy = (find(ModelSpec(source=str(path))).hashes() for path in (saved("gpt2"), folder))
    assert original == copy
    edit_weights(folder, lambda weights: weights["transformer.wte.weight"].add_(1))
    changed = find(ModelSpec(source=str(folder))).hashes()
    assert changed.weights != original.weights
    assert (changed.config, changed.tokenizer) == (original.config, original.tokenizer)


def test_a_dtype_is_obeyed(saved: Saved) -> None:
    loaded: Any = load_model("candidate", ModelSpec(source=str(saved("gpt2"))), device="cpu", dtype="bfloat16")
    assert {parameter.dtype for parameter in loaded.adapter.model.parameters()} == {torch.bfloat16}


def test_what_is_not_a_folder(folder: Path) -> None:
    assert (
        refusal(folder / "missing")
        == "no such folder; name a folder, zoo:NAME, package:NAME, or a hub id such as org/name"
    )
    file = folder / "config.json"
    assert refusal(file) == "is a file, not a checkpoint folder; name the folder that holds it"


def test_a_reference_checkpoint_that_does_not_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "diffusion-chain").mkdir()
    (tmp_path / "diffusion-chain" / "config.json").write_text("{}")
    monkeypatch.setattr(checkpoint, "ZOO", tmp_path)
    with pytest.raises(CheckpointError) as caught:
        find(ModelSpec(source="zoo:diffusion-chian"))
    assert str(caught.value) == "no reference checkpoint is called 'diffusion-chian'; use one of diffusion-chain"


def test_no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert refusal(folder) == "has no weights (*.safetensors); name a folder made by save_pretrained"


def test_weights_cut_short(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    text = refusal(folder)
    assert text.startswith("model.safetensors is damaged or cut short (")
    assert text.endswith(f"); {COPY}")


def test_an_empty_weight_file(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")
    assert refusal(folder).startswith("model.safetensors is damaged or cut short (")


def test_a_missing_shard(folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert refusal(folder) == f"lacks the weight file model-00002-of-00002.safetensors; {COPY}"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": 3}'])
def test_an_index_that_cannot_be_read(folder: Path, text: str) -> None:
    (folder / "model.safetensors.index.json").write_text(text)
    assert refusal(folder) == f"model.safetensors.index.json is no index of weights; {COPY}"


def test_no_configuration(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert refusal(folder) == "has no config.json; name a folder made by save_pretrained"


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", "\x00"])
def test_a_corrupt_configuration(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    said = refusal(folder)
    assert said.startswith("its configuration cannot be read: ")
    assert said.endswith(f"; {COPY}")


def test_a_model_that_transformers_does_not_know(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "nothing-known"}')
    assert refusal(folder).endswith("; use a release of transformers that knows it, or another checkpoint")
    (folder / "config.json").write_text('{"model_type": "nothing-known", "auto_map": {"AutoConfig": "code.Config"}}')
    assert refusal(folder).endswith(
        "; set trust_remote_code: true for this model if you trust the code that comes with it"
    )


@pytest.mark.parametrize("model_type", ["t5", "vit"])
def test_a_family_that_no_adapter_runs(folder: Path, model_type: str) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    assert refusal(folder) == (f"is a {model_type} model, which no adapter family runs; the families are {FAMILIES}")


def test_an_adapter_that_does_not_run_this_family(folder: Path) -> None:
    assert refusal(folder, adapter="block-diffusion") == (
        f"is a gpt2 model, which the adapter family block-diffusion does not run; the families are {FAMILIES}"
    )
    with pytest.raises(
        UsageError, match=r"no adapter family is called 'block-difusion'; did you mean 'block-diffusion'\?"
    ):
        load_model("candidate", ModelSpec(source=str(folder), adapter="block-difusion"), device="cpu", dtype="float32")


def test_a_configuration_whose_shapes_do_not_fit(folder: Path) -> None:
    edit_config(folder, n_positions=80)
    assert refusal(folder) == (
        f"does not fit its configuration: it has other shapes for weights (transformer.wpe.weight); {SAME}"
    )


def test_another_architecture_of_the_same_family(folder: Path, saved: Saved) -> None:
    shutil.copy(saved("llama") / "config.json", folder)
    assert refusal(folder).startswith("does not fit its configuration: it lacks weights (")


def test_a_missing_tensor(folder: Path) -> None:
    edit_weights(folder, lambda weights: weights.pop("transformer.ln_f.bias"))
    assert refusal(folder) == f"does not fit its configuration: it lacks weights (transformer.ln_f.bias); {SAME}"


def test_a_layer_too_many(folder: Path) -> None:
    edit_config(folder, n_layer=2)
    assert refusal(folder) == (
        f"does not fit its configuration: it lacks weights (transformer.h.1.attn.c_attn.bias and 11 more); {SAME}"
    )


def test_a_layer_too_few(folder: Path) -> None:
    edit_config(folder, n_layer=0)
    said = refusal(folder)
    assert said.startswith("does not fit its configuration: it has unknown weights (transformer.h.0.attn.c_attn.")
    assert said.endswith(f" more); {SAME}")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(folder: Path, value: float) -> None:
    edit_weights(folder, lambda weights: weights["transformer.ln_f.bias"].fill_(value))
    assert refusal(folder) == (
        "the weight transformer.ln_f.bias holds values that are not finite; "
        "use a checkpoint from before the training diverged"
    )


def test_no_tokenizer(folder: Path) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()
    assert refusal(folder) == (
        "no tokenizer can be loaded: the folder holds no tokenizer file; save the tokenizer beside the weights"
    )


def test_a_corrupt_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{")
    said = refusal(folder)
    assert said.startswith("no tokenizer can be loaded: ")
    assert said.endswith("; save the tokenizer beside the weights")


def test_a_gguf_file_that_is_not_there(folder: Path) -> None:
    assert refusal(folder, gguf_file="model.gguf") == "no file model.gguf in it; correct gguf_file"


@pytest.mark.parametrize("name", ["../model.gguf", "/proc/version", "a/../../model.gguf"])
def test_a_gguf_file_outside_the_folder(folder: Path, name: str) -> None:
    (folder.parent / "model.gguf").touch()
    assert refusal(folder, gguf_file=name) == f"no file {name} in it; correct gguf_file"


def test_a_checkpoint_inside_a_python_package(saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(saved("gpt2"), tmp_path / "a_model_package" / "weights")
    (tmp_path / "a_model_package" / "__init__.py").write_text("raise RuntimeError('never run')")
    monkeypatch.syspath_prepend(tmp_path)
    found = find(ModelSpec(source="package:a_model_package/weights"))
    assert found.hashes() == find(ModelSpec(source=str(saved("gpt2")))).hashes()
    with pytest.raises(CheckpointError, match=r"^package:a_model_package: has no weights"):
        find(ModelSpec(source="package:a_model_package"))


NEEDS_GGUF = pytest.mark.skipif(importlib.util.find_spec("gguf") is None, reason="needs the extra gguf")


def write_gguf(path: Path, words: list[str]) -> None:
    """A Llama of one layer with random weights, its tokenizer inside the file."""
    import gguf

    writer, rng = gguf.GGUFWriter(path, "llama"), np.random.default_rng(0)
    sizes = {"context_length": 96, "embedding_length": 32, "block_count": 1, "feed_forward_length": 64}
    heads = {"head_count": 2, "head_count_kv": 2, "layer_norm_rms_eps": 1e-6, "rope_dimension_count": 16}
    for name, value in {**sizes, **heads, "vocab_size": len(words), "rope_freq_base": 10_000.0}.items():
        getattr(writer, f"add_{name}")(value)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt2")
    writer.add_token_list(words)
    writer.add_token_types([1] * len(words))
    writer.add_token_merges(["a b"])
    for index, name in enumerate(("bos", "eos", "unk")):
        getattr(writer, f"add_{name}_token_id")(index)
    shapes = {"token_embd": (len(words), 32), "output": (len(words), 32), "output_norm": (32,)}
    shapes |= {f"blk.0.attn_{name}": (32, 32) for name in ("q", "k", "v", "output")}
    shapes |= {"blk.0.attn_norm": (32,), "blk.0.ffn_norm": (32,)}
    shapes |= {"blk.0.ffn_gate": (64, 32), "blk.0.ffn_up": (64, 32), "blk.0.ffn_down": (32, 64)}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", rng.standard_normal(shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@NEEDS_GGUF
def test_a_gguf_file_holds_a_whole_checkpoint(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_gguf(tmp_path / "model.gguf", ["<s>", "</s>", "<unk>", *"abcdefgh", "ab"])
    spec = ModelSpec(source=str(tmp_path), gguf_file="model.gguf")
    capfd.readouterr()
    loaded = load_model("candidate", spec, device="cpu", dtype="float32")
    assert capfd.readouterr() == ("", ""), "loading is silent"
    assert (loaded.report.family, loaded.report.architecture) == ("autoregressive", "LlamaForCausalLM")
    assert loaded.adapter.encode("abcd") == [11, 5, 6]
    output = loaded.adapter.generate([[3, 4, 5]], [0], None, Limits(max_new_tokens=4))
    assert len(output.tokens[0]) == 4 or output.finished[0]


@NEEDS_GGUF
def test_a_damaged_gguf_file(folder: Path) -> None:
    (folder / "model.gguf").write_bytes(b"GGUF" + bytes(60))
    assert refusal(folder, gguf_file="model.gguf").startswith("its configuration cannot be read: ")


def test_a_hub_name_that_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError) as caught:
        find(ModelSpec(source="nobody/no-such-model"))
    assert str(caught.value).startswith("nobody/no-such-model: cannot be fetched from the hub: ")
    assert str(caught.value).endswith("; check the name, or name a local folder")


def test_devices() -> None:
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") == ("cuda" if torch.cuda.device_count() else "cpu")
    with pytest.raises(UsageError, match=r"device cuda:99 is not there: .* are visible; use --device cpu or auto"):
        resolve_device("cuda:99")
    for name in ("gpu", "cuda:x", "cuda:-1", "cpu:0"):
        with pytest.raises(UsageError, match=rf"there is no device '{name}'; use auto, cpu, cuda or cuda:N"):
            resolve_device(name)
