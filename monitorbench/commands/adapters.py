"""`monitorbench adapters check`: whether an adapter keeps the rules that every check rests on."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from monitorbench.commands.output import hush
from monitorbench.commands.parsing import Parser, add_quiet, whole_number
from monitorbench.errors import MonitorbenchError, UsageError, described

if TYPE_CHECKING:
    from monitorbench.adapters.conformance import Outcome, Trial

NAME = "adapters"
SUMMARY = "check that an adapter keeps the rules that every check rests on"

_ENDS = "Ends with 0 if every rule is kept, 1 if one is broken, 2 if the adapter or the model cannot be used."
_ROWS, _DRAWN, _SHOWN = 3, 24, 3


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=Parser)
    summary = "try every rule of the conformance kit on a small generation"
    check = actions.add_parser("check", help=summary, description=f"{summary.capitalize()}.", epilog=_ENDS)
    check.add_argument(
        "name", metavar="NAME", help="adapter family (see `monitorbench list adapters`), or package.module:Class"
    )
    check.add_argument(
        "--model", metavar="MODEL", required=True, help="checkpoint folder, zoo:NAME, package:NAME, or hub id"
    )
    check.add_argument("--trust-remote-code", action="store_true", help="run model code that comes with the checkpoint")
    group = check.add_argument_group("what is generated")
    group.add_argument(
        "--prompt",
        metavar="TEXT",
        nargs="+",
        action="extend",
        default=[],
        help="prompts, two or more of about the same length (default: three problems of a task whose words it knows)",
    )
    group.add_argument(
        "--max-new-tokens", metavar="N", type=_from_one, default=8, help="tokens generated at most (default: 8)"
    )
    group.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="sampler setting of the family, such as temperature=0.7 (repeatable)",
    )
    group = check.add_argument_group("where it runs")
    group.add_argument(
        "--device",
        metavar="DEVICE",
        default="cpu",
        help="auto, cpu (the default: a GPU may not replay bit for bit, which several rules ask for), cuda or cuda:N",
    )
    group.add_argument(
        "--dtype",
        metavar="DTYPE",
        choices=("float32", "bfloat16", "float16"),
        default="float32",
        help="float32 (the default), bfloat16 or float16",
    )
    group = check.add_argument_group("result")
    add_quiet(group)
    group.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(parser=check)


def execute(options: argparse.Namespace) -> int:
    """Try the rules, and print what came of each."""
    from monitorbench.notices import Working
    from monitorbench.progress import Progress
    from monitorbench.report.exit_code import ExitCode

    # An adapter, or code that comes with a model, may print; stdout is for the result.
    if options.quiet:
        hush()
    with redirect_stdout(sys.stderr), Progress(sys.stderr, quiet=options.quiet) as show, _importing_from_here():
        show(Working(what=f"loading {options.model}"))
        trial = _trial(options)
        outcomes = _tried(trial)
        channels = [channel.name for channel in trial.adapter.carries(trial.limits.sampler)]
    sys.stdout.write(_as_json(options, channels, outcomes) if options.json else _as_text(channels, outcomes))
    return ExitCode.FAIL if any(outcome.findings for outcome in outcomes) else ExitCode.PASS


def _tried(trial: Trial) -> list[Outcome]:
    from monitorbench.adapters.conformance import outcomes
    from monitorbench.depth import trace_segment
    from monitorbench.notices import Working, tell

    try:
        for hook in (None, lambda _: None):
            trial.adapter.generate(trial.prompts, trial.seeds, hook, trial.limits)
    except MonitorbenchError:
        raise  # a sampler setting that cannot be, for one
    except Exception:
        tell(Working(what="the adapter does not generate"))  # the rules say why
    return list(outcomes(trial, trace=trace_segment))


def _trial(options: argparse.Namespace) -> Trial:
    from monitorbench.adapters.base import Limits
    from monitorbench.adapters.batches import check_settings
    from monitorbench.adapters.conformance import Trial
    from monitorbench.adapters.registry import ADAPTERS

    sampler = _sampler(options.set)
    with _naming("load"):
        family = ADAPTERS.load(options.name)
        check_settings(list(sampler), family.settings, family.family)
        if ":" not in options.name:
            _require_kinds(sampler, getattr(family, "words", ()))
        adapter = _adapter(options, sampler)
    with _naming("encode prompts"):
        texts, prompts = _prompts(adapter, options.prompt)
    limits = Limits(max_new_tokens=options.max_new_tokens, sampler=sampler)
    with _naming("count positions"):
        extra = adapter.extra_positions(limits)
    _require_room(adapter, prompts, options.max_new_tokens, extra)
    return Trial(adapter=adapter, prompts=prompts, seeds=range(len(prompts)), limits=limits, texts=texts)


def _adapter(options: argparse.Namespace, sampler: Mapping[str, Any]) -> Any:
    from monitorbench.adapters.factory import load_model, resolve_device
    from monitorbench.suite.model import ModelSpec

    spec = ModelSpec(source=options.model, adapter=options.name, trust_remote_code=options.trust_remote_code)
    device = resolve_device(options.device)
    return load_model("candidate", spec, device=device, dtype=options.dtype, sampler=sampler).adapter


def _prompts(adapter: Any, given: Sequence[str]) -> tuple[list[str], list[list[int]]]:
    """Texts of one width bucket, and their ids."""
    from monitorbench.adapters.batches import bucket_width

    buckets: dict[int, dict[str, list[int]]] = {}
    for text in given or _usual_prompts(adapter):
        ids = list(adapter.encode(text))
        buckets.setdefault(bucket_width(len(ids)), {})[text] = ids
    if given and len(buckets) > 1:
        widths = " and ".join(str(width) for width in sorted(buckets))
        raise UsageError(f"the prompts run at {widths} positions", where="--prompt", fix="use prompts of one length")
    texts = max(buckets.values(), key=len)
    if len(texts) < 2:
        raise UsageError("two different prompts are needed", where="--prompt", fix="give another")
    kept = list(texts) if given else list(texts)[:_ROWS]
    return kept, [texts[text] for text in kept]


def _usual_prompts(adapter: Any) -> list[str]:
    """Problems of the first task whose words the tokenizer knows; of the first one, if it knows none."""
    from monitorbench.tasks.arithmetic_chain import ArithmeticChain
    from monitorbench.tasks.graph_reachability import GraphReachability

    tasks = (ArithmeticChain(lengths=(2,)), GraphReachability())
    prompts = [[problem.prompt for problem in task.problems(_DRAWN)] for task in tasks]
    known = (texts for texts in prompts if texts[0] in adapter.decode(adapter.encode(texts[0])))
    return next(known, prompts[0])


def _require_room(adapter: Any, prompts: Sequence[Sequence[int]], max_new_tokens: int, extra: int) -> None:
    longest = max(len(prompt) for prompt in prompts)
    if longest + max_new_tokens + extra > adapter.max_length:
        beside = f" and {extra} further positions" if extra else ""
        raise UsageError(
            f"a prompt and its text take {longest} + {max_new_tokens} tokens{beside}, "
            f"the model holds {adapter.max_length}",
            fix="lower --max-new-tokens or use shorter prompts",
        )


def _require_kinds(sampler: Mapping[str, Any], words: Sequence[str]) -> None:
    """A suite takes text for the settings that are words, and numbers, true or false for the others."""
    for name, value in sampler.items():
        if isinstance(value, str) != (name in words):
            fix = "write text" if name in words else "write a number, true or false"
            raise UsageError(f"{name} cannot be {value!r}", where="--set", fix=fix)


def _sampler(settings: Sequence[str]) -> dict[str, float | int | bool | str]:
    """Sampler settings of `KEY=VALUE` words; values are read as in a suite."""
    from monitorbench.suite.yaml12 import parse

    sampler: dict[str, float | int | bool | str] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        node, _ = parse(text, "--set") if equals and text.strip() else (None, [])
        if not key or node is None or not isinstance(node.value, float | int | bool | str):
            raise UsageError(f"'{setting}' is not a setting", where="--set", fix="write KEY=VALUE")
        sampler[key] = node.value
    return sampler


def _from_one(text: str) -> int:
    value = whole_number(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not 1 or more")
    return value


@contextmanager
def _importing_from_here() -> Iterator[None]:
    """Modules of the working directory can be named, as under `python -m`."""
    sys.path.insert(0, "")
    try:
        yield
    finally:
        sys.path.remove("")


@contextmanager
def _naming(action: str) -> Iterator[None]:
    """An error that another's adapter runs into is that adapter's."""
    try:
        yield
    except MonitorbenchError:
        raise
    except Exception as error:
        raise UsageError(f"the adapter cannot {action}: {described(error)}", fix="mend the adapter") from error


def _as_json(options: argparse.Namespace, channels: Sequence[str], outcomes: Sequence[Outcome]) -> str:
    rules: list[Mapping[str, object]] = [
        {
            "rule": outcome.rule,
            "kept": not outcome.findings,
            "findings": [finding.what for finding in outcome.findings],
        }
        for outcome in outcomes
    ]
    found = {"adapter": options.name, "model": options.model, "channels": channels}
    kept = all(rule["kept"] for rule in rules)
    return json.dumps({**found, "kept": kept, "rules": rules}, indent=2) + "\n"


def _as_text(channels: Sequence[str], outcomes: Sequence[Outcome]) -> str:
    lines = [_line(outcome) for outcome in outcomes]
    kept = sum(not outcome.findings for outcome in outcomes)
    total = f"{kept} of {len(outcomes)} rules kept; channels: {', '.join(channels) or 'none'}"
    return "\n".join([*lines, total]) + "\n"


def _line(outcome: Outcome) -> str:
    if not outcome.findings:
        return f"kept    {outcome.rule}"
    seen = [finding.what for finding in outcome.findings]
    more = [f"and {len(seen) - _SHOWN} more"] if len(seen) > _SHOWN else []
    return f"broken  {outcome.rule}: {'; '.join([*seen[:_SHOWN], *more])}"
