"""Command lines: mistakes are raised as errors, with the nearest valid word; shared options are declared once."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from monitorbench.errors import UsageError
from monitorbench.suite.model import Overrides

Command: TypeAlias = Callable[[argparse.Namespace], int]
"""What a command does with its options; the result is the exit code."""

RUN = "name of a suite that was run, the folder in which its rollouts are kept, or its report"
"""What words may stand for a run."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `UsageError` where its base class ends the process."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Refuse a command line."""
        raise UsageError(message, fix=f"see `{self.prog} --help`")

    def refuse_unknown(self, words: Iterable[str]) -> NoReturn:
        """Refuse words that no option or argument takes; the first one is named."""
        word = next(iter(words)).partition("=")[0]
        kind = "option" if word.startswith("-") else "argument"
        raise UsageError(f"unknown {kind} {word}", fix=_nearest(word, self._option_string_actions, self.prog))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # The base class words this differently from one Python to the next, and never hints at the nearest word.
        if action.choices is not None and value not in action.choices:
            fix = _nearest(value, action.choices, self.prog, show_all=True)
            name = "/".join(action.option_strings) or action.metavar
            raise UsageError(f"{name} cannot be '{value}'", fix=fix)


def _nearest(word: str, words: Iterable[str], prog: str, *, show_all: bool = False) -> str:
    known = list(words)
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known: {', '.join(f'`{name}`' for name in known)}" if show_all else f"see `{prog} --help`"


def whole_number(text: str) -> int:
    """An option's value as an integer."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None


def add_result(parser: argparse.ArgumentParser) -> Any:
    """Declare what becomes of a report that is made; the group of these options."""
    group = parser.add_argument_group("result")
    group.add_argument(
        "--inconclusive",
        metavar="POLICY",
        choices=("fail", "warn", "pass"),
        default="fail",
        help="what an inconclusive check does to the exit code: fail (the default) makes it 3, "
        "warn and pass let it through, warn with a line on stderr",
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="count warnings as fails: checks of severity warn, and what warn_if says",
    )
    group.add_argument(
        "--baseline-file",
        metavar="FILE",
        type=Path,
        help="fail only on what is new, or worse than what was accepted here; it is only read, "
        "and `monitorbench baseline update` writes it",
    )
    group.add_argument("--quiet", action="store_true", help="show no progress and no table")
    group.add_argument("--json", action="store_true", help="print the report as JSON on stdout and all else on stderr")
    return group


def add_suite(parser: argparse.ArgumentParser) -> None:
    """Declare the suite and the options that change it."""
    parser.add_argument("suite", metavar="SUITE", help="suite file (YAML)")
    group = parser.add_argument_group("changes to the suite")
    group.add_argument(
        "--model", metavar="MODEL", help="candidate: zoo:NAME, package:NAME, a local folder, or a hub id"
    )
    group.add_argument("--baseline", metavar="MODEL", help="baseline, named like a candidate")
    group.add_argument("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N")
    group.add_argument("--dtype", metavar="DTYPE", help="float32, bfloat16 or float16")
    group.add_argument("--seed", metavar="N", type=whole_number, help="base of every seed of the run")
    group.add_argument("--limit", metavar="N", type=whole_number, help="largest number of problems per task")
    group.add_argument(
        "--only",
        metavar="ID",
        action="append",
        default=[],
        help="judge this check only; the checks it rests on run too, without a say in the exit code (repeatable)",
    )
    group.add_argument(
        "--set",
        metavar="PATH=VALUE",
        action="append",
        default=[],
        help="change one value, such as checks.bottleneck.max_drop=0.1 or sampling.seed=3 (repeatable)",
    )


def add_quiet(parser: argparse._ActionsContainer) -> None:
    """Declare that nothing is to be shown while it lasts."""
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def overrides_of(options: argparse.Namespace) -> Overrides:
    """The changes to the suite that the options of `add_suite` ask for."""
    return Overrides(
        model=options.model,
        baseline=options.baseline,
        device=options.device,
        dtype=options.dtype,
        seed=options.seed,
        limit=options.limit,
        only=tuple(options.only),
        set=tuple(options.set),
    )
