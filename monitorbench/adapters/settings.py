"""Values of sampler settings: what one may be, whoever gave it - a suite, a command line, or a checkpoint."""

from __future__ import annotations

import math

from monitorbench.errors import UsageError


def require(fits: bool, name: str, value: object, known: str) -> None:
    """Refuse a value that a setting cannot have.

    Args:
        fits: whether it can.
        name: the setting.
        value: its value.
        known: values that it may have, as in "use ...".

    Raises:
        UsageError: naming the setting, its value, and what it may be.
    """
    if not fits:
        raise UsageError(f"the sampler setting {name} cannot be {value}", fix=f"use {known}")


def require_whole(name: str, value: object, least: int, known: str = "") -> None:
    """Refuse what is no whole number of `least` or more; neither `true` nor `2.0` is one.

    Raises:
        UsageError: as `require`.
    """
    fits = isinstance(value, int) and not isinstance(value, bool) and value >= least
    require(fits, name, value, known or f"a whole number, {least} or more")


def require_number(name: str, value: object, least: float) -> None:
    """Refuse what is no finite number of `least` or more; `true` is none.

    Raises:
        UsageError: as `require`.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    require(number and value >= least, name, value, f"{least:g} or more")  # type: ignore[operator]  # a number here


def require_one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    """Refuse a word that is not among those known.

    Raises:
        UsageError: as `require`.
    """
    require(value in known, name, value, ", ".join(known))
