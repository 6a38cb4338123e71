"""What was asked of two runs, setting by setting, and which checks measure something else because of a difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitorbench.report.codec import to_json
from monitorbench.report.comparison.model import Differs
from monitorbench.report.model import Bound, CheckReport, Report

_MISSING = object()
_WARN_IF = "warn_if"
_OF_MODELS = ("source", "revision", "weights_sha256", "config_sha256", "tokenizer_sha256", "dtype", "chat_template")
_SAME_ANYWAY = ("suite.name", "suite.model.", "suite.baseline.", "suite.checks", "suite.device")
"""Settings that are named beside their models or checks, and those that decide nothing."""


def differences(reference: Report, other: Report) -> tuple[Differs, ...]:
    """Every setting that differs, by its dotted path: of the suite, the models, the device and the versions.

    Checks are found by their ids, so that their order does not matter. Of the candidate, only the checkpoint differs by
    intention; it is named all the same.
    """
    pairs = {check.id: (check, twin) for check in reference.checks if (twin := _twin(check, other)) is not None}
    found = _compared(settings_of(reference), settings_of(other))
    return tuple(
        Differs(
            place=place,
            reference=None if before is _MISSING else before,
            other=None if after is _MISSING else after,
            checks=tuple(name for name, (check, twin) in pairs.items() if _concerns(place, check, twin)),
        )
        for place, before, after in found
    )


def _twin(check: CheckReport, report: Report) -> CheckReport | None:
    return next((each for each in report.checks if (each.id, each.type) == (check.id, check.type)), None)


def settings_of(report: Report) -> dict[str, Any]:
    """Every setting of a run by its dotted path: of the suite, the checks, the models, the device and the versions."""
    plain = to_json(report)
    suite = {f"suite.{place}": value for place, value in _flat(plain["suite"])}
    settings = {place: value for place, value in suite.items() if not place.startswith(_SAME_ANYWAY)}
    for check in plain["checks"]:
        settings |= {f"checks.{check['id']}.{place}": value for place, value in _flat(check["parameters"])}
        settings |= {f"checks.{check['id']}.{name}": check[name] for name in ("gated", "severity")}
        warn_if = _declared(plain["suite"], check["id"]).get(_WARN_IF, {})
        settings |= {f"checks.{check['id']}.{place}": value for place, value in _flat(warn_if, _WARN_IF)}
    for model in plain["models"]:
        settings |= {f"models.{model['role']}.{name}": model[name] for name in _OF_MODELS}
    for section in ("device", "versions"):
        settings |= {f"{section}.{place}": value for place, value in _flat(plain[section])}
    return settings


def _declared(suite: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A check as the suite has it; empty where the suite, which may be anything, does not say."""
    checks = suite.get("checks")
    found = (each for each in (checks if isinstance(checks, list) else ()) if isinstance(each, Mapping))
    return next((each for each in found if each.get("id") == name), {})


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no mapping, with its dotted path; a list is one value."""
    if not isinstance(value, Mapping):
        yield place, value
        return
    for key, item in value.items():
        yield from _flat(item, f"{place}.{key}" if place else str(key))


def _compared(reference: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    shared = {_check_of(place) for place in reference} & {_check_of(place) for place in other}
    for place in dict.fromkeys((*reference, *other)):
        before, after = reference.get(place, _MISSING), other.get(place, _MISSING)
        # Checks of one report only are told as new or missing, not parameter by parameter.
        if before != after and _check_of(place) in shared:
            yield place, before, after


def _check_of(place: str) -> str:
    return place.split(".")[1] if place.startswith("checks.") else ""


def _concerns(place: str, check: CheckReport, twin: CheckReport) -> bool:
    """Whether a check measures something else where this setting differs."""
    parameter = place.removeprefix(f"checks.{check.id}.")
    sides = (check.parameters.get(parameter), twin.parameters.get(parameter))
    return decides(place, check) and not (parameter != place and is_bound(*sides, check.bound, twin.bound))


def decides(place: str, check: CheckReport) -> bool:
    """Whether a setting decides what a check measures. What it demands of the estimate counts as one that does."""
    section, _, rest = place.partition(".")
    if section == "checks":
        name, _, parameter = rest.partition(".")
        ours = name == check.id and parameter not in ("gated", "severity")
        return ours and not parameter.startswith(f"{_WARN_IF}.")
    if section == "suite":
        part, _, rest = rest.partition(".")
        task, _, setting = rest.partition(".")
        # More prompts of the same task begin with the same ones.
        if part == "channels":
            return bool(check.parameters.get("interpretable_if"))
        return part in ("sampling", "schema_version") or (part == "tasks" and task in _tasks(check) and setting != "n")
    return section == "models" and rest.startswith("baseline.") and check.unit == "ratio" and "sha256" in rest


def is_bound(before: Any, after: Any, reference: Bound | None, other: Bound | None) -> bool:
    """Whether the two values of a parameter are what a check demands, which changes a verdict and no estimate."""
    sides = [
        (low, high)
        for side in ("min", "max")
        if (low := getattr(reference, side, None)) is not None and (high := getattr(other, side, None)) is not None
    ]
    return (before, after) in sides


def _tasks(check: CheckReport) -> tuple[Any, ...]:
    also = check.parameters.get("also", ())
    return (check.parameters.get("task"), *(also if isinstance(also, list | tuple) else ()))
