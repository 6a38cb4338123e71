"""From what names a model to its configuration: a checkpoint folder, a `config.json`, `zoo:NAME`, or a preset.

Only the configuration is read, and nothing is fetched.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitorbench.adapters.checkpoint import ZOO, quiet, zoo_names
from monitorbench.depth.presets import preset, preset_names
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """What a named model is made of.

    Attributes:
        name: what named it.
        config: its configuration.
        folder: where the configuration was read from; None for a preset.
    """

    name: str
    config: PretrainedConfig
    folder: Path | None


def read_configuration(name: str, *, trust_remote_code: bool = False) -> Configuration:
    """Find and read a configuration.

    Args:
        name: a preset, `zoo:NAME`, a checkpoint folder, or a `config.json`, looked for in this order.
        trust_remote_code: run code that lies beside the configuration, where transformers has none for it.

    Raises:
        UsageError: nothing is called so, or what is there cannot be used.
    """
    if name in preset_names():
        return Configuration(name=name, config=_native(dict(preset(name).config), name), folder=None)
    file = _file(name)
    values = _read(file, name)
    config = _remote(file, values, name) if trust_remote_code and _is_remote(values) else _native(values, name)
    return Configuration(name=name, config=config, folder=file.parent)


def nearest(word: str, words: Iterable[str], otherwise: str = "") -> str:
    """What to do about a misspelled word.

    Args:
        word: what was written.
        words: what could be meant.
        otherwise: what to do where nothing is near; every word by default.
    """
    known = sorted(words)
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = [by_lower[match] for match in difflib.get_close_matches(word.lower(), by_lower, n=3)]
    if near:
        return f"did you mean {' or '.join(f'`{candidate}`' for candidate in near)}?"
    return otherwise or f"use one of {', '.join(f'`{candidate}`' for candidate in known)}"


def one_line(error: BaseException) -> str:
    """What an error of another library says, shortened to a line."""
    text = " ".join(str(error).split()).rstrip(".:; ")
    return f"{text[:200]}..." if len(text) > 200 else text or type(error).__name__


def _file(name: str) -> Path:
    if name.startswith("zoo:"):
        zoo = zoo_names()
        if name.removeprefix("zoo:") not in zoo:
            raise UsageError(
                f"no reference checkpoint is called {name.removeprefix('zoo:')!r}",
                fix=nearest(name, [f"zoo:{known}" for known in zoo]),
            )
        return ZOO / name.removeprefix("zoo:") / "config.json"
    if not name.strip():
        raise UsageError("no model is named", fix="name a preset, zoo:NAME, a checkpoint folder, or a config.json")
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise UsageError("has no config.json", where=name, fix="name a folder made by save_pretrained")
        return path / "config.json"
    if path.exists():
        return path
    if name.startswith((".", "/", "~")) or name.endswith(".json"):
        raise UsageError("no such file or folder", where=name, fix="name a checkpoint folder or a config.json")
    raise UsageError(
        f"no preset, file or folder is called {name!r}, and nothing is fetched",
        fix=nearest(name.rpartition("/")[2], preset_names(), "`monitorbench list presets` names the presets"),
    )


def _read(file: Path, name: str) -> dict[str, Any]:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise UsageError(f"cannot be read ({why})", where=name, fix="name a readable config.json") from error
    except ValueError as error:
        raise UsageError(f"is no JSON: {one_line(error)}", where=name, fix="name a config.json") from error
    if not isinstance(values, dict) or not isinstance(values.get("model_type"), str):
        raise UsageError("says no model_type", where=name, fix="name the config.json of a transformers model")
    return values


def _is_remote(values: Mapping[str, Any]) -> bool:
    from transformers import CONFIG_MAPPING

    return values["model_type"] not in CONFIG_MAPPING and "auto_map" in values


def _native(values: dict[str, Any], name: str) -> PretrainedConfig:
    from transformers import CONFIG_MAPPING, __version__

    if _is_remote(values):
        raise UsageError(
            f"is a {values['model_type']} model, which only code that lies beside it can run",
            where=name,
            fix="read that code, then allow it with --trust-remote-code",
        )
    if values["model_type"] not in CONFIG_MAPPING:
        raise UsageError(
            f"is a {values['model_type']} model, which transformers {__version__} does not know",
            where=name,
            fix=nearest(values["model_type"], CONFIG_MAPPING.keys(), "name a model that it knows"),
        )
    try:
        with quiet():
            config: PretrainedConfig = CONFIG_MAPPING[values["model_type"]].from_dict(values)
    except Exception as error:
        raise UsageError(
            f"its configuration cannot be used: {one_line(error)}", where=name, fix="correct the config.json"
        ) from error
    return config


def _remote(file: Path, values: Mapping[str, Any], name: str) -> PretrainedConfig:
    from transformers import AutoConfig

    try:
        with quiet():
            config: PretrainedConfig = AutoConfig.from_pretrained(
                file.parent, trust_remote_code=True, local_files_only=True
            )
    except Exception as error:
        raise UsageError(
            f"its own code for {values['model_type']} cannot be run: {one_line(error)}",
            where=name,
            fix="name the folder that holds the code",
        ) from error
    return config
