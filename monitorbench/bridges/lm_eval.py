"""Any adapter with any intervention as a model of lm-evaluation-harness, named `monitorbench` there.

    python -m monitorbench.bridges.lm_eval --model monitorbench --tasks gsm8k --batch_size 8 \
        --model_args source=zoo:diffusion-chain,channel=self_conditioning,top_k=8

The harness finds models that are imported and no others, which is why its command line is entered through this module;
its options are its own. From Python: `lm_eval.simple_evaluate(model=MonitorbenchLM(source=...), tasks=[...])`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from lm_eval.api.model import LM
from lm_eval.api.registry import register_model
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from monitorbench.adapters.base import Adapter, Limits
from monitorbench.adapters.batches import check_settings
from monitorbench.adapters.factory import load_model, resolve_device
from monitorbench.bridges.likelihood import Pair, log_likelihoods
from monitorbench.bridges.requests import Value, intervention_of, limits_of, require_usable, row_of
from monitorbench.errors import UsageError
from monitorbench.interventions.intervention import build_hook
from monitorbench.rollouts.arm import rollout_seed
from monitorbench.rollouts.batching import Row, batch_rows
from monitorbench.suite.model import ModelSpec

Place = tuple[str, int]
"""A prompt's id, and which of its rollouts it is."""


@register_model("monitorbench")
class MonitorbenchLM(LM):  # type: ignore[misc]  # the harness is untyped
    """A model of the harness that runs an adapter, with one intervention at every step.

    Args:
        source: `zoo:NAME`, `package:NAME`, a folder in Hugging Face format, or a hub id.
        revision: commit, tag or branch of a hub id.
        gguf_file: file inside the folder or repository that holds the weights in GGUF.
        adapter: adapter family; None lets the checkpoint's configuration decide.
        trust_remote_code: run model code that the checkpoint brings along.
        chat_template: send every prompt as the message of a user through the tokenizer's chat template.
        dtype: number format of the weights.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        channel: channel that is changed; None leaves the model as it is.
        kind: what is done to it, as in `Intervention`; None is `keep`.
        top_k: largest tokens kept, of `keep`.
        min_p: smallest share of the largest probability that is kept, of `keep`.
        top_p: total probability that is kept, of `keep`.
        fill: what the others get, of `keep`; None is `haze`.
        seed: base of every seed; a prompt's own depends on it and on the prompt alone.
        batch_size: rows of every forward pass.
        max_batch_size: of the harness; not used.
        max_new_tokens: largest number of new tokens where the task gives none.
        sampler: settings of the adapter's sampler, by its own names.

    Raises:
        UsageError: the arguments do not go together, or the model has no such channel or setting.
        CheckpointError: the model cannot be loaded.
    """

    def __init__(
        self,
        source: str,
        *,
        revision: str | None = None,
        gguf_file: str | None = None,
        adapter: str | None = None,
        trust_remote_code: bool = False,
        chat_template: bool = False,
        dtype: str = "float32",
        device: str = "auto",
        channel: str | None = None,
        kind: str | None = None,
        top_k: int | None = None,
        min_p: float | None = None,
        top_p: float | None = None,
        fill: str | None = None,
        seed: int = 0,
        batch_size: int | str = 1,
        max_batch_size: int | None = None,
        max_new_tokens: int = 256,
        **sampler: Value,
    ) -> None:
        super().__init__()
        del max_batch_size
        if not str(batch_size).isdigit() or int(batch_size) < 1:
            raise UsageError(f"no batch size {batch_size!r}: it decides how sums are rounded", fix="give a number")
        self.intervention = intervention_of(
            channel=channel, kind=kind, fill=fill, keeps={"top_k": top_k, "min_p": min_p, "top_p": top_p}
        )
        self._batch_size, self._seed, self._max_new_tokens = int(batch_size), seed, max_new_tokens
        spec = ModelSpec(
            source=source,
            revision=revision,
            gguf_file=gguf_file,
            adapter=adapter,
            trust_remote_code=trust_remote_code,
            chat_template=chat_template,
        )
        loaded = load_model("candidate", spec, device=resolve_device(device), dtype=dtype, sampler=sampler)
        self._adapter, self._sampler = loaded.adapter, sampler
        check_settings(list(sampler), self._adapter.settings, self._adapter.family)
        build_hook(self.intervention, self._adapter.under(sampler))

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """The response to each request, in their order. A request that comes again is sampled anew.

        Raises:
            UsageError: a prompt does not fit the model, or the task's arguments cannot be used.
        """
        del disable_tqdm
        seen: Counter[int] = Counter()
        by_limits: dict[str, tuple[Limits, dict[Place, Row]]] = {}
        asked: list[tuple[str, Place]] = []
        for request in requests:
            context, arguments = request.args
            limits = limits_of(arguments, self._adapter, sampler=self._sampler, max_new_tokens=self._max_new_tokens)
            row = row_of(context, seen[id(request)], self._adapter.encode)
            seen[id(request)] += 1
            _, rows = by_limits.setdefault(repr(limits), (limits, {}))
            place = (row.problem.id, row.repeat)
            rows[place] = row
            asked.append((repr(limits), place))
        texts = {group: self._texts(list(rows.values()), limits) for group, (limits, rows) in by_limits.items()}
        return [texts[group][place] for group, place in asked]

    def loglikelihood(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Log-probability of each continuation, and whether greedy decoding would write it.

        Raises:
            NotImplementedError: the model is no causal one, or is changed as it runs.
        """
        del disable_tqdm
        self._require_likelihood()
        return self._scores(self._pair(*request.args) for request in requests)

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        """Log-probability of each whole text, in windows as long as the model allows.

        Raises:
            NotImplementedError: the model is no causal one, or is changed as it runs.
        """
        del disable_tqdm
        self._require_likelihood()
        adapter: Any = self._adapter
        totals = []
        for (text,) in (request.args for request in requests):
            tokens = adapter.tokenizer(text, add_special_tokens=False)["input_ids"]
            windows = get_rolling_token_windows(
                tokens, prefix_token=self._prefix(), max_seq_len=adapter.max_length - 1, context_len=1
            )
            totals.append(sum(score for score, _ in self._scores(map(make_disjoint_window, windows))))
        return totals

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Not by the harness: an adapter does that itself."""
        raise NotImplementedError("leave out --apply_chat_template, and give chat_template=true in --model_args")

    @property
    def tokenizer_name(self) -> str:
        """The harness asks for it only together with a chat template."""
        return str(getattr(getattr(self._adapter, "tokenizer", None), "name_or_path", self._adapter.family))

    def _texts(self, rows: Sequence[Row], limits: Limits) -> dict[Place, str]:
        adapter: Adapter = self._adapter
        require_usable(rows, adapter, limits)
        texts: dict[Place, str] = {}
        for batch in batch_rows(rows, self._batch_size, mixes_rows=self.intervention.mixes_rows):
            prompts = [row.problem.id for row in batch.rows]
            hook = build_hook(self.intervention, adapter.under(limits.sampler), prompts=prompts)
            seeds = [rollout_seed(self._seed, row.problem.id, row.repeat) for row in batch.rows]
            output = adapter.generate([row.tokens for row in batch.rows], seeds, hook, limits)
            for index, row in enumerate(batch.rows[: batch.real]):
                text = adapter.decode(output.tokens[index]) if output.texts is None else output.texts[index]
                texts[row.problem.id, row.repeat] = text
        return texts

    def _require_likelihood(self) -> None:
        family = self._adapter.family
        if family != "autoregressive":
            raise NotImplementedError(
                f"the adapter family {family} defines no likelihood of a text; leave out tasks that compare "
                "log-likelihoods, and use those that generate"
            )
        if self.intervention.kind != "none":
            raise NotImplementedError(
                "an intervention acts on a generation; log-likelihoods come from the model as it is: leave out channel"
            )
        if getattr(self._adapter, "chats", False):
            raise NotImplementedError("log-likelihoods are defined without a chat template: leave out chat_template")

    def _scores(self, pairs: Iterable[Pair]) -> list[tuple[float, bool]]:
        return log_likelihoods(
            self._adapter.model, list(pairs), batch_size=self._batch_size, longest=self._adapter.max_length
        )

    def _pair(self, context: str, continuation: str) -> Pair:
        """Ids of both texts as the tokenizer splits them together; white space between them is the continuation's."""
        stripped = context.rstrip()
        if not stripped:
            adapter: Any = self._adapter
            return [self._prefix()], adapter.tokenizer(context + continuation, add_special_tokens=False)["input_ids"]
        before, whole = self._adapter.encode(stripped), self._adapter.encode(context + continuation)
        return before, whole[len(before) :]

    def _prefix(self) -> int:
        """The token before an empty text."""
        tokenizer: Any = getattr(self._adapter, "tokenizer", None)
        for token in (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id):
            if token is not None:
                return int(token)
        raise UsageError("the tokenizer has no token to stand before a text", fix="leave this task out")


def main() -> None:
    """The harness's own command line, with this model registered."""
    from lm_eval.__main__ import cli_evaluate

    cli_evaluate()


if __name__ == "__main__":
    main()
