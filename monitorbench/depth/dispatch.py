"""How tokens reach their experts: a gather as a function, a sorted dispatch as a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from monitorbench.depth.costs import Convention, counts_function
from monitorbench.depth.module_rules import module_rule_within

_NAME = "monitorbench_two_sorts"
_ROUTERS = (
    "transformers.models.gemma4.modeling_gemma4:Gemma4TextRouter",
    "transformers.models.diffusion_gemma.modeling_diffusion_gemma:DiffusionGemmaTextRouter",
)
_by_two_sorts: ContextVar[bool] = ContextVar("by_two_sorts", default=False)


@contextmanager
def two_sort_dispatch() -> Iterator[None]:
    """While entered, `implemented` counts the dispatch of tokens to experts as two sorts, one after the other.

    transformers sorts tokens x top-k choices once and writes the inverse permutation; the JAX code of Gemma 4, from
    which published figures were counted, finds the inverse by sorting the permutation again. It also chooses experts by
    their logits, not by their probabilities: the same experts, without a softmax on the way. Only for reproducing these
    figures: a convention that counts the function never counts a dispatch.
    """
    token = _by_two_sorts.set(True)
    try:
        with module_rule_within(*_ROUTERS, program=_choice_by_logits, implemented=True):
            yield
    finally:
        _by_two_sorts.reset(token)


def _choice_by_logits(router: Any, hidden_states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The router of Gemma 4. Returns probabilities (N, E), weights (N, K) and experts (N, K)."""
    logits_NE = router.proj(router.norm(hidden_states) * router.scale * router.scalar_root_size).float()
    probabilities_NE = logits_NE.softmax(-1)
    experts_NK = logits_NE.topk(router.config.top_k_experts).indices
    weights_NK = probabilities_NE.gather(-1, experts_NK)
    weights_NK = weights_NK / weights_NK.sum(-1, keepdim=True) * router.per_expert_scale[experts_NK]
    return probabilities_NE, weights_NK, experts_NK


class _InverseBySorting(TorchFunctionMode):
    """Finds the inverse of a permutation, written as `inverse[permutation] = arange(n)`, by sorting it."""

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Replace the write and pass everything else on."""
        if func is Tensor.__setitem__ and isinstance(args[1], Tensor) and args[0].shape == args[1].shape:
            return args[0].copy_(args[1].argsort())
        return func(*args, **(kwargs or {}))


def _two_sort_experts(experts: nn.Module, *args: Any, **options: Any) -> Tensor:
    from transformers.integrations.moe import grouped_mm_experts_forward

    with _InverseBySorting():
        output: Tensor = grouped_mm_experts_forward(experts, *args, **options)
    return output


def experts_implementation(convention: Convention) -> str:
    """Name by which transformers knows the way of reaching experts that a convention counts."""
    if counts_function(convention):
        return "batched_mm"
    if not _by_two_sorts.get():
        return "grouped_mm"
    from transformers.integrations.moe import ExpertsInterface

    ExpertsInterface.register(_NAME, _two_sort_experts)
    return _NAME
