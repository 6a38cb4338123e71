"""Measures the coverage of every interval and writes the figures.

`python -m monitorbench.stats.coverage [--quick] --output reports/reference/coverage.json`: about ten minutes on one
core, or seconds with `--quick`, which has fewer and smaller designs. The same command gives the same file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monitorbench.stats.coverage.clusters import cluster_coverage
from monitorbench.stats.coverage.looks import sequential_errors, sequential_lengths
from monitorbench.stats.coverage.paired import paired_coverage


def measured(*, quick: bool) -> dict[str, Any]:
    """All figures; what each record means is said in the module that makes it."""
    if quick:
        return {
            "paired": paired_coverage(sizes=(20,), intervals=("enumerated", "score")),
            "clusters": cluster_coverage(sizes=(50,), runs=200),
            "sequential": sequential_errors(runs=500, looks=300),
            "sequential_lengths": sequential_lengths(runs=100),
        }
    return {
        "paired": paired_coverage(),
        "clusters": cluster_coverage(),
        "sequential": sequential_errors(),
        "sequential_lengths": sequential_lengths(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the figures as JSON; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m monitorbench.stats.coverage", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller designs")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args(arguments)
    figures = measured(quick=options.quick)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(figures, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
