"""What an evaluation harness asks for, as rows and limits of an adapter."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from monitorbench.adapters.base import Adapter, Limits
from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import Intervention
from monitorbench.rollouts.batching import Row
from monitorbench.tasks.base import Problem

Value = float | int | bool | str
LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""Names under which harness tasks give the largest number of new tokens; the first that is there counts."""
KEEPS = ("top_k", "min_p", "top_p")
_RANDOM = ("temperature", "top_k", "top_p", "min_p")
_log = logging.getLogger(__name__)


def intervention_of(
    *, channel: str | None, kind: str | None, fill: str | None, keeps: Mapping[str, float | None]
) -> Intervention:
    """The intervention that arguments stand for; none where they name no channel.

    Args:
        channel: what is changed.
        kind: as in `Intervention`; left out, it is `keep`.
        fill: of `keep`; left out, `haze`.
        keeps: `top_k`, `min_p` and `top_p`, of which `keep` takes one.

    Raises:
        UsageError: they do not go together.
    """
    given = [(name, value) for name, value in keeps.items() if value is not None]
    if channel is None:
        if given or fill is not None or kind not in (None, "none"):
            raise UsageError("an intervention without a channel", fix="add channel=NAME")
        return Intervention()
    kind = kind or "keep"
    if (kind == "keep") != (len(given) == 1):
        which = "takes one of" if kind == "keep" else "takes none of"
        raise UsageError(f"the intervention {kind} {which} {', '.join(KEEPS)}", fix="correct the arguments")
    return Intervention(kind=kind, channel=channel, keep=given[0] if given else None, fill=fill or "haze")


def limits_of(
    asked: Mapping[str, Any], adapter: Adapter, *, sampler: Mapping[str, Value], max_new_tokens: int
) -> Limits:
    """The limits of one generation.

    A harness means greedy decoding where it asks for no sampling or a temperature of 0. A family that can sample or
    not does as it is asked; one with a sampler of its own goes by that, and takes only further settings.

    Args:
        asked: generation arguments of the harness's task, such as `until`, `max_gen_toks` and `do_sample`.
        adapter: whose settings count; what it does not have is passed over, with a warning.
        sampler: settings that hold unless the task gives others.
        max_new_tokens: holds unless the task gives another.

    Raises:
        UsageError: an argument has the wrong type.
    """
    left = {name: value for name, value in asked.items() if value is not None}
    until = left.pop("until", ())
    stop = tuple(dict.fromkeys(word for word in ([until] if isinstance(until, str) else until) if word))
    lengths = [left.pop(name) for name in LENGTHS if name in left]
    length = lengths[0] if lengths else max_new_tokens
    if not isinstance(length, int) or length < 1 or not all(isinstance(word, str) for word in stop):
        raise UsageError(f"generation up to {length!r} tokens and until {until!r}", fix="correct the task's arguments")
    return Limits(max_new_tokens=length, sampler={**sampler, **_settings(left, adapter)}, stop=stop)


def _settings(asked: dict[str, Any], adapter: Adapter) -> dict[str, Value]:
    """What of a harness's arguments sets the adapter's sampler."""
    greedy = asked.get("do_sample") is False or ("do_sample" not in asked and not asked.get("temperature"))
    if "do_sample" in adapter.settings:
        asked = {**asked, "do_sample": not greedy}
    else:
        asked.pop("do_sample", None)
    if greedy:
        asked = {name: value for name, value in asked.items() if name not in _RANDOM}
    taken = {name: value for name, value in asked.items() if name in adapter.settings}
    if ignored := sorted(asked.keys() - taken.keys()):
        _log.warning("the adapter family %s takes no %s", adapter.family, ", ".join(ignored))
    return taken


def row_of(context: str, repeat: int, encode: Callable[[str], Sequence[int]]) -> Row:
    """The row of a prompt, whose id is that of a `jsonl` problem with the same prompt: both have the same seed."""
    identity = hashlib.sha256(context.encode(errors="surrogatepass")).hexdigest()[:12]
    problem = Problem(id=identity, prompt=context, target="", answer="")
    return Row(problem=problem, repeat=repeat, tokens=tuple(encode(context)))


def require_usable(rows: Sequence[Row], adapter: Adapter, limits: Limits) -> None:
    """Refuse prompts that the model cannot read.

    Raises:
        UsageError: a prompt has no tokens, unknown ones, or too many with its response.
    """
    for row in rows:
        start = row.problem.prompt[:40]
        if not row.tokens or max(row.tokens) >= adapter.vocab_size:
            what = f"the prompt {start!r}... encodes to nothing that the model knows"
            raise UsageError(what, fix="use the tokenizer that belongs to the model")
        needed = len(row.tokens) + limits.max_new_tokens + adapter.extra_positions(limits)
        if needed > adapter.max_length:
            raise UsageError(
                f"the prompt {start!r}... and its response take {needed:,} tokens, the model holds "
                f"{adapter.max_length:,}",
                fix="lower max_gen_toks (--gen_kwargs max_gen_toks=N) or the number of examples",
            )
