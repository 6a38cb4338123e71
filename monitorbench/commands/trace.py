"""`monitorbench trace`: how the rollouts of an earlier run came about, step by step, from what it kept. No model."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from monitorbench.commands.parsing import RUN, Parser, whole_number
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    from monitorbench.rollouts.reading import StoredRollout, StoredRun

NAME = "trace"
SUMMARY = "show how stored rollouts came about, step by step"

_LONGEST_TEXT = 60


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=Parser)
    _action(actions, "list", "list the rollouts that a run kept, by arm")
    show = _action(actions, "show", "show what one rollout would have said after each step")
    show.add_argument("rollout", metavar="ROLLOUT", help="arm and prompt, as `monitorbench trace list` prints them")
    show.add_argument(
        "--step", metavar="N", type=whole_number, help="show one step, with the likeliest tokens of every position"
    )


def _action(actions: Any, name: str, summary: str) -> Parser:
    action: Parser = actions.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    action.add_argument("run", metavar="RUN", help=RUN)
    action.add_argument("--json", action="store_true", help="print JSON")
    action.set_defaults(parser=action, action=name)
    return action


def execute(options: argparse.Namespace) -> int:
    """Read what was kept, and print it."""
    from monitorbench.invocation import stored_run
    from monitorbench.rollouts.reading import StoredRun

    run = StoredRun(stored_run(options.run))
    for line in _listed(run, options) if options.action == "list" else _shown(run, options):
        sys.stdout.write(f"{_encodable(line)}\n")
    return 0


def _listed(run: StoredRun, options: argparse.Namespace) -> Iterator[str]:
    from monitorbench.report.words import one_line

    if options.json:
        rows = [
            {"rollout": one.name, "arm": list(one.arm.labels), "status": one.status, "text": one.text, **_raised(one)}
            for one in run.rollouts.values()
        ]
        yield json.dumps(rows, indent=2)
        return
    for arm in run.arms.values():
        own = [rollout for rollout in run.rollouts.values() if rollout.arm == arm]
        yield f"{arm.name}: {one_line(arm.label)}, {len(own):,} {'rollout' if len(own) == 1 else 'rollouts'}"
        width = max((len(one_line(rollout.name)) for rollout in own), default=0)
        for rollout in own:
            text = one_line(rollout.error or rollout.text)
            short = text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 3]}..."
            yield f"  {one_line(rollout.name):{width}}  {one_line(rollout.status):10}  {short}".rstrip()


def _shown(run: StoredRun, options: argparse.Namespace) -> Iterator[str]:
    from monitorbench.commands.trace_canvas import Canvas

    rollout = _rollout(run, options.rollout)
    canvas = Canvas(blocks=run.trace(rollout).blocks, words=run.words(rollout.arm))
    steps = canvas.steps
    if options.step is not None:
        steps = [_step(steps, options.step)]
    if options.json:
        shown = [canvas.as_data(step, top=options.step is not None) for step in steps]
        yield json.dumps({**_about(rollout), "steps": shown})
        return
    yield from _heading(rollout)
    if rollout.error:
        return
    if options.step is not None:
        yield from canvas.table(steps[0])
        return
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    yield from canvas.lines(colour=colour)


def _step(steps: Collection[Any], number: int) -> Any:
    if not 0 <= number < len(steps):
        known = f"steps 0 to {len(steps) - 1}" if steps else "no steps"
        raise UsageError(f"there is no step {number}", where="--step", fix=f"the rollout has {known}")
    return list(steps)[number]


def _about(rollout: StoredRollout) -> dict[str, Any]:
    return {
        "rollout": rollout.name,
        "arm": list(rollout.arm.labels),
        "status": rollout.status,
        "finished": rollout.finished,
        "text": rollout.text,
        **_raised(rollout),
    }


def _raised(rollout: StoredRollout) -> dict[str, str]:
    return {"error": rollout.error} if rollout.error else {}


def _heading(rollout: StoredRollout) -> Iterator[str]:
    from monitorbench.report.words import one_line

    ending = "ended by itself" if rollout.finished else "ran into a bound"
    yield one_line(f"{rollout.name}: {rollout.arm.label}; {rollout.status}, {rollout.error or ending}")
    if not rollout.error:
        yield one_line(f"text: {rollout.text}")


def _rollout(run: StoredRun, name: str) -> StoredRollout:
    if name in run.rollouts:
        return run.rollouts[name]
    from monitorbench.invocation import nearest

    fix = nearest(name, run.rollouts) or "`monitorbench trace list` prints the names"
    raise UsageError("no such rollout is kept", where=name, fix=fix)


def _encodable(text: str) -> str:
    # Not every stream can show every character that a model may write.
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
