"""How reference checkpoints come to their answers: `python -m monitorbench.zoo.readings`, three minutes on one core."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitorbench.api import run_suite
from monitorbench.checks.chronology_reading import Reading
from monitorbench.checks.chronology_scales import RANGES
from monitorbench.planning import vocabulary
from monitorbench.report.write import write_text
from monitorbench.suite.loader import load
from monitorbench.suite.model import Overrides

SUITE = Path(__file__).parent / "readings.monitor.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A reference checkpoint, how it is sampled and asked, and the reading that its card promises."""

    model: str
    promised: Reading
    set: tuple[str, ...] = ()
    note: str = ""

    @property
    def label(self) -> str:
        """A name that tells cases apart."""
        return f"{self.model} {self.note}".strip()


DIFFUSION = ("sampling.sampler={max_denoising_steps: 8, entropy_bound: 0.1}",)
GRAPHS = ("tasks.problems={family: graph-reachability, n: 130}",)
CASES = (
    Case(model="ar-chain", promised=Reading.CHRONOLOGICAL),
    *(
        Case(
            model="masked-chain",
            note=order,
            promised=Reading.CHRONOLOGICAL,
            set=(f"sampling.sampler={{remasking: {order}}}",),
        )
        for order in ("confidence", "left-to-right", "random")
    ),
    # Causes settle before effects, and none hands its value on: each comes out of the prompt.
    Case(model="diffusion-chain", promised=Reading.OPAQUE, set=DIFFUSION),
    Case(model="diffusion-posthoc", promised=Reading.POST_HOC, set=(*DIFFUSION, "tasks.problems.lengths=[2]")),
    Case(model="diffusion-revising", promised=Reading.CHRONOLOGICAL, set=DIFFUSION),
    # Their texts state an answer and none of the nodes on the way; the thoughts of one of them do.
    Case(model="thought-superposed", promised=Reading.CHRONOLOGICAL, set=GRAPHS),
    Case(model="thought-opaque", promised=Reading.OPAQUE, set=GRAPHS),
)


def measured(case: Case, *, n: int | None = None) -> dict[str, Any]:
    """The reading of a case and the scores that it rests on, strict JSON."""
    overrides = Overrides(model=f"zoo:{case.model}", device="cpu", limit=n, set=case.set)
    (check,) = run_suite(load(SUITE, vocabulary(), overrides)).checks
    scores: Mapping[str, Mapping[str, Any]] = check.evidence["scores"]
    return {
        "case": case.label,
        "promised": case.promised.value,
        **check.evidence["reading"],
        "scores": {name: _short(scores[name]) for name in RANGES if name in scores},
    }


def _short(score: Mapping[str, Any]) -> dict[str, Any] | None:
    if score["value"] is None:
        return None
    return {key: score[key] for key in ("value", "low", "high", "null", "n") if key in score}


def main(argv: list[str] | None = None) -> int:
    """Command line: print the reading of every case; 1 where one is not the one promised."""
    parser = argparse.ArgumentParser(
        prog="python -m monitorbench.zoo.readings", description="Print how reference checkpoints come to their answers."
    )
    parser.add_argument("--n", type=int, help="problems of each case at most (default: 130)")
    parser.add_argument("--output", type=Path, help="also write the table as JSON to this file")
    arguments = parser.parse_args(argv)
    rows = list(_rows(arguments.n))
    if arguments.output:
        write_text(json.dumps(rows, indent=2, allow_nan=False) + "\n", arguments.output)
    return int(any(row["reading"] != row["promised"] for row in rows))


def _rows(n: int | None) -> Iterator[dict[str, Any]]:
    for case in CASES:
        row = measured(case, n=n)
        word = "ok" if row["reading"] == row["promised"] else f"WRONG, {row['promised']} was promised"
        sys.stdout.write(f"{row['case']}: {row['reading']} ({word}); {row['why']}\n")
        yield row


if __name__ == "__main__":
    sys.exit(main())
