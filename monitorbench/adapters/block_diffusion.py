"""DiffusionGemma: canvases of tokens denoised step by step, with the logits of each step carried into the next.

Shape suffixes: B rows, W prompt width, C canvas length, V vocabulary.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from monitorbench.adapters import batches
from monitorbench.adapters.base import Absent, Channel, Event, Hook, Index, Limits, Output, Segment
from monitorbench.adapters.block_diffusion_segments import generation_segments
from monitorbench.adapters.checkpoint import Checkpoint, load, load_tokenizer
from monitorbench.adapters.endings import Ending
from monitorbench.adapters.language_model import LanguageModel
from monitorbench.adapters.prefills import Prefills
from monitorbench.adapters.weightless import NoTokenizer, build
from monitorbench.errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

    from monitorbench.adapters.draws import SeededDraws

SELF_CONDITIONING = Channel(name="self_conditioning", axis="step", kind="logits", exact=True)
SETTINGS = ("max_denoising_steps", "entropy_bound", "t_min", "t_max", "stability_threshold", "confidence_threshold")
HONOURED = frozenset({"value", "tokens", "seeds"})


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockDiffusion(LanguageModel):
    """DiffusionGemma of transformers, run through its own `generate`.

    The denoising step is wrapped, because it is the one place that returns what is carried and decides what is
    accepted; everything inside it is the model's own.

    Attributes:
        prefills: what was kept of prompts that were read before; None reads every prompt anew.
    """

    prefills: Prefills | None = None

    family: ClassVar[str] = "block-diffusion"
    summary: ClassVar[str] = "DiffusionGemma, which carries the logits of each denoising step into the next."
    channels: ClassVar[tuple[Channel, ...]] = (SELF_CONDITIONING,)
    settings: ClassVar[tuple[str, ...]] = SETTINGS
    left_to_right: ClassVar[bool] = False
    honours: ClassVar[frozenset[str]] = HONOURED

    @staticmethod
    def claims(config: PretrainedConfig) -> bool:
        """Whether a checkpoint with this configuration belongs to the family."""
        return bool(config.model_type == "diffusion_gemma")

    @classmethod
    def load(cls, checkpoint: Checkpoint, *, device: str, dtype: str) -> BlockDiffusion:
        """Load weights and tokenizer.

        Raises:
            CheckpointError: there is no token that could fill up shorter prompts, among other reasons of `load`.
        """
        from transformers import DiffusionGemmaForBlockDiffusion

        model = load(checkpoint, DiffusionGemmaForBlockDiffusion, device=device, dtype=dtype)
        adapter = cls(model=model, tokenizer=load_tokenizer(checkpoint))
        adapter.special_ids(model.generation_config)
        return adapter

    @classmethod
    def from_config(cls, config: PretrainedConfig, *, dtype: str) -> BlockDiffusion:
        """The model without weights, and no tokenizer."""
        from transformers import DiffusionGemmaForBlockDiffusion

        made: Any = DiffusionGemmaForBlockDiffusion
        model = build(lambda: made._from_config(config, dtype=dtype))
        return cls(model=model, tokenizer=NoTokenizer())

    def generate(
        self, prompts: Sequence[Sequence[int]], seeds: Sequence[int], hook: Hook | None, limits: Limits
    ) -> Output:
        """Run one batch; two events for every denoising step: the observation, then the carried logits."""
        from transformers import StoppingCriteriaList

        from monitorbench.adapters.draws import SeededDraws

        config = generation_config(self.model, limits)
        pad, ends = self.special_ids(config)
        ids_BW, mask_BW = batches.left_pad(prompts, pad, self.model.device)
        draws = SeededDraws(seeds)
        width, ending = ids_BW.shape[1], self.ending(ends, limits)
        watcher = _Watcher(model=self.model, draws=draws, seeds=seeds, width=width, ending=ending, hook=hook)
        encoder, prefills = self.model.model.encoder, self.prefills
        shared = nullcontext() if prefills is None else prefills.shared(encoder, prompts, width)
        with draws, watcher.attached(), shared, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = self.model.generate(
                input_ids=ids_BW,
                attention_mask=mask_BW.bool(),
                generation_config=config,
                stopping_criteria=StoppingCriteriaList([watcher.ended]),
            )
        watcher.require_called()
        return ending.output(output.sequences[:, width : width + limits.max_new_tokens].tolist())

    def sharing_prefills(self) -> BlockDiffusion:
        """The same model, which reads a prompt that several generations share once."""
        return replace(self, prefills=Prefills())

    def forget_prefills(self) -> None:
        """Give back the memory that prompts take up which were read before."""
        if self.prefills is not None:
            self.prefills.forget()

    def special_ids(self, config: Any) -> tuple[int, tuple[int, ...]]:
        """Id of the token that fills up shorter prompts, and ids that end a text, under a generation configuration."""
        text, tokenizer, ends = self.model.config.text_config, self.tokenizer, batches.end_ids(config.eos_token_id)
        pad = (config.pad_token_id, text.pad_token_id, tokenizer.pad_token_id, *ends, tokenizer.eos_token_id)
        return self.padding(*pad), ends

    def extra_positions(self, limits: Limits) -> int:
        """The rest of the last canvas."""
        return -limits.max_new_tokens % int(self.model.config.canvas_length)

    def read(self, channel: str, value: Tensor) -> Tensor:
        """The carried value is logits already: (B, C, V)."""
        del channel
        return value

    def write(self, channel: str, logits: Tensor, like: Tensor) -> Tensor:
        """Logits are carried as they are, in the dtype of `like`: (B, C, V)."""
        del channel
        return logits.to(like.dtype)

    def segments(
        self,
        *,
        context_length: int,
        max_new_tokens: int,
        sampler: Mapping[str, float | int | bool | str],
        commit: bool = False,
    ) -> tuple[Segment, ...]:
        """Prompt encoding and the denoising steps of one canvas at full context; only tokens cross canvases."""
        config = generation_config(self.model, Limits(max_new_tokens=max_new_tokens, sampler=sampler))
        return generation_segments(
            self.model,
            context_length=context_length,
            max_steps=config.max_denoising_steps,
            temperature=config.t_max or 1.0,
            commit=commit,
        )


def generation_config(model: Any, limits: Limits) -> Any:
    """The checkpoint's generation configuration with the limits and sampler settings of the suite."""
    from transformers.models.diffusion_gemma.generation_diffusion_gemma import EntropyBoundSamplerConfig

    batches.check_settings(list(limits.sampler), SETTINGS, BlockDiffusion.family)
    # Compiled pieces would draw from the global generator, past the seeds of the rows.
    settings: dict[str, Any] = {
        **limits.sampler,
        "max_new_tokens": limits.max_new_tokens,
        "disable_compile": True,
        "return_dict_in_generate": True,
    }
    try:
        if "entropy_bound" in settings:
            settings["sampler_config"] = EntropyBoundSamplerConfig(entropy_bound=float(settings.pop("entropy_bound")))
        config, _ = model._prepare_generation_config(None, **settings)
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"the sampler settings cannot be used: {error}", fix="correct sampling.sampler") from error
    return config


class _Watcher:
    """Wraps the denoising step of one `generate` call: reports each step, and carries on with what the hook returns."""

    def __init__(
        self,
        *,
        model: Any,
        draws: SeededDraws,
        seeds: Sequence[int],
        width: int,
        ending: Ending,
        hook: Hook | None,
    ) -> None:
        self._model, self._draws, self._hook = model, draws, hook
        self._seeds, self._width, self._ending = tuple(seeds), width, ending
        self._ended = [False for _ in self._seeds]
        self._ended_B: Tensor | None = None
        self._block = -1
        self._step = 0
        self._absent = False

    @contextmanager
    def attached(self) -> Iterator[None]:
        """The wrapped methods shadow the model's own for the time of one call."""
        model = self._model
        model._denoising_step, model._prepare_denoiser_inputs = self._denoise, self._prepare
        try:
            yield
        finally:
            del model._denoising_step, model._prepare_denoiser_inputs

    def ended(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """A stopping criterion: (B,) rows whose text has ended; called after each canvas is appended."""
        import torch

        del scores
        canvas_length = int(self._model.config.canvas_length)
        start = input_ids.shape[1] - self._width - canvas_length
        self._ended = self._ending.ended(self._ended, input_ids[:, self._width :].tolist(), start)
        self._ended_B = torch.tensor(self._ended, device=input_ids.device)
        return self._ended_B

    def require_called(self) -> None:
        """Refuse a run in which the model never came by: its hooks would silently have done nothing."""
        if self._block < 0:
            raise CheckpointError(
                "this transformers generates without the denoising step that is watched",
                fix="use transformers 5.23",
            )

    def _prepare(self, **inputs: Any) -> Any:
        self._block += 1
        self._step, self._absent = 0, False
        self._draws.start(self._block)
        return type(self._model)._prepare_denoiser_inputs(self._model, **inputs)

    def _denoise(self, **inputs: Any) -> Any:
        import torch

        live_B = ~inputs["finished_denoising"]
        if self._ended_B is not None:
            live_B = live_B & ~self._ended_B
        if self._absent:
            inputs["self_conditioning_mask"] = torch.zeros_like(live_B)
        canvas_BC, argmax_BC, carried_BCV, finished_B = type(self._model)._denoising_step(self._model, **inputs)
        if self._hook is not None:
            accepted_BC = inputs["sampler"].accepted_token_mask
            common: dict[str, Any] = {
                "index": Index(block=self._block, step=self._step),
                "seeds": self._seeds,
                "live": live_B,
                "tokens": argmax_BC,
                "committed": accepted_BC,
                "canvas": inputs["current_canvas"],
            }
            canvas_BC, carried_BCV = self._edited(common, canvas_BC, carried_BCV)
        self._step += 1
        return canvas_BC, argmax_BC, carried_BCV, finished_B

    def _edited(self, common: Mapping[str, Any], canvas_BC: Tensor, carried_BCV: Tensor) -> tuple[Tensor, Tensor]:
        """The canvas and the carried logits as the hook leaves them; `common` is what both its events tell."""
        channel, self._absent = SELF_CONDITIONING.name, False
        for shown in ({"logits": carried_BCV}, {"channel": channel, "value": carried_BCV}):
            edit = self._hook(Event(**common, **shown, next_canvas=canvas_BC)) if self._hook is not None else None
            batches.require_honoured(edit, HONOURED, BlockDiffusion.family)
            if edit is None:
                continue
            canvas_BC = edit.tokens if edit.tokens is not None else canvas_BC
            if edit.seeds is not None:
                self._draws.reseed(edit.seeds)
            if isinstance(edit.value, Absent):
                self._absent = True
            elif edit.value is not None:
                carried_BCV, self._absent = edit.value, False
        return canvas_BC, carried_BCV
