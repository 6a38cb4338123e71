"""What of a plan an earlier run recorded: rollouts at hand for the judge, and the checks that lack some."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from monitorbench.errors import NotRecordedError
from monitorbench.judging import Judge, not_recorded
from monitorbench.notices import Notice
from monitorbench.runner import portion_size, prepared, record_more

if TYPE_CHECKING:
    from monitorbench.checks.base import CheckType
    from monitorbench.rollouts.arm import Arm
    from monitorbench.rollouts.recorded import Recorded
    from monitorbench.rollouts.recorder import Recording
    from monitorbench.rollouts.stand_in import StandIn
    from monitorbench.suite.model import CheckSpec, Suite

Notices = Generator[Notice, None, None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """What was recorded of a plan.

    Attributes:
        recordings: arms of which all is known that decides their rollouts.
        missing: why an arm cannot be looked at.
        gaps: why a check cannot be judged, by id.
    """

    recordings: dict[Arm, Recording] = field(default_factory=dict)
    missing: dict[Arm, NotRecordedError] = field(default_factory=dict)
    gaps: dict[str, str] = field(default_factory=dict)

    def lack(self, arm: Arm, error: NotRecordedError) -> None:
        """Put an arm aside."""
        self.recordings.pop(arm, None)
        self.missing[arm] = error


def gather(judge: Judge, stand_ins: Mapping[str, StandIn], recorded: Recorded) -> Generator[Notice, None, Judge]:
    """Have at hand what was recorded of the judge's plan.

    Returns:
        The judge that knows which checks lack what.
    """
    gathered, cut_short = Gathered(), False
    for arm in judge.plan.arms:
        try:
            gathered.recordings[arm] = _prepared(judge.suite, arm, stand_ins)
        except NotRecordedError as error:
            gathered.lack(arm, error)
    if judge.suite.sampling.sequential:
        cut_short = yield from _in_portions(judge, gathered, recorded)
    else:
        yield from _whole(judge, gathered)
    gathered.gaps.update(_lacking(judge, gathered))
    for spec, kind in judge.plan.checks:
        if spec.id not in gathered.gaps and not judge.suite.sampling.sequential:
            yield from _further(judge, spec, kind, gathered)
    return replace(judge, gaps=gathered.gaps, cut_short=cut_short)


def _prepared(suite: Suite, arm: Arm, stand_ins: Mapping[str, StandIn]) -> Recording:
    stand_in: Any = stand_ins.get(arm.role)
    if stand_in is None:
        raise NotRecordedError(f"no {arm.role} was run", fix="run the suite")
    return prepared(suite, arm, stand_in, facts=stand_in.facts, runs=False)


def _whole(judge: Judge, gathered: Gathered) -> Notices:
    from monitorbench.rollouts.missing import record_all

    for arm, recording in list(gathered.recordings.items()):
        try:
            yield from record_all([recording], judge.store)
        except NotRecordedError as error:
            gathered.lack(arm, error)


def _in_portions(judge: Judge, gathered: Gathered, recorded: Recorded) -> Generator[Notice, None, bool]:
    """As a sequential run looks at them; whether it had to stop for want of rollouts."""
    from monitorbench.rollouts.looks import portions, record_until
    from monitorbench.rollouts.replaying import whole

    prompts = portion_size(judge.suite)
    for arm, recording in list(gathered.recordings.items()):
        try:
            whole(next(portions(recording, prompts)), recorded)
        except NotRecordedError as error:
            gathered.lack(arm, error)
    looking = replace(judge, gaps=_lacking(judge, gathered))
    try:
        yield from record_until(
            list(gathered.recordings.values()), judge.store, prompts=prompts, enough=looking.is_decided
        )
    except NotRecordedError:
        return True
    return False


def _lacking(judge: Judge, gathered: Gathered) -> dict[str, str]:
    """Why checks cannot be judged whose arms are missing."""
    found: dict[str, str] = {}
    for spec, kind in judge.plan.checks:
        for arm in kind.arms(spec, suite=judge.suite, candidate=judge.adapters["candidate"]):
            if arm in gathered.missing:
                found.setdefault(spec.id, not_recorded(gathered.missing[arm]))
    return found


def _further(judge: Judge, spec: CheckSpec, kind: CheckType, gathered: Gathered) -> Notices:
    recordings = list(gathered.recordings.values())
    try:
        yield from record_more(spec, kind, suite=judge.suite, recordings=recordings, store=judge.store)
    except NotRecordedError as error:
        gathered.gaps[spec.id] = not_recorded(error)
