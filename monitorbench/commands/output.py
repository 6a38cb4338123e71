"""Where a command's text goes: to a file, or to stdout whatever that can show; and what is kept off the screen."""

from __future__ import annotations

import sys
from pathlib import Path


def deliver(text: str, path: Path | None) -> None:
    """Write a text to a file at one stroke, or print it where no file is named.

    Raises:
        UsageError: the file cannot be written.
    """
    from monitorbench.report.write import write_text

    if path is not None:
        write_text(text, path)
        return
    # Not every stream can show every character that a model may write.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def hush() -> None:
    """Stop the progress bars of the library that loads weights."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers is untyped
