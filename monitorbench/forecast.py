"""What a run would take and could tell, before it runs."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitorbench.checks.base import Foresight
from monitorbench.notices import Notice, TrialStarted
from monitorbench.planning import make_plan, require_usable
from monitorbench.runner import load_models, prepared
from monitorbench.suite.model import Suite

if TYPE_CHECKING:
    from monitorbench.rollouts.recorder import Recording

WARM = 1.0
"""Seconds below which a batch is timed again: the first pays for what is set up once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmForecast:
    """One arm: its label, its rollouts, the batches that they fill, and the seconds these take if a trial was made."""

    arm: str
    rollouts: int
    batches: int
    seconds: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """A whole run.

    Attributes:
        device: where it would run.
        arms: every arm that would be recorded, once.
        checks: what the declared prompts can tell, by check id, for checks that can say so.
        power: probability of a decision that `checks` is reckoned with.
    """

    device: str
    arms: tuple[ArmForecast, ...]
    checks: dict[str, Foresight]
    power: float

    @property
    def rollouts(self) -> int:
        """Rollouts of all arms."""
        return sum(arm.rollouts for arm in self.arms)

    @property
    def seconds(self) -> float | None:
        """Seconds that recording takes; None without a trial. Judging, and tracing for depth, come on top."""
        times = [arm.seconds for arm in self.arms if arm.seconds is not None]
        return sum(times) if len(times) == len(self.arms) else None


def forecast(suite: Suite, *, trial: bool = True) -> Generator[Notice, None, Forecast]:
    """Load the models and see what the suite asks for.

    Args:
        suite: what would run.
        trial: run one batch of each model and task to tell the time; nothing of it is kept.

    Raises:
        MonitorbenchError: the suite, a checkpoint or a setting cannot be used.
    """
    from monitorbench.adapters.factory import resolve_device

    require_usable(suite)
    device = resolve_device(suite.device)
    models = yield from load_models(suite, device)
    plan = make_plan(suite, models["candidate"].adapter)
    recordings = [prepared(suite, arm, models[arm.role].adapter) for arm in plan.arms]
    paces = yield from _paces(recordings) if trial else _no_paces()
    power = family_power(suite)
    foreseen = {
        spec.id: foresight
        for spec, kind in plan.checks
        if (foresight := kind.foresight(spec, suite=suite, power=power)) is not None
    }
    return Forecast(device=device, arms=tuple(_arms(recordings, paces)), checks=foreseen, power=power)


def family_power(suite: Suite) -> float:
    """Power at which each of m checks has to be planned so that all pass, if nothing is wrong, in nine runs of ten."""
    return 1.0 - 0.1 / max(sum(check.gated for check in suite.checks), 1)


Paces = dict[tuple[str, str, tuple[tuple[str, str], ...]], float]
"""Seconds of a batch by role, task and form."""


def _paces(recordings: Sequence[Recording]) -> Generator[Notice, None, Paces]:
    paces: Paces = {}
    first = {_kind(recording): recording for recording in reversed(recordings)}
    for number, (kind, recording) in enumerate(first.items(), start=1):
        yield TrialStarted(arm=recording.arm.label, rollouts=recording.batch_size, number=number, total=len(first))
        seconds = _timed(recording)
        paces[kind] = seconds if seconds > WARM else _timed(recording)
    return paces


def _no_paces() -> Generator[Notice, None, Paces]:
    yield from ()
    return {}


def _timed(recording: Recording) -> float:
    begun = time.perf_counter()
    recording.run(next(iter(recording.batches(recording.rows))))
    return time.perf_counter() - begun


def _kind(recording: Recording) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return recording.arm.role, recording.arm.task, recording.arm.form


def _arms(recordings: Sequence[Recording], paces: Paces) -> Iterator[ArmForecast]:
    for recording in recordings:
        batches = sum(1 for _ in recording.batches(recording.rows))
        pace = paces.get(_kind(recording))
        yield ArmForecast(
            arm=recording.arm.label,
            rollouts=len(recording.rows),
            batches=batches,
            seconds=None if pace is None else pace * batches,
        )
