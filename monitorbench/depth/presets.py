"""Published configurations under short names: sizes only, no weights. Reading them needs no model library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "presets"


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """One published model.

    Attributes:
        name: what it is called here.
        summary: what it is, in one sentence.
        source: where its numbers come from, and how far they were confirmed.
        config: what its `config.json` says about sizes.
    """

    name: str
    summary: str
    source: str
    config: Mapping[str, Any]


def preset_names() -> tuple[str, ...]:
    """Every preset, in alphabetical order."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.json")))


def preset(name: str) -> Preset:
    """The preset of a name among `preset_names()`."""
    return Preset(name=name, **json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8")))
