"""Causal language models: what crosses tokens is the key-value cache, which joins equal layers, or a recurrent state.

Shape suffixes: B rows, W prompt width, T tokens so far, V vocabulary.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from monitorbench.adapters import batches
from monitorbench.adapters.base import Channel, Edit, Event, Hook, Index, Limits, Output, Segment
from monitorbench.adapters.checkpoint import Checkpoint, load, load_tokenizer
from monitorbench.adapters.endings import Ending
from monitorbench.adapters.independent_rows import independent_rows
from monitorbench.adapters.language_model import LanguageModel
from monitorbench.adapters.recurrent_state import RECURRENT_STATE, StateWatch, is_recurrent
from monitorbench.adapters.weightless import NoTokenizer, build
from monitorbench.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PretrainedConfig

    from monitorbench.adapters.draws import SeededDraws

HONOURED = frozenset({"tokens", "seeds"})
SETTINGS = ("do_sample", "temperature", "top_k", "top_p", "min_p", "repetition_penalty")


@dataclass(frozen=True, kw_only=True, slots=True)
class Autoregressive(LanguageModel):
    """Any causal model of transformers, run through its own `generate`."""

    family: ClassVar[str] = "autoregressive"
    summary: ClassVar[str] = "Causal language models of transformers; those with recurrent layers carry their state."
    channels: ClassVar[tuple[Channel, ...]] = (RECURRENT_STATE,)
    settings: ClassVar[tuple[str, ...]] = SETTINGS
    left_to_right: ClassVar[bool] = True
    honours: ClassVar[frozenset[str]] = HONOURED
    splits: ClassVar[bool] = True

    @staticmethod
    def claims(config: PretrainedConfig) -> bool:
        """Whether a checkpoint with this configuration belongs to the family: one that thinks before it writes is
        another family's.
        """
        return Autoregressive.runs(config) and not hasattr(config, "thought_loop") and config.model_type != "hrm_text"

    @staticmethod
    def runs(config: PretrainedConfig) -> bool:
        """Whether it is a causal model."""
        from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING

        # A masked language model such as BERT has a causal class too, but sees both sides unless made a decoder.
        masked = type(config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False)
        causal = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and not getattr(config, "is_encoder_decoder", False)
        return causal and not masked

    @classmethod
    def load(cls, checkpoint: Checkpoint, *, device: str, dtype: str) -> Autoregressive:
        """Load weights and tokenizer.

        Raises:
            CheckpointError: there is no token that could fill up shorter prompts, among other reasons of `load`.
        """
        from transformers import AutoModelForCausalLM

        model = load(checkpoint, AutoModelForCausalLM, device=device, dtype=dtype)
        if model.device.type == "cpu":
            # The fused kernel rounds a single query by its row's place in the batch on some processors.
            model.set_attn_implementation("eager")
        adapter = cls(model=model, tokenizer=load_tokenizer(checkpoint))
        adapter.special_ids()
        return adapter

    @classmethod
    def from_config(cls, config: PretrainedConfig, *, dtype: str) -> Autoregressive:
        """The model without weights, and no tokenizer."""
        from transformers import AutoModelForCausalLM

        auto: Any = AutoModelForCausalLM
        model = build(lambda: auto.from_config(config, dtype=dtype, trust_remote_code=False))
        return cls(model=model, tokenizer=NoTokenizer())

    def carries(self, sampler: Mapping[str, float | int | bool | str]) -> tuple[Channel, ...]:
        """The recurrent state, where the model has recurrent layers."""
        del sampler
        return self.channels if is_recurrent(self.model) else ()

    def generate(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], hook: Hook | None, limits: Limits
    ) -> Output:
        """Run one batch; for every token one event of the state, where there is one, and one observation event."""
        from monitorbench.adapters.draws import SeededDraws

        batches.check_settings(list(limits.sampler), SETTINGS, self.family)
        pad, ends = self.special_ids()
        ids_BW, mask_BW = batches.left_pad(prompts, pad, self.model.device)
        ending = self.ending(ends, limits)
        draws, width = SeededDraws(seeds), ids_BW.shape[1]
        watcher = _Watcher(seeds=seeds, draws=draws, width=width, ending=ending, hook=hook, family=self.family)
        model: Any = self.model
        with draws, independent_rows(model, mask_BW), watcher.attached(model), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sequences_BT = model.generate(
                input_ids=ids_BW,
                attention_mask=mask_BW,
                max_new_tokens=limits.max_new_tokens,
                pad_token_id=pad,
                num_beams=1,
                num_return_sequences=1,
                return_dict_in_generate=False,
                disable_compile=True,
                # Checkpoints are often saved with the cache of their training, which is none.
                **({"use_cache": True} if is_recurrent(model) else {}),
                **dict(limits.sampler),
            )
        return ending.output(sequences_BT[:, width:].tolist())

    def segments(
        self,
        *,
        context_length: int,
        max_new_tokens: int,
        sampler: Mapping[str, float | int | bool | str],
        commit: bool = False,
    ) -> tuple[Segment, ...]:
        """One forward pass at full context: each sampled token is read again as a token, so depth starts anew there.

        A recurrent state runs on inside the pass, so that no path is cut at it, whatever was shown of it.
        """
        import torch

        del max_new_tokens, sampler, commit
        model = self.model

        def forward(values: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"tokens.next": model(input_ids=values["tokens"], use_cache=False).logits}

        return (
            Segment(
                name="forward",
                fn=forward,
                inputs=("tokens",),
                outputs=("tokens.next",),
                example=lambda: {"tokens": torch.zeros((1, context_length), dtype=torch.long)},
                module=model,
            ),
        )

    def special_ids(self) -> tuple[int, tuple[int, ...]]:
        """Id of the token that fills up shorter prompts, and ids that end a text."""
        config, tokenizer = self.model.generation_config, self.tokenizer
        ends = batches.end_ids(config.eos_token_id)
        return self.padding(config.pad_token_id, tokenizer.pad_token_id, *ends, tokenizer.eos_token_id), ends


class _Watcher:
    """Turns the calls that `generate` makes for every token into events."""

    def __init__(
        self,
        *,
        seeds: Sequence[int],
        draws: SeededDraws,
        width: int,
        ending: Ending,
        hook: Hook | None,
        family: str,
    ) -> None:
        self._seeds, self._width, self._ending, self._hook, self._family = tuple(seeds), width, ending, hook, family
        self._draws = draws
        self._logits_BV: Tensor | None = None
        self._stopped = [False for _ in self._seeds]
        self._state: StateWatch | None = None

    @contextmanager
    def attached(self, model: Any) -> Iterator[None]:
        """For the time of one call, the processors end in one that keeps what the next tokens are drawn from.

        A processor handed to `generate` would stand before temperature and truncations; a criterion handed to it,
        after the one that ends a row at its last token, which a hook may still change.
        """

        def with_keeper(**arguments: Any) -> Any:
            try:
                processors = type(model)._get_logits_processor(model, **arguments)
            except ValueError as error:
                what = f"the sampler settings cannot be used: {error}"
                raise UsageError(what, fix="correct sampling.sampler") from error
            processors.append(self.keep_logits)
            return processors

        def with_observer(**arguments: Any) -> Any:
            criteria = type(model)._get_stopping_criteria(model, **arguments)
            criteria.insert(0, self.observe)
            return criteria

        model._get_logits_processor, model._get_stopping_criteria = with_keeper, with_observer
        self._state = StateWatch(model) if self._hook is not None and is_recurrent(model) else None
        try:
            with self._state.attached() if self._state is not None else nullcontext():
                yield
        finally:
            del model._get_logits_processor, model._get_stopping_criteria

    def keep_logits(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """A logits processor that changes nothing."""
        del input_ids
        self._logits_BV = scores
        return scores

    def observe(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """A stopping criterion that stops rows at a stop string only: called after each token is appended."""
        import torch

        del scores
        tokens_BT = input_ids[:, self._width :]
        if self._hook is not None and self._logits_BV is not None:
            ends = torch.tensor(self._ending.ends, dtype=torch.long, device=input_ids.device)
            ended_B = torch.isin(tokens_BT[:, :-1], ends).any(-1) | self._stopped_rows(input_ids.device)
            event = Event(
                index=Index(block=0, step=tokens_BT.shape[1] - 1),
                seeds=self._seeds,
                live=~ended_B,
                tokens=tokens_BT,
                committed=torch.ones_like(tokens_BT, dtype=torch.bool),
            )
            if self._state is not None:
                self._carry(self._state, self._hook, event)
            observed = self._hook(replace(event, logits=self._logits_BV[:, None, :]))
            batches.require_honoured(observed, HONOURED, self._family)
            self._take(observed, tokens_BT)
        if self._ending.stop:
            self._stopped = self._ending.ended(self._stopped, tokens_BT.tolist(), tokens_BT.shape[1] - 1)
        return self._stopped_rows(input_ids.device)

    def _take(self, edit: Edit | None, tokens_BT: Tensor) -> None:
        """Change the newest token, in place, and what is drawn from; what was read before stays as it is."""
        import torch

        if edit is not None and edit.tokens is not None:
            if not torch.equal(edit.tokens[:, :-1], tokens_BT[:, :-1]):
                what = f"the adapter family {self._family} cannot change tokens that it has read already"
                raise UsageError(what, fix="edit the newest one only")
            tokens_BT[:, -1] = edit.tokens[:, -1]
        if edit is not None and edit.seeds is not None:
            self._draws.reseed(edit.seeds)

    def _stopped_rows(self, device: torch.device) -> Tensor:
        """(B,) rows that have come to a stop string; never any where there are none."""
        import torch

        if not self._ending.stop:
            return torch.zeros(len(self._stopped), dtype=torch.bool, device=device)
        return torch.tensor(self._stopped, dtype=torch.bool, device=device)

    def _carry(self, state: StateWatch, hook: Hook, event: Event) -> None:
        """Show the hook the state that came with the newest token, and carry on what it makes of it."""
        edit = hook(replace(event, channel=RECURRENT_STATE.name, value=state.value()))
        batches.require_honoured(edit, frozenset({"value"}), self._family)
        if edit is not None and edit.value is not None:
            state.write(edit.value)
