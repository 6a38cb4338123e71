"""Every option, on the command line as `--monitorbench-NAME` and in pytest's ini file as `monitorbench_NAME`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from monitorbench.errors import MonitorbenchError
    from monitorbench.report.model import Policy
    from monitorbench.suite.model import Overrides

STORE = Path("reports/runs")
"""Where rollouts are kept unless told otherwise, from the working directory: where `monitorbench run` keeps them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option.

    Attributes:
        name: what follows `--monitorbench-`.
        help: what it does.
        metavar: what its value is called; empty for a flag.
        kind: what its value is. A path in an ini file is relative to that file.
        choices: all values that it may have, where these are few.
    """

    name: str
    help: str
    metavar: str = ""
    kind: Literal["text", "number", "flag", "list", "path"] = "text"
    choices: tuple[str, ...] | None = None

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--monitorbench-{self.name}"

    @property
    def key(self) -> str:
        """Its name in an ini file."""
        return f"monitorbench_{self.name.replace('-', '_')}"


_CHANGES = "of every suite and every check of the `monitorbench` fixture"
OPTIONS = (
    Option(
        name="model",
        metavar="MODEL",
        help="Candidate of every suite, and of fixture checks that name none: zoo:NAME, package:NAME, a local folder, "
        "or a hub id.",
    ),
    Option(name="baseline", metavar="MODEL", help="Baseline in the same places, named like a candidate."),
    Option(name="device", metavar="DEVICE", help=f"Device {_CHANGES}: auto, cpu, cuda or cuda:N."),
    Option(name="dtype", metavar="DTYPE", help=f"Number format {_CHANGES}: float32, bfloat16 or float16."),
    Option(name="seed", metavar="N", kind="number", help=f"Base of every seed {_CHANGES}."),
    Option(name="limit", metavar="N", kind="number", help=f"Largest number of problems per task {_CHANGES}."),
    Option(
        name="set",
        metavar="PATH=VALUE",
        kind="list",
        help="Change one value of every suite, such as sampling.seed=3 (repeatable; those of the command line come "
        "after those of the ini file).",
    ),
    Option(
        name="report",
        metavar="PATH",
        kind="path",
        help="File for the JSON report; with several suites, each goes to <PATH without .json>-<suite name>.json. "
        "Without this option no report is kept.",
    ),
    Option(
        name="html",
        metavar="PATH",
        kind="path",
        help="File for the report as a web page, with stored rollouts step by step; named as --monitorbench-report is.",
    ),
    Option(
        name="store",
        metavar="FOLDER",
        kind="path",
        help="Where rollouts are kept, each suite's in <FOLDER>/<suite name>, so that the next session generates only "
        f"what is missing (default: {STORE}, as `monitorbench run` does).",
    ),
    Option(name="no-store", kind="flag", help="Keep no rollouts after the session, and take none from an earlier one."),
    Option(name="fresh", kind="flag", help="Generate every rollout anew, and overwrite those that were kept."),
    Option(
        name="inconclusive",
        metavar="POLICY",
        choices=("fail", "warn", "pass"),
        help="What an inconclusive check is: fail (the default), warn (passes with a warning) or pass.",
    ),
    Option(
        name="baseline-file",
        metavar="FILE",
        kind="path",
        help="Suites fail only on what is new, or worse than what was accepted in this file; it is only read, and "
        "`monitorbench baseline update` writes it.",
    ),
    Option(
        name="strict",
        kind="flag",
        help="Warnings count as fails: checks of severity warn, and what `warn_if` says of any check.",
    ),
    Option(
        name="held-models",
        metavar="N",
        kind="number",
        help="How many loaded models stay in memory for the suites and tests that come after (default: 2).",
    ),
    Option(name="quiet", kind="flag", help="Show no list of checks at the end; where the reports are is still said."),
)
BY_NAME = {option.name: option for option in OPTIONS}


def declare(parser: pytest.Parser) -> None:
    """Declare every option."""
    group = parser.getgroup("monitorbench", "monitorbench: checks declared in *.monitor.yaml files")
    for option in OPTIONS:
        group.addoption(option.flag, help=option.help, **_form(option))
        kind: Any = {"flag": "bool", "list": "linelist"}.get(option.kind, "string")
        empty = {"flag": False, "list": []}.get(option.kind, "")
        parser.addini(option.key, f"Default of {option.flag}.", type=kind, default=empty)


def _form(option: Option) -> dict[str, Any]:
    if option.kind == "flag":
        return {"action": "store_true", "default": None}
    form: dict[str, Any] = {"metavar": option.metavar, "default": None}
    if option.kind == "list":
        form["action"] = "append"
    if option.kind == "number":
        form["type"] = int
    return form | ({"choices": option.choices} if option.choices else {})


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All options, with their defaults filled in.

    Attributes:
        model, baseline, device, dtype, seed, limit, set: what is changed in every suite.
        store: folder of all rollouts; None keeps none.
        store_named: whether somebody named that folder.
        held_models: how many loaded models stay in memory, at least 1.
        given: the options that somebody gave, each with the name under which it was given.
    """

    model: str | None
    baseline: str | None
    device: str | None
    dtype: str | None
    seed: int | None
    limit: int | None
    set: tuple[str, ...]
    report: Path | None
    html: Path | None
    store: Path | None
    store_named: bool
    fresh: bool
    inconclusive: Literal["fail", "warn", "pass"]
    strict: bool
    baseline_file: Path | None
    held_models: int
    quiet: bool
    given: Mapping[str, str]

    @property
    def changes(self) -> Overrides:
        """What is changed in every suite."""
        from monitorbench.suite.model import Overrides

        names = ("model", "baseline", "device", "dtype", "seed", "limit", "set")
        return Overrides(**{name: getattr(self, name) for name in names})

    @property
    def policy(self) -> Policy:
        """What is let through."""
        from monitorbench.report.model import Policy

        return Policy(inconclusive=self.inconclusive, strict=self.strict)

    def in_their_words(self, error: MonitorbenchError) -> str:
        """The text of an error, with options called as they are here in place of as on the command line."""
        return _AN_OPTION.sub(lambda found: self.given.get(found[1], BY_NAME[found[1]].flag), str(error))


_AN_OPTION = re.compile(rf"(?<![\w-])--({'|'.join(BY_NAME)})(?![\w-])")


_SETTINGS = pytest.StashKey[Settings]()


def settings(config: pytest.Config) -> Settings:
    """What this session was asked for; the command line wins over the ini file.

    Raises:
        pytest.UsageError: a value in the ini file cannot be used.
    """
    if _SETTINGS not in config.stash:
        config.stash[_SETTINGS] = _settings(config)
    return config.stash[_SETTINGS]


def _settings(config: pytest.Config) -> Settings:
    value = {option.name: _value(config, option) for option in OPTIONS}
    given = {option.name: name for option in OPTIONS if (name := _given(config, option))}
    changes = {name: value[name] for name in ("model", "baseline", "device", "dtype", "seed", "limit")}
    changes["set"] = tuple(value["set"])
    named = value["store"] is not None and not (value["no-store"] and "store" not in _on_the_command_line(config))
    held = value["held-models"]
    if held is not None and held < 1:
        raise pytest.UsageError(f"{given['held-models']}: {held} models cannot be held; write 1 or more")
    kept = Path(value["store"]) if named else STORE
    return Settings(
        **changes,
        report=None if value["report"] is None else Path(value["report"]),
        html=None if value["html"] is None else Path(value["html"]),
        store=kept if named or not value["no-store"] else None,
        store_named=named,
        fresh=value["fresh"],
        inconclusive=value["inconclusive"] or "fail",
        strict=value["strict"],
        baseline_file=None if value["baseline-file"] is None else Path(value["baseline-file"]),
        held_models=2 if held is None else held,
        quiet=value["quiet"],
        given=given,
    )


def _on_the_command_line(config: pytest.Config) -> set[str]:
    return {option.name for option in OPTIONS if config.getoption(option.key) is not None}


def _given(config: pytest.Config, option: Option) -> str:
    """What somebody who gave the option called it; empty where nobody did."""
    if config.getoption(option.key) is not None:
        return option.flag
    file = config.inipath.name if config.inipath else "--override-ini"
    return f"{option.key} ({file})" if config.getini(option.key) else ""


def _value(config: pytest.Config, option: Option) -> Any:
    """The value of an option: of the command line, else of the ini file, else None, False or an empty list."""
    typed, written = config.getoption(option.key), config.getini(option.key)
    if option.kind == "list":
        return [*written, *(typed or ())]
    if typed is not None:
        return typed
    return written if option.kind == "flag" else _read(config, option, written) if written else None


def _read(config: pytest.Config, option: Option, text: str) -> Any:
    """A value of the ini file."""
    folder = config.inipath.parent if config.inipath else config.rootpath
    if option.kind == "number":
        if not text.strip().removeprefix("-").isdecimal():
            raise pytest.UsageError(f"{_given(config, option)}: '{text}' is not a whole number")
        return int(text)
    if option.choices and text not in option.choices:
        raise pytest.UsageError(f"{_given(config, option)} cannot be '{text}'; known: {', '.join(option.choices)}")
    if option.kind == "path" or (option.metavar == "MODEL" and (folder / text).is_dir()):
        return _from_here(folder / text)
    return text


def _from_here(path: Path) -> str:
    """A path as somebody in the working directory would write it."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
