"""Models for the depth tracer that are only named: built from their configuration, on fake tensors, without weights."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from monitorbench.adapters.base import Limits, Segment
from monitorbench.adapters.checkpoint import quiet
from monitorbench.adapters.registry import ADAPTERS
from monitorbench.adapters.weightless import build
from monitorbench.depth.configuration import Configuration, nearest, one_line, read_configuration
from monitorbench.depth.limits import LONGEST, MOST_STEPS
from monitorbench.errors import MonitorbenchError, UsageError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from monitorbench.adapters.base import Adapter

DTYPES = ("float32", "bfloat16")
_USUAL_CONTEXT = 32_768


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightlessModel:
    """A model that can be traced and nothing else.

    Attributes:
        name: what named it.
        model: the modules, on fake tensors.
        adapter: runs its generation; None where no adapter family does, and one forward pass stands for it.
        notes: what its count leaves out.
    """

    name: str
    model: Any
    adapter: Adapter | None
    notes: tuple[str, ...]

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of what it carries opaquely."""
        return tuple(channel.name for channel in self.adapter.carries({})) if self.adapter is not None else ()

    @property
    def has_canvas(self) -> bool:
        """Whether it generates whole canvases of tokens."""
        return hasattr(self.model.config, "canvas_length")

    @property
    def max_length(self) -> int | None:
        """Largest number of positions that it was made for; None where its configuration sets none."""
        length = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return int(length) if length else None

    def segments(self, *, context: int, steps: int | None = None, commit: bool = False) -> tuple[Segment, ...]:
        """Its generation.

        Args:
            context: positions in all, generated ones included.
            steps: largest number of runs of what it repeats; None leaves the configuration's.
            commit: only what lies between a cache that is there already and one that holds the finished tokens, too.

        Raises:
            UsageError: the context is too short for it.
        """
        if self.adapter is None:
            return (_forward(self.model, context),)
        beside = self.adapter.extra_positions(Limits(max_new_tokens=1, sampler={}))
        with quiet():
            segments = self.adapter.segments(
                context_length=context, max_new_tokens=max(1, context - 1 - beside), sampler={}, commit=commit
            )
        if steps is None:
            return segments
        return tuple(
            replace(segment, repeat=(min(segment.repeat[0], steps), steps)) if segment.repeat != (1, 1) else segment
            for segment in segments
        )


def weightless(
    name: str, *, dtype: str = "float32", canvas: int | None = None, trust_remote_code: bool = False
) -> WeightlessModel:
    """Build the model that a name stands for.

    Args:
        name: a preset, `zoo:NAME`, a checkpoint folder, or a `config.json`.
        dtype: one of `DTYPES`.
        canvas: tokens of a canvas, for a model that has one; None leaves the configuration's.
        trust_remote_code: run code that lies beside the configuration, where transformers has none for it.

    Raises:
        UsageError: nothing is called so, or it cannot be built.
    """
    if dtype not in DTYPES:
        raise UsageError(f"unknown type {dtype!r}", fix=nearest(dtype, DTYPES))
    source = read_configuration(name, trust_remote_code=trust_remote_code)
    if canvas is not None and hasattr(source.config, "canvas_length"):
        _require_length("the canvas", canvas, LONGEST)
        source.config.canvas_length = canvas
    try:
        with quiet():
            model = _built(source, dtype)
    except MonitorbenchError:
        raise
    except Exception as error:
        raise UsageError(
            f"no model can be built from its configuration: {one_line(error)}",
            where=name,
            fix="correct the config.json",
        ) from error
    return model


def usual_context(models: Sequence[WeightlessModel]) -> int:
    """The context at which models are compared unless one is given: the largest that all of them were made for."""
    return min((model.max_length or _USUAL_CONTEXT for model in models), default=_USUAL_CONTEXT)


def require_fit(
    models: Sequence[WeightlessModel],
    *,
    context: int,
    steps: int | None = None,
    canvas: int | None = None,
    interpretable: Collection[str] = (),
) -> None:
    """Refuse what fits none of the models.

    Raises:
        UsageError: a channel that none has, steps where none takes any, a canvas where none has one, absurd lengths.
    """
    _require_length("the context", context, LONGEST)
    channels = [channel for model in models for channel in model.channels]
    where = " and ".join(model.name for model in models)
    for name in interpretable:
        if name not in channels:
            fix = nearest(name, channels) if channels else "leave it out: it has none"
            raise UsageError(f"there is no channel {name!r}", where=where, fix=fix)
    if canvas is not None and not any(model.has_canvas for model in models):
        raise UsageError("there is no canvas to give a length", where=where, fix="leave out the canvas")
    if steps is not None:
        _require_length("the number of steps", steps, MOST_STEPS)
        segments = [segment for model in models for segment in model.segments(context=context)]
        if all(segment.repeat == (1, 1) for segment in segments):
            raise UsageError("nothing in it repeats", where=where, fix="leave out the steps")


def _require_length(what: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise UsageError(f"{what} must lie between 1 and {most:,}, not {value:,}", fix="give a length in that range")


def _built(source: Configuration, dtype: str) -> WeightlessModel:
    adapter: Any = _adapter(source.config, dtype)
    model = adapter.model if adapter is not None else _bare_model(source, dtype)
    if source.folder is not None and (source.folder / "generation_config.json").is_file():
        model.generation_config = type(model.generation_config).from_pretrained(source.folder, local_files_only=True)
    return WeightlessModel(name=source.name, model=model, adapter=adapter, notes=_notes(source, adapter))


def _adapter(config: PretrainedConfig, dtype: str) -> Adapter | None:
    for family in ADAPTERS:
        adapter_class: Any = ADAPTERS.load(family)
        if adapter_class.claims(config):
            adapter: Adapter = adapter_class.from_config(config, dtype=dtype)
            return adapter
    return None


def _notes(source: Configuration, adapter: Adapter | None) -> tuple[str, ...]:
    kind = source.config.model_type
    if adapter is None:
        return (f"no adapter family runs a {kind} model: one forward pass is counted, and nothing between passes",)
    if adapter.family != "autoregressive":
        return ()
    if adapter.carries({}):
        return ("it carries a state along the text: counted inside one forward pass, where no path is cut at it",)
    return ()


def _bare_model(source: Configuration, dtype: str) -> Any:
    """A language model of transformers that no adapter family runs."""
    import transformers

    config = source.config
    if "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {}) and _is_foreign(config):
        auto: Any = transformers.AutoModelForCausalLM
        return build(lambda: auto.from_config(config, dtype=dtype, trust_remote_code=True))
    for kind in ("ImageTextToText", "Seq2SeqLM", "MaskedLM"):
        auto = getattr(transformers, f"AutoModelFor{kind}")
        if type(config) in auto._model_mapping:
            return build(_maker(auto, config, dtype))
    raise UsageError(
        f"is a {config.model_type} model, which writes no text",
        where=source.name,
        fix="name a language model",
    )


def _maker(auto: Any, config: PretrainedConfig, dtype: str) -> Callable[[], Any]:
    return lambda: auto.from_config(config, dtype=dtype, trust_remote_code=False)


def _is_foreign(config: PretrainedConfig) -> bool:
    return not type(config).__module__.startswith("transformers.models.")


def _forward(model: Any, context: int) -> Segment:
    """One forward pass from tokens to logits; a model of two parts reads and writes as many tokens."""
    import torch

    names = {"tokens": "input_ids"}
    if getattr(model.config, "is_encoder_decoder", False):
        names["tokens.written"] = "decoder_input_ids"

    def run(values: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"tokens.next": model(**{argument: values[name] for name, argument in names.items()}).logits}

    return Segment(
        name="forward",
        fn=run,
        inputs=tuple(names),
        outputs=("tokens.next",),
        example=lambda: {name: torch.zeros((1, context), dtype=torch.long) for name in names},
        module=model,
    )
