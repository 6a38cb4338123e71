"""What a folder must and must not hold to be read: whole weights in safetensors, no pickle, nothing from elsewhere.

Everything here is decided from names, headers and JSON, before any library is asked to load the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from monitorbench.errors import CheckpointError, first_line
from monitorbench.suite.model import ModelSpec

WEIGHTS = ("*.safetensors",)
INDEX = "*.safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.npz", "*.npy", "*.joblib", "*.bin.index.json")
OTHERS = ("*.h5", "*.msgpack", "*.onnx")
CONVERT = (
    "convert it to safetensors, where you trust its author: load it with transformers (AutoModelForCausalLM."
    "from_pretrained) and save it with model.save_pretrained(NEW_FOLDER)"
)
MOST_BYTES = 64 * 2**20
"""Largest file of JSON that is read."""
MOST_LAYERS = 10_000
_COPY = "copy the checkpoint again"
_SIZES = ("vocab_size", "hidden_size", "n_embd", "d_model")


def files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    """Regular files by their names, sorted."""
    return sorted({file for pattern in patterns for file in folder.glob(pattern) if file.is_file()})


def require_weights(spec: ModelSpec, folder: Path) -> None:
    """Refuse a folder without whole weights that can be read without running code.

    Raises:
        CheckpointError: what is wrong with it, and what to do.
    """
    _require_plain(spec, folder)
    if spec.gguf_file:
        outside = Path(spec.gguf_file).is_absolute() or ".." in Path(spec.gguf_file).parts
        if outside or not (folder / spec.gguf_file).is_file():
            raise CheckpointError(f"no file {spec.gguf_file} in it", where=spec.source, fix="correct gguf_file")
        return
    weights = files(folder, WEIGHTS)
    if not weights:
        raise _without_weights(spec, folder)
    for file in weights:
        _shapes(spec, file)
    for index in sorted(folder.glob(INDEX)):
        if absent := sorted(_shards(spec, index) - {file.name for file in weights}):
            raise CheckpointError(f"lacks the weight file {absent[0]}", where=spec.source, fix=_COPY)


def require_own(spec: ModelSpec, folder: Path) -> None:
    """Refuse a configuration that names files, code or sizes which are not those of the weights beside it.

    A file that cannot be read as JSON is left to the library that reads it, which says more.

    Raises:
        CheckpointError: what it names, and what to do.
    """
    if spec.gguf_file:
        return
    config = _json(spec, folder / "config.json")
    if not isinstance(config, Mapping):
        return
    known = [file.name for file in files(folder, (*WEIGHTS, INDEX))]
    named = config.get("transformers_weights")
    if named is not None and named not in known:
        what = f"its config.json names other weights ({named}) than the safetensors files beside it"
        raise CheckpointError(what, where=spec.source, fix="remove transformers_weights, or name one of those")
    for key, value in _entries(config):
        if key.endswith("attn_implementation") and "/" in str(value) and not spec.trust_remote_code:
            what = f"its config.json asks for code of the hub ({key}: {value})"
            fix = "remove that entry, or set trust_remote_code: true for this model if you trust that code"
            raise CheckpointError(what, where=spec.source, fix=fix)
    _require_sizes(spec, folder, config)


def _require_plain(spec: ModelSpec, folder: Path) -> None:
    """A pipe or a device among the files would keep whoever reads it waiting; an adapter is no model of its own."""
    for entry in sorted(folder.iterdir()):
        if entry.exists() and not entry.is_file() and not entry.is_dir():
            what = f"{entry.name} is neither a file nor a folder"
            raise CheckpointError(what, where=spec.source, fix=_COPY)
    if (folder / "adapter_config.json").exists():
        what = "holds an adapter (adapter_config.json), which changes another model"
        fix = "merge the two: PeftModel.from_pretrained(BASE, ADAPTER).merge_and_unload().save_pretrained(NEW_FOLDER)"
        raise CheckpointError(what, where=spec.source, fix=fix)


def _without_weights(spec: ModelSpec, folder: Path) -> CheckpointError:
    if found := files(folder, PICKLES):
        what = f"holds its weights as a pickle only ({found[0].name}), which is never read"
        return CheckpointError(what, where=spec.source, fix=CONVERT)
    if found := files(folder, OTHERS):
        what = f"has no weights in safetensors, but in another format ({found[0].name})"
        return CheckpointError(what, where=spec.source, fix=CONVERT)
    if found := files(folder, ("*.gguf",)):
        what, fix = f"holds its weights in GGUF ({found[0].name})", f"add gguf_file: {found[0].name} to the model"
        return CheckpointError(what, where=spec.source, fix=fix)
    return CheckpointError(
        "has no weights (*.safetensors)", where=spec.source, fix="name a folder made by save_pretrained"
    )


def _shards(spec: ModelSpec, index: Path) -> set[str]:
    found = _json(spec, index)
    shards = found.get("weight_map") if isinstance(found, Mapping) else None
    names: list[Any] = [*shards.values()] if isinstance(shards, Mapping) else [None]
    if not all(isinstance(name, str) for name in names):
        raise CheckpointError(f"{index.name} is no index of weights", where=spec.source, fix=_COPY)
    return set(names)


def _shapes(spec: ModelSpec, file: Path) -> list[Sequence[int]]:
    """The shape of every tensor in a file of weights, which has to be whole."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as weights:
            return [weights.get_slice(name).get_shape() for name in weights.keys()]  # noqa: SIM118  # no mapping
    except (SafetensorError, OSError) as error:
        what = f"{file.name} is damaged or cut short ({first_line(error)})"
        raise CheckpointError(what, where=spec.source, fix=_COPY) from error


def _require_sizes(spec: ModelSpec, folder: Path, config: Mapping[str, Any]) -> None:
    """A model that is far larger than its weights would be made, and fill the memory, before anyone noticed."""
    largest = max(
        (side for file in files(folder, WEIGHTS) for shape in _shapes(spec, file) for side in shape), default=0
    )
    for key, value in _entries(config):
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        most = MOST_LAYERS if key.endswith(("layers", "layer")) else largest if key in _SIZES else None
        if most is not None and value > most:
            what = f"does not fit its configuration: {key} is {value:,}, and its weights show at most {most:,}"
            fix = "weights and config.json must come from the same model"
            raise CheckpointError(what, where=spec.source, fix=fix)


def _entries(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every entry of a configuration and of those inside it."""
    for key, value in config.items():
        yield key, value
        if isinstance(value, Mapping):
            yield from _entries(value)


def _json(spec: ModelSpec, file: Path) -> Any:
    """What a file holds; None where it is no JSON."""
    if not file.is_file():
        return None
    if file.stat().st_size > MOST_BYTES:
        what = f"{file.name} is larger than {MOST_BYTES // 2**20} MiB"
        raise CheckpointError(what, where=spec.source, fix=_COPY)
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return None
