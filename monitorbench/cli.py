"""The command line. Building it imports no command's machinery, so that `--help` answers at once."""

from __future__ import annotations

import argparse
import sys
import textwrap
import traceback
from collections.abc import Sequence
from contextlib import nullcontext

from monitorbench import __version__
from monitorbench.commands import (
    adapters,
    baseline,
    calibrate,
    compare,
    depth,
    init,
    listing,
    plan,
    report,
    rescore,
    run,
    schema,
    selftest,
    trace,
    validate,
    verify,
)
from monitorbench.commands.interrupts import came_from_interrupt, interruptible, told
from monitorbench.commands.parsing import Command, Parser
from monitorbench.errors import MonitorbenchError, SuiteError
from monitorbench.report.exit_code import ExitCode

COMMANDS = (
    *(init, run, rescore, verify, report, compare, baseline, validate, plan, calibrate),
    *(depth, trace, listing, schema, adapters, selftest),
)

DESCRIPTION = "Monitorability regression tests for language models that reason in latent space."


def build_parser() -> Parser:
    """The parser of the whole command line."""
    parser = Parser(
        prog="monitorbench",
        description=DESCRIPTION,
        epilog=_exit_codes(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"monitorbench {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    for command in COMMANDS:
        sentence = f"{command.SUMMARY[0].upper()}{command.SUMMARY[1:]}."
        subparser = commands.add_parser(command.NAME, help=command.SUMMARY, description=sentence)
        command.declare(subparser)
        subparser.set_defaults(execute=command.execute, parser=subparser)
    return parser


def _exit_codes() -> str:
    rows = (
        textwrap.fill(code.meaning, 79, initial_indent=f"  {code:<5}", subsequent_indent=" " * 7) for code in ExitCode
    )
    return "\n".join(["exit codes:", *rows])


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Args:
        argv: the words after the program's name; None takes those of this process.
    """
    try:
        # The signals of a process are the business of whoever owns it.
        with interruptible() if argv is None else nullcontext():
            return _execute(argv)
    except (Exception, KeyboardInterrupt) as error:
        if came_from_interrupt(error):
            sys.stderr.write(f"{told(error)}\n")
            return ExitCode.INTERRUPTED
        if isinstance(error, SuiteError):
            _complain(str(error), error)
        elif isinstance(error, MonitorbenchError):
            _complain(f"error: {error}", error)
        else:
            # Python itself would end with 1, which stands for a check that failed.
            traceback.print_exc()
            sys.stderr.write("error: this is a fault of monitorbench, not of the suite\n")
    return ExitCode.UNUSABLE


def _complain(text: str, error: Exception) -> None:
    lines = (text, *getattr(error, "__notes__", ()))
    sys.stderr.writelines(f"{line}\n" for line in lines)


def _execute(argv: Sequence[str] | None) -> int:
    options, unknown = build_parser().parse_known_args(argv)
    if unknown:
        options.parser.refuse_unknown(unknown)
    options.words = tuple(sys.argv[1:] if argv is None else argv)
    command: Command = options.execute
    return command(options)
