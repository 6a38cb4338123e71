"""`monitorbench depth`: how long a model can think between readable values, from its configuration alone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from monitorbench.commands.parsing import Parser, add_quiet, whole_number
from monitorbench.depth.costs import CONVENTIONS
from monitorbench.depth.limits import LONGEST, MOST_STEPS

if TYPE_CHECKING:
    from monitorbench.depth import DepthResult, WeightlessModel

NAME = "depth"
SUMMARY = "count the opaque serial depth of a model, from its configuration and without weights"

_MODEL = (
    "preset (see `monitorbench list presets`), zoo:NAME, checkpoint folder, or config.json, looked for in this order"
)
_CONVENTIONS = {
    "circuit": "the function, whatever kernel, type and dispatch compute it (the default)",
    "implemented": "the program as written",
    "nls": "the function's non-linear gates",
    "layers": "transformer blocks",
}
_VIEWS = ("tree", "list", "flame")


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", metavar="MODEL", help=_MODEL)
    parser.add_argument(
        "--against", metavar="MODEL", help="second model, named like the first: adds its depth and the ratio"
    )
    group = parser.add_argument_group("what is generated")
    group.add_argument(
        "--context",
        metavar="N",
        type=_between_one_and(LONGEST),
        help="positions in all, generated ones included (default: the most that the models named were made for, "
        "32768 where they name no most)",
    )
    group.add_argument(
        "--steps",
        metavar="N",
        type=_between_one_and(MOST_STEPS),
        help="largest number of runs of what a model repeats, such as denoising steps (default: the configuration's)",
    )
    group.add_argument(
        "--canvas",
        metavar="N",
        type=_between_one_and(LONGEST),
        help="tokens of a canvas, for models that denoise one (default: the configuration's)",
    )
    group.add_argument(
        "--dtype",
        metavar="DTYPE",
        choices=("float32", "bfloat16"),
        default="float32",
        help="float32 (the default) or bfloat16",
    )
    group.add_argument(
        "--trust-remote-code",
        action="store_true",
        help="run code that lies beside the configuration, where transformers itself does not know the model",
    )
    group = parser.add_argument_group("how it is counted")
    group.add_argument(
        "--convention",
        metavar="CONVENTION",
        choices=CONVENTIONS,
        default="circuit",
        help="; ".join(f"{name}: {_CONVENTIONS.get(name, name)}" for name in CONVENTIONS),
    )
    group.add_argument(
        "--interpretable",
        metavar="CHANNEL",
        nargs="+",
        action="extend",
        default=[],
        help="channels that count as readable, beside tokens: paths end there",
    )
    group.add_argument(
        "--no-cut",
        metavar="NAME",
        choices=("tokens",),
        help="tokens: count a canvas as published figures do, from a cache that is there already to one that holds the "
        "finished canvas, too, with paths that run on through tokens; tokens are readable, so this serves nothing else",
    )
    group = parser.add_argument_group("result")
    group.add_argument(
        "--explain", action="store_true", help="show the critical path, and with --against where the two differ"
    )
    group.add_argument(
        "--view",
        metavar="VIEW",
        choices=_VIEWS,
        help="how --explain shows the path, which this implies: tree by module (the default), list of operations, or "
        "flame: nothing but folded stacks of MODEL, which tools draw flame graphs from",
    )
    add_quiet(group)
    group.add_argument("--json", action="store_true", help="print one JSON object")


def execute(options: argparse.Namespace) -> int:
    """Count, and print what came out."""
    results = _results(options)
    explain = options.explain or options.view is not None
    if options.json:
        sys.stdout.write(json.dumps(_as_json(results, explain=explain), indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _as_text(results, options.view or "tree" if explain else ""))
    return 0


def _between_one_and(most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = whole_number(text)
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"{value:,} does not lie between 1 and {most:,}")
        return value

    return number


def _results(options: argparse.Namespace) -> list[DepthResult]:
    from monitorbench.depth import depth_of, weightless
    from monitorbench.depth.sources import require_fit, usual_context
    from monitorbench.notices import Working
    from monitorbench.progress import Progress

    with Progress(sys.stderr, quiet=options.quiet) as show:
        models: list[WeightlessModel] = []
        for name in [options.model, *([options.against] if options.against is not None else [])]:
            show(Working(what=f"building {name} without weights"))
            models.append(
                weightless(
                    name,
                    dtype=options.dtype,
                    canvas=options.canvas,
                    trust_remote_code=options.trust_remote_code,
                )
            )
        context = usual_context(models) if options.context is None else options.context
        require_fit(
            models, context=context, steps=options.steps, canvas=options.canvas, interpretable=options.interpretable
        )
        return [
            depth_of(
                model,
                context=context,
                steps=options.steps,
                interpretable=options.interpretable,
                convention=options.convention,
                cut_tokens=options.no_cut is None,
            )
            for model in models
        ]


def _as_json(results: list[DepthResult], *, explain: bool) -> dict[str, Any]:
    from monitorbench.depth.diff import differences, differences_as_json
    from monitorbench.depth.explain import as_json
    from monitorbench.depth.flame import folded_stacks

    result, *others = results
    found = _facts(result)
    for against in others:
        found |= {"against": _facts(against), "ratio": result.ratio(against)}
    if explain:
        found["explanation"] = as_json(result) | {"flame": list(folded_stacks(result))}
        for against in others:
            found["explanation"]["differences"] = differences_as_json(differences(result, against))
    return found


def _facts(result: DepthResult) -> dict[str, Any]:
    return {
        "model": result.model,
        "convention": result.convention,
        "dtype": result.dtype,
        "context": result.context,
        "steps": result.steps,
        "interpretable": list(result.interpretable),
        "tokens_cut": result.tokens_cut,
        "depth": result.depth,
        "depth_at_fewest_repeats": result.depth_at_fewest_repeats,
        "casts": result.casts,
        "segments": [
            {"name": segment.segment, "gates": segment.gates, "repeat": list(segment.repeat)}
            for segment in result.segments
        ],
        "notes": list(result.notes),
    }


def _as_text(results: list[DepthResult], view: str) -> Iterator[str]:
    from monitorbench.depth.flame import folded_stacks

    result, *others = results
    if view == "flame":
        yield from folded_stacks(result)
        return
    for found in results:
        yield from _summary(found)
    for against in others:
        yield f"{result.model} is {result.ratio(against):.4g} times as deep as {against.model}"
    for note in dict.fromkeys(note for found in results for note in found.notes):
        yield f"note: {note}"
    if view:
        yield from _explanation(results, view)


def _summary(result: DepthResult) -> Iterator[str]:
    unit = "blocks" if result.convention == "layers" else "gates"
    cut = ", ".join([*(["tokens"] if result.tokens_cut else []), *result.interpretable]) or "nothing"
    yield f"{result.model}: {result.depth:,} {unit} ({result.convention})"
    yield f"  at {result.context:,} positions in {result.dtype}, cut at {cut}"
    for segment in result.segments:
        times = f", at most {segment.repeat[1]:,} times" if segment.repeat[1] > 1 else ""
        yield f"  {segment.segment}: {segment.gates:,} {unit}{times}"
    if result.depth_at_fewest_repeats != result.depth:
        yield f"  at the fewest runs of each: {result.depth_at_fewest_repeats:,} {unit}"
    if result.casts:
        yield f"  of the path, casts: {result.casts:,} {unit}"


def _explanation(results: list[DepthResult], view: str) -> Iterator[str]:
    from monitorbench.depth.diff import difference_lines, differences
    from monitorbench.depth.explain import path_lines, tree_lines

    lines = {"tree": tree_lines, "list": path_lines}[view]
    for result in results:
        yield ""
        yield f"critical path of {result.model}:"
        yield from _indented(lines(result))
    result, *others = results
    for against in others:
        yield ""
        yield f"where the path of {result.model} differs from that of {against.model} (difference, here, there):"
        yield from _indented(difference_lines(differences(result, against)))


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
