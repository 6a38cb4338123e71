"""The forward passes of one generation, watched from inside: every run of a site is an event.

Shape suffixes: B rows, P positions of one forward pass, T tokens so far, d width of the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from monitorbench.adapters import batches
from monitorbench.adapters.base import Absent, Edit, Event, Hook, Index
from monitorbench.adapters.depth_loop_sites import Site, replaced
from monitorbench.adapters.endings import Ending

if TYPE_CHECKING:
    from torch import Tensor

HONOURED = frozenset({"value"})


class LoopWatcher:
    """Turns the runs of a model's sites into events, and puts what a hook makes of a state in its place.

    Args:
        model: a causal model of transformers.
        sites: what is watched.
        seeds: seed of each row.
        ending: what ends a text.
        hook: is told of states and of tokens.
        family: of the adapter, for errors.
    """

    def __init__(
        self, *, model: Any, sites: Sequence[Site], seeds: Sequence[int], ending: Ending, hook: Hook, family: str
    ) -> None:
        import torch

        self._sites, self._hook, self._family = sites, hook, family
        self._seeds, self._ending = tuple(seeds), ending
        self._ended = [False for _ in seeds]
        self._width = model.get_input_embeddings().weight.shape[-1]
        self._runs: Counter[str] = Counter()
        self._begin(0, torch.zeros((len(seeds), 0), dtype=torch.long, device=model.device))

    @contextmanager
    def attached(self) -> Iterator[None]:
        """For the time of one generation."""
        with ExitStack() as hooks:
            for site in self._sites:
                handle = site.module.register_forward_hook(self._watching(site))
                hooks.callback(handle.remove)
            yield

    def observe(self, event: Event) -> Edit | None:
        """The hook for the tokens: one forward pass has ended, and the next begins.

        A recurrent state that the model carries as well is no channel of the family.
        """
        if event.channel is not None:
            return None
        for site in self._sites:
            site.require_calls(self._runs[site.channel.name])
        self._begin(event.index.step + 1, event.tokens)
        return self._hook(event)

    def _begin(self, step: int, tokens_BT: Tensor) -> None:
        """The forward pass that reads the text so far begins."""
        import torch

        self._step, self._tokens_BT = step, tokens_BT
        self._ended = self._ending.ended(self._ended, tokens_BT.tolist(), max(step - 1, 0))
        self._live_B = ~torch.tensor(self._ended, device=tokens_BT.device)
        self._runs.clear()

    def _watching(self, site: Site) -> Callable[[Any, Any, Any], Any]:
        def watch(_: Any, __: Any, output: Any) -> Any:
            loop = self._runs[site.channel.name]
            self._runs[site.channel.name] += 1
            state_BPd = site.state(output, self._width)
            edit = self._hook(self._event(site, loop, state_BPd))
            batches.require_honoured(edit, HONOURED, self._family)
            if edit is None or edit.value is None:
                return output
            changed = state_BPd.new_zeros(state_BPd.shape) if isinstance(edit.value, Absent) else edit.value
            return replaced(output, changed)

        return watch

    def _event(self, site: Site, loop: int, state_BPd: Tensor) -> Event:
        return Event(
            index=Index(block=0, step=self._step, loop=loop),
            seeds=self._seeds,
            live=self._live_B,
            tokens=self._tokens_BT,
            channel=site.channel.name,
            value=state_BPd,
        )


@contextmanager
def whole_prompt(model: Any) -> Iterator[None]:
    """A model that was trained to read its prompt in both directions does so; any other is left as it is."""
    if not getattr(model.config, "prefix_lm", False):
        yield
        return

    def mark(_: Any, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        ids, mask = named.get("input_ids"), named.get("attention_mask")
        is_prompt = ids is not None and mask is not None and ids.shape == mask.shape
        return inputs, {**named, "token_type_ids": mask} if is_prompt else named

    handle = model.register_forward_pre_hook(mark, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
