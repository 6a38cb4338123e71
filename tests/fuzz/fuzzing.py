"""What all fuzz tests share: how many inputs they try, and what no input may ever bring about.

A short form belongs to the suite of tests. `MONITORBENCH_FUZZ=100000 pytest tests/fuzz` tries that many suites, and a
third as many reports, baseline files and files of problems on top, and says how many in how many seconds.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from hypothesis import HealthCheck, Phase, settings

LONG = int(os.environ.get("MONITORBENCH_FUZZ", "0"))
SHORT = 1_600
PATIENCE = 60
"""Seconds after which an input counts as one that hangs: a machine may be busy."""
TRIED: Counter[str] = Counter()
SECONDS: Counter[str] = Counter()

_NEVER = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "subprocess.Popen",
    "pickle.find_class",
    "socket.connect",
)
_NEVER_READING = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.link", "os.symlink", "os.truncate")
_found: list[str] | None = None


def tries(share: float) -> Callable[[Any], Any]:
    """Settings of a test that takes this share of all inputs."""
    return settings(
        max_examples=max(1, round(share * (LONG or SHORT))),
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


@contextmanager
def harmless(kind: str) -> Iterator[None]:
    """One input: it has to come to an end, and must not start, load, connect to or write anything on the way."""
    global _found  # an audit hook cannot be taken away again, only told whether to look
    TRIED[kind] += 1
    _found, begun = [], time.monotonic()
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        done, _found = _found, None
        SECONDS[kind] += time.monotonic() - begun  # type: ignore[assignment]  # seconds are no whole numbers
        assert not done, f"an input made this happen: {done}"


def megabytes() -> int:
    """The most memory that this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _hangs(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise AssertionError(f"an input took more than {PATIENCE} seconds")


def _audit(event: str, details: tuple[Any, ...]) -> None:
    if _found is None:
        return
    if event in _NEVER or event in _NEVER_READING:
        _found.append(event)
    elif event == "open" and "__pycache__" not in str(details[0]) and _writes(details):
        _found.append(f"open {details[0]}")


def _writes(details: tuple[Any, ...]) -> bool:
    _path, mode, flags = details
    return bool(set(mode or "") & set("wax+")) if mode else bool((flags or 0) & (os.O_WRONLY | os.O_RDWR))


sys.addaudithook(_audit)
