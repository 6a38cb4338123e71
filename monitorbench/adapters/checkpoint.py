"""From what a suite names to a folder with weights that can be trusted: found, complete, hashed, loaded."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitorbench.adapters.folder import WEIGHTS, files, require_own, require_weights
from monitorbench.adapters.placement import placing, require_place, unloadable
from monitorbench.errors import CheckpointError, first_line
from monitorbench.suite.model import ModelSpec
from monitorbench.suite.packages import PACKAGE, package_folder

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

ZOO = Path(__file__).parent.parent / "zoo"
TOKENIZER = (
    "tokenizer*",
    "special_tokens_map.json",
    "vocab*",
    "merges.txt",
    "*.model",
    "added_tokens.json",
    "chat_template*",
)
CONFIG = ("config.json", "generation_config.json")


def zoo_names() -> tuple[str, ...]:
    """Names of the reference checkpoints that are shipped."""
    return tuple(sorted(folder.parent.name for folder in ZOO.glob("*/config.json")))


@dataclass(frozen=True, kw_only=True, slots=True)
class Hashes:
    """SHA-256 of what a checkpoint consists of, each over names and contents of its files in sorted order."""

    weights: str
    config: str
    tokenizer: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A folder that was found to hold a usable checkpoint."""

    spec: ModelSpec
    folder: Path
    config: PretrainedConfig

    @property
    def source(self) -> str:
        """What the suite calls it."""
        return self.spec.source

    def hashes(self) -> Hashes:
        """Hash every file that the model is made of."""
        weights = [self.folder / self.spec.gguf_file] if self.spec.gguf_file else files(self.folder, WEIGHTS)
        return Hashes(
            weights=_digest(weights),
            config=_digest(files(self.folder, CONFIG)),
            tokenizer=_digest(files(self.folder, TOKENIZER)),
        )


def find(spec: ModelSpec) -> Checkpoint:
    """Find the checkpoint, check that it is complete, and read its configuration; no weights are loaded.

    Raises:
        CheckpointError: nothing usable is there; the message says what and what to do.
    """
    folder = _folder(spec)
    require_weights(spec, folder)
    require_own(spec, folder)
    return Checkpoint(spec=spec, folder=folder, config=_config(spec, folder))


def load(checkpoint: Checkpoint, model_class: Any, *, device: str, dtype: str) -> PreTrainedModel:
    """Load the weights, all of them and nothing else, and refuse those that are not numbers.

    Args:
        checkpoint: what `find` returned.
        model_class: a transformers class with `from_pretrained`.
        device: `cpu`, `cuda` or `cuda:N`.
        dtype: name of a torch dtype.

    Raises:
        CheckpointError: weights are missing, left over, truncated, or not finite.
    """
    import torch

    spec = checkpoint.spec
    place = placing(spec, checkpoint.config, device)
    options: dict[str, Any] = {"use_safetensors": True}
    if spec.gguf_file:
        # Without the configuration, the file would be read once more for it, which takes seconds.
        options = {"gguf_file": spec.gguf_file, "config": checkpoint.config}
    try:
        with quiet():
            model, facts = model_class.from_pretrained(
                checkpoint.folder,
                dtype=getattr(torch, dtype),
                trust_remote_code=spec.trust_remote_code,
                local_files_only=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **options,
                **place,
            )
    except Exception as error:
        raise unloadable(spec, checkpoint.config, error) from error
    _require_all(spec, facts)
    require_place(spec, model, device)
    for name, parameter in model.named_parameters():
        # Numbers of one byte know no infinity, and what was moved to disk is not there to be looked at.
        looked_at = parameter.element_size() > 1 and not parameter.is_meta
        if looked_at and not bool(torch.isfinite(parameter).all()):
            raise CheckpointError(
                f"the weight {name} holds values that are not finite",
                where=spec.source,
                fix="use a checkpoint from before the training diverged",
            )
    if model.device.type == "cpu" and model._can_set_experts_implementation():
        # The default gathers the rows of each expert, so a row's arithmetic would depend on the other rows. A single
        # expert has every row in every batch, and gathering its weights for each of them would take most of the time.
        single = getattr(model.config.get_text_config(), "num_experts", None) == 1
        model.set_experts_implementation("eager" if single else "batched_mm")
    model = model.eval().requires_grad_(False)
    return model if place else model.to(device)  # type: ignore[no-any-return]  # transformers is untyped


def load_tokenizer(checkpoint: Checkpoint) -> PreTrainedTokenizerBase:
    """The tokenizer that came with the weights, without its chat template where the suite does without.

    Raises:
        CheckpointError: there is none, or it cannot be read.
    """
    from transformers import AutoTokenizer

    spec = checkpoint.spec
    options = {"gguf_file": spec.gguf_file} if spec.gguf_file else {}
    try:
        if not spec.gguf_file and not files(checkpoint.folder, TOKENIZER):
            raise FileNotFoundError("the folder holds no tokenizer file")
        with quiet():
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
                checkpoint.folder, trust_remote_code=spec.trust_remote_code, local_files_only=True, **options
            )
    except Exception as error:
        raise CheckpointError(
            f"no tokenizer can be loaded: {first_line(error)}",
            where=spec.source,
            fix="save the tokenizer beside the weights",
        ) from error
    tokenizer.padding_side = "left"
    tokenizer.name_or_path = spec.source
    if not spec.chat_template:
        tokenizer.chat_template = None
    return tokenizer


def _folder(spec: ModelSpec) -> Path:
    if spec.source.startswith("zoo:"):
        name = spec.source.removeprefix("zoo:")
        if name not in zoo_names():
            raise CheckpointError(
                f"no reference checkpoint is called {name!r}", fix=f"use one of {', '.join(zoo_names())}"
            )
        return ZOO / name
    if spec.source.startswith(PACKAGE):
        return package_folder(spec.source)
    folder = Path(spec.source).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise CheckpointError(
            "is a file, not a checkpoint folder", where=spec.source, fix="name the folder that holds it"
        )
    if spec.source.startswith((".", "/", "~")) or spec.source.count("/") != 1:
        raise CheckpointError(
            "no such folder",
            where=spec.source,
            fix="name a folder, zoo:NAME, package:NAME, or a hub id such as org/name",
        )
    return _download(spec)


def _download(spec: ModelSpec) -> Path:
    from huggingface_hub import snapshot_download

    repository, _, revision = spec.source.partition("@")
    wanted = [spec.gguf_file] if spec.gguf_file else list(WEIGHTS)
    code = ["*.py"] if spec.trust_remote_code else []
    try:
        return Path(
            snapshot_download(
                repository,
                revision=spec.revision or revision or None,
                allow_patterns=[*wanted, "*.safetensors.index.json", *CONFIG, *TOKENIZER, *code],
            )
        )
    except Exception as error:
        raise CheckpointError(
            f"cannot be fetched from the hub: {first_line(error)}",
            where=spec.source,
            fix="check the name, or name a local folder",
        ) from error


def _config(spec: ModelSpec, folder: Path) -> PretrainedConfig:
    from transformers import AutoConfig

    options = {"gguf_file": spec.gguf_file} if spec.gguf_file else {}
    if not options and not (folder / "config.json").is_file():
        raise CheckpointError("has no config.json", where=spec.source, fix="name a folder made by save_pretrained")
    try:
        with quiet():
            config: PretrainedConfig = AutoConfig.from_pretrained(
                folder, trust_remote_code=spec.trust_remote_code, local_files_only=True, **options
            )
        return config
    except Exception as error:
        raise CheckpointError(
            f"its configuration cannot be read: {first_line(error)}",
            where=spec.source,
            fix=_config_fix(spec, folder),
        ) from error


def _config_fix(spec: ModelSpec, folder: Path) -> str:
    """What to do about a configuration that transformers does not take."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (ValueError, OSError):
        config = None
    if not isinstance(config, dict) or "model_type" not in config:
        return "copy the checkpoint again"
    if "auto_map" in config and not spec.trust_remote_code:
        return "set trust_remote_code: true for this model if you trust the code that comes with it"
    return "use a release of transformers that knows it, or another checkpoint"


def _require_all(spec: ModelSpec, facts: dict[str, Any]) -> None:
    """A checkpoint of another family would otherwise run on random weights and be judged."""
    for kind, verb in (
        ("missing_keys", "lacks"),
        ("mismatched_keys", "has other shapes for"),
        ("unexpected_keys", "has unknown"),
    ):
        # A mismatch comes with the two shapes behind the name.
        found = (name if isinstance(name, str) else name[0] for name in facts.get(kind) or ())
        if names := sorted(found):
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise CheckpointError(
                f"does not fit its configuration: it {verb} weights ({names[0]}{more})",
                where=spec.source,
                fix="weights and config.json must come from the same model",
            )


def _digest(files: Sequence[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            total.update(f"{file.name}\0{hashlib.file_digest(stream, 'sha256').hexdigest()}\0".encode())
    return total.hexdigest()


@contextmanager
def quiet() -> Iterator[None]:
    """What transformers would print of a load is said by the notices, or raised."""
    from transformers.utils import logging as untyped

    logging: Any = untyped
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        # The progress bar of GGUF files asks nobody whether it may show.
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
