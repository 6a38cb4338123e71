"""Models without weights: shapes and types are all that the depth of a design rests on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from monitorbench.errors import UsageError


def build(make: Callable[[], Any]) -> Any:
    """A model on fake tensors, ready to be traced: nothing is stored, drawn, or fetched.

    Args:
        make: makes a transformers model from its configuration.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode
    from transformers.initialization import no_init_weights

    with FakeTensorMode(allow_non_fake_inputs=True), no_init_weights():
        model = make().eval()
        if hasattr(model, "tie_weights"):
            model.tie_weights()  # left out where weights are not drawn
        return model


class NoTokenizer:
    """Stands where a tokenizer would: a configuration says nothing about text."""

    def __getattr__(self, name: str) -> NoReturn:
        raise _no_tokenizer()

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Refuse to read text."""
        raise _no_tokenizer()


def _no_tokenizer() -> UsageError:
    return UsageError("a model built from its configuration alone has no tokenizer", fix="load the checkpoint")
