"""Whether the other ranks are alive: each leaves a sign of life, and looks for those of others."""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from monitorbench.ranks.post import Post

EVERY = 0.25
"""Seconds between signs of life."""
SETTLING = 1.0
"""Seconds that a rank's last word has to wait: what happens to one of them happens to all soon after."""
SILENCE = 30.0
"""Seconds without one after which a rank of another machine counts as dead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """Where a rank runs.

    Attributes:
        rank: which.
        process: its id there.
        host: the name of its machine.
        place: processes of one place see each other; empty where that cannot be known.
    """

    rank: int
    process: int
    host: str
    place: str

    @classmethod
    def of(cls, rank: int) -> Member:
        """This process."""
        return cls(rank=rank, process=os.getpid(), host=platform.node(), place=_place())

    def __str__(self) -> str:
        return f"rank {self.rank} (process {self.process} on {self.host})"


@dataclass(kw_only=True, slots=True)
class _Heard:
    member: Member
    beats: int = 0
    when: float = field(default_factory=time.monotonic)


class Pulse:
    """A thread that shows this rank to be alive, and calls out once what is wrong with the others.

    Args:
        post: messages, over a connection that nobody else uses.
        rank: this rank.
        others: the ranks to look for.
        alarm: called in the thread, once, with a sentence: which rank died, or that nobody can be reached.
        look: called in the thread at every beat.
    """

    def __init__(
        self,
        post: Post,
        *,
        rank: int,
        others: range,
        alarm: Callable[[str], None],
        look: Callable[[], None] = lambda: None,
    ) -> None:
        self._post, self._member, self._others = post, Member.of(rank), others
        self._alarm, self._look = alarm, look
        self._heard: dict[int, _Heard] = {}
        self._last: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """Be seen from now on.

        Raises:
            RuntimeError: the store is gone.
        """
        self._post.put(f"member/{self._member.rank}", json.dumps(asdict(self._member)).encode())
        self._thread.start()

    def stop(self) -> None:
        """Look no more; further calls change nothing."""
        self._over.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def joined(self) -> list[int]:
        """The others that have been seen so far."""
        return sorted(self._heard)

    def _run(self) -> None:
        while not self._over.wait(EVERY):
            try:
                wrong = self._beat()
            except RuntimeError:  # what torch raises where the connection is gone, most often with who kept it
                time.sleep(EVERY)
                gone = (_died(heard.member) for heard in self._heard.values() if self._is_gone(heard.member))
                wrong = next(gone, "the other ranks cannot be reached any more")
            if wrong and not self._over.is_set():
                self._over.set()
                self._alarm(wrong)

    def _beat(self) -> str:
        self._post.add(f"beats/{self._member.rank}")
        self._look()
        return next(filter(None, map(self._wrong, self._others)), "")

    def _wrong(self, rank: int) -> str:
        """What is wrong with a rank; one that has left a last word is not looked for any more."""
        if not self._post.has(last(rank)):
            return self._dead(rank)
        since = time.monotonic() - self._last.setdefault(rank, time.monotonic())
        return self._post.get(last(rank)).decode() if since > SETTLING else ""

    def _dead(self, rank: int) -> str:
        heard = self._heard.get(rank)
        if heard is None:
            if self._post.has(f"member/{rank}"):
                self._heard[rank] = _Heard(member=Member(**json.loads(self._post.get(f"member/{rank}"))))
            return ""
        if self._is_gone(heard.member):
            return _died(heard.member)
        if (beats := self._post.add(f"beats/{rank}", 0)) != heard.beats:
            heard.beats, heard.when = beats, time.monotonic()
        silent = time.monotonic() - heard.when
        return f"{heard.member} has given no sign of life for {silent:.0f} seconds" if silent > SILENCE else ""

    def _is_gone(self, member: Member) -> bool:
        return bool(member.place) and member.place == self._member.place and is_gone(member.process)


def _died(member: Member) -> str:
    return f"{member} died; torchrun names its exit code or signal"


def last(rank: int) -> str:
    """The name of a rank's last word: why it could not go on, or nothing where it was not needed any more."""
    return f"last/{rank}"


def is_gone(process: int) -> bool:
    """Whether a process of this machine is over, also where nobody has asked yet how it ended."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] in "ZX"


def _place() -> str:
    """What processes have in common that see each other by their ids: the machine since it was started, and a part."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
