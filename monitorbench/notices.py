"""What a run tells its listeners: the runner yields these; bars, logs and writers turn them into something seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """Base of all notices."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Working(Notice):
    """Something that may take long: what it is, and, where that is known, how much of how much is done.

    One of the same unit and total is the same thing further on; it is over once all of it is done, or another begins.
    """

    what: str
    done: int = 0
    total: int | None = None
    unit: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStarted(Notice):
    """One of many runs of the same suite begins; its own notices follow."""

    number: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPlanned(Notice):
    """The plan stands: how many arms with how many rollouts will be recorded, and how many checks judged."""

    suite: str
    arms: int
    rollouts: int
    checks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelLoaded(Notice):
    """A checkpoint is ready."""

    role: str
    source: str
    parameters: int
    device: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingIgnored(Notice):
    """The suite holds sampler settings that the adapter of this model does not have; they change nothing for it."""

    role: str
    settings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmStarted(Notice):
    """Recording of an arm begins; `reused` of its rollouts were stored by an earlier run."""

    arm: str
    rollouts: int
    reused: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutsDone(Notice):
    """So many rollouts of an arm are there, those from the store included."""

    arm: str
    done: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutsLost(Notice):
    """A file of the run store no longer holds what was written; its rollouts are recorded again."""

    file: str
    rollouts: int
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchHalved(Notice):
    """A batch of so many rows did not fit into memory: its model goes on with batches of at most `to` rows."""

    arm: str
    rows: int
    to: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutsRaised(Notice):
    """So many rollouts of an arm raised, the first of them what `why` says; they are kept as errors."""

    arm: str
    rollouts: int
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialStarted(Notice):
    """A batch of an arm runs to tell the time it takes, as number so many, from 1; nothing of it is kept."""

    arm: str
    rollouts: int
    number: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckStarted(Notice):
    """A check is being measured; depth checks trace their models here."""

    check: str
    type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceStarted(Notice):
    """A piece of a model's computation is being traced for its depth, as number so many, from 1."""

    model: str
    segment: str
    number: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckJudged(Notice):
    """A check has its verdict. `report` is the CheckReport."""

    check: str
    verdict: str
    report: object


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDone(Notice):
    """The run is over. `report` is the Report."""

    report: object


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseStarted(Notice):
    """The selftest begins with a case; the notices of its run follow."""

    case: str
    number: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseDone(Notice):
    """A case of the selftest is over. `outcome` is the Outcome."""

    case: str
    outcome: object


Listener = Callable[[Notice], object]

_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def hearing(listener: Listener) -> Iterator[None]:
    """Have a listener hear what is told inside."""
    before = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(before)


def tell(notice: Notice) -> None:
    """Say something where nothing can be yielded: deep inside of a call. Whoever listens hears it; nobody has to."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(notice)
