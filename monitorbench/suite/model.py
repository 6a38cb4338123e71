"""A suite after parsing, validation and overrides: what the rest of the house works with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSpec:
    """Where a checkpoint comes from and how it is loaded.

    Attributes:
        source: `zoo:NAME`, `package:NAME` or `package:NAME/folder` for a folder of an installed Python package, a local
            folder in Hugging Face format, or a hub id.
        revision: commit, tag or branch of a hub id.
        gguf_file: file inside the folder or repository that holds the weights in GGUF.
        adapter: adapter family, or `package.module:Class` of one that is not registered; None lets the checkpoint's
            configuration decide.
        trust_remote_code: run model code that the checkpoint brings along.
        chat_template: send prompts through the tokenizer's chat template, where it has one.
        dtype: number format of the weights; None for the suite's.
        device_map: how accelerate spreads the model over devices: a strategy such as `auto`, or the device of each
            module by its name; None puts the whole model on the suite's device.
        tp_plan: how transformers splits the model over ranks that hold it together: `auto` for the plan that comes with
            the model, or the rules of that plan that are others; None for a model that each rank holds whole.
    """

    source: str
    revision: str | None = None
    gguf_file: str | None = None
    adapter: str | None = None
    trust_remote_code: bool = False
    chat_template: bool = True
    dtype: str | None = None
    device_map: str | Mapping[str, str | int] | None = None
    tp_plan: str | Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSpec:
    """A task of the suite: a family, its parameters, and how many problems."""

    name: str
    family: str
    n: int
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelSpec:
    """What is declared of a channel of the models.

    Attributes:
        trained_through: whether a gradient flowed through it in training, so that it could learn to carry what no
            reader of it sees.
    """

    trained_through: bool | Literal["unknown"] = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How rollouts are sampled.

    Attributes:
        seed: base of every seed of the run.
        seeds_per_prompt: rollouts of each prompt; they are averaged inside the prompt.
        max_new_tokens: tokens generated at most.
        batch_size: rows of every forward pass.
        sampler: settings of the adapter's sampler by its own names; those not given are the checkpoint's.
        stop: a response ends before the first of these strings.
        sequential: record prompts a batch at a time and stop once every check is decided, by bounds that hold at
            whatever moment one looks.
    """

    seed: int = 0
    seeds_per_prompt: int = 1
    max_new_tokens: int = 256
    batch_size: int = 32
    sampler: Mapping[str, float | int | bool | str] = field(default_factory=dict)
    stop: tuple[str, ...] = ()
    sequential: bool = False


Severity = Literal["fail", "warn", "info"]
"""What a check that does not pass does: fail, warn (and fail under `--strict`), or no more than be told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckSpec:
    """One declared check.

    Attributes:
        id: unique name.
        type: registered check type.
        parameters: every parameter of the type, defaults filled in.
        file: the file that declares it.
        line: the line in that file, from 1.
        column: the column in that line, from 1.
        gated: False for a check that runs only because another one names it (`--only`); it does
            not affect the exit code.
        severity: what becomes of the run when the check does not pass.
        warn_if: tighter bounds by name, whose breach is a warning; empty where there are none.
        tolerance: by how much the estimate may be worse than an accepted one: `abs`, in its unit, and `rel`, as a share
            of it, of which the larger holds; empty where differences are not judged.
        max_drop_vs: `previous` asks for an estimate shown to be no worse, within the tolerance, than the last accepted.
    """

    id: str
    type: str
    parameters: Mapping[str, Any]
    file: str
    line: int
    column: int = 1
    gated: bool = True
    severity: Severity = "fail"
    warn_if: Mapping[str, Any] = field(default_factory=dict)
    tolerance: Mapping[str, float] = field(default_factory=dict)
    max_drop_vs: Literal["previous"] | None = None

    @property
    def warned(self) -> CheckSpec | None:
        """The same check by the bounds of its `warn_if`, the others as they are; None where it has none."""
        if not self.warn_if:
            return None
        severity: Severity = "info" if self.severity == "info" else "warn"
        return replace(self, parameters={**self.parameters, **self.warn_if}, severity=severity, warn_if={})


Family = Literal["gate: all", "alert: any"]
"""How the checks of a suite are taken together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """A whole suite.

    Attributes:
        family: `gate: all`, every check by itself, since all of them have to pass; or `alert: any`, an alarm if any
            fails, at an error rate that holds for all of them together.
        source_hash: SHA-256 of the suite's text and that of everything it includes.
    """

    path: Path
    name: str
    schema_version: int
    model: ModelSpec
    baseline: ModelSpec | None
    tasks: Mapping[str, TaskSpec]
    sampling: Sampling
    checks: tuple[CheckSpec, ...]
    device: str = "auto"
    dtype: str = "float32"
    channels: Mapping[str, ChannelSpec] = field(default_factory=dict)
    family: Family = "gate: all"
    source_hash: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overrides:
    """What the command line changes in a suite; None and empty leave it as written.

    Attributes:
        limit: largest number of problems per task.
        only: ids of the checks to run.
        set: `path=value` pairs, such as `checks.bottleneck.max_drop=0.1` or `sampling.seed=3`; values are YAML scalars.
    """

    model: str | None = None
    baseline: str | None = None
    device: str | None = None
    dtype: str | None = None
    seed: int | None = None
    limit: int | None = None
    only: tuple[str, ...] = ()
    set: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckSchema:
    """What the suite language knows of a check type.

    Attributes:
        properties: JSON Schema (draft-07) of every parameter, by name; `default` values are filled in.
        required: parameters that have to be given.
        extra: further draft-07 keywords of the whole object, such as `anyOf`.
        refusal: what is wrong with parameters that fit the schema, as it alone cannot say it, and what to do; None
            where nothing is. Defaults are not filled in.
        bounds: parameters that are bounds, which `fail_if` and `warn_if` may hold. They change the verdict and nothing
            that is recorded; each is called `min...` or `max...`, and the larger or the smaller it is, the tighter.
    """

    properties: Mapping[str, Any]
    required: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    refusal: Callable[[Mapping[str, Any]], tuple[str, str] | None] = lambda _parameters: None
    bounds: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Vocabulary:
    """Every registered name that a suite may use; the registries fill it, so that parsing needs no model code.

    Attributes:
        checks: check types.
        tasks: task families, with the schema of their parameters.
        adapters: adapter families, with the names of the channels that each declares.
        zoo: names of reference checkpoints.
        settings: sampler settings that some adapter family has.
        word_settings: sampler settings of any family whose values are words, not numbers.
        recorded: models that need not be there, because rollouts of theirs are.
    """

    checks: Mapping[str, CheckSchema]
    tasks: Mapping[str, CheckSchema]
    adapters: Mapping[str, tuple[str, ...]]
    zoo: tuple[str, ...]
    settings: tuple[str, ...]
    word_settings: tuple[str, ...] = ()
    recorded: Collection[str] = ()
