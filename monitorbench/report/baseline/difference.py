"""By how much a check differs from what was accepted of it, always with an interval."""

from __future__ import annotations

import numpy as np

from monitorbench.report.baseline.model import Entry
from monitorbench.report.comparison.model import Shift
from monitorbench.report.comparison.pairing import FIXED, is_fixed, paired_differences, shift
from monitorbench.report.model import CheckReport, Interval
from monitorbench.stats.bootstrap import is_sparse
from monitorbench.stats.unpaired import interval_of_difference

SAME = "the accepted checkpoint itself, with the same result"


def difference(accepted: Entry, check: CheckReport, *, same_checkpoint: bool, sequential: bool) -> Shift | None:
    """The estimate minus the accepted one; None where one is missing or their units differ.

    A checkpoint is no worse than itself: the same result of the same checkpoint is no difference, without an interval.
    Otherwise prompts are paired. Where none are shared by name, or fewer than ten of them changed, which leaves a
    bootstrap nothing to draw from, the two intervals are combined as if the prompts were others: an interval that is
    too wide rather than too narrow (`stats.unpaired`). What has no interval counts as a plain number.

    Args:
        accepted: what was accepted, measured under the same settings.
        check: the check now.
        same_checkpoint: whether both are of one checkpoint.
        sequential: whether prompts were looked at as they came in.
    """
    before = accepted.as_check(check.id)
    found = shift(before, check, sequential=sequential)
    if found is None or (is_fixed(before) and is_fixed(check)):
        return found
    if same_checkpoint and accepted.value == check.estimate:
        none = Interval(low=0.0, high=0.0, level=1.0, method=FIXED)
        return Shift(value=0.0, interval=none, n=None, method=SAME)
    differences = paired_differences(before, check)
    bare = before.interval is None or check.interval is None
    if differences and (bare or not is_sparse(np.asarray(differences))):
        return found
    return _combined(before, check)


def _combined(before: CheckReport, check: CheckReport) -> Shift:
    ends = interval_of_difference(_ends(before), _ends(check))
    levels = [one.interval.level for one in (before, check) if one.interval is not None and not is_fixed(one)]
    method = "intervals of both combined" if levels else "plain numbers subtracted: there are no intervals"
    interval = Interval(low=ends[0], high=ends[1], level=min(levels, default=1.0), method=method)
    return Shift(value=(check.estimate or 0.0) - (before.estimate or 0.0), interval=interval, n=None, method=method)


def _ends(check: CheckReport) -> tuple[float, float, float]:
    value, interval = check.estimate or 0.0, check.interval
    if interval is None:
        return value, value, value
    return value, min(value, interval.low), max(value, interval.high)
