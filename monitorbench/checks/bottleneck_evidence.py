"""What a bottleneck check leaves in the report: its controls, the curve of its rungs, and every arm's outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from monitorbench.checks.arms import counted_share, drop_by_prompt, endings, finish_rate, mean_steps
from monitorbench.checks.base import interval
from monitorbench.checks.bottleneck_arms import EVERYTHING, SOFT
from monitorbench.checks.bottleneck_finding import FLOORS
from monitorbench.checks.bottleneck_ladder import Rung
from monitorbench.checks.bottleneck_lost import Lost
from monitorbench.checks.bottleneck_measured import Measured
from monitorbench.checks.per_prompt import arms_per_prompt, per_prompt
from monitorbench.report.model import Control
from monitorbench.stats.interval import Estimate
from monitorbench.stats.noninferiority import judge_drop
from monitorbench.suite.model import CheckSpec

if TYPE_CHECKING:
    from monitorbench.rollouts.arm import Arm
    from monitorbench.rollouts.store import RunStore


KNEE_METHOD = (
    "fixed sequence from the loosest rung to the tightest, each at alpha = {alpha:.2g} (Maurer, Hothorn and Lehmacher "
    "1995)"
)


def controls(spec: CheckSpec, measured: Measured) -> tuple[Control, ...]:
    """Controls that change nothing, those that decide whether the channel is used, and those for comparison."""
    least, design = spec.parameters["min_floor_drop"], measured.design
    replays = (
        Control(
            name=f"{name}: share of rollouts changed",
            value=measured.changed[name],
            expected="0" if name in measured.exact else "near 0: not promised bit for bit on this device or channel",
            ok=measured.changed[name] == 0 if name in measured.exact else None,
        )
        for name in design.replays
    )
    floors = (
        _drop_control(name, measured, f"above {least:g} in one of the floor controls", least=least) for name in FLOORS
    )
    told = f"for comparison: {' and '.join(FLOORS)} decide"
    return (*replays, *floors, *(_drop_control(name, measured, told) for name in design.further))


def further(spec: CheckSpec, measured: Measured, lost: Mapping[str, Lost], store: RunStore) -> dict[str, Any]:
    """Every number that the verdict does not name; `rungs` is the curve, in the order of the suite."""
    design = measured.design
    return {
        **followed(measured),
        "rungs": [_rung(rung, spec, measured, lost[rung.name], store) for rung in design.rungs],
        "lost": lost[design.gate].as_json(),
        "mostly_loops": lost[design.gate].mostly_loops,
        "channel": {"kind": design.channel.kind, "exact": design.channel.exact},
        "observed": {"felt": measured.felt, "written": measured.written, "exact": list(measured.exact)},
        "replays": {name: asdict(replay) for name, replay in measured.replays.items()},
        **_across(measured),
        "endings": {name: endings(store, arm) for name, arm in design.arms.items()},
        "steps": {name: mean_steps(store, arm) for name, arm in design.arms.items()},
        "finish_rate": {name: finish_rate(store, arm) for name, arm in design.arms.items()},
        **per_prompt(drop_by_prompt(store, design.arms[SOFT], design.arms[design.gate]), low=-1.0, high=1.0),
        **arms_per_prompt(measured.accuracy),
    }


def followed(measured: Measured) -> dict[str, Any]:
    """What follows from the outcomes alone."""
    design, found = measured.design, measured.finding
    share = _recovery(measured, design.gate)
    return {
        "standing": found.standing.value,
        "cause": None if found.cause is None else found.cause.value,
        "removable": found.removable,
        "gate": design.gate,
        "knee": None if measured.knee is None else measured.knee.as_json(),
        "knee_method": KNEE_METHOD.format(alpha=measured.drop.alpha) if design.rungs else None,
        "recovery": None if share is None else share | {"floor": _floor(measured)},
        "accuracy": {name: _mean(values) for name, values in measured.accuracy.items()},
    }


def _across(measured: Measured) -> dict[str, Any]:
    """Of a run that halved its batches: how often controls that change nothing changed what ran at another size."""
    found = {name: replay for name, replay in measured.replays.items() if replay.across}
    counts = {name: {"rollouts": each.across, "changed": each.changed_across} for name, each in found.items()}
    return {"across_batch_sizes": counts} if counts else {}


def followed_of_rung(rung: Rung, spec: CheckSpec, measured: Measured) -> dict[str, Any]:
    """The same of one rung."""
    name = rung.name
    drop = measured.drops[name]
    return {
        "name": name,
        "keep": rung.as_json(),
        "gates": name == measured.design.gate,
        "accuracy": _mean(measured.accuracy[name]),
        "drop": _as_json(drop),
        "decision": judge_drop(drop, max_drop=spec.parameters["max_drop"]).value,
        "standing": measured.findings[name].standing.value,
        "recovery": _recovery(measured, name),
        **dict(_beyond_the_write(measured, name)),
    }


def _rung(rung: Rung, spec: CheckSpec, measured: Measured, lost: Lost, store: RunStore) -> dict[str, Any]:
    arm = measured.design.arms[rung.name]
    return {
        **followed_of_rung(rung, spec, measured),
        "endings": endings(store, arm),
        "steps": mean_steps(store, arm),
        "finish_rate": finish_rate(store, arm),
        "argmax_only": _argmax_only(rung, arm, store),
        "lost": lost.as_json(),
    }


def _argmax_only(rung: Rung, arm: Arm, store: RunStore) -> float | None:
    """Share of positions at which no token reached `min_p`, so that the argmax alone was kept; None of other rungs."""
    from monitorbench.interventions.tally import ARGMAX_ONLY

    return counted_share(store, arm, ARGMAX_ONLY) if rung.keep == "min_p" else None


def _beyond_the_write(measured: Measured, name: str) -> Iterator[tuple[str, Any]]:
    """Of a channel that writing changes: what truncation costs in addition to writing everything back."""
    if not measured.design.channel.exact:
        accuracy = measured.accuracy
        yield "drop_beyond_the_write", _as_json(measured.estimators.drop(accuracy[EVERYTHING], accuracy[name]))


def _recovery(measured: Measured, name: str) -> dict[str, Any] | None:
    accuracy = measured.accuracy
    share = measured.estimators.recovery(accuracy[SOFT], accuracy[name], accuracy[_floor(measured)])
    return None if share is None else _as_json(share)


def _floor(measured: Measured) -> str:
    """The floor control that costs most: what recovery is taken against."""
    return max(FLOORS, key=lambda name: measured.drops[name].value)


def _drop_control(name: str, measured: Measured, expected: str, *, least: float | None = None) -> Control:
    drop = measured.floors.get(name, measured.drops[name])
    ok = True if least is not None and drop.low > least else None
    return Control(name=f"{name}: accuracy drop", value=drop.value, interval=interval(drop), expected=expected, ok=ok)


def _as_json(estimate: Estimate) -> dict[str, Any]:
    return {name: getattr(estimate, name) for name in ("value", "low", "high", "level", "method")}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
