"""`monitorbench plan`: what a suite would run, how long that takes, and what it could tell."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from monitorbench.commands.output import hush
from monitorbench.commands.parsing import Parser, add_quiet, add_suite, overrides_of

if TYPE_CHECKING:
    from monitorbench.forecast import Forecast
    from monitorbench.suite.model import Suite

NAME = "plan"
SUMMARY = "print the arms, rollouts, estimated time and detectable drops of a suite before anything is recorded"


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    add_suite(parser)
    parser.add_argument(
        "--no-trial",
        action="store_true",
        help="run no batch to tell the time; the models are loaded all the same, since arms depend on their channels",
    )
    add_quiet(parser)
    parser.add_argument("--json", action="store_true", help="print the plan as JSON on stdout and all else on stderr")


def execute(options: argparse.Namespace) -> int:
    """Load the models, time a batch of each model and task, and print the plan; nothing is kept."""
    from monitorbench.api import load_suite
    from monitorbench.forecast import forecast
    from monitorbench.progress import Progress

    suite = load_suite(options.suite, overrides_of(options))
    if options.quiet:
        hush()
    with redirect_stdout(sys.stderr), Progress(sys.stderr, quiet=options.quiet) as show:
        steps = forecast(suite, trial=not options.no_trial)
        while True:
            try:
                show(next(steps))
            except StopIteration as end:
                found: Forecast = end.value
                break
    sys.stdout.write(_as_json(suite, found) if options.json else _in_words(suite, found))
    return 0


def _as_json(suite: Suite, found: Forecast) -> str:
    payload: dict[str, Any] = {
        "suite": suite.name,
        "device": found.device,
        "arms": [dataclasses.asdict(arm) for arm in found.arms],
        "rollouts": found.rollouts,
        "seconds": found.seconds,
        "power": found.power,
        "checks": {name: dataclasses.asdict(foresight) for name, foresight in found.checks.items()},
    }
    return json.dumps(payload, indent=2, allow_nan=False) + "\n"


def _in_words(suite: Suite, found: Forecast) -> str:
    lines = [f"{suite.path}: {suite.model.source} on {found.device}"]
    for arm in found.arms:
        lines.append(f"arm    {arm.arm}: {arm.rollouts:,} rollouts in {_batches(arm.batches)}")
    lines.append(f"in all {len(found.arms)} arms, {found.rollouts:,} rollouts, {_duration(found.seconds)}")
    if suite.sampling.sequential:
        lines.append("       (sequential: at most; the run stops once every check is decided)")
    for name, foresight in found.checks.items():
        lines.append(f"check  {name}: {foresight.words} (in {found.power:.0%} of runs)")
        lines += [f"warning: {foresight.warning}"] if foresight.warning else []
    for check in suite.checks:
        if check.id not in found.checks:
            lines.append(f"check  {check.id}: no forecast for {check.type}")
    return "\n".join(lines) + "\n"


def _batches(count: int) -> str:
    return f"{count:,} batch{'es' * (count != 1)}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "time unknown without a trial"
    if seconds < 90:
        return f"about {max(seconds, 1):.0f} s to record"
    return f"about {seconds / 60:.0f} min to record" if seconds < 5400 else f"about {seconds / 3600:.1f} h to record"
