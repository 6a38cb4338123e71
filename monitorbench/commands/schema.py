"""`monitorbench schema`: the JSON Schema of suites or reports."""

from __future__ import annotations

import argparse
import json
import sys

from monitorbench.commands.parsing import Parser

NAME = "schema"
SUMMARY = "print a JSON Schema (draft-07)"


def declare(parser: Parser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "subject",
        metavar="SUBJECT",
        choices=("suite", "report"),
        help="suite: what a suite may hold, with every installed check type, task family and adapter family; "
        "report: what `run` writes",
    )


def execute(options: argparse.Namespace) -> int:
    """Print the schema."""
    from monitorbench.planning import vocabulary
    from monitorbench.report import schema as report_schema
    from monitorbench.suite import schema as suite_schema

    found = report_schema.schema() if options.subject == "report" else suite_schema.schema(vocabulary())
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0
