"""Everything that decides what a rollout comes to, and its hash: the name under which a rollout is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from monitorbench.interventions.row_edits import RowEdit
from monitorbench.tasks.base import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmFacts:
    """What all rollouts of an arm have in common. A name is no fact: neither a model's, a task's nor a role.

    Attributes:
        weights: SHA-256 of the weight files: the numbers that are computed with.
        config: SHA-256 of the configuration files: what is computed, and how the checkpoint samples by itself.
        tokenizer: SHA-256 of the tokenizer files: which text the ids are, and the chat template.
        adapter: class of the adapter: how the model is run and watched.
        architecture: class of the model.
        remote_code: whether code that came with the checkpoint ran.
        chat_template: whether prompts went through a chat template.
        dtype: number format of the weights: another one rounds differently.
        device_map: device of each module placed by itself: another device computes by other kernels.
        tensor_parallel: plan and number of ranks of a model that they hold together: each sums up a part.
        task: class of the task: what is asked, and how a response is graded.
        parameters: parameters of the task, those of the arm's text form included.
        arm: what the arm does to the run, such as its intervention.
        limits: bounds, stop strings and those sampler settings that the adapter takes.
        code: SHA-256 of the source files that decide a rollout, by what they belong to.
        device: `cpu`, or the name of the GPU.
        kernels: what decides which implementation of an operation runs there, threads included: they split sums.
        versions: of Python and of the packages that compute: another release may round, pad or draw differently.
    """

    weights: str
    config: str
    tokenizer: str
    adapter: str
    architecture: str
    remote_code: bool | None
    chat_template: bool | None
    dtype: str | None
    device_map: Mapping[str, str] | None
    tensor_parallel: Mapping[str, Any] | None
    task: str
    parameters: Mapping[str, Any]
    arm: Mapping[str, Any]
    limits: Mapping[str, Any]
    code: Mapping[str, str]
    device: str
    kernels: Mapping[str, Any]
    versions: Mapping[str, str]

    @property
    def text(self) -> str:
        """The facts as canonical JSON."""
        return canonical(asdict(self))


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutFacts:
    """What decides one rollout.

    Attributes:
        arm: hash of the facts of its arm.
        problem: prompt, answer and value graph: what is asked and what a response is graded against.
        tokens: ids of the prompt as the model reads it.
        seed: every random draw follows from it.
        repeat: which of the prompt's seeds it is: two of them are two rollouts, whatever the seeds.
        rows: rows of the batch: kernels differ from one batch shape to another.
        width: width of the prompts of the batch, padding included, for the same reason.
        batch: where rows see each other's values, the prompts and seeds of all rows in order.
        place: where rows see each other's values, which of them it is.
        edit: what is done to this rollout alone.
    """

    arm: str
    problem: Problem
    tokens: tuple[int, ...]
    seed: int
    repeat: int
    rows: int
    width: int
    batch: Sequence[tuple[tuple[int, ...], int]] = ()
    place: int = 0
    edit: RowEdit | None = None

    @property
    def key(self) -> str:
        """The SHA-256 under which the rollout is kept."""
        return digest(canonical(asdict(self)))


def canonical(value: Any) -> str:
    """A value as JSON that equal values share, whatever the order of their mappings.

    Raises:
        TypeError: it cannot be said in JSON.
        ValueError: it holds a number that is none.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
