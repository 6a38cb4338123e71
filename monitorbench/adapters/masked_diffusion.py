"""Masked language models that fill a canvas of masks step by step: only the canvas, which is tokens, crosses steps.

Shape suffixes: B rows, W prompt width, C block length, T positions in all, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from monitorbench.adapters import batches
from monitorbench.adapters.base import Edit, Event, Hook, Index, Limits, Output, Segment
from monitorbench.adapters.checkpoint import Checkpoint, load, load_tokenizer
from monitorbench.adapters.language_model import LanguageModel
from monitorbench.adapters.masked_sampler import SETTINGS, Schedule, fill, propose, schedule
from monitorbench.adapters.weightless import NoTokenizer, build
from monitorbench.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

    from monitorbench.adapters.draws import SeededDraws

HONOURED = frozenset({"tokens", "hold", "seeds"})
REMOTE_CLASSES = ("AutoModelForMaskedLM", "AutoModel", "AutoModelForCausalLM")
"""Where the code that comes with a checkpoint may register a masked model, in the order in which they are tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskedDiffusion(LanguageModel):
    """Any model that maps ids to logits and has a mask token, run through a sampler of our own.

    Attributes:
        model: called as `model(input_ids=..., attention_mask=...)`; its output has `logits` (B, T, V).
        mask_id: id of the mask token.
    """

    mask_id: int
    family: ClassVar[str] = "masked-diffusion"
    summary: ClassVar[str] = "Masked language models, which carry nothing but the partly masked canvas between steps."
    settings: ClassVar[tuple[str, ...]] = SETTINGS
    words: ClassVar[tuple[str, ...]] = ("remasking",)
    splits: ClassVar[bool] = True
    left_to_right: ClassVar[bool] = False
    honours: ClassVar[frozenset[str]] = HONOURED

    @staticmethod
    def claims(config: PretrainedConfig) -> bool:
        """Whether a checkpoint with this configuration belongs to the family."""
        from transformers import MODEL_FOR_MASKED_LM_MAPPING

        native = type(config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_encoder_decoder", False)
        named = getattr(config, "mask_token_id", None) is not None
        return (native or named) and not getattr(config, "is_decoder", False)

    @classmethod
    def load(cls, checkpoint: Checkpoint, *, device: str, dtype: str) -> MaskedDiffusion:
        """Load weights and tokenizer.

        Raises:
            CheckpointError: there is no mask token.
        """
        import transformers

        remote = getattr(checkpoint.config, "auto_map", None) or {}
        name = next((name for name in REMOTE_CLASSES if name in remote), REMOTE_CLASSES[0])
        tokenizer = load_tokenizer(checkpoint)
        mask_id = tokenizer.mask_token_id
        mask_id = getattr(checkpoint.config, "mask_token_id", None) if mask_id is None else mask_id
        if mask_id is None:
            raise CheckpointError(
                "its tokenizer has no mask token, which this family fills in",
                where=checkpoint.source,
                fix="set mask_token in the tokenizer's configuration, or use another adapter family",
            )
        model = load(checkpoint, getattr(transformers, name), device=device, dtype=dtype)
        return cls(model=model, tokenizer=tokenizer, mask_id=int(mask_id))

    @classmethod
    def from_config(cls, config: PretrainedConfig, *, dtype: str) -> MaskedDiffusion:
        """The model without weights, and no tokenizer."""
        from transformers import AutoModelForMaskedLM

        auto: Any = AutoModelForMaskedLM
        model = build(lambda: auto.from_config(config, dtype=dtype, trust_remote_code=False))
        return cls(model=model, tokenizer=NoTokenizer(), mask_id=0)

    def generate(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], hook: Hook | None, limits: Limits
    ) -> Output:
        """Run one batch; one observation event for every denoising step of every block."""
        import torch

        from monitorbench.adapters.draws import SeededDraws

        batches.check_settings(list(limits.sampler), SETTINGS, self.family)
        chosen, ending = schedule(limits.sampler, limits.max_new_tokens), self.ending(self._ends(), limits)
        pad = self.padding(self.tokenizer.pad_token_id, getattr(self.model.config, "pad_token_id", None), self.mask_id)
        ids_BW, prompt_BW = batches.left_pad(prompts, pad, self.model.device)
        blocks = chosen.blocks(limits.max_new_tokens)
        width, length = ids_BW.shape[1], blocks * chosen.block_length
        ids_BT = torch.nn.functional.pad(ids_BW, (0, length), value=self.mask_id)
        mask_BT = torch.nn.functional.pad(prompt_BW, (0, length), value=1)
        draws, ended = SeededDraws(seeds), [False for _ in seeds]
        with torch.no_grad(), draws:
            for block in range(blocks):
                place = slice(width + block * chosen.block_length, width + (block + 1) * chosen.block_length)
                if all(ended):
                    break
                draws.start(block)
                live_B = ~torch.tensor(ended, device=ids_BT.device)
                run = _Block(
                    adapter=self, chosen=chosen, hook=hook, draws=draws, seeds=tuple(seeds), block=block, live_B=live_B
                )
                run.denoise(ids_BT, mask_BT, place)
                ended = ending.ended(ended, ids_BT[:, width : place.stop].tolist(), place.start - width)
        return ending.output(ids_BT[:, width : width + limits.max_new_tokens].tolist())

    @property
    def max_length(self) -> int:
        """Largest number of positions; a model that counts them by its padding token starts behind that token's id."""
        most = LanguageModel.max_length.fget(self)  # type: ignore[attr-defined]  # a class with slots has no super()
        counting = (part for part in self.model.modules() if hasattr(part, "create_position_ids_from_input_ids"))
        return int(most - next((part.padding_idx + 1 for part in counting), 0))

    def extra_positions(self, limits: Limits) -> int:
        """The rest of the last block."""
        chosen = schedule(limits.sampler, limits.max_new_tokens)
        return chosen.blocks(limits.max_new_tokens) * chosen.block_length - limits.max_new_tokens

    def logits(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """(B, T, V) logits of every position, in which the mask token itself cannot be chosen."""
        positions = {"position_ids": (mask_BT.cumsum(-1) - 1).clamp(min=0)} if self._takes_positions() else {}
        logits_BTV: Tensor = self.model(input_ids=ids_BT, attention_mask=mask_BT, **positions).logits
        logits_BTV[..., self.mask_id] = -float("inf")
        return logits_BTV

    def segments(
        self,
        *,
        context_length: int,
        max_new_tokens: int,
        sampler: Mapping[str, float | int | bool | str],
        commit: bool = False,
    ) -> tuple[Segment, ...]:
        """A denoising step at full context; the canvas is tokens, so depth starts anew with every step."""
        import torch

        del commit
        chosen = schedule(sampler, max_new_tokens)
        model = self.model

        def step(values: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"tokens.next": model(input_ids=values["tokens"]).logits}

        return (
            Segment(
                name="denoising step",
                fn=step,
                inputs=("tokens",),
                outputs=("tokens.next",),
                example=lambda: {"tokens": torch.zeros((1, context_length), dtype=torch.long)},
                repeat=(1, chosen.blocks(max_new_tokens) * chosen.steps),
                module=model,
            ),
        )

    def _ends(self) -> tuple[int, ...]:
        config = getattr(self.model, "generation_config", None)
        return batches.end_ids(getattr(config, "eos_token_id", None) or self.tokenizer.eos_token_id)

    def _takes_positions(self) -> bool:
        """Whether the model counts positions from the left edge unless told otherwise.

        Those of RoBERTa's line count from the first token that is no padding by themselves.
        """
        import inspect

        takes = "position_ids" in inspect.signature(self.model.forward).parameters
        return takes and not any(hasattr(part, "create_position_ids_from_input_ids") for part in self.model.modules())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Block:
    """The denoising of one block: reports each step, and goes on with what the hook returns."""

    adapter: MaskedDiffusion
    chosen: Schedule
    hook: Hook | None
    draws: SeededDraws
    seeds: tuple[int, ...]
    block: int
    live_B: Tensor

    def denoise(self, ids_BT: Tensor, mask_BT: Tensor, place: slice) -> None:
        """Fill the block at `place` of `ids_BT`, in place."""
        import torch

        mask_id = self.adapter.mask_id
        nothing_BC = torch.zeros_like(ids_BT[:, place], dtype=torch.bool)
        for step in range(self.chosen.steps):
            logits_BCV = self.adapter.logits(ids_BT, mask_BT)[:, place]
            proposal = propose(logits_BCV, self.chosen)
            before_BC = ids_BT[:, place].clone()

            def filled(hold_BC: Tensor, step: int = step, proposal: Any = proposal, before: Any = before_BC) -> Tensor:
                count, revise = self.chosen.filled(step), self.chosen.revise
                return fill(before, proposal, mask_id=mask_id, count=count, revise=revise, hold_BC=hold_BC)

            canvas_BC = filled(nothing_BC)
            edit = self._observed(step, before_BC, canvas_BC, proposal.likeliest_BC, logits_BCV)
            if edit is not None and edit.hold is not None:
                canvas_BC = filled(edit.hold)
            if edit is not None and edit.seeds is not None:
                self.draws.reseed(edit.seeds)
            ids_BT[:, place] = canvas_BC if edit is None or edit.tokens is None else edit.tokens

    def _observed(
        self, step: int, before_BC: Tensor, canvas_BC: Tensor, likeliest_BC: Tensor, logits_BCV: Tensor
    ) -> Edit | None:
        import torch

        if self.hook is None:
            return None
        committed_BC = canvas_BC != self.adapter.mask_id
        event = Event(
            index=Index(block=self.block, step=step),
            seeds=self.seeds,
            live=self.live_B,
            tokens=torch.where(committed_BC, canvas_BC, likeliest_BC),
            committed=committed_BC,
            logits=logits_BCV,
            canvas=before_BC,
            next_canvas=canvas_BC,
        )
        edit = self.hook(event)
        batches.require_honoured(edit, HONOURED, self.adapter.family)
        return edit
